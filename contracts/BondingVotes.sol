// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Fractions} from './Fractions.sol';
import {IBondingManager, IRoundsManager} from './Interfaces.sol';
import {Manager} from './Manager.sol';
import {ProxyTarget} from './ProxyTarget.sol';

/// Voting power as a view of bonded stake. Time is counted in rounds; what an account has at the end
/// of a round is what it has at the start of the next one.
contract BondingVotes is ProxyTarget {
    struct Bonding {
        uint256 startRound;
        uint256 bondedAmount;
        address delegateAddress;
        uint256 delegatedAmount;
        uint256 lastClaimRound;
        uint256 lastRewardRound;
    }

    struct TotalStake {
        uint256 round;
        uint256 amount;
    }

    string public constant name = 'Livepeer Voting Power';
    string public constant symbol = 'vLPT';
    uint8 public constant decimals = 18;
    string public constant CLOCK_MODE = 'mode=livepeer_round';

    mapping(address => Bonding[]) private bondings;
    TotalStake[] private totals;

    event DelegateChanged(address indexed delegator, address indexed fromDelegate, address indexed toDelegate);
    event DelegateVotesChanged(address indexed delegate, uint256 previousBalance, uint256 newBalance);
    event DelegatorBondedAmountChanged(
        address indexed delegate,
        uint256 previousBondedAmount,
        uint256 previousLastClaimRound,
        uint256 newBondedAmount,
        uint256 newLastClaimRound
    );

    error InvalidCaller(address caller, address required);
    error InvalidStartRound(uint256 checkpointRound, uint256 requiredRound);
    error FutureLastClaimRound(uint256 lastClaimRound, uint256 maxAllowed);
    error InvalidTotalStakeCheckpointRound(uint256 checkpointRound, uint256 requiredRound);
    error FutureLookup(uint256 queryRound, uint256 maxAllowed);
    error MustCallBondingManager(string bondingManagerFunction);

    modifier onlyBondingManager() {
        address required = named('BondingManager');
        if (msg.sender != required) revert InvalidCaller(msg.sender, required);
        _;
    }

    modifier onlyPastRounds(uint256 round) {
        uint256 current = clock();
        if (round >= current) revert FutureLookup(round, current == 0 ? 0 : current - 1);
        _;
    }

    constructor(address controllerAddress) Manager(controllerAddress) {}

    function checkpointBondingState(
        address account,
        uint256 startRound,
        uint256 bondedAmount,
        address delegateAddress,
        uint256 delegatedAmount,
        uint256 lastClaimRound,
        uint256 lastRewardRound
    ) external onlyBondingManager {
        if (startRound != clock() + 1) revert InvalidStartRound(startRound, clock() + 1);
        if (lastClaimRound >= startRound) revert FutureLastClaimRound(lastClaimRound, startRound - 1);
        Bonding memory bonding = Bonding(
            startRound,
            bondedAmount,
            delegateAddress,
            delegatedAmount,
            lastClaimRound,
            lastRewardRound
        );
        Bonding[] storage history = bondings[account];
        Bonding memory previous;
        if (history.length > 0) previous = history[history.length - 1];
        if (history.length > 0 && previous.startRound == startRound) history[history.length - 1] = bonding;
        else history.push(bonding);
        tell(account, previous, bonding);
    }

    function checkpointTotalActiveStake(uint256 totalStake, uint256 round) external onlyBondingManager {
        if (round != clock()) revert InvalidTotalStakeCheckpointRound(round, clock());
        totals.push(TotalStake(round, totalStake));
    }

    function delegate(address) external pure {
        revert MustCallBondingManager('bond');
    }

    function delegateBySig(address, uint256, uint256, uint8, bytes32, bytes32) external pure {
        revert MustCallBondingManager('bondFor');
    }

    /// The current round.
    function clock() public view returns (uint48) {
        return uint48(IRoundsManager(named('RoundsManager')).currentRound());
    }

    function getVotes(address account) external view returns (uint256 votes) {
        (votes, ) = getVotesAndDelegateAtRoundStart(account, clock() + 1);
    }

    function getPastVotes(
        address account,
        uint256 round
    ) external view onlyPastRounds(round) returns (uint256 votes) {
        (votes, ) = getVotesAndDelegateAtRoundStart(account, round + 1);
    }

    function delegates(address account) external view returns (address) {
        return bondingAt(account, clock() + 1).delegateAddress;
    }

    function delegatedAt(
        address account,
        uint256 round
    ) external view onlyPastRounds(round) returns (address) {
        return bondingAt(account, round + 1).delegateAddress;
    }

    /// The stake of all who are active, not of all who are bonded.
    function totalSupply() external view returns (uint256) {
        return getTotalActiveStakeAt(clock() + 1);
    }

    function getPastTotalSupply(uint256 round) external view onlyPastRounds(round) returns (uint256) {
        return getTotalActiveStakeAt(round + 1);
    }

    function hasCheckpoint(address account) external view returns (bool) {
        return bondings[account].length > 0;
    }

    function getTotalActiveStakeAt(uint256 round) public view returns (uint256) {
        uint256 next = clock() + 1;
        if (round > next) revert FutureLookup(round, next);
        if (round == next) return bondingManager().nextRoundTotalActiveStake();
        uint256 high = totals.length;
        uint256 low = 0;
        while (low < high) {
            uint256 middle = (low + high) / 2;
            if (totals[middle].round > round) high = middle;
            else low = middle + 1;
        }
        return high == 0 ? 0 : totals[high - 1].amount;
    }

    /// A transcoder has everything that is bonded to it; a delegator what its stake has grown to.
    function getVotesAndDelegateAtRoundStart(
        address account,
        uint256 round
    ) public view returns (uint256 votes, address delegateAddress) {
        Bonding memory bonding = bondingAt(account, round);
        delegateAddress = bonding.delegateAddress;
        if (bonding.bondedAmount == 0) return (0, delegateAddress);
        if (delegateAddress == account) return (bonding.delegatedAmount, delegateAddress);
        Bonding memory transcoder = bondingAt(delegateAddress, round);
        bool registered = transcoder.bondedAmount > 0 && transcoder.delegateAddress == delegateAddress;
        return (registered ? grown(bonding, transcoder.lastRewardRound) : 0, delegateAddress);
    }

    function grown(Bonding memory bonding, uint256 lastRewardRound) private view returns (uint256) {
        if (lastRewardRound < bonding.lastClaimRound) return bonding.bondedAmount;
        return
            Fractions.part(
                bonding.bondedAmount,
                rewardFactor(bonding.delegateAddress, lastRewardRound),
                rewardFactor(bonding.delegateAddress, bonding.lastClaimRound),
                Fractions.ONE
            );
    }

    function rewardFactor(address transcoder, uint256 round) private view returns (uint256 factor) {
        (, , , factor, ) = bondingManager().getTranscoderEarningsPoolForRound(transcoder, round);
        if (factor == 0) factor = Fractions.ONE;
    }

    /// The last state that was in force when the round began.
    function bondingAt(address account, uint256 round) private view returns (Bonding memory bonding) {
        uint256 next = clock() + 1;
        if (round > next) revert FutureLookup(round, next);
        Bonding[] storage history = bondings[account];
        uint256 high = history.length;
        uint256 low = 0;
        while (low < high) {
            uint256 middle = (low + high) / 2;
            if (history[middle].startRound > round) high = middle;
            else low = middle + 1;
        }
        if (high > 0) bonding = history[high - 1];
    }

    function tell(address account, Bonding memory previous, Bonding memory current) private {
        if (previous.delegateAddress != current.delegateAddress) {
            emit DelegateChanged(account, previous.delegateAddress, current.delegateAddress);
        }
        uint256 oldVotes = previous.delegateAddress == account ? previous.delegatedAmount : 0;
        uint256 newVotes = current.delegateAddress == account ? current.delegatedAmount : 0;
        if (oldVotes != newVotes) emit DelegateVotesChanged(account, oldVotes, newVotes);
        if (
            previous.bondedAmount != current.bondedAmount ||
            previous.lastClaimRound != current.lastClaimRound
        ) {
            emit DelegatorBondedAmountChanged(
                account,
                previous.bondedAmount,
                previous.lastClaimRound,
                current.bondedAmount,
                current.lastClaimRound
            );
        }
    }

    function bondingManager() private view returns (IBondingManager) {
        return IBondingManager(named('BondingManager'));
    }
}
