import type { Address } from 'viem';
import { hex } from '../base/bytes.ts';
import type { Clock, Timer } from '../base/clock.ts';
import { messageOf, TributaryError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Metrics } from '../base/metrics.ts';
import type { Database } from '../database/database.ts';
import type { Contracts } from './contracts.ts';
import { watchMetrics } from './metrics.ts';
import { createSenders, KNOWN_MAX } from './senders.ts';
import type { ChainView, Redeemed, SenderLoad, SenderState, WatchAlarm } from './view.ts';
import { createAlarms } from './watch-alarms.ts';
import { createFollow } from './watch-follow.ts';
import { createAsker, type WatchRpc } from './watch-rpc.ts';
import { loadSenders, storeSenders } from './watch-store.ts';
import { createViewReader } from './watch-view.ts';

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
  /**
   * Told of each ticket that was redeemed: at least once, in the order of the chain, from the second
   * look on also of what happened while no program followed. A block counts as seen only when this
   * is done, so that whoever is killed before is told again.
   */
  readonly redeemed?: (event: Redeemed) => Promise<void>;
}

/**
 * Goes on with the chain where this follower stopped, and resolves after the first look, whether
 * that was answered or not.
 *
 * @throws TributaryError of the database, when what is stored cannot be read
 */
export async function openChainWatch(parts: ChainWatchParts): Promise<ChainWatch> {
  const { database, contracts, recipient, clock, log, pollMs, arbitrum } = parts;
  const rpc = createAsker(parts.providers, clock);
  const key = { chainId: rpc.chainId, follower: parts.follower ?? 'pool' };
  let current: ChainView | undefined;
  const metrics = watchMetrics(parts.metrics, {
    viewAt: () => current?.at,
    now: () => clock.now(),
    senders: () => senders.size,
  });
  const alarms = createAlarms({ clock, log, seen: metrics.alarmed });
  const listeners = {
    block: new Set<(view: ChainView) => void>(),
    round: new Set<(view: ChainView) => void>(),
  };
  const changed = new Set<string>();
  const reader = createViewReader({ rpc, place: { contracts, recipient }, arbitrum, alarms });
  const senders = createSenders({
    read: (keys, { blockHash }) => {
      metrics.sendersRead(keys.length);
      return reader.senders(keys, blockHash);
    },
    callsPerRead: rpc.count,
    known: await loadSenders(database, key.chainId, KNOWN_MAX),
    clock,
  });
  const follow = await createFollow({
    ...{ database, rpc, key, arbitrum, alarms },
    ticketBroker: contracts.ticketBroker,
    redeemed: tellRedeemed,
    changed: (sender) => changed.add(sender),
    undone(depth) {
      metrics.undone(Number(depth));
      log.info('chain_reorganized', { count: Number(depth) });
    },
  });
  let timer: Timer | undefined;
  let closed = false;

  async function look(go: 'first' | 'on'): Promise<void> {
    // To go through what happened meanwhile may take long; nobody has to wait for that.
    const tip = go === 'first' ? await follow.begin() : await follow.step();
    if (!tip) throw nobodyAnswers();
    if (tip.hash === current?.blockHash) return;
    const view = await reader.view(tip);
    // Also when they cannot be read now: what changed is read with the next block.
    const upToDate = view && (await senders.advance(view, changed));
    if (view) changed.clear();
    if (!view || !upToDate) throw nobodyAnswers();
    await senders.settle((change) => storeSenders(database, key.chainId, change));
    publish(view);
  }

  function publish(view: ChainView): void {
    const isOtherRound = current === undefined || roundKey(current) !== roundKey(view);
    current = view;
    const told = isOtherRound ? [...listeners.block, ...listeners.round] : listeners.block;
    for (const listener of told) {
      try {
        listener(view);
      } catch (error) {
        log.error('chain_listener_failed', { error: messageOf(error) });
      }
    }
  }

  /** A defect there must not hold up the chain; what lacked only a database is told again. */
  async function tellRedeemed(event: Redeemed): Promise<void> {
    try {
      await parts.redeemed?.(event);
    } catch (error) {
      if (isDatabase(error)) throw error;
      log.error('chain_listener_failed', { error: messageOf(error) });
    }
  }

  async function lookAndPlan(go: 'first' | 'on'): Promise<void> {
    try {
      await look(go);
      alarms.clear('rpc_unavailable');
    } catch (error) {
      metrics.failed();
      if (!isDatabase(error)) alarms.raise('rpc_unavailable');
      log.debug('chain_look_failed', { error: messageOf(error) });
    }
    if (arbitrum && current && clock.now() - current.at > HEAD_OLD_MS) alarms.raise('head_old');
    if (!closed) timer = clock.after(pollMs, () => (looking = lookAndPlan('on')));
  }
  let looking = lookAndPlan('first');
  await looking;

  const subscribe = <T>(to: Set<T>, fn: T): Unsubscribe => {
    to.add(fn);
    return () => to.delete(fn);
  };
  return {
    current: () => current,
    sender: (address) => senders.get(address),
    loadSender: (address) => senders.load(address),
    onBlock: (fn) => subscribe(listeners.block, fn),
    onRound: (fn) => subscribe(listeners.round, fn),
    alarms: () => alarms.shown(),
    async close() {
      closed = true;
      timer?.cancel();
      senders.close();
      await looking;
    },
  };
}

/** Arbitrum makes blocks all the time; so old a head is not the head. */
const HEAD_OLD_MS = 120_000;

function roundKey({ currentRound, round }: ChainView): string {
  return `${currentRound} ${round.lastInitialized} ${hex(round.blockHash)}`;
}

function nobodyAnswers(): TributaryError {
  return new TributaryError('rpc_unavailable', 'No provider tells what the newest block says.');
}

/** The database has alarms of its own. */
function isDatabase(error: unknown): boolean {
  return error instanceof TributaryError && error.code.startsWith('database_');
}
