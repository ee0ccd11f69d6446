import type { Address } from 'viem';
import type { Clock } from '../base/clock.ts';
import { TributaryError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Metrics } from '../base/metrics.ts';
import type { Database } from '../database/database.ts';
import type { Contracts } from './contracts.ts';
import type { ChainView, Redeemed, SenderLoad, SenderState, WatchAlarm } from './view.ts';
import type { WatchRpc } from './watch-rpc.ts';

/** Takes a subscription back. */
export type Unsubscribe = () => void;

/** Follows the chain and keeps what matters of it in memory. */
export interface ChainWatch {
  /** Undefined until the providers answered for the first time. */
  current(): ChainView | undefined;
  /** From memory; undefined when it has to be loaded. */
  sender(address: Uint8Array): SenderState | undefined;
  /** From memory, or asked of the chain: unknown ones only so many in a second. */
  loadSender(address: Uint8Array): Promise<SenderLoad>;
  /** After each block that was looked at, when senders are up to date with it, too. */
  onBlock(fn: (view: ChainView) => void): Unsubscribe;
  /** When the current round, or the last initialised one or its hash, is another than before. */
  onRound(fn: (view: ChainView) => void): Unsubscribe;
  /**
   * At least once for each, in the order of the chain, also for what happened while this program was
   * down; a promise is awaited before the block counts as seen.
   */
  onRedeemed(fn: (event: Redeemed) => void | Promise<void>): Unsubscribe;
  /** What is wrong just now, or was within the last minutes. */
  alarms(): readonly WatchAlarm[];
  close(): Promise<void>;
}

/** What {@link openChainWatch} needs. */
export interface ChainWatchParts {
  readonly database: Database;
  readonly providers: WatchRpc;
  readonly contracts: Contracts;
  /** Whom the tickets of this pool name. */
  readonly recipient: Address;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  /** How often the chain is looked at, milliseconds. */
  readonly pollMs: number;
  /** Blocks must carry `l1BlockNumber`. */
  readonly arbitrum: boolean;
  /**
   * Whose place in the chain the database keeps. Programs of one name share it: what one of them was
   * told, none is told again. Default `pool`.
   */
  readonly follower?: string;
}

/**
 * Goes on with the chain where this follower stopped, and resolves after the first look, whether
 * that was answered or not.
 */
export async function openChainWatch(_parts: ChainWatchParts): Promise<ChainWatch> {
  throw new TributaryError('internal', 'not there yet');
}
