// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Fractions} from './Fractions.sol';
import {IBondingVotes, ILivepeerToken, IMinter, IRoundsManager} from './Interfaces.sol';
import {ProxyTarget} from './ProxyTarget.sol';
import {SortedList} from './SortedList.sol';

/// What BondingManager stores, and the questions that need no arithmetic.
abstract contract BondingState is ProxyTarget {
    using SortedList for SortedList.List;

    enum DelegatorStatus {
        Pending,
        Bonded,
        Unbonded
    }

    enum TranscoderStatus {
        NotRegistered,
        Registered
    }

    /// The stake and commission of one round, and the factors by which a stake grew and earned.
    struct EarningsPool {
        uint256 totalStake;
        uint256 rewardCut;
        uint256 feeShare;
        uint256 rewardFactor;
        uint256 feeFactor;
    }

    struct Transcoder {
        uint256 lastRewardRound;
        /// Of rewards, what the transcoder keeps.
        uint256 rewardCut;
        /// Of fees, what its delegators get.
        uint256 feeShare;
        uint256 lastActiveStakeUpdateRound;
        uint256 activationRound;
        uint256 deactivationRound;
        /// Unclaimed commission as it stood before this round's reward.
        uint256 activeCumulativeRewards;
        uint256 cumulativeRewards;
        uint256 cumulativeFees;
        uint256 lastFeeRound;
        mapping(uint256 => EarningsPool) pools;
    }

    struct UnbondingLock {
        uint256 amount;
        uint256 withdrawRound;
    }

    struct Delegator {
        /// As of lastClaimRound.
        uint256 bondedAmount;
        uint256 fees;
        address delegateAddress;
        /// What is bonded to this account.
        uint256 delegatedAmount;
        uint256 startRound;
        uint256 lastClaimRound;
        uint256 nextUnbondingLockId;
        mapping(uint256 => UnbondingLock) locks;
    }

    /// In rounds.
    uint64 public unbondingPeriod;
    uint256 public currentRoundTotalActiveStake;
    uint256 public nextRoundTotalActiveStake;
    uint256 public treasuryRewardCutRate;
    uint256 public nextRoundTreasuryRewardCutRate;
    uint256 public treasuryBalanceCeiling;
    mapping(address => address) public transcoderToRewardCaller;

    mapping(address => Delegator) internal delegators;
    mapping(address => Transcoder) internal transcoders;
    SortedList.List internal pool;

    modifier currentRoundInitialized() {
        require(roundsManager().currentRoundInitialized(), 'current round is not initialized');
        _;
    }

    function getDelegator(
        address account
    )
        external
        view
        returns (
            uint256 bondedAmount,
            uint256 fees,
            address delegateAddress,
            uint256 delegatedAmount,
            uint256 startRound,
            uint256 lastClaimRound,
            uint256 nextUnbondingLockId
        )
    {
        Delegator storage delegator = delegators[account];
        bondedAmount = delegator.bondedAmount;
        fees = delegator.fees;
        delegateAddress = delegator.delegateAddress;
        delegatedAmount = delegator.delegatedAmount;
        startRound = delegator.startRound;
        lastClaimRound = delegator.lastClaimRound;
        nextUnbondingLockId = delegator.nextUnbondingLockId;
    }

    function getDelegatorUnbondingLock(
        address account,
        uint256 lockId
    ) external view returns (uint256 amount, uint256 withdrawRound) {
        UnbondingLock storage lock = delegators[account].locks[lockId];
        return (lock.amount, lock.withdrawRound);
    }

    function getTranscoder(
        address account
    )
        external
        view
        returns (
            uint256 lastRewardRound,
            uint256 rewardCut,
            uint256 feeShare,
            uint256 lastActiveStakeUpdateRound,
            uint256 activationRound,
            uint256 deactivationRound,
            uint256 activeCumulativeRewards,
            uint256 cumulativeRewards,
            uint256 cumulativeFees,
            uint256 lastFeeRound
        )
    {
        Transcoder storage transcoder = transcoders[account];
        lastRewardRound = transcoder.lastRewardRound;
        rewardCut = transcoder.rewardCut;
        feeShare = transcoder.feeShare;
        lastActiveStakeUpdateRound = transcoder.lastActiveStakeUpdateRound;
        activationRound = transcoder.activationRound;
        deactivationRound = transcoder.deactivationRound;
        activeCumulativeRewards = transcoder.activeCumulativeRewards;
        cumulativeRewards = transcoder.cumulativeRewards;
        cumulativeFees = transcoder.cumulativeFees;
        lastFeeRound = transcoder.lastFeeRound;
    }

    function getTranscoderEarningsPoolForRound(
        address account,
        uint256 round
    )
        external
        view
        returns (
            uint256 totalStake,
            uint256 transcoderRewardCut,
            uint256 transcoderFeeShare,
            uint256 cumulativeRewardFactor,
            uint256 cumulativeFeeFactor
        )
    {
        EarningsPool storage earnings = transcoders[account].pools[round];
        totalStake = earnings.totalStake;
        transcoderRewardCut = earnings.rewardCut;
        transcoderFeeShare = earnings.feeShare;
        cumulativeRewardFactor = earnings.rewardFactor;
        cumulativeFeeFactor = earnings.feeFactor;
    }

    function getTranscoderPoolMaxSize() external view returns (uint256) {
        return pool.maxSize;
    }

    function getTranscoderPoolSize() external view returns (uint256) {
        return pool.size;
    }

    /// The one with the most stake.
    function getFirstTranscoderInPool() external view returns (address) {
        return pool.head;
    }

    function getNextTranscoderInPool(address account) external view returns (address) {
        return pool.nodes[account].next;
    }

    function getTotalBonded() external view returns (uint256) {
        return currentRoundTotalActiveStake;
    }

    function transcoderTotalStake(address account) public view returns (uint256) {
        return delegators[account].delegatedAmount;
    }

    function isValidUnbondingLock(address account, uint256 lockId) public view returns (bool) {
        return delegators[account].locks[lockId].withdrawRound > 0;
    }

    function transcoderStatus(address account) external view returns (TranscoderStatus) {
        return
            isRegisteredTranscoder(account)
                ? TranscoderStatus.Registered
                : TranscoderStatus.NotRegistered;
    }

    function delegatorStatus(address account) public view returns (DelegatorStatus) {
        Delegator storage delegator = delegators[account];
        if (delegator.bondedAmount == 0) return DelegatorStatus.Unbonded;
        return delegator.startRound > currentRound() ? DelegatorStatus.Pending : DelegatorStatus.Bonded;
    }

    /// Bonded to itself.
    function isRegisteredTranscoder(address account) public view returns (bool) {
        Delegator storage delegator = delegators[account];
        return delegator.delegateAddress == account && delegator.bondedAmount > 0;
    }

    function isActiveTranscoder(address account) public view returns (bool) {
        Transcoder storage transcoder = transcoders[account];
        uint256 round = currentRound();
        return transcoder.activationRound <= round && round < transcoder.deactivationRound;
    }

    /// Tells BondingVotes what an account has from the next round on.
    function checkpoint(address account) internal {
        Delegator storage delegator = delegators[account];
        bondingVotes().checkpointBondingState(
            account,
            currentRound() + 1,
            delegator.bondedAmount,
            delegator.delegateAddress,
            delegator.delegatedAmount,
            delegator.lastClaimRound,
            transcoders[account].lastRewardRound
        );
    }

    function currentRound() internal view returns (uint256) {
        return roundsManager().currentRound();
    }

    function roundsManager() internal view returns (IRoundsManager) {
        return IRoundsManager(named('RoundsManager'));
    }

    function minter() internal view returns (IMinter) {
        return IMinter(named('Minter'));
    }

    function token() internal view returns (ILivepeerToken) {
        return ILivepeerToken(named('LivepeerToken'));
    }

    function bondingVotes() internal view returns (IBondingVotes) {
        return IBondingVotes(named('BondingVotes'));
    }
}
