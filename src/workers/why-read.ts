import sql from 'sql-template-tag';
import type { WorkerId } from '../base/ids.ts';
import type { Queryable } from '../database/transaction.ts';
import { demandIn, sharesIn } from './demand-store.ts';
import { p95OfOthers, workIn } from './history-store.ts';
import { onlineOf } from './presence-store.ts';
import { coveredMs, type Stretch } from './stretches.ts';
import { type Why, why } from './why.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Where a worker got nothing of late, its speed is what it was in this time. */
const REMEMBERED_MS = 7 * DAY_MS;
/** The curve of demand: days show as waves. */
const CURVE_MS = 3 * DAY_MS;
/** Counts are kept for 30 days. */
const PERIOD_MS_MAX = 30 * DAY_MS;

/**
 * Why a worker got no work within a period, or what it got. Counts are kept by the hour: the period
 * begins at the full hour that is nearest.
 */
export async function whyNoWork(from: Queryable, worker: WorkerId, asked: Stretch): Promise<Why> {
  const until = asked.until;
  const nearest = Math.round(Math.max(asked.since, until - PERIOD_MS_MAX) / HOUR_MS) * HOUR_MS;
  const since = nearest < until ? nearest : Math.floor(asked.since / HOUR_MS) * HOUR_MS;
  const period = { since, until };
  const [demand, counts, work, theirsMs, online, bits, before] = await Promise.all([
    demandIn(from, { since: Math.min(since, until - CURVE_MS), until }),
    sharesIn(from, worker, period),
    workIn(from, 'hour', period, worker),
    p95OfOthers(from, worker, period),
    onlineOf(from, worker, period),
    offeredBy(from, worker),
    workIn(from, 'hour', { since: until - REMEMBERED_MS, until }, worker),
  ]);
  const within = demand.filter(({ hour }) => hour >= since);
  const askedFor: Record<string, number> = {};
  for (const row of within) {
    for (const [bits, jobs] of Object.entries(row.asked))
      askedFor[bits] = (askedFor[bits] ?? 0) + jobs;
  }
  return why({
    period,
    jobs: within.reduce((sum, { jobs }) => sum + jobs, 0),
    asked: askedFor,
    counts,
    failed: work.reduce((sum, { failures }) => sum + failuresIn(failures), 0),
    bits,
    onlineMs: coveredMs(online, period),
    nodes: new Set(within.map(({ node }) => node)).size,
    speed: { mineMs: p95Of(work) ?? p95Of(before), theirsMs },
    curve: curveOf(demand),
  });
}

/** Jobs by hour, of all nodes; hours without a row had none that was counted. */
export function curveOf(
  demand: readonly { readonly hour: number; readonly jobs: number }[],
): readonly { readonly hour: number; readonly jobs: number }[] {
  const hours = new Map<number, number>();
  for (const { hour, jobs } of demand) hours.set(hour, (hours.get(hour) ?? 0) + jobs);
  return [...hours].map(([hour, jobs]) => ({ hour, jobs }));
}

function failuresIn(failures: Readonly<Record<string, number>>): number {
  return Object.values(failures).reduce((sum, count) => sum + count, 0);
}

/** The p95 of hours, each weighed by what was done in it. */
function p95Of(
  work: readonly { readonly jobs: number; readonly p95Ms: number | undefined }[],
): number | undefined {
  const done = work.filter(({ p95Ms, jobs }) => p95Ms !== undefined && jobs > 0);
  const jobs = done.reduce((sum, each) => sum + each.jobs, 0);
  if (jobs === 0) return undefined;
  return done.reduce((sum, each) => sum + (each.p95Ms ?? 0) * each.jobs, 0) / jobs;
}

/** What the last machines of a worker offered together. */
async function offeredBy(from: Queryable, worker: WorkerId): Promise<bigint | undefined> {
  const { rows } = await from.query<{ bits: string }>(sql`
    select bits from worker_machine where worker = ${worker} order by joined_at desc limit 8`);
  if (rows.length === 0) return undefined;
  return rows.reduce((all, { bits }) => all | BigInt(`0x${bits}`), 0n);
}
