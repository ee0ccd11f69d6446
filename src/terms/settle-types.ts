import type { AssetId } from '../base/asset.ts';

/** Base units per asset. An asset that is not there stands at 0. */
export type Amounts = Readonly<Record<AssetId, bigint>>;

/** What is known of one worker in one epoch. */
export interface WorkerInput {
  /** Its public id. */
  readonly worker: string;
  /** As {@link import('./terms.ts').groupOf} says; `default` for who belongs to none. */
  readonly group: string;
  readonly jobs: bigint;
  readonly units: bigint;
  /** Milliseconds of source, and for which it had tasks. */
  readonly sourceMs: bigint;
  readonly deviceMs: bigint;
  /** Sum of the amounts of its receipts of the epoch. */
  readonly grossFee: Amounts;
  readonly failedAttempts: bigint;
  readonly failedChecks: bigint;
  readonly onlineMs: bigint;
  /** 0: it promised nothing. */
  readonly promisedMs: bigint;
  readonly facts: WorkerFacts;
  readonly evidence: readonly Evidence[];
  /** Credited over all earlier epochs. Not used by the rule: the tree's leaves carry it on. */
  readonly cumulative: Amounts;
  readonly lastSequence: bigint;
  /** Hex, 64 digits; zeros when it has no receipt. */
  readonly lastReceiptHash: string;
  /** Its units in earlier epochs, for sliding-window models; others leave it out. */
  readonly window?: readonly { readonly epoch: bigint; readonly units: bigint }[];
  /** What was held back in earlier epochs and is due in this one. */
  readonly releases?: readonly {
    readonly epoch: bigint;
    readonly asset: AssetId;
    readonly amount: bigint;
  }[];
  /** What disputes gave it since the epoch before. */
  readonly awards?: readonly {
    readonly dispute: string;
    readonly asset: AssetId;
    readonly amount: bigint;
  }[];
  /** What gateways took back for work of this worker. */
  readonly refunds?: readonly {
    readonly id: string;
    readonly asset: AssetId;
    readonly amount: bigint;
  }[];
}

export interface WorkerFacts {
  readonly hardwareClass?: string;
  readonly region?: string;
  /** From 0 to 100, the fastest. */
  readonly speedPercentile?: number;
  /** The first epoch in which it did work. */
  readonly memberSinceEpoch?: bigint;
}

/**
 * By what a fact or an event can be looked up. Kinds that statement lines refer to:
 * `failed_attempts`, `failed_checks`, `offline`, `hardware_class`, `region`, `speed_percentile`,
 * `member_epochs`.
 */
export interface Evidence {
  readonly id: string;
  readonly kind: string;
  readonly value: string;
}

export type IncomeKind =
  | 'tickets_credited'
  | 'tickets_redeemed'
  | 'reward'
  | 'refund'
  | 'gas'
  | 'other';

/** Everything that the rule needs, and nothing else: published, so that anybody can run it again. */
export interface EpochInput {
  readonly epoch: bigint;
  /** Milliseconds since 1970. */
  readonly opensAt: number;
  readonly closesAt: number;
  readonly termsVersion: number;
  /** By the terms' policy, after gas where the terms say so; never negative. */
  readonly income: Amounts;
  /** What the income is the sum of; signed. */
  readonly incomeLines: readonly {
    readonly kind: IncomeKind;
    readonly asset: AssetId;
    readonly amount: bigint;
    readonly transactions: readonly string[];
  }[];
  /** The dust of the epoch before. */
  readonly carried: Amounts;
  /** What the reserve holds; a model that draws more has a shortfall. */
  readonly reserve?: Amounts;
  /** In any order: the result is the same. Who only has releases or window units is here, too. */
  readonly workers: readonly WorkerInput[];
}

export type LineKind =
  | 'work'
  | 'retainer'
  | 'points'
  | 'share_lpt'
  | 'multiplier'
  | 'commission'
  | 'penalty'
  | 'refund'
  | 'holdback'
  | 'release'
  | 'award';

/** One line of a worker's statement. The lines of a worker and asset add up to what it is owed. */
export interface StatementLine {
  readonly worker: string;
  readonly kind: LineKind;
  readonly asset: AssetId;
  /** Signed base units. */
  readonly amount: bigint;
  readonly units?: bigint;
  /** The rate, share or factor that led to the amount. */
  readonly rate?: string;
  /** By what the line can be looked up and disputed. */
  readonly evidence?: string;
  readonly text: string;
}

/** What is held back from a worker, and when it becomes payable. */
export interface HeldBack {
  readonly worker: string;
  readonly asset: AssetId;
  readonly amount: bigint;
  readonly releaseEpoch: bigint;
}

/**
 * What an epoch comes to. Per asset: income + carried + fromReserve + issued + released + awarded =
 * Σ owed + Σ heldBack + commission + penalties + toReserve + dust.
 */
export interface Settlement {
  readonly epoch: bigint;
  /** By worker id, then in the order in which they apply. */
  readonly lines: readonly StatementLine[];
  /** What becomes payable to each worker of the input. */
  readonly owed: Readonly<Record<string, Amounts>>;
  readonly heldBack: readonly HeldBack[];
  /** Of what was held back in earlier epochs; part of `owed`. */
  readonly released: Amounts;
  /** By disputes; part of `owed`. Left out where there are none. */
  readonly awarded?: Amounts;
  readonly commission: Amounts;
  /** Kept by the pool's account of penalties; where terms share them, they are in `dust`. */
  readonly penalties: Amounts;
  readonly toReserve: Amounts;
  readonly fromReserve: Amounts;
  /** The part of `fromReserve` that the reserve did not hold: the pool owes it all the same. */
  readonly shortfall: Amounts;
  /** Points that came into being. */
  readonly issued: Amounts;
  /** Carried into the next epoch: remainders, and income that nobody earned. */
  readonly dust: Amounts;
}
