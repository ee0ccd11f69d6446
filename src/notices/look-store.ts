import sql from 'sql-template-tag';
import type { Instant } from '../base/clock.ts';
import type { WorkerId } from '../base/ids.ts';
import type { Queryable, Transaction } from '../database/transaction.ts';
import type { WorkerState } from '../workers/worker.ts';
import type { Seen } from './absence.ts';
import { time } from './events-store.ts';

const HOUR_MS = 3_600_000;
/** Stretches of online time end at midnight: who was seen within hours is in one of these. */
const STRETCHES_MS = 26 * HOUR_MS;
/** A node writes down who is there every 15 s: whoever is older was on a node that is gone. */
const SILENT_MS = 60_000;

/** Only one node looks at a time; false while another one does. Ends with the transaction. */
export async function lockLook(tx: Transaction): Promise<boolean> {
  const { rows } = await tx.query<{ held: boolean }>(sql`
    select pg_try_advisory_xact_lock(hashtextextended('tributary notices look', 0)) as held`);
  return rows[0]?.held === true;
}

/** Every worker that was there within a day, or is noted as away. */
export async function seenWorkers(from: Queryable, now: number): Promise<readonly Seen[]> {
  interface Row {
    worker: string;
    state: WorkerState;
    here: boolean;
    seen: Instant | null;
    since: Instant | null;
    told: boolean | null;
  }
  const { rows } = await from.query<Row>(sql`
    select w.id as worker, w.state, coalesce(s.here, false) as here, s.seen, a.since, a.told
    from worker w
    left join (
      select o.worker, max(o.until) as seen,
        bool_or(m.left_at is null and o.until > ${time(now - SILENT_MS)}) as here
      from worker_online o left join worker_machine m on m.connection = o.connection
      where o.since >= ${time(now - STRETCHES_MS)} group by o.worker
    ) s on s.worker = w.id
    left join notice_absence a on a.worker = w.id
    where s.worker is not null or a.worker is not null`);
  return rows.map((row) => ({
    worker: row.worker as WorkerId,
    state: row.state,
    here: row.here,
    seenAt: row.seen ?? row.since ?? 0,
    away: row.since === null ? undefined : { since: row.since, told: row.told === true },
  }));
}

/** Notes that workers are away. */
export async function noteAway(
  tx: Transaction,
  gone: readonly { readonly worker: WorkerId; readonly since: number; readonly told: boolean }[],
): Promise<void> {
  if (gone.length === 0) return;
  await tx.query(sql`
    insert into notice_absence (worker, since, told)
    select worker, 'epoch'::timestamptz + since * interval '1 millisecond', told
    from unnest(
      ${gone.map(({ worker }) => worker)}::text[],
      ${gone.map(({ since }) => since)}::double precision[],
      ${gone.map(({ told }) => told)}::boolean[]
    ) as gone (worker, since, told)
    on conflict do nothing`);
}

/** Notes that workers are back. */
export async function noteBack(tx: Transaction, workers: readonly WorkerId[]): Promise<void> {
  if (workers.length === 0) return;
  await tx.query(sql`delete from notice_absence where worker = any(${[...workers]}::text[])`);
}

/** Checks that failed since the last look, by worker; none at the first look of all. */
export async function failedChecks(tx: Transaction): Promise<
  readonly {
    readonly worker: WorkerId;
    readonly count: number;
    readonly since: Instant;
    readonly until: Instant;
    readonly last: bigint;
    readonly reasons: readonly string[];
  }[]
> {
  const { rows: known } = await tx.query<{ position: bigint }>(
    sql`select position from notice_cursor where name = 'failed_check' for update`,
  );
  const { rows: ends } = await tx.query<{ last: bigint | null }>(
    sql`select max(id) as last from failed_check`,
  );
  const last = ends[0]?.last ?? 0n;
  await tx.query(sql`
    insert into notice_cursor (name, position) values ('failed_check', ${last})
    on conflict (name) do update set position = excluded.position`);
  const position = known[0]?.position;
  if (position === undefined || last <= position) return [];
  interface Row {
    worker: string;
    count: bigint;
    since: Instant;
    until: Instant;
    last: bigint;
    reasons: string[];
  }
  const { rows } = await tx.query<Row>(sql`
    select worker, count(*) as count, min(at) as since, max(at) as until, max(id) as last,
      array_agg(distinct reason) as reasons
    from failed_check where id > ${position} and id <= ${last} group by worker`);
  return rows.map((row) => ({
    ...row,
    worker: row.worker as WorkerId,
    count: Number(row.count),
    reasons: row.reasons.slice(0, 5),
  }));
}

/** Announced work that has begun, or ended as planned, within the last hour. */
export async function workNow(
  from: Queryable,
  now: number,
): Promise<
  readonly { readonly id: string; readonly what: 'started' | 'ended'; readonly at: Instant }[]
> {
  interface Row {
    id: bigint;
    what: 'started' | 'ended';
    at: Instant;
  }
  const { rows } = await from.query<Row>(sql`
    select id, 'started' as what, starts_at as at from incident
    where kind = 'maintenance' and closed_at is null and starts_at > opened_at
      and starts_at between ${time(now - HOUR_MS)} and ${time(now)} and ends_at > ${time(now)}
    union all
    select id, 'ended', ends_at from incident
    where kind = 'maintenance' and closed_at is null
      and ends_at between ${time(now - HOUR_MS)} and ${time(now)}`);
  return rows.map(({ id, what, at }) => ({ id: String(id), what, at }));
}
