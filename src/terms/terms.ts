import { type AssetId, ETH, LPT } from '../base/asset.ts';

/** An exact fraction, never negative: `8%` is 8/100. The denominator is positive. */
export interface Ratio {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

/**
 * What a pool promises its workers: the rule by which the income of an epoch becomes what each of
 * them is owed, and when and how that is paid. Version and start are given when terms are published.
 */
export interface Terms {
  /** From 1, one more for each publication. */
  readonly version: number;
  /** The first epoch that these terms settle. */
  readonly startsAtEpoch: bigint;
  /** The name of the pool, for people. */
  readonly name: string;
  readonly epoch: EpochPeriod;
  readonly income: {
    /** When income counts: when a ticket is credited at its expected value, or when it is redeemed. */
    readonly recognised: 'credited' | 'redeemed';
    /** Who bears the gas that the pool spends: taken from income before all else, or the pool's own. */
    readonly gas: 'income' | 'pool';
  };
  /** The pool's part of what work earns; of LPT see {@link Terms.rewards}. */
  readonly commission: Ratio;
  /** Every asset that the terms name. ETH and LPT are always there. */
  readonly assets: Readonly<Record<AssetId, AssetKind>>;
  readonly model: PayoutModel;
  readonly multipliers: readonly Multiplier[];
  readonly penalties: {
    readonly rules: readonly Penalty[];
    /** Shared with the workers in the next epoch, or kept in the pool's account of penalties. */
    readonly goTo: 'workers' | 'pool';
  };
  readonly groups: readonly Group[];
  readonly holdback: Holdback | undefined;
  /** Who bears what a gateway takes back; see {@link RefundRule}. */
  readonly refunds: { readonly borneBy: RefundRule };
  /** The workers' share of the pool's own LPT rewards; what delegators get is not touched. */
  readonly rewards: { readonly share: Ratio; readonly by: ShareBasis } | undefined;
  readonly payouts: PayoutRules;
  readonly disputes: {
    /** Days after the statement in which a dispute may be opened. */
    readonly openDays: number;
    /** Days in which the pool answers. */
    readonly answerDays: number;
    /** Days after the answer in which it is decided. */
    readonly decideDays: number;
    /**
     * What it means that the pool is late with one of them: `upheld` gives back what a penalty or a
     * refund took; with `open` the dispute stays open, and that the pool is late is published.
     */
    readonly late: 'upheld' | 'open';
    /** Whether what a disputed penalty or refund took is set aside until it is decided. */
    readonly setAside: boolean;
  };
  readonly expectations: {
    /** Share of the time for which a worker promises to be there, where nothing else was said of it. */
    readonly uptime: Ratio | undefined;
    /** In words. */
    readonly hardware: string | undefined;
    readonly notes: string | undefined;
  };
  /** Whether proofs show every worker's line, or salted leaves and a path for each worker alone. */
  readonly privacy: 'public' | 'private';
}

/** How long an epoch is: a day or a week (from Monday) in UTC, or so many rounds of the protocol. */
export type EpochPeriod =
  | { readonly period: 'day' | 'week' }
  | { readonly period: 'round'; readonly rounds: bigint };

/**
 * What an asset is. `protocol` is LPT, at the address that the Controller of the chain names; points
 * exist in the books of the pool alone.
 */
export type AssetKind =
  | { readonly kind: 'native'; readonly decimals: 18 }
  | { readonly kind: 'protocol'; readonly decimals: 18 }
  | { readonly kind: 'erc20'; readonly address: string; readonly decimals: number }
  | { readonly kind: 'fiat'; readonly decimals: number }
  | { readonly kind: 'points'; readonly decimals: number };

/** By what income is shared: units are pixels of video; device time is how long tasks were held. */
export type ShareBasis = 'units' | 'device_time' | 'jobs';

/** What a fixed rate counts. Seconds of source are those of the video, not of the clock. */
export type RateBasis = 'pixel' | 'source_second' | 'device_second' | 'job';

/** `amount` base units of `asset` for each `count` of what the model counts. */
export interface Rate {
  readonly asset: AssetId;
  readonly amount: bigint;
  readonly count: bigint;
}

/** By which rule work becomes credits. */
export type PayoutModel =
  /** What gateways paid for the worker's own segments, less commission. */
  | { readonly kind: 'per_segment' }
  /** A rate that does not depend on income: the pool's reserve carries the difference. */
  | { readonly kind: 'fixed_rate'; readonly per: RateBasis; readonly rate: Rate }
  /** The income of the epoch, shared. */
  | { readonly kind: 'proportional'; readonly by: ShareBasis }
  /** The income of the epoch, shared over the last `units`, of this and earlier epochs. */
  | { readonly kind: 'sliding_window'; readonly units: bigint; readonly epochsMax: number }
  /** An amount for each hour of being there, the rest of the income shared. */
  | {
      readonly kind: 'retainer';
      /** For 1 hour (`count` is milliseconds). */
      readonly rate: Rate;
      /** Below this share of the promised time there is no retainer. */
      readonly uptimeMin: Ratio;
      readonly by: ShareBasis;
    }
  /** The pool's token or points: a rate per pixel, or a fixed issue per epoch that is shared. */
  | { readonly kind: 'pool_token'; readonly asset: AssetId; readonly issue: TokenIssue };

export type TokenIssue =
  | { readonly kind: 'rate'; readonly per: RateBasis; readonly rate: Rate }
  | { readonly kind: 'per_epoch'; readonly amount: bigint; readonly by: ShareBasis };

/** Counts the work of some workers for more, or for less. Several that fit are multiplied. */
export interface Multiplier {
  readonly name: string;
  readonly when: MultiplierCondition;
  readonly factor: Ratio;
}

export type MultiplierCondition =
  | { readonly kind: 'hardware_class'; readonly is: string }
  | { readonly kind: 'region'; readonly is: string }
  /** 100 is the fastest of the pool. */
  | { readonly kind: 'speed_percentile'; readonly atLeast: number }
  | { readonly kind: 'member_epochs'; readonly atLeast: bigint };

/** Takes a share of what the worker earned in the epoch for each event beyond `free`. */
export interface Penalty {
  /** Offline counts full percents of the promised time in which the worker was not there. */
  readonly for: 'failed_attempts' | 'failed_checks' | 'offline';
  readonly free: bigint;
  readonly each: Ratio;
  readonly atMost: Ratio;
}

/** Workers with terms of their own; what a group does not say is as for all. */
export interface Group {
  readonly name: string;
  /** Who belongs to it: worker ids, or a fact about them. The first group that fits counts. */
  readonly members:
    | { readonly kind: 'workers'; readonly ids: readonly string[] }
    | { readonly kind: 'hardware_class'; readonly is: string }
    | { readonly kind: 'region'; readonly is: string };
  readonly commission: Ratio | undefined;
  readonly model: PayoutModel | undefined;
  /** A fixed share of the income, before it is shared within the group. */
  readonly incomeShare: Ratio | undefined;
  readonly holdback: Holdback | undefined;
}

/** A share of each credit that becomes payable some epochs later. */
export interface Holdback {
  readonly share: Ratio;
  readonly epochs: number;
}

/**
 * Who bears what a gateway takes back, for work that failed at its side: `everyone` (income is less),
 * `pool` (the reserve makes it up), `worker` (taken from who did the work, as far as its credits of
 * the epoch go, and shared in the next epoch).
 */
export type RefundRule = 'everyone' | 'pool' | 'worker';

/** When, in what and from which amount on workers are paid. */
export interface PayoutRules {
  readonly every: 'round' | 'day' | 'week' | 'month';
  /** Whether a worker may ask for its money in between. */
  readonly onDemand: boolean;
  /** What a worker may choose to be paid in. */
  readonly assets: readonly AssetId[];
  /** The least amount of a payout, in base units. A worker may choose a higher one. */
  readonly thresholds: Readonly<Record<AssetId, bigint>>;
  /** A payout waits for as long as its fee would be more than this share of it. */
  readonly feeShareMax: Ratio | undefined;
  /** After so many days it is paid all the same, however small. */
  readonly latestDays: number | undefined;
  readonly conversions: readonly Conversion[];
}

/** An exchange at payout, by a named source of the rate. */
export interface Conversion {
  readonly from: AssetId;
  readonly to: AssetId;
  /** Where the rate comes from, stored with each line that it was used for. */
  readonly source: string;
  /** A rate older than this is not used. */
  readonly ageMinutesMax: number;
}

/** The group of those who belong to none. */
export const DEFAULT_GROUP = 'default';

/** The assets that terms need not describe. */
export const standardAssets: Terms['assets'] = {
  [ETH]: { kind: 'native', decimals: 18 },
  [LPT]: { kind: 'protocol', decimals: 18 },
};

/** What a pool starts with: the income of a week by pixels, less 10 %, in ETH from 0.01 on. */
export const defaultTerms: Terms = {
  version: 1,
  startsAtEpoch: 0n,
  name: 'Tributary pool',
  epoch: { period: 'week' },
  income: { recognised: 'credited', gas: 'pool' },
  commission: { numerator: 1n, denominator: 10n },
  assets: standardAssets,
  model: { kind: 'proportional', by: 'units' },
  multipliers: [],
  penalties: { rules: [], goTo: 'workers' },
  groups: [],
  holdback: undefined,
  refunds: { borneBy: 'everyone' },
  rewards: undefined,
  payouts: {
    every: 'week',
    onDemand: false,
    assets: [ETH],
    thresholds: { [ETH]: 10n ** 16n },
    feeShareMax: { numerator: 1n, denominator: 100n },
    latestDays: undefined,
    conversions: [],
  },
  disputes: { openDays: 14, answerDays: 7, decideDays: 14, late: 'upheld', setAside: true },
  expectations: { uptime: undefined, hardware: undefined, notes: undefined },
  privacy: 'public',
};

/** Which group a worker belongs to by its id and by what is known of it. */
export function groupOf(
  terms: Terms,
  worker: {
    readonly worker: string;
    readonly facts: { readonly hardwareClass?: string; readonly region?: string };
  },
): string {
  return terms.groups.find(({ members }) => belongs(members, worker))?.name ?? DEFAULT_GROUP;
}

function belongs(members: Group['members'], worker: Parameters<typeof groupOf>[1]): boolean {
  switch (members.kind) {
    case 'workers':
      return members.ids.includes(worker.worker);
    case 'hardware_class':
      return worker.facts.hardwareClass === members.is;
    case 'region':
      return worker.facts.region === members.is;
  }
}
