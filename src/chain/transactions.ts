import type { Hex } from 'viem';
import type { Clock } from '../base/clock.ts';
import { TributaryError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Metrics } from '../base/metrics.ts';
import type { Database } from '../database/database.ts';
import type { Transaction } from '../database/transaction.ts';
import type { JournalAlarm } from './journal.ts';
import type { IntentFate, JournalAccount } from './journal-store.ts';
import type { Intent, IntentId, JournalRules, OpenEntry, SettledEntry } from './journal-types.ts';
import type { Finality } from './networks.ts';
import type { Providers } from './providers.ts';
import type { UnsignedTransaction } from './sign-transaction.ts';

/** What signs: structurally a part of `Signing`. */
export interface TransactionSigner {
  signTransaction(
    account: Hex,
    tx: UnsignedTransaction,
  ): Promise<
    | { readonly ok: true; readonly raw: Hex; readonly hash: Hex }
    | { readonly ok: false; readonly reason: 'refused' | 'unavailable'; readonly text: string }
  >;
}

/** How sending stands. */
export interface TransactionsStatus {
  /** This node sends for the account; otherwise another one does, or none yet. */
  readonly driving: boolean;
  /** Why nothing is sent now: a disagreement of providers, or what no honest one can say. */
  readonly paused: string | undefined;
  /** Intents that are not settled. */
  readonly open: number;
  readonly outOfFunds: boolean;
  readonly alarms: readonly JournalAlarm[];
}

/** Everything that one account sends. */
export interface Transactions {
  readonly account: JournalAccount;
  /** Wants something done, born in the transaction of whoever wants it. */
  intend(tx: Transaction, intent: Intent): Promise<'added' | 'known'>;
  /** The same in a transaction of its own. */
  submit(intent: Intent): Promise<'added' | 'known'>;
  fate(id: IntentId): Promise<IntentFate | undefined>;
  /** How far an open intent is; undefined on a node that does not drive. */
  progress(id: IntentId): OpenEntry | undefined;
  /** Waits until it is final or failed. Rejects with `transactions_closed` on {@link close}. */
  settled(id: IntentId): Promise<SettledEntry>;
  /** Not wanted any more; it may be too late. */
  withdraw(id: IntentId): Promise<void>;
  /**
   * Tells of what is settled, on every node: at least once as a rule, but not what was settled while
   * the node was away. Who must not miss one asks {@link fate} at its start.
   */
  onSettled(tell: (entry: SettledEntry) => void): () => void;
  /** Wei that all final transactions of the account cost in gas. */
  gasSpent(): Promise<bigint>;
  readonly status: TransactionsStatus;
  close(): Promise<void>;
}

/** What {@link openTransactions} needs. */
export interface TransactionsParts {
  readonly database: Database;
  readonly providers: Providers;
  readonly signing: TransactionSigner;
  readonly account: JournalAccount;
  /** Other rules than the defaults for the chain. */
  readonly rules?: Partial<JournalRules>;
  /** Other than the network's. */
  readonly finality?: Finality;
  /** Other than the network's, milliseconds. */
  readonly pollMs?: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** Starts to send for an account, or waits while another node does. */
export async function openTransactions(_parts: TransactionsParts): Promise<Transactions> {
  throw new TributaryError('internal', 'not there yet');
}
