// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IBondingManager, IMinter, IRoundsManager} from './Interfaces.sol';
import {ProxyTarget} from './ProxyTarget.sol';

/// What senders put behind their tickets: a deposit that any ticket draws on, and a reserve of which
/// each active transcoder may claim an equal share per round. The ETH itself is at the Minter.
abstract contract TicketFunds is ProxyTarget {
    struct Sender {
        uint256 deposit;
        /// Zero while no unlock is in progress.
        uint256 withdrawRound;
    }

    struct ReserveInfo {
        uint256 fundsRemaining;
        uint256 claimedInCurrentRound;
    }

    struct Reserve {
        uint256 funds;
        mapping(uint256 => uint256) claimedForRound;
        mapping(uint256 => mapping(address => uint256)) claimedByAddress;
    }

    /// In rounds.
    uint256 public unlockPeriod;
    mapping(address => Sender) internal senders;
    mapping(address => Reserve) internal reserves;

    event DepositFunded(address indexed sender, uint256 amount);
    event ReserveFunded(address indexed reserveHolder, uint256 amount);
    event ReserveClaimed(address indexed reserveHolder, address claimant, uint256 amount);
    event Unlock(address indexed sender, uint256 startRound, uint256 endRound);
    event UnlockCancelled(address indexed sender);
    event Withdrawal(address indexed sender, uint256 deposit, uint256 reserve);

    function setUnlockPeriod(uint256 period) external onlyControllerOwner {
        unlockPeriod = period;
        emit ParameterUpdate('unlockPeriod');
    }

    function fundDeposit() external payable whenSystemNotPaused {
        minter().depositETH{value: msg.value}();
        addDeposit(msg.sender, msg.value);
    }

    function fundReserve() external payable whenSystemNotPaused {
        minter().depositETH{value: msg.value}();
        addReserve(msg.sender, msg.value);
        cancelOwnUnlock(msg.sender);
    }

    function fundDepositAndReserve(uint256 depositAmount, uint256 reserveAmount) external payable {
        fundDepositAndReserveFor(msg.sender, depositAmount, reserveAmount);
    }

    function fundDepositAndReserveFor(
        address account,
        uint256 depositAmount,
        uint256 reserveAmount
    ) public payable whenSystemNotPaused {
        require(
            msg.value == depositAmount + reserveAmount,
            'msg.value does not equal sum of deposit amount and reserve amount'
        );
        minter().depositETH{value: msg.value}();
        cancelOwnUnlock(account);
        addReserve(account, reserveAmount);
        addDeposit(account, depositAmount);
    }

    function unlock() external whenSystemNotPaused {
        requireFunds(msg.sender);
        require(!isUnlockInProgress(msg.sender), 'unlock already initiated');
        uint256 round = currentRound();
        senders[msg.sender].withdrawRound = round + unlockPeriod;
        emit Unlock(msg.sender, round, round + unlockPeriod);
    }

    function cancelUnlock() external whenSystemNotPaused {
        require(isUnlockInProgress(msg.sender), 'no unlock request in progress');
        cancel(msg.sender);
    }

    /// The account stays unlocked afterwards, until it funds itself again.
    function withdraw() external whenSystemNotPaused {
        requireFunds(msg.sender);
        require(isUnlockInProgress(msg.sender), 'no unlock request in progress');
        require(!isLocked(msg.sender), 'account is locked');
        uint256 deposit = senders[msg.sender].deposit;
        uint256 reserve = reserves[msg.sender].funds;
        senders[msg.sender].deposit = 0;
        reserves[msg.sender].funds = 0;
        minter().trustedWithdrawETH(payable(msg.sender), deposit + reserve);
        emit Withdrawal(msg.sender, deposit, reserve);
    }

    function getSenderInfo(
        address account
    ) external view returns (Sender memory sender, ReserveInfo memory reserve) {
        return (senders[account], getReserveInfo(account));
    }

    function getReserveInfo(address holder) public view returns (ReserveInfo memory info) {
        return ReserveInfo(reserves[holder].funds, reserves[holder].claimedForRound[currentRound()]);
    }

    function claimedReserve(address holder, address claimant) public view returns (uint256) {
        return reserves[holder].claimedByAddress[currentRound()][claimant];
    }

    /// An equal share of the reserve as this round began, less what the claimant had of it.
    function claimableReserve(address holder, address claimant) public view returns (uint256) {
        uint256 poolSize = bondingManager().getTranscoderPoolSize();
        if (poolSize == 0 || !bondingManager().isActiveTranscoder(claimant)) return 0;
        Reserve storage reserve = reserves[holder];
        uint256 atStart = reserve.funds + reserve.claimedForRound[currentRound()];
        return atStart / poolSize - claimedReserve(holder, claimant);
    }

    function isUnlockInProgress(address account) public view returns (bool) {
        return senders[account].withdrawRound > 0;
    }

    /// Pays up to `amount` out of the reserve.
    function claimFromReserve(
        address holder,
        address claimant,
        uint256 amount
    ) internal returns (uint256 claimed) {
        uint256 claimable = claimableReserve(holder, claimant);
        claimed = amount < claimable ? amount : claimable;
        if (claimed == 0) return 0;
        Reserve storage reserve = reserves[holder];
        uint256 round = currentRound();
        reserve.claimedForRound[round] += claimed;
        reserve.claimedByAddress[round][claimant] += claimed;
        reserve.funds -= claimed;
        emit ReserveClaimed(holder, claimant, claimed);
    }

    function requireFunds(address account) internal view {
        require(
            senders[account].deposit > 0 || reserves[account].funds > 0,
            'sender deposit and reserve are zero'
        );
    }

    function isLocked(address account) internal view returns (bool) {
        uint256 withdrawRound = senders[account].withdrawRound;
        return withdrawRound == 0 || currentRound() < withdrawRound;
    }

    function addDeposit(address account, uint256 amount) private {
        cancelOwnUnlock(account);
        senders[account].deposit += amount;
        emit DepositFunded(account, amount);
    }

    function addReserve(address account, uint256 amount) private {
        reserves[account].funds += amount;
        emit ReserveFunded(account, amount);
    }

    /// Funds from others never cancel an unlock.
    function cancelOwnUnlock(address account) private {
        if (account == msg.sender && isUnlockInProgress(account)) cancel(account);
    }

    function cancel(address account) private {
        senders[account].withdrawRound = 0;
        emit UnlockCancelled(account);
    }

    function currentRound() internal view returns (uint256) {
        return roundsManager().currentRound();
    }

    function roundsManager() internal view returns (IRoundsManager) {
        return IRoundsManager(named('RoundsManager'));
    }

    function bondingManager() internal view returns (IBondingManager) {
        return IBondingManager(named('BondingManager'));
    }

    function minter() internal view returns (IMinter) {
        return IMinter(named('Minter'));
    }
}
