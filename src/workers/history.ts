import type { AssetId } from '../base/asset.ts';
import { type Clock, instant, type Timer } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Metrics } from '../base/metrics.ts';
import { uptimeOf } from '../base/uptime.ts';
import type { Database } from '../database/database.ts';
import type { Queryable } from '../database/transaction.ts';
import { quantile } from '../dispatch/histogram.ts';
import { demandIn } from './demand-store.ts';
import { addUpReceipts, forgetEarned } from './earned-store.ts';
import {
  addedUpUntil,
  addUpEarned,
  addUpOnline,
  addUpWork,
  earnedIn,
  firstWork,
  forgetDetails,
  lockHistory,
  workOfAll,
} from './history-store.ts';
import { historyMetrics } from './metrics.ts';
import { firstPoolOnline, poolOnline } from './presence-store.ts';
import { coveredMs, gapsIn, type Stretch } from './stretches.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** What uptime is told of. */
const SLA_DAYS = 30;
/** How old the figures of the hour that runs may be. */
const EVERY_MS = 60_000;
/** Hours of each worker: for "why no work" and the pages of its machines. Days stay. */
const HOURS_KEPT_MS = 30 * DAY_MS;
/** Stretches of online time: longer than any dispute about them takes. Days stay. */
const STRETCHES_KEPT_MS = 90 * DAY_MS;
/** Hours that are added up in one go after a long time off. */
const CATCH_UP_HOURS_MAX = 30 * 24;
/** Contributions are noted a moment after their time: an hour is looked at once more by then. */
const LATE_MS = 5 * 60_000;
/** A pool writes down that it is there every 15 s. */
const SEEN_MS = 60_000;

/** Keeps the history of the pool: adds up what ended, and forgets what days hold. */
export interface History {
  /** Adds up all until now. Throws what the database throws. */
  addUp(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Starts it. Everything is added up anew out of contributions, postings and stretches, which stay:
 * whoever adds up twice, or after a crash, comes to the same.
 */
export function startHistory(parts: {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Maintenance that was announced before. */
  planned(period: Stretch): Promise<readonly Stretch[]>;
}): History {
  const { database, clock, log } = parts;
  const figures = historyMetrics(parts.metrics);
  let timer: Timer | undefined;
  let running: Promise<void> = Promise.resolve();
  let closed = false;

  const done: Done = { hour: undefined, day: undefined };
  const work = async () => {
    await addUpAll(database, clock.now(), done);
    const now = clock.now();
    const period = { since: now - SLA_DAYS * DAY_MS, until: now };
    const planned = await parts.planned(period);
    const days = await poolHistory(database, 'day', period, { planned, now });
    figures.uptime(uptimeOf(days).share);
  };

  function inTurn(): Promise<void> {
    const mine = running.then(work, work);
    running = mine.catch(() => undefined);
    return mine;
  }

  function later(): void {
    if (closed) return;
    timer = clock.after(EVERY_MS, () => {
      inTurn()
        .catch((error: unknown) => log.warn('history_not_added_up', { error: messageOf(error) }))
        .finally(later);
    });
  }
  later();

  return {
    addUp: inTurn,
    async close() {
      closed = true;
      timer?.cancel();
      await running;
    },
  };
}

/** The last hour and day that this process knows to be added up, by when they begin. */
interface Done {
  hour: number | undefined;
  day: number | undefined;
}

async function addUpAll(database: Database, now: number, done: Done): Promise<void> {
  if (done.hour === undefined) {
    const known = await addedUpUntil(database);
    const work = await firstWork(database);
    const began = Math.min(work ?? now, (await firstPoolOnline(database)) ?? now);
    done.hour = floor(known.hour ?? work ?? now, HOUR_MS);
    done.day = known.day ?? floor(began, DAY_MS) - DAY_MS;
  }
  const running = floor(now, HOUR_MS);
  // The last one went on since, and what was noted late belongs to the one before.
  const from = Math.min(done.hour, floor(now - LATE_MS, HOUR_MS));
  for (
    let at = Math.max(from, running - CATCH_UP_HOURS_MAX * HOUR_MS);
    at <= running;
    at += HOUR_MS
  ) {
    const span = { since: at, until: at + HOUR_MS };
    const mine = await database.transact(async (tx) => {
      if (!(await lockHistory(tx))) return false;
      await addUpWork(tx, 'hour', span);
      await addUpEarned(tx, span);
      return true;
    });
    if (!mine) return;
    done.hour = at;
  }
  await addUpEarnings(database, now);
  await addUpDays(database, now, done);
}

/** Receipts since the last time, of every worker that has new ones. */
async function addUpEarnings(database: Database, now: number): Promise<void> {
  for (let after: string | undefined = ''; after !== undefined; ) {
    const from: string = after;
    after = await database.transact(async (tx) =>
      (await lockHistory(tx)) ? addUpReceipts(tx, from, instant(now - HOURS_KEPT_MS)) : undefined,
    );
  }
}

/** Days that have ended, a little after their end, so that nothing that was noted late is missing. */
async function addUpDays(database: Database, now: number, done: Done): Promise<void> {
  const today = floor(now - LATE_MS, DAY_MS);
  for (let at = (done.day ?? today) + DAY_MS; at < today; at += DAY_MS) {
    const span = { since: at, until: at + DAY_MS };
    const mine = await database.transact(async (tx) => {
      if (!(await lockHistory(tx))) return false;
      await addUpWork(tx, 'day', span);
      await addUpOnline(tx, span);
      await forgetDetails(tx, {
        hours: today - HOURS_KEPT_MS,
        stretches: today - STRETCHES_KEPT_MS,
      });
      await forgetEarned(tx, instant(today - HOURS_KEPT_MS));
      return true;
    });
    if (!mine) return;
    done.day = at;
  }
}

function floor(at: number, stepMs: number): number {
  return Math.floor(at / stepMs) * stepMs;
}

/** The pool in an hour or a day. */
export interface PoolHistory {
  readonly at: number;
  /** Undefined before the pool measured, and of what is still to come. */
  readonly upMs: number | undefined;
  readonly downMs: number | undefined;
  /** Of the time down: as planned before. */
  readonly plannedMs: number;
  /** Jobs that gateways sent; how many failed; attempts after one that came to nothing. */
  readonly jobs: number;
  readonly failed: number;
  readonly retried: number;
  /** Segments that workers were credited, and their pixels. */
  readonly credited: number;
  readonly pixels: bigint;
  /** Milliseconds that the pool added to a job, to a fifth; undefined where there was none. */
  readonly addedP50Ms: number | undefined;
  readonly addedP99Ms: number | undefined;
  readonly earned: Readonly<Record<AssetId, bigint>>;
}

/**
 * The pool by hour or day within a period. `planned`: maintenance that was announced before, within
 * which downtime was to be expected.
 */
export async function poolHistory(
  from: Queryable,
  span: 'hour' | 'day',
  period: Stretch,
  options: { readonly planned: readonly Stretch[]; readonly now: number },
): Promise<readonly PoolHistory[]> {
  const stepMs = span === 'hour' ? HOUR_MS : DAY_MS;
  const within = {
    since: Math.floor(period.since / stepMs) * stepMs,
    until: Math.ceil(Math.min(period.until, options.now) / stepMs) * stepMs,
  };
  const [up, began, demand, work, earned] = await Promise.all([
    poolOnline(from, within),
    firstPoolOnline(from),
    demandIn(from, within),
    workOfAll(from, within),
    earnedIn(from, within),
  ]);
  const stepOf = (at: number) => floor(at, stepMs);
  const known = knownUntil(up, options.now);
  const demandOf = Map.groupBy(demand, ({ hour }) => stepOf(hour));
  const workOf = Map.groupBy(work, ({ at }) => stepOf(at));
  const earnedOf = Map.groupBy(earned, ({ at }) => stepOf(at));
  const rows: PoolHistory[] = [];
  for (let at = within.since; at < within.until; at += stepMs) {
    const seen = {
      since: Math.max(at, began ?? Number.POSITIVE_INFINITY),
      until: Math.min(at + stepMs, known),
    };
    const counted = demandOf.get(at) ?? [];
    const done = workOf.get(at) ?? [];
    const added = sumOf(counted.map((each) => each.added));
    rows.push({
      at,
      ...upIn(up, seen, options.planned),
      jobs: counted.reduce((sum, { jobs }) => sum + jobs, 0),
      failed: counted.reduce((sum, { failed }) => sum + failed, 0),
      retried: counted.reduce((sum, { retried }) => sum + retried, 0),
      credited: done.reduce((sum, { jobs }) => sum + jobs, 0),
      pixels: done.reduce((sum, { pixels }) => sum + pixels, 0n),
      addedP50Ms: quantile(added, 0.5),
      addedP99Ms: quantile(added, 0.99),
      earned: amountsOf(earnedOf.get(at) ?? []),
    });
  }
  return rows;
}

/** A pool that runs was seen some seconds ago: what came since is not known, and no downtime. */
function knownUntil(up: readonly Stretch[], now: number): number {
  const seen = up.reduce((last, { until }) => Math.max(last, until), 0);
  return now - seen < SEEN_MS ? Math.min(seen, now) : now;
}

function upIn(
  up: readonly Stretch[],
  seen: Stretch,
  planned: readonly Stretch[],
): Pick<PoolHistory, 'upMs' | 'downMs' | 'plannedMs'> {
  if (seen.until <= seen.since) return { upMs: undefined, downMs: undefined, plannedMs: 0 };
  const upMs = coveredMs(up, seen);
  const plannedMs = gapsIn(up, seen).reduce((sum, gap) => sum + coveredMs(planned, gap), 0);
  return { upMs, downMs: seen.until - seen.since - upMs, plannedMs };
}

function sumOf(histograms: readonly (readonly number[])[]): readonly number[] {
  const sums: number[] = [];
  for (const counts of histograms) {
    for (const [bucket, count] of counts.entries()) sums[bucket] = (sums[bucket] ?? 0) + count;
  }
  return sums;
}

function amountsOf(
  rows: readonly { readonly asset: AssetId; readonly amount: bigint }[],
): Readonly<Record<AssetId, bigint>> {
  const sums: Record<string, bigint> = {};
  for (const { asset, amount } of rows) sums[asset] = (sums[asset] ?? 0n) + amount;
  return sums;
}
