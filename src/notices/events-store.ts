import sql from 'sql-template-tag';
import type { Instant } from '../base/clock.ts';
import type { WorkerId } from '../base/ids.ts';
import type { Queryable, Transaction } from '../database/transaction.ts';
import type { EventFacts, StoredEvent } from './event.ts';
import type { NoticeKind } from './kinds.ts';

/** A moment as a parameter, exact to the millisecond. */
export const time = (ms: number) =>
  sql`'epoch'::timestamptz + ${ms}::double precision * interval '1 millisecond'`;

/** Notes that something happened; false: it was noted before. */
export async function noteEvent(
  to: Queryable,
  event: {
    readonly key: string;
    readonly worker?: WorkerId | undefined;
    readonly at: number;
    readonly facts: EventFacts;
  },
): Promise<boolean> {
  const { source, ...facts } = event.facts;
  const { count } = await to.query(sql`
    insert into notice_event (key, source, worker, at, facts)
    values (${event.key}, ${source}, ${event.worker ?? null}, ${time(event.at)},
      ${JSON.stringify(facts)}::jsonb)
    on conflict (key) do nothing`);
  return count === 1;
}

/** Only one node composes notices at a time; false while another one does. */
export async function lockComposing(tx: Transaction): Promise<boolean> {
  const { rows } = await tx.query<{ held: boolean }>(sql`
    select pg_try_advisory_xact_lock(hashtextextended('tributary notices', 0)) as held`);
  return rows[0]?.held === true;
}

interface EventRow {
  id: bigint;
  source: string;
  worker: string | null;
  at: Instant;
  facts: object;
}

/**
 * Everything that waits of those workers of whom something is due now, oldest first. What is not due
 * yet comes along: it may undo what is, or be told with it.
 */
export async function dueEvents(
  from: Queryable,
  now: number,
  most: number,
): Promise<readonly StoredEvent[]> {
  const { rows } = await from.query<EventRow>(sql`
    select id, source, worker, at, facts from notice_event
    where done_at is null and coalesce(worker, '') in (
      select coalesce(worker, '') from notice_event
      where done_at is null and due_at <= ${time(now)} order by due_at, id limit ${most})
    order by id limit ${most}`);
  return rows.map(({ id, source, worker, at, facts }) => ({
    id,
    worker: (worker ?? undefined) as WorkerId | undefined,
    at,
    facts: { source, ...facts } as EventFacts,
  }));
}

/** Looks at an event again later. */
export async function holdEvent(tx: Transaction, id: bigint, until: number): Promise<void> {
  await tx.query(sql`update notice_event set due_at = ${time(until)} where id = ${id}`);
}

/** They are told, or need no telling. */
export async function endEvents(
  tx: Transaction,
  ids: readonly bigint[],
  now: number,
): Promise<void> {
  await tx.query(sql`
    update notice_event set done_at = ${time(now)} where id = any(${ids.map(String)}::bigint[])`);
}

/** When each kind was told of a worker the last time. */
export async function lastTold(
  from: Queryable,
  worker: WorkerId | undefined,
): Promise<ReadonlyMap<NoticeKind, Instant>> {
  if (worker === undefined) return new Map();
  const { rows } = await from.query<{ kind: string; at: Instant }>(sql`
    select kind, max(at) as at from notice where worker = ${worker} group by kind`);
  return new Map(rows.map(({ kind, at }) => [kind as NoticeKind, at]));
}

/** Forgets events that were told so long ago. */
export async function forgetEvents(from: Queryable, before: number): Promise<void> {
  await from.query(sql`delete from notice_event where done_at < ${time(before)}`);
}
