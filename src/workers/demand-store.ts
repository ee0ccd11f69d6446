import sql from 'sql-template-tag';
import type { Instant } from '../base/clock.ts';
import type { WorkerId } from '../base/ids.ts';
import type { Queryable } from '../database/transaction.ts';
import type { Stretch } from './stretches.ts';

/** What became of the jobs of an hour for one worker. */
export const shareNames = [
  'given',
  /** It was free, and somebody else was taken: {@link WorkerCounts.faster} of them faster ones. */
  'passed',
  'affinity',
  'full',
  'paused',
  'draining',
  'quarantined',
  'capability',
  'version',
] as const;
export type ShareName = (typeof shareNames)[number];

/** Jobs by what became of them. `faster` is a part of `passed`, and may be a fraction. */
export type WorkerCounts = Readonly<Record<ShareName | 'faster', number>>;

/** What one run of a node counted of an hour. */
export interface DemandRow {
  readonly hour: number;
  readonly jobs: number;
  readonly failed: number;
  readonly retried: number;
  /** Capability bits in hex, to the count of jobs that asked for them. */
  readonly asked: Readonly<Record<string, number>>;
  /** Milliseconds that the pool added, and paces of the winners: by bucket of a histogram. */
  readonly added: readonly number[];
  readonly winners: readonly number[];
}

const time = (ms: number) =>
  sql`'epoch'::timestamptz + ${ms}::double precision * interval '1 millisecond'`;

/** Writes what a node counted of an hour anew. */
export async function noteDemand(to: Queryable, node: string, row: DemandRow): Promise<void> {
  await to.query(sql`
    insert into demand_hour (hour, node, jobs, failed, retried, asked, added, winners)
    values (${time(row.hour)}, ${node}, ${row.jobs}, ${row.failed}, ${row.retried},
      ${JSON.stringify(row.asked)}::jsonb, ${[...row.added]}::integer[],
      ${[...row.winners]}::integer[])
    on conflict (hour, node) do update set
      jobs = excluded.jobs, failed = excluded.failed, retried = excluded.retried,
      asked = excluded.asked, added = excluded.added, winners = excluded.winners`);
}

/** The same for workers. */
export async function noteShares(
  to: Queryable,
  node: string,
  rows: readonly { readonly hour: number; readonly worker: WorkerId; readonly counts: object }[],
): Promise<void> {
  if (rows.length === 0) return;
  await to.query(
    sql`
    insert into missed_hour (hour, node, worker, counts)
    select 'epoch'::timestamptz + hour * interval '1 millisecond', ${node}, worker, counts
    from unnest(
      ${rows.map(({ hour }) => hour)}::double precision[],
      ${rows.map(({ worker }) => worker)}::text[],
      ${rows.map(({ counts }) => JSON.stringify(counts))}::jsonb[]
    ) as counted (hour, worker, counts)
    on conflict (worker, hour, node) do update set counts = excluded.counts`,
    'note_shares',
  );
}

/** What each node counted of the hours that begin within a period, by hour. */
export async function demandIn(
  from: Queryable,
  { since, until }: Stretch,
): Promise<readonly (DemandRow & { readonly node: string })[]> {
  const { rows } = await from.query<DemandHourRow>(sql`
    select hour, node, jobs, failed, retried, asked, added, winners from demand_hour
    where hour >= ${time(since)} and hour < ${time(until)} order by hour, node`);
  return rows.map((row) => ({
    ...row,
    hour: row.hour,
    jobs: Number(row.jobs),
    failed: Number(row.failed),
    retried: Number(row.retried),
  }));
}

interface DemandHourRow {
  hour: Instant;
  node: string;
  jobs: bigint;
  failed: bigint;
  retried: bigint;
  asked: Record<string, number>;
  added: number[];
  winners: number[];
}

/** What became of the jobs of a period for a worker, over all nodes. */
export async function sharesIn(
  from: Queryable,
  worker: WorkerId,
  { since, until }: Stretch,
): Promise<WorkerCounts> {
  const { rows } = await from.query<{ counts: Partial<Record<string, number>> }>(sql`
    select counts from missed_hour
    where worker = ${worker} and hour >= ${time(since)} and hour < ${time(until)}`);
  const sum = (name: ShareName | 'faster') =>
    rows.reduce((total, { counts }) => total + (counts[name] ?? 0), 0);
  return Object.fromEntries(
    [...shareNames, 'faster' as const].map((name) => [name, sum(name)]),
  ) as WorkerCounts;
}

/** Forgets why workers did not get the jobs of the hours before. */
export async function forgetShares(to: Queryable, before: number): Promise<void> {
  await to.query(sql`delete from missed_hour where hour < ${time(before)}`);
}
