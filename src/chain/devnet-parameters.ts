/** The parameters of a local chain's contracts. Shares are on the scales of the contracts. */
export interface DevnetParameters {
  /** In blocks. */
  readonly roundLength: number;
  /** Parts of a million. */
  readonly roundLockAmount: bigint;
  /** In rounds. */
  readonly unbondingPeriod: bigint;
  readonly numActiveTranscoders: bigint;
  /** Parts of 10^27. */
  readonly treasuryRewardCutRate: bigint;
  /** In 10^-18 LPT. */
  readonly treasuryBalanceCeiling: bigint;
  /** Parts of a billion, as are the next two. */
  readonly inflation: bigint;
  readonly inflationChange: bigint;
  readonly targetBondingRate: bigint;
  /** In rounds. */
  readonly unlockPeriod: bigint;
  /** In rounds. */
  readonly ticketValidityPeriod: bigint;
}

/** 10^18: one LPT, one ether. */
export const UNIT: bigint = 10n ** 18n;

/**
 * Rounds long enough to see what happens in one; the rest as on Arbitrum One (protocol parameters of
 * the live contracts; inflation as it was when the Minter was deployed).
 */
export const devnetParameters: DevnetParameters = {
  roundLength: 50,
  roundLockAmount: 100_000n,
  unbondingPeriod: 7n,
  numActiveTranscoders: 100n,
  treasuryRewardCutRate: 10n ** 26n,
  treasuryBalanceCeiling: 750_000n * UNIT,
  inflation: 220_500n,
  inflationChange: 500n,
  targetBondingRate: 500_000_000n,
  unlockPeriod: 2n,
  ticketValidityPeriod: 2n,
};
