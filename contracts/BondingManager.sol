// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {BondingEarnings} from './BondingEarnings.sol';
import {Fractions} from './Fractions.sol';
import {Manager} from './Manager.sol';
import {SortedList} from './SortedList.sol';

/// Bonding, the pool of transcoders, and what calls from outside do to them. Each function that can
/// move an account in the pool has a form with hints: the future neighbours, larger one first.
contract BondingManager is BondingEarnings {
    using SortedList for SortedList.List;

    event TranscoderUpdate(address indexed transcoder, uint256 rewardCut, uint256 feeShare);
    event TranscoderSlashed(address indexed transcoder, address finder, uint256 penalty, uint256 finderReward);
    event Bond(
        address indexed newDelegate,
        address indexed oldDelegate,
        address indexed delegator,
        uint256 additionalAmount,
        uint256 bondedAmount
    );
    event Unbond(
        address indexed delegate,
        address indexed delegator,
        uint256 unbondingLockId,
        uint256 amount,
        uint256 withdrawRound
    );
    event Rebond(address indexed delegate, address indexed delegator, uint256 unbondingLockId, uint256 amount);
    event TransferBond(
        address indexed oldDelegator,
        address indexed newDelegator,
        uint256 oldUnbondingLockId,
        uint256 newUnbondingLockId,
        uint256 amount
    );
    event WithdrawStake(address indexed delegator, uint256 unbondingLockId, uint256 amount, uint256 withdrawRound);
    event WithdrawFees(address indexed delegator, address recipient, uint256 amount);
    event RewardCallerSet(address indexed transcoder, address indexed rewardCaller);

    modifier onlyNamed(string memory name, string memory refusal) {
        require(msg.sender == named(name), refusal);
        _;
    }

    modifier claimsEarnings() {
        claim(msg.sender);
        _;
    }

    modifier checkpointsAfter(address account) {
        _;
        checkpoint(account);
    }

    constructor(address controllerAddress) Manager(controllerAddress) {}

    // The owner's parameters

    function setUnbondingPeriod(uint64 period) external onlyControllerOwner {
        unbondingPeriod = period;
        emit ParameterUpdate('unbondingPeriod');
    }

    function setTreasuryRewardCutRate(uint256 rate) external onlyControllerOwner {
        require(Fractions.isShare(rate, Fractions.ONE), '_cutRate is invalid precise percentage');
        nextRoundTreasuryRewardCutRate = rate;
        emit ParameterUpdate('nextRoundTreasuryRewardCutRate');
    }

    function setTreasuryBalanceCeiling(uint256 ceiling) external onlyControllerOwner {
        treasuryBalanceCeiling = ceiling;
        emit ParameterUpdate('treasuryBalanceCeiling');
    }

    function setNumActiveTranscoders(uint256 count) external onlyControllerOwner {
        pool.setMaxSize(count);
        emit ParameterUpdate('numActiveTranscoders');
    }

    // Stake

    function bond(uint256 amount, address to) external {
        bondWithHint(amount, to, address(0), address(0), address(0), address(0));
    }

    function bondWithHint(
        uint256 amount,
        address to,
        address oldPrevious,
        address oldNext,
        address newPrevious,
        address newNext
    ) public {
        bondForWithHint(amount, msg.sender, to, oldPrevious, oldNext, newPrevious, newNext);
    }

    function bondForWithHint(
        uint256 amount,
        address owner,
        address to,
        address oldPrevious,
        address oldNext,
        address newPrevious,
        address newNext
    ) public whenSystemNotPaused currentRoundInitialized {
        requireClaimAllowed(owner);
        claim(owner);
        address oldDelegate = delegators[owner].delegateAddress;
        requireBondAllowed(owner, to, oldDelegate);
        uint256 moved = leaveDelegate(owner, to, SortedList.Hint(oldPrevious, oldNext)) + amount;
        keepFactors(transcoders[to], currentRound());
        require(moved > 0, 'delegation amount must be greater than 0');
        delegators[owner].delegateAddress = to;
        delegators[owner].bondedAmount += amount;
        increaseTotalStake(to, moved, SortedList.Hint(newPrevious, newNext));
        if (to != owner) checkpoint(to);
        if (amount > 0) token().transferFrom(msg.sender, address(minter()), amount);
        emit Bond(to, oldDelegate, owner, amount, delegators[owner].bondedAmount);
        checkpoint(owner);
    }

    function unbond(uint256 amount) external {
        unbondWithHint(amount, address(0), address(0));
    }

    function unbondWithHint(
        uint256 amount,
        address previous,
        address next
    ) public whenSystemNotPaused currentRoundInitialized claimsEarnings checkpointsAfter(msg.sender) {
        unbondTo(amount, SortedList.Hint(previous, next));
    }

    function rebond(uint256 lockId) external {
        rebondWithHint(lockId, address(0), address(0));
    }

    function rebondWithHint(
        uint256 lockId,
        address previous,
        address next
    ) public whenSystemNotPaused currentRoundInitialized claimsEarnings {
        require(delegatorStatus(msg.sender) != DelegatorStatus.Unbonded, 'caller must be bonded');
        rebondLock(msg.sender, lockId, SortedList.Hint(previous, next));
    }

    function rebondFromUnbonded(address to, uint256 lockId) external {
        rebondFromUnbondedWithHint(to, lockId, address(0), address(0));
    }

    function rebondFromUnbondedWithHint(
        address to,
        uint256 lockId,
        address previous,
        address next
    ) public whenSystemNotPaused currentRoundInitialized claimsEarnings {
        require(delegatorStatus(msg.sender) == DelegatorStatus.Unbonded, 'caller must be unbonded');
        uint256 round = currentRound();
        keepFactors(transcoders[to], round);
        delegators[msg.sender].startRound = round + 1;
        delegators[msg.sender].delegateAddress = to;
        rebondLock(msg.sender, lockId, SortedList.Hint(previous, next));
    }

    /// Hands stake to another account without an unbonding period.
    function transferBond(
        address receiver,
        uint256 amount,
        address oldPrevious,
        address oldNext,
        address newPrevious,
        address newNext
    ) external whenSystemNotPaused currentRoundInitialized {
        requireClaimAllowed(receiver);
        claim(msg.sender);
        address oldDelegate = delegators[msg.sender].delegateAddress;
        uint256 oldLockId = unbondTo(amount, SortedList.Hint(oldPrevious, oldNext));
        checkpoint(msg.sender);

        Delegator storage to = delegators[receiver];
        uint256 newLockId = to.nextUnbondingLockId++;
        to.locks[newLockId] = delegators[msg.sender].locks[oldLockId];
        delete delegators[msg.sender].locks[oldLockId];
        emit TransferBond(msg.sender, receiver, oldLockId, newLockId, amount);

        claim(receiver);
        if (to.delegateAddress == address(0) && to.bondedAmount == 0) {
            require(oldDelegate != receiver, 'INVALID_DELEGATOR');
            require(receiver != address(0), 'INVALID_DELEGATOR');
            to.delegateAddress = oldDelegate;
        }
        if (delegatorStatus(receiver) == DelegatorStatus.Unbonded) to.startRound = currentRound() + 1;
        rebondLock(receiver, newLockId, SortedList.Hint(newPrevious, newNext));
    }

    function withdrawStake(uint256 lockId) external whenSystemNotPaused currentRoundInitialized {
        require(isValidUnbondingLock(msg.sender, lockId), 'invalid unbonding lock ID');
        UnbondingLock memory lock = delegators[msg.sender].locks[lockId];
        require(
            lock.withdrawRound <= currentRound(),
            'withdraw round must be before or equal to the current round'
        );
        delete delegators[msg.sender].locks[lockId];
        minter().trustedTransferTokens(msg.sender, lock.amount);
        emit WithdrawStake(msg.sender, lockId, lock.amount, lock.withdrawRound);
    }

    // Earnings

    function withdrawFees(
        address payable recipient,
        uint256 amount
    ) external whenSystemNotPaused currentRoundInitialized claimsEarnings checkpointsAfter(msg.sender) {
        require(recipient != address(0), 'invalid recipient');
        uint256 fees = delegators[msg.sender].fees;
        require(fees >= amount, 'insufficient fees to withdraw');
        delegators[msg.sender].fees = fees - amount;
        minter().trustedWithdrawETH(recipient, amount);
        emit WithdrawFees(msg.sender, recipient, amount);
    }

    function claimEarnings(
        uint256
    ) external whenSystemNotPaused currentRoundInitialized claimsEarnings checkpointsAfter(msg.sender) {}

    function reward() external {
        rewardWithHint(address(0), address(0));
    }

    function rewardWithHint(address previous, address next) public whenSystemNotPaused currentRoundInitialized {
        rewardTo(msg.sender, SortedList.Hint(previous, next));
    }

    /// One account that may call reward for the sender and nothing else; zero takes the right back.
    function setRewardCaller(address rewardCaller) external whenSystemNotPaused {
        transcoderToRewardCaller[msg.sender] = rewardCaller;
        emit RewardCallerSet(msg.sender, rewardCaller);
    }

    function rewardForTranscoder(address account) external {
        rewardForTranscoderWithHint(account, address(0), address(0));
    }

    function rewardForTranscoderWithHint(
        address account,
        address previous,
        address next
    ) public whenSystemNotPaused currentRoundInitialized {
        require(
            transcoderToRewardCaller[account] == msg.sender,
            'caller must be a reward caller set by the transcoder'
        );
        rewardTo(account, SortedList.Hint(previous, next));
    }

    // Transcoders

    function transcoder(uint256 rewardCut, uint256 feeShare) external {
        transcoderWithHint(rewardCut, feeShare, address(0), address(0));
    }

    function transcoderWithHint(
        uint256 rewardCut,
        uint256 feeShare,
        address previous,
        address next
    ) public whenSystemNotPaused currentRoundInitialized {
        require(
            !roundsManager().currentRoundLocked(),
            "can't update transcoder params, current round is locked"
        );
        require(Fractions.isShare(rewardCut, Fractions.MILLION), 'invalid rewardCut percentage');
        require(Fractions.isShare(feeShare, Fractions.MILLION), 'invalid feeShare percentage');
        require(isRegisteredTranscoder(msg.sender), 'transcoder must be registered');
        Transcoder storage own = transcoders[msg.sender];
        uint256 round = currentRound();
        require(
            !isActiveTranscoder(msg.sender) || own.lastRewardRound == round,
            "caller can't be active or must have already called reward for the current round"
        );
        own.rewardCut = rewardCut;
        own.feeShare = feeShare;
        if (!pool.contains(msg.sender)) {
            uint256 stake = delegators[msg.sender].delegatedAmount;
            tryToJoin(msg.sender, stake, round + 1, SortedList.Hint(previous, next));
        }
        emit TranscoderUpdate(msg.sender, rewardCut, feeShare);
    }

    function checkpointBondingState(address account) external {
        checkpoint(account);
    }

    // Calls of other contracts

    function updateTranscoderWithFees(
        address account,
        uint256 fees,
        uint256
    ) external whenSystemNotPaused onlyNamed('TicketBroker', 'caller must be TicketBroker') {
        require(isRegisteredTranscoder(account), 'transcoder must be registered');
        bookFees(account, fees);
    }

    function setCurrentRoundTotalActiveStake() external onlyNamed('RoundsManager', 'caller must be RoundsManager') {
        currentRoundTotalActiveStake = nextRoundTotalActiveStake;
        if (treasuryRewardCutRate != nextRoundTreasuryRewardCutRate) {
            treasuryRewardCutRate = nextRoundTreasuryRewardCutRate;
            emit ParameterUpdate('treasuryRewardCutRate');
        }
        bondingVotes().checkpointTotalActiveStake(currentRoundTotalActiveStake, currentRound());
    }

    /// No contract is registered as Verifier on the live network, and none on the devnet.
    function slashTranscoder(
        address account,
        address finder,
        uint256 slashAmount,
        uint256 finderFee
    ) external whenSystemNotPaused onlyNamed('Verifier', 'caller must be Verifier') checkpointsAfter(account) {
        Delegator storage delegator = delegators[account];
        uint256 penalty = Fractions.part(delegator.bondedAmount, slashAmount, Fractions.MILLION);
        if (pool.contains(account)) resign(account);
        delegator.bondedAmount -= penalty;
        if (penalty > 0) delegators[delegator.delegateAddress].delegatedAmount -= penalty;
        uint256 finderReward = finder == address(0)
            ? 0
            : Fractions.part(penalty, finderFee, Fractions.MILLION);
        if (finderReward > 0) minter().trustedTransferTokens(finder, finderReward);
        if (penalty > finderReward) minter().trustedBurnTokens(penalty - finderReward);
        emit TranscoderSlashed(account, finder, penalty, finderReward);
    }

    // Steps

    /// Claiming before the delegate's reward call forfeits that reward: strangers must not cause it.
    function requireClaimAllowed(address owner) private view {
        if (msg.sender == owner || msg.sender == named('L2Migrator')) return;
        if (delegatorStatus(owner) == DelegatorStatus.Unbonded) return;
        address delegate = delegators[owner].delegateAddress;
        uint256 round = currentRound();
        require(
            !isActiveTranscoder(delegate) ||
                transcoders[delegate].lastRewardRound == round ||
                delegators[owner].lastClaimRound == round,
            'ILLEGAL_CLAIM_EARNINGS'
        );
    }

    /// Strangers may add to a stake, but neither choose its delegate nor register the account.
    function requireBondAllowed(address owner, address to, address delegate) private view {
        if (msg.sender == owner || msg.sender == named('L2Migrator')) return;
        require(owner != address(0), 'INVALID_DELEGATOR');
        if (delegatorStatus(owner) == DelegatorStatus.Unbonded) require(to != owner, 'INVALID_DELEGATE');
        else require(to == delegate, 'INVALID_DELEGATE_CHANGE');
    }

    /// What moves away from the old delegate, if another one is chosen.
    function leaveDelegate(
        address owner,
        address to,
        SortedList.Hint memory hint
    ) private returns (uint256 moved) {
        Delegator storage delegator = delegators[owner];
        address delegate = delegator.delegateAddress;
        if (delegatorStatus(owner) == DelegatorStatus.Unbonded) {
            delegator.startRound = currentRound() + 1;
        } else if (delegate != to) {
            require(
                !isRegisteredTranscoder(owner),
                "registered transcoders can't delegate towards other addresses"
            );
            delegator.startRound = currentRound() + 1;
            moved = delegator.bondedAmount;
            decreaseTotalStake(delegate, moved, hint);
            checkpoint(delegate);
        }
    }

    function unbondTo(uint256 amount, SortedList.Hint memory hint) private returns (uint256 lockId) {
        require(delegatorStatus(msg.sender) == DelegatorStatus.Bonded, 'caller must be bonded');
        Delegator storage delegator = delegators[msg.sender];
        require(amount > 0, 'unbond amount must be greater than 0');
        require(amount <= delegator.bondedAmount, 'amount is greater than bonded amount');
        address delegate = delegator.delegateAddress;
        uint256 withdrawRound = currentRound() + unbondingPeriod;
        lockId = delegator.nextUnbondingLockId++;
        delegator.locks[lockId] = UnbondingLock(amount, withdrawRound);
        delegator.bondedAmount -= amount;
        if (delegator.bondedAmount == 0) {
            delegator.delegateAddress = address(0);
            delegator.startRound = 0;
            if (pool.contains(msg.sender)) resign(msg.sender);
        }
        decreaseTotalStake(delegate, amount, hint);
        if (delegate != msg.sender) checkpoint(delegate);
        emit Unbond(delegate, msg.sender, lockId, amount, withdrawRound);
    }

    function rebondLock(address account, uint256 lockId, SortedList.Hint memory hint) private {
        require(isValidUnbondingLock(account, lockId), 'invalid unbonding lock ID');
        Delegator storage delegator = delegators[account];
        address delegate = delegator.delegateAddress;
        uint256 amount = delegator.locks[lockId].amount;
        delete delegator.locks[lockId];
        delegator.bondedAmount += amount;
        increaseTotalStake(delegate, amount, hint);
        if (delegate != account) checkpoint(delegate);
        emit Rebond(delegate, account, lockId, amount);
        checkpoint(account);
    }
}
