import sql from 'sql-template-tag';
import type { Instant } from '../base/clock.ts';
import type { WorkerId } from '../base/ids.ts';
import type { Queryable, Transaction } from '../database/transaction.ts';
import type { EventFacts, StoredEvent } from './event.ts';
import type { NoticeKind } from './kinds.ts';

/** A moment as a parameter, exact to the millisecond. */
export const time = (ms: number) =>
  sql`'epoch'::timestamptz + ${ms}::double precision * interval '1 millisecond'`;

/** Something that happened, under a key that it has however often it is noted. */
export interface NotedEvent {
  readonly key: string;
  readonly worker?: WorkerId | undefined;
  readonly at: number;
  readonly facts: EventFacts;
}

/** Notes that something happened; false: it was noted before. */
export async function noteEvent(to: Queryable, event: NotedEvent): Promise<boolean> {
  return (await noteEvents(to, [event])) === 1;
}

/** Notes many at once; returns how many were not noted before. */
export async function noteEvents(to: Queryable, events: readonly NotedEvent[]): Promise<number> {
  if (events.length === 0) return 0;
  const factsOf = ({ facts: { source: _, ...facts } }: NotedEvent) => JSON.stringify(facts);
  const { count } = await to.query(sql`
    insert into notice_event (key, source, worker, at, facts)
    select key, source, worker, 'epoch'::timestamptz + at * interval '1 millisecond', facts::jsonb
    from unnest(
      ${events.map(({ key }) => key)}::text[],
      ${events.map(({ facts }) => facts.source)}::text[],
      ${events.map(({ worker }) => worker ?? null)}::text[],
      ${events.map(({ at }) => at)}::double precision[],
      ${events.map(factsOf)}::text[]
    ) with ordinality as noted (key, source, worker, at, facts, place)
    order by place
    on conflict (key) do nothing`);
  return count;
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
    order by due_at > ${time(now)}, id limit ${most}`);
  // What is due comes first, so that each look gets something done; then as it happened.
  const events = rows.map(({ id, source, worker, at, facts }) => ({
    id,
    worker: (worker ?? undefined) as WorkerId | undefined,
    at,
    facts: { source, ...facts } as EventFacts,
  }));
  return events.sort((a, b) => Number(a.id - b.id));
}

/** Looks at events again later. */
export async function holdEvents(
  tx: Transaction,
  held: readonly { readonly event: { readonly id: bigint }; readonly until: number }[],
): Promise<void> {
  if (held.length === 0) return;
  await tx.query(sql`
    update notice_event e set due_at = 'epoch'::timestamptz + h.until * interval '1 millisecond'
    from unnest(
      ${held.map(({ event }) => String(event.id))}::bigint[],
      ${held.map(({ until }) => until)}::double precision[]
    ) as h (id, until)
    where e.id = h.id`);
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

/** The same of events by their keys. */
export async function endNoted(
  tx: Transaction,
  keys: readonly string[],
  now: number,
): Promise<void> {
  await tx.query(sql`
    update notice_event set done_at = ${time(now)}
    where key = any(${[...keys]}::text[]) and done_at is null`);
}

/** When kinds were told of workers the last time, as far back as `since`. */
export async function lastTold(
  from: Queryable,
  asked: {
    readonly workers: readonly WorkerId[];
    readonly kinds: readonly NoticeKind[];
    readonly since: number;
  },
): Promise<ReadonlyMap<WorkerId, ReadonlyMap<NoticeKind, Instant>>> {
  const { workers, kinds, since } = asked;
  const told = new Map<WorkerId, Map<NoticeKind, Instant>>();
  if (workers.length === 0) return told;
  interface Row {
    worker: WorkerId;
    kind: NoticeKind;
    at: Instant;
  }
  const { rows } = await from.query<Row>(sql`
    select worker, kind, max(at) as at from notice
    where worker = any(${[...workers]}::text[]) and kind = any(${[...kinds]}::text[])
      and at > ${time(since)}
    group by worker, kind`);
  for (const { worker, kind, at } of rows) {
    const ofWorker = told.get(worker) ?? new Map<NoticeKind, Instant>();
    told.set(worker, ofWorker.set(kind, at));
  }
  return told;
}

/** The key under which the beginning of something that stands was noted; `s` is its row. */
export const toldKey = sql`
  s.name || ':' || round(extract(epoch from s.since) * 1000)::bigint || ':on'`;

/** Forgets events that were told so long ago; what still stands is shown as it was told. */
export async function forgetEvents(from: Queryable, before: number): Promise<void> {
  await from.query(sql`
    delete from notice_event where done_at < ${time(before)}
      and key not in (select ${toldKey} from notice_standing s where s.told)`);
}
