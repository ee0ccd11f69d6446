import type { Hex } from 'viem';
import type { Instant } from '../base/clock.ts';
import type { FeeLimits, Fees, Market } from './fees.ts';

/** What a transaction is for, and its name for ever: `reward:4021`, `redeem:<ticket hash>`. */
export type IntentId = string & { readonly __brand: 'IntentId' };

/** Something to be done on chain exactly once. Stored before anything is signed for it. */
export interface Intent {
  readonly id: IntentId;
  readonly to: Hex;
  readonly value: bigint;
  readonly data: Hex;
  readonly gasLimit: bigint;
  /** Wei that it brings in or moves, a share of which its gas may cost; undefined: no such limit. */
  readonly worthWei: bigint | undefined;
}

/** Signed bytes. All attempts of an entry have its nonce, so at most one of them is ever final. */
export interface Attempt extends Fees {
  /** `cancel` sends nothing to ourselves, so that the nonce is used up without the work. */
  readonly kind: 'work' | 'cancel';
  readonly raw: Hex;
  readonly hash: Hex;
  readonly signedAt: Instant;
}

/** How the newest attempt stands with the nodes; not stored, since sending twice does no harm. */
export type Delivery =
  | { readonly is: 'due' }
  | { readonly is: 'sending'; readonly since: Instant }
  | { readonly is: 'accepted'; readonly at: Instant }
  | { readonly is: 'fee_too_low' }
  | { readonly is: 'failed'; readonly tries: number; readonly retryAt: Instant };

/** Where a transaction was found. */
export interface Inclusion {
  readonly hash: Hex;
  readonly block: bigint;
  /** False: it was reverted. */
  readonly succeeded: boolean;
}

interface EntryBase {
  readonly intent: Intent;
  /** Not wanted any more: it ends without being done, unless it is too late. */
  readonly withdrawn: boolean;
}

/** Has a nonce, which stays its own until some transaction with it is final. */
export type BoundEntry = EntryBase & {
  readonly nonce: number;
  /** The newest last. */
  readonly attempts: readonly [Attempt, ...Attempt[]];
} & (
    | { readonly state: 'signed' | 'broadcast'; readonly delivery: Delivery }
    | { readonly state: 'included'; readonly inclusion: Inclusion }
  );

/** What will not change any more. */
export type SettledEntry = EntryBase &
  (
    | { readonly state: 'final'; readonly nonce: number; readonly inclusion: Inclusion }
    | {
        readonly state: 'failed';
        /** `refused`: by the policy of the signer. `not_needed`: the gap that it should fill is gone. */
        readonly reason: 'withdrawn' | 'refused' | 'not_needed';
      }
  );

/** Waits for a nonce: new, or its nonce was used up by another transaction. */
export type IntendedEntry = EntryBase & { readonly state: 'intended'; readonly retryAt: Instant };

export type OpenEntry = IntendedEntry | BoundEntry;
export type Entry = OpenEntry | SettledEntry;

/** One account on one chain as all providers saw it at one block. */
export interface View extends Market {
  /** Transactions of the account that are in a block: the next nonce. */
  readonly latestNonce: number;
  /** The same at a block that will not be undone. */
  readonly finalNonce: number;
}

/** A transaction of ours that is in a block; `final` when that block will not be undone. */
export interface Receipt extends Inclusion {
  readonly final: boolean;
}

/** What a node said to `eth_sendRawTransaction`. */
export type SendAnswer =
  /** Taken (on Arbitrum: sequenced), or known already. */
  | 'accepted'
  /** No answer, or one that says nothing: it may have been taken. */
  | 'unreachable'
  | 'nonce_too_low'
  /** Below the base fee. */
  | 'fee_too_low'
  | 'insufficient_funds'
  /** Anything else, such as a replacement that pays too little. */
  | 'rejected';

/** What happened; `at` is when. */
export type JournalEvent = { readonly at: Instant } & (
  | { readonly event: 'intended'; readonly intent: Intent }
  | { readonly event: 'withdrawn'; readonly id: IntentId }
  | { readonly event: 'signed'; readonly ask: number; readonly raw: Hex; readonly hash: Hex }
  | { readonly event: 'sign_failed'; readonly ask: number; readonly reason: SignFailure }
  | { readonly event: 'answered'; readonly hash: Hex; readonly answer: SendAnswer }
  /** The view, and the receipts of all hashes that `watchedHashes` named, all as of one block. */
  | { readonly event: 'observed'; readonly view: View; readonly receipts: readonly Receipt[] }
  | { readonly event: 'disagreed'; readonly reason: string }
  /** Proof that another transaction, signed by the account, is final with this nonce. */
  | { readonly event: 'nonce_taken'; readonly nonce: number; readonly hash: Hex }
  | { readonly event: 'ticked' }
);

/** `refused` is for good; `unavailable` is tried again. */
export type SignFailure = 'refused' | 'unavailable';

/** What to sign. */
export interface SignRequest extends Fees {
  readonly ask: number;
  readonly intent: IntentId;
  readonly kind: Attempt['kind'];
  readonly nonce: number;
  readonly to: Hex;
  readonly value: bigint;
  readonly data: Hex;
  readonly gasLimit: bigint;
}

/** What to do, after the writes of the same step are durable. */
export type JournalAction =
  | { readonly action: 'sign'; readonly request: SignRequest }
  | { readonly action: 'broadcast'; readonly nonce: number; readonly hash: Hex; readonly raw: Hex }
  /** Find the final transaction with this nonce; answer with `nonce_taken`. */
  | { readonly action: 'find'; readonly nonce: number }
  | { readonly action: 'settled'; readonly entry: SettledEntry };

/** What to store, all of a step in one transaction, before any of its actions. */
export type JournalWrite =
  /** The entry as it is now; new or changed. Its attempts are written on their own. */
  | { readonly write: 'entry'; readonly entry: Entry }
  | {
      readonly write: 'attempt';
      readonly intent: IntentId;
      readonly nonce: number;
      readonly attempt: Attempt;
    }
  /** The nonce of this intent was used up by a transaction of somebody else, or by our cancel. */
  | {
      readonly write: 'replaced';
      readonly intent: IntentId;
      readonly nonce: number;
      readonly by: Hex;
    };

/** Everything that the journal of one account knows. */
export interface JournalState {
  /** Open entries, in the order in which they came. */
  readonly entries: ReadonlyMap<IntentId, OpenEntry>;
  /** Every nonce below was used by a final transaction. */
  readonly nonceFloor: number;
  /** Undefined until the first look at the chain since the start. */
  readonly view: View | undefined;
  /** Why nothing is sent now. */
  readonly paused: string | undefined;
  readonly asks: number;
  readonly signing: { readonly request: SignRequest; readonly since: Instant } | undefined;
  readonly outOfFunds: boolean;
}

/** How a journal behaves. */
export interface JournalRules extends FeeLimits {
  /** The account itself, to which a cancel goes. */
  readonly self: Hex;
  /** Gas of a transfer of nothing; Arbitrum counts the data's share of L1 as gas, too. */
  readonly cancelGasLimit: bigint;
  /** How many nonces may be on their way at once. */
  readonly inFlightMax: number;
  /** An accepted transaction that no block shows is sent again after this. */
  readonly resendMs: number;
  /** After this long a transaction whose fee fell behind is replaced. */
  readonly replaceAfterMs: number;
  /** After this long one that may not pay more gives its nonce up, if others wait. */
  readonly giveUpAfterMs: number;
  /** The signer is asked again after this. */
  readonly signTimeoutMs: number;
  /** First pause after a failure; doubles up to 64 times this. */
  readonly retryMs: number;
}

/** The result of an event. If the writes fail, the state before the event stays true. */
export interface JournalStep {
  readonly state: JournalState;
  readonly writes: readonly JournalWrite[];
  readonly actions: readonly JournalAction[];
}
