import sql from 'sql-template-tag';
import type { Instant } from '../base/clock.ts';
import type { Queryable, Transaction } from '../database/transaction.ts';
import { time, toldKey } from './events-store.ts';
import type { Standing } from './standing.ts';

/** Something that stands, by its name, with what is said of it at its end. */
export type NamedStanding = Standing & { readonly name: string; readonly text: string };

type StandingSort = 'alarm' | 'quarantine';

/** The nodes of a pool write down what stands one after the other. Ends with the transaction. */
export async function lockStanding(tx: Transaction): Promise<void> {
  await tx.query(sql`
    select pg_advisory_xact_lock(hashtextextended('tributary notices standing', 0))`);
}

interface Row {
  name: string;
  since: Instant;
  until: Instant;
  told: boolean;
  text: string;
}

/** What was written down of these, by name. */
export async function standingOf(
  tx: Transaction,
  names: readonly string[],
): Promise<ReadonlyMap<string, NamedStanding>> {
  const { rows } = await tx.query<Row>(sql`
    select name, since, until, told, text from notice_standing
    where name = any(${[...names]}::text[])`);
  return new Map(rows.map((row) => [row.name, row]));
}

/** Whether anything of a sort is written down. */
export async function anyStanding(from: Queryable, sort: StandingSort): Promise<boolean> {
  const { rows } = await from.query<{ any: boolean }>(sql`
    select exists (select from notice_standing where name like ${`${sort} %`}) as any`);
  return rows[0]?.any === true;
}

/** Writes down what stands, in place of what was there. */
export async function writeStanding(tx: Transaction, all: readonly NamedStanding[]): Promise<void> {
  if (all.length === 0) return;
  await tx.query(sql`
    insert into notice_standing (name, since, until, told, text)
    select name, 'epoch'::timestamptz + since * interval '1 millisecond',
      'epoch'::timestamptz + until * interval '1 millisecond', told, left(text, 4000)
    from unnest(
      ${all.map(({ name }) => name)}::text[],
      ${all.map(({ since }) => since)}::double precision[],
      ${all.map(({ until }) => until)}::double precision[],
      ${all.map(({ told }) => told)}::boolean[],
      ${all.map(({ text }) => text)}::text[]
    ) as seen (name, since, until, told, text)
    on conflict (name) do update set since = excluded.since, until = excluded.until,
      told = excluded.told, text = excluded.text`);
}

/** Forgets what no node has seen for long enough, of one sort; returns it. */
export async function endStanding(
  tx: Transaction,
  sort: StandingSort,
  now: number,
): Promise<readonly NamedStanding[]> {
  const { rows } = await tx.query<Row>(sql`
    delete from notice_standing where name like ${`${sort} %`} and until < ${time(now)}
    returning name, since, until, told, text`);
  return rows;
}

/** An alarm that people were told of, and not yet of its end. */
export interface ToldAlarm extends NamedStanding {
  /** As it was told; empty: there was none. */
  readonly advice: string;
}

/** Alarms that people were told of and that are not over, whichever node of the pool sees them. */
export async function toldAlarms(from: Queryable): Promise<readonly ToldAlarm[]> {
  const { rows } = await from.query<Row & { advice: string | null }>(sql`
    select s.name, s.since, s.until, s.told, s.text, e.facts ->> 'advice' as advice
    from notice_standing s left join notice_event e on e.key = ${toldKey}
    where s.name like 'alarm %' and s.told order by s.since, s.name`);
  return rows.map(({ advice, ...row }) => ({ ...row, advice: advice ?? '' }));
}
