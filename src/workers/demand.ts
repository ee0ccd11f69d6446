import type { Clock, Timer } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { WorkerId } from '../base/ids.ts';
import type { Log } from '../base/log.ts';
import type { Database } from '../database/database.ts';
import type { DemandCounts, Dispatch, WorkerShare } from '../dispatch/dispatch-types.ts';
import { bucketOf } from '../dispatch/histogram.ts';
import { type DemandRow, noteDemand, noteShares, type WorkerCounts } from './demand-store.ts';

/** How often what dispatch counted is taken down. What is lost with a killed process is no money. */
const EVERY_MS = 60_000;
const HOUR_MS = 3_600_000;
/** Workers that are looked at before others have their turn: well under a millisecond. */
const TURN = 200;
/** Rows in one statement. */
const ROWS_MAX = 500;
/** Rows that wait while the database is away. */
const WAITING_MAX = 200_000;

/** Takes down by the hour what was asked for, and who got it. */
export interface Demand {
  /** Takes down all that was counted until now. Throws what the database throws. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

type Counted = { -readonly [K in keyof WorkerCounts]: number };

/**
 * Starts it. Dispatch counts by group of workers and never by worker, so a job costs nothing more
 * here; once a minute each worker's part is reckoned from that.
 */
export function startDemand(parts: {
  readonly dispatch: Pick<Dispatch, 'demand' | 'shares'>;
  /** Milliseconds that the pool added to jobs since the start, by bucket of a histogram. */
  added(): readonly number[];
  /** The name of this run of the node. */
  readonly node: string;
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Log;
}): Demand {
  const { dispatch, node, database, clock, log } = parts;
  const seen = new Map<WorkerId, WorkerShare>();
  const hours = new Map<WorkerId, Counted>();
  const waiting = new Map<string, { hour: number; worker: WorkerId; counts: Counted }>();
  const waitingDemand = new Map<number, DemandRow>();
  let hour = hourOf(clock.now());
  let atHour: Totals = { demand: nothing, added: [] };
  let atLook: DemandCounts = nothing;
  let timer: Timer | undefined;
  let running: Promise<void> = Promise.resolve();
  let closed = false;

  /** Everything that was counted since the last look is of the hour that runs, or has just ended. */
  async function look(): Promise<void> {
    const demand = dispatch.demand();
    const added = parts.added();
    waitingDemand.set(hour, rowOf(hour, { demand, added }, atHour));
    const winners = difference(demand.winners, atLook.winners);
    atLook = demand;
    let looked = 0;
    for (const share of dispatch.shares()) {
      take(share, winners);
      if (++looked % TURN === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    const now = hourOf(clock.now());
    if (now === hour) return;
    hour = now;
    hours.clear();
    atHour = { demand, added };
  }

  function take(share: WorkerShare, winners: readonly number[]): void {
    const known = seen.get(share.worker);
    // Dispatch forgets the oldest of very many workers, and counts them anew when they come back.
    const before = known && known.given <= share.given ? known : undefined;
    const since = (reason: keyof WorkerShare['missed']) =>
      share.missed[reason] - (before?.missed[reason] ?? 0);
    const passed = since('slower');
    const changes: Counted = {
      given: share.given - (before?.given ?? 0),
      passed,
      faster: passed * fasterShare(winners, share.pace95),
      affinity: since('affinity'),
      full: since('full'),
      paused: since('paused'),
      draining: since('draining'),
      quarantined: since('quarantined'),
      capability: since('capability'),
      version: since('version'),
    };
    seen.set(share.worker, share);
    if (Object.values(changes).every((count) => count === 0)) return;
    const { worker } = share;
    const counts = hours.get(worker) ?? { ...changes };
    if (hours.has(worker)) {
      for (const name of Object.keys(changes) as (keyof Counted)[]) counts[name] += changes[name];
    } else hours.set(worker, counts);
    if (waiting.size < WAITING_MAX) waiting.set(`${hour} ${worker}`, { hour, worker, counts });
  }

  async function write(): Promise<void> {
    await look();
    for (const [key, row] of [...waitingDemand]) {
      await noteDemand(database, node, row);
      if (waitingDemand.get(key) === row) waitingDemand.delete(key);
    }
    const rows = [...waiting];
    for (let at = 0; at < rows.length; at += ROWS_MAX) {
      const some = rows.slice(at, at + ROWS_MAX);
      await noteShares(
        database,
        node,
        some.map(([, row]) => row),
      );
      for (const [key] of some) waiting.delete(key);
    }
  }

  function inTurn(): Promise<void> {
    const mine = running.then(write, write);
    running = mine.catch(() => undefined);
    return mine;
  }

  function later(): void {
    if (closed) return;
    const now = clock.now();
    // A look at the end of each hour keeps the hours apart.
    const wait = Math.min(EVERY_MS, hourOf(now) + HOUR_MS - now);
    timer = clock.after(wait, () => {
      inTurn()
        .catch((error: unknown) => log.warn('demand_not_written', { error: messageOf(error) }))
        .finally(later);
    });
  }
  later();

  return {
    flush: () => (closed ? running : inTurn()),
    async close() {
      if (closed) return;
      closed = true;
      timer?.cancel();
      await inTurn().catch((error: unknown) =>
        log.warn('demand_not_written', { error: messageOf(error) }),
      );
    },
  };
}

interface Totals {
  readonly demand: DemandCounts;
  readonly added: readonly number[];
}

const nothing: DemandCounts = { jobs: 0, failed: 0, retried: 0, winners: [], asked: [] };

function rowOf(hour: number, now: Totals, before: Totals): DemandRow {
  const known = new Map(before.demand.asked.map(({ bits, count }) => [bits, count]));
  const asked = now.demand.asked
    .map(({ bits, count }) => ({ bits, count: count - (known.get(bits) ?? 0) }))
    .filter(({ count }) => count > 0)
    .map(({ bits, count }) => [bits < 0n ? 'other' : bits.toString(16), count] as const);
  return {
    hour,
    jobs: now.demand.jobs - before.demand.jobs,
    failed: now.demand.failed - before.demand.failed,
    retried: now.demand.retried - before.demand.retried,
    asked: Object.fromEntries(asked),
    added: difference(now.added, before.added),
    winners: difference(now.demand.winners, before.demand.winners),
  };
}

function difference(now: readonly number[], before: readonly number[]): readonly number[] {
  return now.map((count, bucket) => count - (before[bucket] ?? 0));
}

/** How large a part of those who got jobs is faster than this; nothing is said of the unknown. */
function fasterShare(winners: readonly number[], pace95: number): number {
  if (pace95 === 0) return 0;
  const own = bucketOf(pace95);
  let all = 0;
  let faster = 0;
  for (const [bucket, count] of winners.entries()) {
    all += count;
    if (bucket > 0 && bucket < own) faster += count;
  }
  return all === 0 ? 0 : faster / all;
}

function hourOf(now: number): number {
  return Math.floor(now / HOUR_MS) * HOUR_MS;
}
