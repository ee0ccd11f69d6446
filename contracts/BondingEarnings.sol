// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {BondingPool} from './BondingPool.sol';
import {Fractions} from './Fractions.sol';
import {SortedList} from './SortedList.sol';

/// Rewards and fees: what a round adds to the factors of a pool, and what a stake gets out of them.
abstract contract BondingEarnings is BondingPool {
    struct Factors {
        uint256 rewards;
        uint256 fees;
    }

    event Reward(address indexed transcoder, uint256 amount);
    event TreasuryReward(address indexed transcoder, address treasury, uint256 amount);
    event EarningsClaimed(
        address indexed delegate,
        address indexed delegator,
        uint256 rewards,
        uint256 fees,
        uint256 startRound,
        uint256 endRound
    );

    function pendingStake(address account, uint256) external view returns (uint256 stake) {
        (stake, ) = stakeAndFees(account, currentRound());
    }

    function pendingFees(address account, uint256) external view returns (uint256 fees) {
        (, fees) = stakeAndFees(account, currentRound());
    }

    /// Books what the account earned up to this round, once per round.
    function claim(address account) internal {
        uint256 round = currentRound();
        Delegator storage delegator = delegators[account];
        uint256 lastClaimRound = delegator.lastClaimRound;
        if (lastClaimRound >= round) return;

        address delegate = delegator.delegateAddress;
        (uint256 stake, uint256 fees) = stakeAndFees(account, round);
        if (delegate != address(0)) {
            Transcoder storage transcoder = transcoders[delegate];
            if (delegate == account) {
                transcoder.cumulativeRewards = 0;
                transcoder.cumulativeFees = 0;
            }
            keepFactors(transcoder, round);
        }
        emit EarningsClaimed(
            delegate,
            account,
            stake - delegator.bondedAmount,
            fees - delegator.fees,
            lastClaimRound + 1,
            round
        );
        delegator.lastClaimRound = round;
        delegator.bondedAmount = stake;
        delegator.fees = fees;
    }

    /// One reward call: the treasury's part, the commission, and growth for every stake in the pool.
    function rewardTo(address account, SortedList.Hint memory hint) internal {
        Transcoder storage transcoder = transcoders[account];
        uint256 round = currentRound();
        require(isActiveTranscoder(account), 'caller must be an active transcoder');
        require(
            transcoder.lastRewardRound != round,
            'caller has already called reward for the current round'
        );
        EarningsPool storage earnings = openPool(transcoder, round);
        endTreasuryShareAtCeiling();

        uint256 minted = minter().createReward(earnings.totalStake, currentRoundTotalActiveStake);
        uint256 amount = minted - payTreasury(account, minted);
        bookReward(transcoder, earnings, amount);
        increaseTotalStake(account, amount, hint);
        transcoder.lastRewardRound = round;
        emit Reward(account, amount);
        checkpoint(account);
    }

    function bookReward(
        Transcoder storage transcoder,
        EarningsPool storage earnings,
        uint256 amount
    ) private {
        uint256 stake = earnings.totalStake;
        uint256 active = transcoder.cumulativeRewards;
        transcoder.activeCumulativeRewards = active;
        uint256 commission = Fractions.part(amount, earnings.rewardCut, Fractions.MILLION);
        uint256 shared = amount - commission;
        // Commission that was not claimed yet is stake as well.
        uint256 own = Fractions.part(shared, active, stake, Fractions.ONE);
        transcoder.cumulativeRewards = active + own + commission;
        uint256 base = orOne(transcoder.pools[transcoder.lastRewardRound].rewardFactor);
        earnings.rewardFactor = base + Fractions.part(base, shared, stake, Fractions.ONE);
    }

    /// The fees of a redeemed ticket, booked in the round of the redemption.
    function bookFees(address account, uint256 amount) internal {
        Transcoder storage transcoder = transcoders[account];
        uint256 round = currentRound();
        EarningsPool storage earnings = transcoder.pools[round];
        Factors memory previous = latestFactors(transcoder, round - 1);
        uint256 active = transcoder.activeCumulativeRewards;
        if (round > transcoder.lastRewardRound) {
            openPool(transcoder, round);
            active = transcoder.cumulativeRewards;
        }
        uint256 stake = earnings.totalStake;
        if (previous.rewards == 0 && transcoder.lastRewardRound == round) {
            previous.rewards = factorBeforeReward(earnings, stake);
        }

        uint256 shared = Fractions.part(amount, earnings.feeShare, Fractions.MILLION);
        uint256 own = Fractions.part(shared, active, stake, Fractions.ONE);
        transcoder.cumulativeFees += own + amount - shared;
        uint256 before = earnings.feeFactor == 0 ? previous.fees : earnings.feeFactor;
        earnings.feeFactor =
            before +
            Fractions.part(orOne(previous.rewards), shared, stake, Fractions.ONE);
        transcoder.lastFeeRound = round;
    }

    /// The last round was missed but this one was rewarded: works the factor before it out of the
    /// factor after it. Counts mintable and minted tokens together, as the protocol does.
    function factorBeforeReward(EarningsPool storage earnings, uint256 stake) private view returns (uint256) {
        uint256 rewards = Fractions.part(
            minter().currentMintableTokens() + minter().currentMintedTokens(),
            stake,
            currentRoundTotalActiveStake,
            Fractions.ONE
        );
        rewards -= Fractions.part(rewards, treasuryRewardCutRate, Fractions.ONE);
        rewards -= Fractions.part(rewards, earnings.rewardCut, Fractions.MILLION);
        return Fractions.part(earnings.rewardFactor, stake, rewards + stake, Fractions.ONE);
    }

    /// Gives this round's pool the commission of now and the stake that was last written.
    function openPool(
        Transcoder storage transcoder,
        uint256 round
    ) private returns (EarningsPool storage earnings) {
        earnings = transcoder.pools[round];
        earnings.rewardCut = transcoder.rewardCut;
        earnings.feeShare = transcoder.feeShare;
        uint256 written = transcoder.lastActiveStakeUpdateRound;
        if (written < round) earnings.totalStake = transcoder.pools[written].totalStake;
    }

    function endTreasuryShareAtCeiling() private {
        if (treasuryBalanceCeiling == 0 || nextRoundTreasuryRewardCutRate == 0) return;
        if (token().balanceOf(named('Treasury')) < treasuryBalanceCeiling) return;
        nextRoundTreasuryRewardCutRate = 0;
        emit ParameterUpdate('nextRoundTreasuryRewardCutRate');
    }

    function payTreasury(address account, uint256 minted) private returns (uint256 amount) {
        amount = Fractions.part(minted, treasuryRewardCutRate, Fractions.ONE);
        if (amount == 0) return 0;
        address treasury = named('Treasury');
        minter().trustedTransferTokens(treasury, amount);
        emit TreasuryReward(account, treasury, amount);
    }

    function stakeAndFees(address account, uint256 round) private view returns (uint256 stake, uint256 fees) {
        Delegator storage delegator = delegators[account];
        address delegate = delegator.delegateAddress;
        stake = delegator.bondedAmount;
        fees = delegator.fees;
        if (delegate == address(0)) return (stake, fees);

        Transcoder storage transcoder = transcoders[delegate];
        EarningsPool storage start = transcoder.pools[delegator.lastClaimRound];
        Factors memory end = latestFactors(transcoder, round);
        uint256 base = orOne(start.rewardFactor);
        fees += Fractions.part(stake, end.fees - start.feeFactor, base, Fractions.ONE);
        stake = Fractions.part(stake, orOne(end.rewards), base, Fractions.ONE);
        if (delegate == account) {
            stake += transcoder.cumulativeRewards;
            fees += transcoder.cumulativeFees;
        }
    }

    /// A round without a reward or a fee of its own has the factor of the last round with one.
    function latestFactors(
        Transcoder storage transcoder,
        uint256 round
    ) private view returns (Factors memory factors) {
        EarningsPool storage earnings = transcoder.pools[round];
        factors = Factors(earnings.rewardFactor, earnings.feeFactor);
        if (factors.rewards == 0 && transcoder.lastRewardRound < round) {
            factors.rewards = transcoder.pools[transcoder.lastRewardRound].rewardFactor;
        }
        if (factors.fees == 0 && transcoder.lastFeeRound < round) {
            factors.fees = transcoder.pools[transcoder.lastFeeRound].feeFactor;
        }
    }

    /// Writes the factors of this round down, so that a claim made now finds its start later.
    function keepFactors(Transcoder storage transcoder, uint256 round) internal {
        Factors memory factors = latestFactors(transcoder, round);
        EarningsPool storage earnings = transcoder.pools[round];
        earnings.rewardFactor = factors.rewards;
        earnings.feeFactor = factors.fees;
    }

    /// A factor that was never written is one.
    function orOne(uint256 factor) private pure returns (uint256) {
        return factor == 0 ? Fractions.ONE : factor;
    }
}
