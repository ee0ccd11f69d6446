import type { Address } from 'viem';
import type { Clock, Instant } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Metrics } from '../base/metrics.ts';
import type { Contracts } from '../chain/contracts.ts';
import type { Providers } from '../chain/providers.ts';
import type { Transactions } from '../chain/transactions.ts';
import type { ChainWatch } from '../chain/watch.ts';
import type { Database } from '../database/database.ts';
import type { ChainActions } from './action-types.ts';
import type { Alarm } from './alarms.ts';

/** What the operator wants done. */
export interface DutyRules {
  /** Call reward in every round. */
  readonly reward: boolean;
  /** Initialise a round that nobody else does, while the orchestrator is active in it. */
  readonly initializeRound: boolean;
  /** Longest random wait before that, so that not everybody pays for the same. */
  readonly initializeRoundDelayMsMax: number;
  /** Withdraw fees once they are this much; undefined: never by itself. */
  readonly withdrawFees: { readonly thresholdWei: bigint; readonly recipient: Address } | undefined;
  /** An alarm when an account that pays for gas has less. */
  readonly gasMoneyWeiMin: bigint;
  /** An alarm when the certificate ends within this time. */
  readonly certificateMsMin: number;
}

/** What the duties stand on. */
export interface DutiesParts {
  readonly database: Database;
  readonly providers: Providers;
  readonly contracts: Contracts;
  readonly watch: ChainWatch;
  /** The registered address: stake, rewards, fees and service URI are its. Its key may be elsewhere. */
  readonly orchestrator: Address;
  /** The account that signs results; it pays for what anybody may do. */
  readonly node: Address;
  /** One for each account whose key the signer holds; the same object where accounts coincide. */
  readonly transactions: {
    readonly orchestrator: Transactions | undefined;
    readonly rewardCaller: Transactions | undefined;
    readonly node: Transactions | undefined;
    /** Pays workers; duties only watch that it can. */
    readonly payout?: Transactions | undefined;
  };
  readonly rules: DutyRules;
  /** Where gateways shall reach this pool; undefined: the registry is not compared. */
  readonly serviceUri: string | undefined;
  /** Whether what answers there shows that it holds the node's key. Never rejects. */
  answersAsUs(serviceUri: string): Promise<boolean>;
  /** When the certificate that gateways see ends; undefined: not by a date. */
  certificateEndsAt(): Instant | undefined;
  /** From 0 up to, without, 1. */
  random(): number;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** The running duties. */
export interface Duties {
  /** For the admin API. */
  readonly actions: ChainActions;
  alarms(): readonly Alarm[];
  close(): Promise<void>;
}
