import type { AssetId } from '../base/asset.ts';
import type { Instant } from '../base/clock.ts';
import type { AssetKind, PayoutRules } from '../terms/terms.ts';

/** How something leaves the pool. */
export type PayoutMethod = 'eth' | 'erc20' | 'disperse_eth' | 'disperse_erc20' | 'fiat';

/** An address in lower case. */
export type Recipient = `0x${string}`;

/** What one asset is worth in another: `numerator` base units of `to` for `denominator` of `from`. */
export interface Quote {
  readonly numerator: bigint;
  readonly denominator: bigint;
  /** As the terms name it, with what it said in words. */
  readonly source: string;
  /** When the source says that it was so. */
  readonly at: Instant;
}

/** A quote, or why there is none. */
export type Quoted =
  | ({ readonly ok: true } & Quote)
  | {
      readonly ok: false;
      readonly reason: 'rate_unavailable' | 'rate_old';
      readonly text: string;
    };

/** A worker with what it is owed and how it wants it. */
export interface Candidate {
  readonly worker: string;
  readonly name: string;
  readonly owed: Readonly<Record<AssetId, bigint>>;
  /** Since when the oldest part of it waits; undefined: not known. */
  readonly waitingSince: Instant | undefined;
  /** What it chose; undefined: each asset as it is owed. */
  readonly asset: AssetId | undefined;
  /** In base units of that asset. */
  readonly threshold: bigint | undefined;
  readonly address: Recipient | undefined;
  readonly fiatAccount: string | undefined;
  /** An asset of which it got more than it was owed: nothing more goes out until that is settled. */
  readonly debt?: AssetId | undefined;
}

/** What is known of an address before anything is sent there. */
export interface RecipientFacts {
  /** Nothing was ever there: creating it costs a contract more than a transfer of its own. */
  readonly isNew: boolean;
  /** Trying it on the newest block failed: why, in a word. */
  readonly refuses:
    | 'rejected_by_recipient'
    | 'refused_by_token'
    | 'token_returned_false'
    | undefined;
}

/** Gas that each way to pay is reckoned with, and its price. */
export interface GasFigures {
  readonly gasPriceWei: bigint;
  /** A transaction of its own. */
  readonly single: { readonly eth: bigint; readonly erc20: bigint };
  /** A batch without recipients, and each recipient. */
  readonly batch: {
    readonly base: bigint;
    readonly eth: bigint;
    readonly erc20: bigint;
  };
}

/** Everything that a plan follows from. */
export interface PlanInput {
  readonly at: Instant;
  readonly termsVersion: number;
  readonly rules: PayoutRules;
  readonly assets: Readonly<Record<AssetId, AssetKind>>;
  readonly candidates: readonly Candidate[];
  /**
   * `schedule`: only when it is due, and whoever was left waiting when it last was. `now`: the
   * operator asks. `worker`: that one asks.
   */
  readonly demand:
    | { readonly kind: 'schedule'; readonly due: boolean; readonly late?: ReadonlySet<string> }
    | { readonly kind: 'now' }
    | { readonly kind: 'worker'; readonly worker: string };
  /** By `FROM>TO`. */
  readonly quotes: Readonly<Record<string, Quoted>>;
  /** By `ASSET 0x…`; an address that is not here is taken for an old one that takes what it gets. */
  readonly recipients: Readonly<Record<string, RecipientFacts>>;
  /** The pool's own accounts and contracts, in lower case: nobody is paid there. */
  readonly forbidden: ReadonlySet<string>;
  /** What the paying account has, less what is to stay there. */
  readonly onHand: Readonly<Record<AssetId, bigint>>;
  readonly gas: GasFigures | undefined;
  /** What waits as a whole, and why: an asset, or everything. */
  readonly paused: readonly { readonly asset: AssetId | undefined; readonly reason: string }[];
  readonly limits: PlanLimits;
}

/** How batches are cut. */
export interface PlanLimits {
  /** Fewer recipients than this are paid one by one. */
  readonly batchMin: number;
  readonly batchMax: number;
}

/** A part of a payout: what of the worker's credit it uses up. */
export interface PlanLine {
  readonly asset: AssetId;
  readonly amount: bigint;
  /** Undefined: it is paid as it is owed. */
  readonly quote: Quote | undefined;
}

/** One payout that is to go out. */
export interface PlanShare {
  readonly worker: string;
  readonly name: string;
  readonly to: Recipient | undefined;
  readonly fiatAccount: string | undefined;
  readonly amount: bigint;
  readonly lines: readonly PlanLine[];
}

/** What is to leave at once. */
export interface PlanBatch {
  readonly method: PayoutMethod;
  readonly asset: AssetId;
  /** Where the token is. */
  readonly token: Recipient | undefined;
  /** What the gas is reckoned to cost, in wei. */
  readonly feeWei: bigint;
  readonly shares: readonly PlanShare[];
}

/** Why a worker is not paid now; each has a sentence in plan-texts.ts. */
export type HoldReason =
  | 'not_due'
  | 'not_asked'
  | 'on_demand_off'
  | 'paused'
  | 'got_too_much'
  | 'points_stay'
  | 'asset_not_paid'
  | 'no_conversion'
  | 'rate_unavailable'
  | 'rate_old'
  | 'too_little_to_convert'
  | 'no_address'
  | 'no_fiat_account'
  | 'zero_address'
  | 'own_address'
  | 'below_threshold'
  | 'fee_too_high'
  | 'rejected_by_recipient'
  | 'refused_by_token'
  | 'token_returned_false'
  | 'funds_short'
  | 'chain_away';

/** What is owed and does not go out now. */
export interface PlanHold {
  readonly worker: string;
  readonly name: string;
  readonly asset: AssetId;
  readonly amount: bigint;
  readonly reason: HoldReason;
  /** What would have to be otherwise: the threshold, the fee, why the source failed. */
  readonly detail: string | undefined;
}

/** What goes out, and what does not. */
export interface Plan {
  readonly at: Instant;
  readonly termsVersion: number;
  readonly batches: readonly PlanBatch[];
  readonly held: readonly PlanHold[];
}
