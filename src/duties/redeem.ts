import type { Hex } from 'viem';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Metrics } from '../base/metrics.ts';
import type { Wei } from '../base/money.ts';
import type { JournalAccount } from '../chain/journal-store.ts';
import type { Intent, IntentId, SettledEntry } from '../chain/journal-types.ts';
import type { Database } from '../database/database.ts';
import type { Transaction } from '../database/transaction.ts';
import type { WriteOffReason } from '../payments/redemption.ts';

/** What redemption needs to know of a new block. */
export interface RedeemingView {
  readonly block: bigint;
  readonly l1Block: bigint;
  readonly currentRound: bigint;
  readonly roundInitialized: boolean;
  /** Wei per gas. */
  readonly gasPrice: bigint;
  readonly paused: boolean;
}

/** What redemption costs and may cost. */
export interface RedeemingRules {
  /** Wei per gas; above it redemption waits. */
  readonly gasPriceMax?: bigint;
  /** Gas to count with, and the gas limit: for one ticket, and for each further one of a batch. */
  readonly redeemGas: bigint;
  readonly batchedGas: bigint;
}

/** What redemption stands on. */
export interface RedeemingParts {
  readonly database: Database;
  readonly watch: {
    current(): RedeemingView | undefined;
    onBlock(fn: (view: RedeemingView) => void): () => void;
  };
  readonly transactions: {
    readonly account: JournalAccount;
    intend(tx: Transaction, intent: Intent): Promise<'added' | 'known'>;
    withdraw(id: IntentId): Promise<void>;
    onSettled(fn: (entry: SettledEntry) => void): () => void;
  };
  readonly contracts: { readonly ticketBroker: Hex; readonly roundsManager: Hex };
  readonly providers: {
    request<T>(method: string, params: readonly unknown[]): Promise<T>;
    requestAll<T>(
      method: string,
      params: readonly unknown[],
    ): Promise<
      readonly ({ readonly label: string } & (
        | { readonly ok: true; readonly value: T }
        | { readonly ok: false; readonly reason: string }
      ))[]
    >;
  };
  readonly rules: RedeemingRules;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** What became of all winning tickets since the database began. */
export interface RedeemingStatus {
  readonly won: bigint;
  readonly queued: bigint;
  /** A transaction for them exists that is not final. */
  readonly redeeming: bigint;
  readonly redeemed: bigint;
  readonly redeemedWei: Wei;
  readonly writtenOff: Readonly<Partial<Record<WriteOffReason, bigint>>>;
  /** Of the redemptions that are final. */
  readonly gasSpentWei: Wei;
}

/** Redemption of winning tickets at work. */
export interface Redeeming {
  /** One pass over all open tickets; resolves when it is done. Passes never overlap. */
  run(): Promise<void>;
  /** Face values of a sender (20 bytes) whose redemption is under way and in no block yet. */
  pendingOf(sender: Uint8Array): Wei;
  /** As of the last pass. */
  status(): RedeemingStatus;
  /** Waits for the pass that runs. */
  close(): Promise<void>;
}

/** Starts redeeming; see {@link Redeeming}. */
export type StartRedeeming = (parts: RedeemingParts) => Promise<Redeeming>;
