import sql from 'sql-template-tag';
import type { AssetId } from '../base/asset.ts';
import type { Instant } from '../base/clock.ts';
import type { WorkerId } from '../base/ids.ts';
import type { Queryable, Transaction } from '../database/transaction.ts';
import type { Stretch } from './stretches.ts';

/** Only one node adds up at a time; false while another one does. Ends with the transaction. */
export async function lockHistory(tx: Transaction): Promise<boolean> {
  const { rows } = await tx.query<{ held: boolean }>(sql`
    select pg_try_advisory_xact_lock(hashtextextended('tributary history', 0)) as held`);
  return rows[0]?.held === true;
}

const time = (ms: number) =>
  sql`('epoch'::timestamptz + ${ms}::double precision * interval '1 millisecond')`;

/** Whole hours or days of work, out of the contributions: what was added up before is replaced. */
export async function addUpWork(
  tx: Transaction,
  span: 'hour' | 'day',
  { since, until }: Stretch,
): Promise<void> {
  const done = sql`
    select c.worker,
      count(*) filter (where verdict = 'credited') as jobs,
      coalesce(sum(pixels), 0) as pixels,
      percentile_disc(0.5) within group (order by greatest(verified_ms - coalesce(queued_ms, 0), 0))
        filter (where verdict = 'credited' and verified_ms is not null) as p50_ms,
      percentile_disc(0.95) within group (order by greatest(verified_ms - coalesce(queued_ms, 0), 0))
        filter (where verdict = 'credited' and verified_ms is not null) as p95_ms
    from contribution c where at >= ${time(since)} and at < ${time(until)} group by c.worker`;
  const failed = sql`
    select worker, jsonb_object_agg(what, count) as failures from (
      select worker, verdict || ':' || reason as what, count(*) as count from contribution
      where at >= ${time(since)} and at < ${time(until)}
        and verdict not in ('credited', 'superseded')
      group by worker, verdict, reason) as each
    group by worker`;
  const rows = sql`
    select done.worker, done.jobs, done.pixels, done.p50_ms, done.p95_ms,
      coalesce(failed.failures, '{}') as failures
    from (${done}) as done left join (${failed}) as failed on failed.worker = done.worker`;
  if (span === 'hour') {
    await tx.query(sql`
      insert into work_hour (hour, worker, jobs, pixels, p50_ms, p95_ms, failures)
      select ${time(since)}, rows.* from (${rows}) as rows
      on conflict (worker, hour) do update set jobs = excluded.jobs, pixels = excluded.pixels,
        p50_ms = excluded.p50_ms, p95_ms = excluded.p95_ms, failures = excluded.failures`);
  } else {
    await tx.query(sql`
      insert into work_day (day, worker, jobs, pixels, p50_ms, p95_ms, failures)
      select (${time(since)} at time zone 'UTC')::date, rows.* from (${rows}) as rows
      on conflict (worker, day) do update set jobs = excluded.jobs, pixels = excluded.pixels,
        p50_ms = excluded.p50_ms, p95_ms = excluded.p95_ms, failures = excluded.failures`);
  }
}

/** What counted as income in an hour, less what was taken back. Anew: what was there is replaced. */
export async function addUpEarned(tx: Transaction, { since, until }: Stretch): Promise<void> {
  await tx.query(sql`
    insert into earned_hour (hour, asset, amount)
    select ${time(since)}, e.asset, -sum(e.amount)
    from posting p join entry e on e.posting = p.number and e.account = 'income'
    where p.at >= ${time(since)} and p.at < ${time(until)} and p.kind <> 'epoch'
    group by e.asset
    on conflict (hour, asset) do update set amount = excluded.amount`);
}

/** Online time of a whole day, for when its stretches are forgotten. */
export async function addUpOnline(tx: Transaction, { since, until }: Stretch): Promise<void> {
  await tx.query(sql`
    insert into worker_online_day (day, worker, online_ms)
    select (${time(since)} at time zone 'UTC')::date, worker, least(online_ms, 86400000)
    from online_ms(${time(since)}, ${time(until)})
    on conflict (worker, day) do update set online_ms = excluded.online_ms`);
}

/** Forgets what days hold by now: hours of work, stretches, and machines that are gone. */
export async function forgetDetails(
  tx: Transaction,
  before: { readonly hours: number; readonly stretches: number },
): Promise<void> {
  await tx.query(sql`delete from work_hour where hour < ${time(before.hours)}`);
  await tx.query(sql`delete from missed_hour where hour < ${time(before.hours)}`);
  await tx.query(sql`delete from worker_online where since < ${time(before.stretches)}`);
  await tx.query(sql`
    delete from worker_machine where joined_at < ${time(before.stretches)}
      and not exists (select from worker_online o where o.connection = worker_machine.connection)`);
}

/** The first day and hour that are not added up yet; undefined: nothing ever was. */
export async function addedUpUntil(
  from: Queryable,
): Promise<{ readonly hour: Instant | undefined; readonly day: Instant | undefined }> {
  const { rows } = await from.query<{ hour: Instant | null; day: Instant | null }>(sql`
    select (select hour from work_hour order by hour desc limit 1) as hour,
      (select day::timestamp at time zone 'UTC' from work_day order by day desc limit 1) as day`);
  return { hour: rows[0]?.hour ?? undefined, day: rows[0]?.day ?? undefined };
}

/** The time of the first contribution; undefined: there is none. */
export async function firstWork(from: Queryable): Promise<Instant | undefined> {
  const { rows } = await from.query<{ at: Instant | null }>(
    sql`select at from contribution order by id limit 1`,
  );
  return rows[0]?.at ?? undefined;
}

/** What a worker did in an hour or a day. */
export interface Work {
  /** When it begins. */
  readonly at: Instant;
  readonly worker: WorkerId;
  readonly jobs: number;
  readonly pixels: bigint;
  /** From its task to the judged result; undefined where nothing was credited. */
  readonly p50Ms: number | undefined;
  readonly p95Ms: number | undefined;
  /** Attempts that came to nothing, by `verdict:reason`. */
  readonly failures: Readonly<Record<string, number>>;
}

interface WorkRow {
  at: Instant;
  worker: string;
  jobs: bigint;
  pixels: bigint;
  p50_ms: number | null;
  p95_ms: number | null;
  failures: Record<string, number>;
}

/** Work by hour or by day within a period, of all workers or of one, oldest first. */
export async function workIn(
  from: Queryable,
  span: 'hour' | 'day',
  { since, until }: Stretch,
  worker?: WorkerId,
): Promise<readonly Work[]> {
  const only = sql`(${worker ?? null}::text is null or worker = ${worker ?? null})`;
  const { rows } = await from.query<WorkRow>(
    span === 'hour'
      ? sql`
        select hour as at, worker, jobs, pixels, p50_ms, p95_ms, failures from work_hour
        where hour >= ${time(since)} and hour < ${time(until)} and ${only} order by hour, worker`
      : sql`
        select day::timestamp at time zone 'UTC' as at, worker, jobs, pixels, p50_ms, p95_ms, failures
        from work_day
        where day >= (${time(since)} at time zone 'UTC')::date
          and day < (${time(until)} at time zone 'UTC')::date and ${only} order by day, worker`,
  );
  return rows.map((row) => ({
    at: row.at,
    worker: row.worker as WorkerId,
    jobs: Number(row.jobs),
    pixels: row.pixels,
    p50Ms: row.p50_ms ?? undefined,
    p95Ms: row.p95_ms ?? undefined,
    failures: row.failures,
  }));
}

/** Jobs and pixels of all workers together, by hour. */
export async function workOfAll(
  from: Queryable,
  { since, until }: Stretch,
): Promise<readonly { readonly at: Instant; readonly jobs: number; readonly pixels: bigint }[]> {
  const { rows } = await from.query<{ at: Instant; jobs: bigint; pixels: bigint }>(sql`
    select hour as at, sum(jobs)::bigint as jobs, sum(pixels) as pixels from work_hour
    where hour >= ${time(since)} and hour < ${time(until)} group by hour
    union all
    select day::timestamp at time zone 'UTC', sum(jobs)::bigint, sum(pixels) from work_day
    where day >= (${time(since)} at time zone 'UTC')::date
      and day < (${time(until)} at time zone 'UTC')::date
      and not exists (select from work_hour
        where hour >= day::timestamp at time zone 'UTC'
          and hour < (day + 1)::timestamp at time zone 'UTC')
    group by day order by at`);
  return rows.map((row) => ({ ...row, jobs: Number(row.jobs) }));
}

/** Income by hour and asset. */
export async function earnedIn(
  from: Queryable,
  { since, until }: Stretch,
): Promise<readonly { readonly at: Instant; readonly asset: AssetId; readonly amount: bigint }[]> {
  const { rows } = await from.query<{ at: Instant; asset: string; amount: bigint }>(sql`
    select hour as at, asset, amount from earned_hour
    where hour >= ${time(since)} and hour < ${time(until)} order by hour, asset`);
  return rows.map((row) => ({ ...row, asset: row.asset as AssetId }));
}

/** How fast others are: the p95 of each weighed by what it did. Undefined: nobody did anything. */
export async function p95OfOthers(
  from: Queryable,
  worker: WorkerId,
  { since, until }: Stretch,
): Promise<number | undefined> {
  const { rows } = await from.query<{ p95: string | null }>(sql`
    select (sum(p95_ms * jobs) / nullif(sum(jobs), 0))::text as p95 from work_hour
    where hour >= ${time(since)} and hour < ${time(until)} and worker <> ${worker}
      and p95_ms is not null`);
  const p95 = rows[0]?.p95;
  return p95 === null || p95 === undefined ? undefined : Number(p95);
}
