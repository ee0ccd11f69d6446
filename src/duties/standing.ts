import type { Address } from 'viem';
import type { UnbondingLock } from './action-types.ts';
import type { TranscoderPool } from './pool-position.ts';

/**
 * How the orchestrator stands with the contracts, read for one decision. LPT and ETH in units of
 * 10^-18, cuts in parts per million.
 */
export interface Standing {
  readonly orchestrator: Address;
  /** Takes LPT out of the account when it bonds. */
  readonly bondingManager: Address;
  readonly paused: boolean;
  readonly round: bigint;
  readonly roundInitialized: boolean;
  readonly roundLocked: boolean;
  /** In rounds. */
  readonly unbondingPeriod: bigint;
  readonly registered: boolean;
  readonly active: boolean;
  readonly activationRound: bigint;
  readonly deactivationRound: bigint;
  readonly lastRewardRound: bigint;
  readonly rewardCut: bigint;
  readonly feeShare: bigint;
  /** Own and delegated. */
  readonly totalStake: bigint;
  /** Own, with rewards up to the current round. */
  readonly ownStake: bigint;
  readonly pendingFees: bigint;
  /** Zero while unbonded. */
  readonly delegate: Address;
  /** protocol: BondingManager.delegatorStatus. */
  readonly bonding: 'pending' | 'bonded' | 'unbonded';
  readonly locks: readonly UnbondingLock[];
  readonly serviceUri: string;
  readonly balanceLpt: bigint;
  readonly balanceWei: bigint;
  /** LPT that BondingManager may take. */
  readonly allowance: bigint;
  readonly pool: TranscoderPool;
  /** LPT that one reward call of this round would bring, before its cuts; see {@link rewardOf}. */
  readonly reward: bigint;
  /** Undefined: this BondingManager has no reward callers. */
  readonly rewardCaller: Address | undefined;
  /** Wei per gas. */
  readonly gasPrice: bigint;
}

/** What a reward is reckoned from. protocol: Minter.createReward, BondingManager.rewardWithHint. */
export interface RewardTerms {
  readonly mintable: bigint;
  /** The orchestrator's stake that counts in this round. */
  readonly stake: bigint;
  /** All stake that counts in this round. */
  readonly totalActiveStake: bigint;
  /** Parts of 10^27. */
  readonly treasuryCut: bigint;
}

const BILLION = 10n ** 9n;
const PRECISE = 10n ** 27n;

/** LPT that a reward call adds to the stake: floors and scales as in the contracts. */
export function rewardOf(terms: RewardTerms): bigint {
  if (terms.totalActiveStake === 0n) return 0n;
  const share = (terms.stake * BILLION) / terms.totalActiveStake;
  const total = (terms.mintable * share) / BILLION;
  return total - (total * terms.treasuryCut) / PRECISE;
}
