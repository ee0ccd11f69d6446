// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {BondingState} from './BondingState.sol';
import {SortedList} from './SortedList.sol';

/// The stake of transcoders: who is in the pool of the next round, and with how much.
abstract contract BondingPool is BondingState {
    using SortedList for SortedList.List;

    event TranscoderActivated(address indexed transcoder, uint256 activationRound);
    event TranscoderDeactivated(address indexed transcoder, uint256 deactivationRound);

    function increaseTotalStake(address delegate, uint256 amount, SortedList.Hint memory hint) internal {
        uint256 oldStake = delegators[delegate].delegatedAmount;
        uint256 newStake = oldStake + amount;
        if (isRegisteredTranscoder(delegate)) {
            uint256 round = currentRound();
            if (pool.contains(delegate)) {
                nextRoundTotalActiveStake += amount;
                changeStake(delegate, oldStake, newStake, hint);
            } else {
                tryToJoin(delegate, newStake, round + 1, hint);
            }
        }
        delegators[delegate].delegatedAmount = newStake;
    }

    function decreaseTotalStake(address delegate, uint256 amount, SortedList.Hint memory hint) internal {
        uint256 oldStake = delegators[delegate].delegatedAmount;
        uint256 newStake = oldStake - amount;
        if (pool.contains(delegate)) {
            nextRoundTotalActiveStake -= amount;
            changeStake(delegate, oldStake, newStake, hint);
        }
        delegators[delegate].delegatedAmount = newStake;
    }

    /// The smallest of a full pool gives way to a larger one only; it stays active this round.
    function tryToJoin(
        address account,
        uint256 stake,
        uint256 activationRound,
        SortedList.Hint memory hint
    ) internal {
        if (pool.isFull()) {
            address last = pool.tail;
            uint256 lastStake = delegators[last].delegatedAmount;
            if (stake <= lastStake) return;
            pool.remove(last);
            transcoders[last].deactivationRound = activationRound;
            nextRoundTotalActiveStake -= lastStake;
            emit TranscoderDeactivated(last, activationRound);
        }
        pool.insert(account, stake, hint);
        nextRoundTotalActiveStake += stake;
        Transcoder storage transcoder = transcoders[account];
        transcoder.lastActiveStakeUpdateRound = activationRound;
        transcoder.activationRound = activationRound;
        transcoder.deactivationRound = type(uint256).max;
        transcoder.pools[activationRound].totalStake = stake;
        emit TranscoderActivated(account, activationRound);
    }

    function resign(address account) internal {
        uint256 deactivationRound = currentRound() + 1;
        pool.remove(account);
        nextRoundTotalActiveStake -= delegators[account].delegatedAmount;
        transcoders[account].deactivationRound = deactivationRound;
        emit TranscoderDeactivated(account, deactivationRound);
    }

    /// This round keeps the stake that it started with; the next one gets the new stake.
    function changeStake(
        address account,
        uint256 oldStake,
        uint256 newStake,
        SortedList.Hint memory hint
    ) private {
        pool.updateKey(account, newStake, hint);
        uint256 round = currentRound();
        Transcoder storage transcoder = transcoders[account];
        if (transcoder.lastActiveStakeUpdateRound < round) transcoder.pools[round].totalStake = oldStake;
        transcoder.pools[round + 1].totalStake = newStake;
        transcoder.lastActiveStakeUpdateRound = round + 1;
    }
}
