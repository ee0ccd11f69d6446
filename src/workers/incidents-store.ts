import sql from 'sql-template-tag';
import type { Instant } from '../base/clock.ts';
import type { Queryable, Transaction } from '../database/transaction.ts';
import type { Stretch } from './stretches.ts';

/** Something that went wrong, or work that was announced. */
export interface Incident {
  readonly id: bigint;
  readonly kind: 'incident' | 'maintenance';
  readonly title: string;
  readonly startsAt: Instant;
  /** Of a maintenance: as planned. Of an incident: since then it is over. */
  readonly endsAt: Instant | undefined;
  readonly closedAt: Instant | undefined;
  /** Opened by the pool itself. */
  readonly automatic: boolean;
  /** Oldest first. */
  readonly updates: readonly { readonly at: Instant; readonly text: string }[];
}

const time = (ms: number | undefined) =>
  ms === undefined
    ? sql`null::timestamptz`
    : sql`'epoch'::timestamptz + ${ms}::double precision * interval '1 millisecond'`;

/** Adds one; undefined where the pool opened one for that gap before. */
export async function addIncident(
  tx: Transaction,
  incident: {
    readonly kind: Incident['kind'];
    readonly title: string;
    readonly startsAt: number;
    readonly endsAt?: number;
    readonly closedAt?: number;
    readonly automatic: boolean;
    readonly openedAt: number;
  },
): Promise<bigint | undefined> {
  const { rows } = await tx.query<{ id: bigint }>(sql`
    insert into incident (kind, title, starts_at, ends_at, closed_at, automatic, opened_at)
    values (${incident.kind}, ${incident.title}, ${time(incident.startsAt)},
      ${time(incident.endsAt)}, ${time(incident.closedAt)}, ${incident.automatic},
      ${time(incident.openedAt)})
    on conflict do nothing returning id`);
  return rows[0]?.id;
}

/** Adds a text; false where there is no such incident. */
export async function addUpdate(
  tx: Transaction,
  id: bigint,
  update: { readonly at: number; readonly text: string },
): Promise<void> {
  await tx.query(sql`
    insert into incident_update (incident, at, text)
    values (${id}, ${time(update.at)}, ${update.text})`);
}

/** Ends one: an incident is over now, a maintenance ends early. */
export async function endIncident(tx: Transaction, id: bigint, at: number): Promise<void> {
  await tx.query(sql`
    update incident set closed_at = ${time(at)},
      ends_at = case when kind = 'incident' then greatest(starts_at, ${time(at)}) else ends_at end
    where id = ${id} and closed_at is null`);
}

interface IncidentRow {
  id: bigint;
  kind: Incident['kind'];
  title: string;
  starts_at: Instant;
  ends_at: Instant | null;
  closed_at: Instant | null;
  automatic: boolean;
  updates: { at: number; text: string }[];
}

/** By their beginning, the last first. */
export async function incidentsIn(
  from: Queryable,
  filter: {
    readonly id?: bigint;
    readonly before?: { readonly startsAt: number; readonly id: bigint };
    readonly limit: number;
  },
): Promise<readonly Incident[]> {
  const { id, before, limit } = filter;
  const { rows } = await from.query<IncidentRow>(sql`
    select i.id, i.kind, i.title, i.starts_at, i.ends_at, i.closed_at, i.automatic,
      coalesce((select jsonb_agg(jsonb_build_object('at', extract(epoch from u.at) * 1000,
          'text', u.text) order by u.at) from incident_update u where u.incident = i.id), '[]')
        as updates
    from incident i
    where (${id ?? null}::bigint is null or i.id = ${id ?? null}::bigint)
      and (${before?.id ?? null}::bigint is null
        or (i.starts_at, i.id) < (${time(before?.startsAt)}, ${before?.id ?? null}::bigint))
    order by i.starts_at desc, i.id desc limit ${limit}`);
  return rows.map((row) => ({
    id: row.id,
    kind: row.kind,
    title: row.title,
    startsAt: row.starts_at,
    endsAt: row.ends_at ?? undefined,
    closedAt: row.closed_at ?? undefined,
    automatic: row.automatic,
    updates: row.updates.map(({ at, text }) => ({ at: Math.round(Number(at)) as Instant, text })),
  }));
}

/** Maintenance that was announced before it began, as far as it lasted, within a period. */
export async function plannedIn(
  from: Queryable,
  { since, until }: Stretch,
): Promise<readonly Stretch[]> {
  const { rows } = await from.query<{ starts_at: Instant; ends_at: Instant }>(sql`
    select starts_at, least(ends_at, coalesce(closed_at, ends_at)) as ends_at from incident
    where kind = 'maintenance' and opened_at <= starts_at
      and starts_at < ${time(until)} and ends_at > ${time(since)}
      and (closed_at is null or closed_at > starts_at)`);
  return rows.map((row) => ({ since: row.starts_at, until: row.ends_at }));
}
