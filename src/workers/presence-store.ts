import sql from 'sql-template-tag';
import type { Instant } from '../base/clock.ts';
import type { WorkerId } from '../base/ids.ts';
import type { Queryable, Transaction } from '../database/transaction.ts';
import type { Growing, Stretch } from './stretches.ts';

/** A stretch in which a connection of a worker stood. */
export interface OnlineRow extends Growing {
  readonly connection: string;
  readonly worker: WorkerId;
}

const time = (ms: number) =>
  sql`'epoch'::timestamptz + ${ms}::double precision * interval '1 millisecond'`;

/** Writes stretches as far as they got. Repeated, or late, it makes none shorter. */
export async function noteOnline(tx: Transaction, rows: readonly OnlineRow[]): Promise<void> {
  if (rows.length === 0) return;
  await tx.query(
    sql`
    insert into worker_online (connection, part, worker, since, until)
    select connection, part, worker, 'epoch'::timestamptz + since * interval '1 millisecond',
      'epoch'::timestamptz + until * interval '1 millisecond'
    from unnest(
      ${rows.map(({ connection }) => connection)}::text[],
      ${rows.map(({ part }) => part)}::integer[],
      ${rows.map(({ worker }) => worker)}::text[],
      ${rows.map(({ since }) => since)}::double precision[],
      ${rows.map(({ until }) => until)}::double precision[]
    ) as seen (connection, part, worker, since, until)
    on conflict (connection, part) do update
      set until = greatest(worker_online.until, excluded.until)`,
    'note_online',
  );
}

/** The same of a node of the pool itself. */
export async function notePoolOnline(
  tx: Transaction,
  node: string,
  rows: readonly Growing[],
): Promise<void> {
  for (const { part, since, until } of rows) {
    await tx.query(sql`
      insert into pool_online (node, part, since, until)
      values (${node}, ${part}, ${time(since)}, ${time(until)})
      on conflict (node, part) do update set until = greatest(pool_online.until, excluded.until)`);
  }
}

/** Notes when workers were there for the first time; what was noted before stays. */
export async function noteFirstOnline(
  tx: Transaction,
  came: readonly { readonly worker: WorkerId; readonly joinedAt: number }[],
): Promise<void> {
  if (came.length === 0) return;
  await tx.query(sql`
    insert into worker_first_online (worker, at)
    select worker, 'epoch'::timestamptz + min(at) * interval '1 millisecond'
    from unnest(
      ${came.map(({ worker }) => worker)}::text[],
      ${came.map(({ joinedAt }) => joinedAt)}::double precision[]
    ) as came (worker, at)
    group by worker
    on conflict do nothing`);
}

/** Milliseconds for which each worker was there within a period, by id; who was not is left out. */
export async function onlineMsByWorker(
  from: Queryable,
  { since, until }: Stretch,
): Promise<ReadonlyMap<string, bigint>> {
  const { rows } = await from.query<{ worker: string; online_ms: bigint }>(sql`
    select worker, online_ms from online_ms(${time(since)}, ${time(until)})`);
  return new Map(rows.map(({ worker, online_ms }) => [worker, online_ms]));
}

interface StretchRow {
  since: Instant;
  until: Instant;
}

/** When a worker was there within a period, as it was measured: overlaps are in it. */
export async function onlineOf(
  from: Queryable,
  worker: string,
  { since, until }: Stretch,
): Promise<readonly Stretch[]> {
  const { rows } = await from.query<StretchRow>(sql`
    select since, until from worker_online
    where worker = ${worker} and since >= ${time(since)} - interval '25 hours'
      and since < ${time(until)} and until > ${time(since)}
    order by since`);
  return rows.map((row) => ({ since: row.since, until: row.until }));
}

/** When the pool was up within a period: each of its nodes for itself. */
export async function poolOnline(
  from: Queryable,
  { since, until }: Stretch,
): Promise<readonly Stretch[]> {
  const { rows } = await from.query<StretchRow>(sql`
    select since, until from pool_online
    where since >= ${time(since)} - interval '25 hours'
      and since < ${time(until)} and until > ${time(since)}
    order by since`);
  return rows.map((row) => ({ since: row.since, until: row.until }));
}

/** Until when the pool was up the last time, before this node began; undefined: never. */
export async function lastPoolOnline(
  from: Queryable,
  except: string,
): Promise<Instant | undefined> {
  const { rows } = await from.query<{ until: Instant | null }>(sql`
    select until from pool_online where node <> ${except} order by until desc limit 1`);
  return rows[0]?.until ?? undefined;
}

/** Since when the pool has measured at all; undefined: it has not begun. */
export async function firstPoolOnline(from: Queryable): Promise<Instant | undefined> {
  const { rows } = await from.query<{ since: Instant }>(
    sql`select since from pool_online order by since limit 1`,
  );
  return rows[0]?.since;
}

/** When these workers were there for the first time. */
export async function firstOnline(from: Queryable): Promise<ReadonlyMap<string, Instant>> {
  const { rows } = await from.query<{ worker: string; at: Instant }>(
    sql`select worker, at from worker_first_online`,
  );
  return new Map(rows.map(({ worker, at }) => [worker, at]));
}
