import type { Hex } from 'viem';
import { TributaryError } from '../base/errors.ts';
import type { Database } from '../database/database.ts';
import type { Redeemed } from './view.ts';
import type { Alarms } from './watch-alarms.ts';
import {
  type Block,
  commonHead,
  type Header,
  headsDiffer,
  larger,
  OVERLAP,
  quantity,
  RANGE_START,
  type Range,
  rangeFrom,
  readHeader,
  remember,
  type Standing,
  smaller,
  standingOf,
} from './watch-blocks.ts';
import {
  type BrokerEvent,
  changeOf,
  type EventAnswers,
  mergeEvents,
  type RawLog,
  readLogs,
  redeemedBy,
  senderOf,
  watchedTopics,
} from './watch-events.ts';
import type { Asker } from './watch-rpc.ts';
import { type FollowerKey, loadPlace, startPlace, storeSeen } from './watch-store.ts';

/** Providers further behind the first are left out: a minute of Arbitrum. */
const HEAD_LAG_MAX = 240n;
/** Providers that contradict each other for so many looks do not only see a reorg at another time. */
const UNSETTLED_MAX = 3;
/** Blocks compared at once in the search for where two chains part. */
const COMPARED_AT_ONCE = 16;

/** What following blocks and events needs. */
export interface FollowParts {
  readonly database: Database;
  readonly rpc: Asker;
  readonly key: FollowerKey;
  readonly ticketBroker: Hex;
  readonly arbitrum: boolean;
  readonly alarms: Alarms;
  /** Told before what it is about counts as seen. */
  readonly redeemed: (event: Redeemed) => Promise<void>;
  /** Told of each sender whose funds may be others now. */
  readonly changed: (sender: string) => void;
  /** Told when blocks that were seen are gone. */
  readonly undone: (depth: bigint) => void;
}

/** Follows the blocks of a chain and the events of TicketBroker in them. */
export interface Follow {
  /**
   * The newest block, without going through what lies between; only a place that is new starts there.
   * Undefined when nobody tells.
   */
  begin(): Promise<Block | undefined>;
  /**
   * Goes on to the newest block, and says which it is; undefined when nobody tells. What it throws is
   * of the providers or the database; then it goes on from the last block that is stored.
   */
  step(): Promise<Block | undefined>;
}

/** Begins where this follower stopped, or with the newest block. */
export async function createFollow(parts: FollowParts): Promise<Follow> {
  const { database, rpc, key, arbitrum, alarms } = parts;
  const stored = await loadPlace(database, key);
  let blocks = stored?.blocks ?? [];
  let events = stored?.events ?? [];
  let since = stored?.since ?? 0n;
  let size = RANGE_START;
  let unsettled = 0;
  /** Providers that serve this chain now. */
  let trusted: ReadonlySet<string> = new Set();
  let onThisChain = false;

  const headerAt = async (number: bigint): Promise<Block | undefined> => {
    const params = [`0x${number.toString(16)}`, false];
    return readHeader(await rpc.request<Header | null>('eth_getBlockByNumber', params), {
      arbitrum,
    });
  };

  /** The newest block that all providers of this chain know. */
  async function newest(): Promise<Block | undefined> {
    const [ids, latest] = await Promise.all([
      rpc.askAll<string>('eth_chainId', []),
      rpc.askAll<Header | null>('eth_getBlockByNumber', ['latest', false]),
    ]);
    const here = ids.filter(({ value }) => quantity(value) === BigInt(rpc.chainId));
    trusted = new Set(here.map(({ label }) => label));
    const heads = latest
      .filter(({ label }) => trusted.has(label))
      .map(({ value }) => readHeader(value, { arbitrum }))
      .filter((head) => head !== undefined);
    if (!headsDiffer(heads)) unsettled = 0;
    else if (++unsettled >= UNSETTLED_MAX) alarms.raise('blocks_differ');
    return unsettled > 0 ? undefined : commonHead(heads, HEAD_LAG_MAX);
  }

  /** A chain for development that began anew has the id of the one before, but another block 0. */
  async function beginOn(head: Block): Promise<boolean> {
    const first = await headerAt(0n);
    if (!first) return false;
    if (stored?.genesis !== first.hash) {
      await database.transact((tx) =>
        startPlace(tx, key, { genesis: first.hash, since: head.number }),
      );
      [blocks, events, since] = [[], [], head.number];
    }
    return true;
  }

  /** What the providers say happened in a range; a smaller one where they say that it is too much. */
  async function eventsIn(from: bigint, head: bigint): Promise<[Range, EventAnswers]> {
    for (;;) {
      const range = rangeFrom(from, head, size) ?? { from, to: from };
      const filter = {
        address: parts.ticketBroker,
        fromBlock: `0x${range.from.toString(16)}`,
        toBlock: `0x${range.to.toString(16)}`,
        topics: [watchedTopics],
      };
      const answers = await rpc.askAll<readonly RawLog[]>('eth_getLogs', [filter]);
      const read = answers
        .filter(({ label }) => trusted.has(label))
        .map(({ value }) => readLogs(value, { address: parts.ticketBroker, ...range }))
        .filter((logs) => logs !== undefined);
      if (read.length > 0) {
        size = larger(size);
        const merged = mergeEvents(read);
        if (merged.differ) alarms.raise('events_differ');
        return [range, merged];
      }
      const half = smaller(range);
      if (half === undefined) {
        throw new TributaryError('rpc_unavailable', 'No provider tells the events of a block.');
      }
      size = half;
    }
  }

  /** The newest block that was looked at and is still there. */
  async function lastCommon(head: Block): Promise<Block | undefined> {
    const candidates = blocks.filter(({ number }) => number < head.number).reverse();
    for (let at = 0; at < candidates.length; at += COMPARED_AT_ONCE) {
      const some = candidates.slice(at, at + COMPARED_AT_ONCE);
      const now = await Promise.all(some.map(({ number }) => headerAt(number)));
      const same = some.find(({ hash }, index) => now[index]?.hash === hash);
      if (same) return same;
    }
    return undefined;
  }

  /** Tells what happened in a stretch, stores it, and only then takes it as seen. */
  async function see(stretch: Stretch): Promise<void> {
    const { range, answers, block, isLast } = stretch;
    const undoneFrom = later(range.from, stretch.undoneFrom);
    const scope = events.filter(
      (event) => event.block >= range.from && (isLast || event.block <= range.to),
    );
    const change = changeOf(scope, answers.agreed, undoneFrom);
    const doubtful = answers.differ ? answers.all : [];
    for (const event of [...change.removed, ...change.added, ...doubtful]) {
      parts.changed(senderOf(event));
    }
    for (const event of change.removed) await tell(redeemedBy(event, true));
    for (const event of change.added) await tell(redeemedBy(event, false));
    const before = blocks.filter(({ number }) => number < stretch.undoneFrom);
    const isNewer = block.number > (before.at(-1)?.number ?? -1n);
    const kept = isNewer ? remember(before, block) : before;
    const oldest = kept[0]?.number ?? 0n;
    const newest = isNewer ? block : undefined;
    await database.transact((tx) =>
      storeSeen(tx, key, { block: newest, undoneFrom, oldest, change }),
    );
    const gone = new Set(change.removed);
    blocks = kept;
    events = [...events.filter((event) => !gone.has(event)), ...change.added].filter(
      (event) => event.block >= oldest,
    );
  }

  async function tell(event: Redeemed | undefined): Promise<void> {
    if (event) await parts.redeemed(event);
  }

  /** Sees everything after a block that is still there, and some before it again. */
  async function catchUp(good: bigint, head: Block, overlap: bigint): Promise<void> {
    const undoneFrom = good + 1n;
    for (let next = later(since, good - overlap) + 1n; next <= head.number; ) {
      const [range, answers] = await eventsIn(next, head.number);
      const isLast = range.to >= head.number;
      const block = isLast ? head : await headerAt(range.to);
      if (!block || answers.all.some((event) => isForeign(event, block))) throw movedOn();
      await see({ range, answers, block, undoneFrom, isLast });
      next = range.to + 1n;
    }
  }

  /** The newest block, once it is known that it is of the chain that the place is on. */
  async function headHere(): Promise<Block | undefined> {
    const head = await newest();
    if (!head) return undefined;
    onThisChain ||= await beginOn(head);
    if (!onThisChain) return undefined;
    if (blocks.length === 0) {
      const range = { from: head.number, to: head.number };
      await see({ range, answers: NONE, block: head, undoneFrom: 0n, isLast: true });
    }
    return head;
  }

  return {
    begin: headHere,
    async step() {
      const head = await headHere();
      const tip = blocks.at(-1);
      if (!head || !tip) return undefined;
      const standing = standingOf(blocks, head);
      const is =
        standing.is === 'unclear'
          ? settled(standing, await headerAt(standing.ask.number))
          : standing.is;
      if (is === 'linked') {
        await catchUp(tip.number, head, OVERLAP);
      } else if (is === 'forked') {
        const common = await lastCommon(head);
        if (!common) alarms.raise('reorg_too_deep');
        const good = common?.number ?? (blocks[0]?.number ?? 0n) - 1n;
        parts.undone(tip.number - good);
        await catchUp(good, head, 0n);
      }
      return blocks.at(-1);
    },
  };
}

interface Stretch {
  readonly range: Range;
  readonly answers: EventAnswers;
  /** The last one of the range. */
  readonly block: Block;
  /** What was seen of this block and later ones before is gone, unless it is seen again. */
  readonly undoneFrom: bigint;
  readonly isLast: boolean;
}

const NONE: EventAnswers = { all: [], agreed: [], differ: false };

function settled(
  standing: Extract<Standing, { is: 'unclear' }>,
  now: Block | undefined,
): 'old' | 'linked' | 'forked' {
  if (!now) return 'old';
  return now.hash === standing.ask.hash ? standing.otherwise : 'forked';
}

/** Of a block of the same number on another branch: the chain changed between two questions. */
function isForeign(event: BrokerEvent, { number, hash }: Block): boolean {
  return event.block === number && event.blockHash !== hash;
}

function movedOn(): TributaryError {
  return new TributaryError('rpc_unavailable', 'The chain changed while it was being read.');
}

function later(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
