import sql from 'sql-template-tag';
import type { Instant } from '../base/clock.ts';
import { instant } from '../base/clock.ts';
import type { WorkerId } from '../base/ids.ts';
import type { Queryable } from '../database/transaction.ts';

const time = (ms: number) =>
  sql`('epoch'::timestamptz + ${ms}::double precision * interval '1 millisecond')`;

/** What a worker did since some moment, as contributions say it. */
export interface RecentWork {
  readonly worker: WorkerId;
  readonly jobs: number;
  /** Attempts that came to nothing and are held against somebody. */
  readonly failed: number;
  readonly pixels: bigint;
  /** From its task to the judged result; undefined where nothing was credited. */
  readonly p95Ms: number | undefined;
}

/** Work of all workers since `since`; those that did nothing are left out. */
export async function recentWork(from: Queryable, since: number): Promise<readonly RecentWork[]> {
  const { rows } = await from.query<{
    worker: string;
    jobs: bigint;
    failed: bigint;
    pixels: bigint;
    p95_ms: number | null;
  }>(sql`
    select worker, count(*) filter (where verdict = 'credited') as jobs,
      count(*) filter (where verdict not in ('credited', 'superseded')) as failed,
      coalesce(sum(pixels), 0)::bigint as pixels,
      percentile_disc(0.95) within group (order by greatest(verified_ms - coalesce(queued_ms, 0), 0))
        filter (where verdict = 'credited' and verified_ms is not null) as p95_ms
    from contribution where at >= ${time(since)} group by worker`);
  return rows.map((row) => ({
    worker: row.worker as WorkerId,
    jobs: Number(row.jobs),
    failed: Number(row.failed),
    pixels: row.pixels,
    p95Ms: row.p95_ms ?? undefined,
  }));
}

/** An attempt that came to nothing. */
export interface FailedAttempt {
  readonly at: Instant;
  readonly job: string;
  readonly attempt: number;
  /** `verdict:reason`, as failures are counted. */
  readonly what: string;
  readonly session: string;
}

/** The last attempts of a worker that came to nothing, the last first. */
export async function failedAttempts(
  from: Queryable,
  worker: WorkerId,
  limit: number,
): Promise<readonly FailedAttempt[]> {
  const { rows } = await from.query<FailedAttempt>(sql`
    select at, job::text as job, attempt, verdict || ':' || reason as what, session
    from contribution
    where worker = ${worker} and verdict not in ('credited', 'superseded')
    order by at desc limit ${limit}`);
  return rows.map((row) => ({ ...row, at: instant(row.at), attempt: Number(row.attempt) }));
}
