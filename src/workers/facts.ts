import sql from 'sql-template-tag';
import type { Clock, Instant } from '../base/clock.ts';
import type { WorkerId } from '../base/ids.ts';
import type { Database } from '../database/database.ts';
import type { Queryable } from '../database/transaction.ts';
import { parsePromise } from './promise.ts';

/** What an operator says of a worker. */
export const factKinds = ['hardware_class', 'region', 'promise'] as const;
export type FactKind = (typeof factKinds)[number];

/** One word on one worker; the last of its kind counts. */
export interface Fact {
  readonly id: bigint;
  readonly worker: string;
  readonly kind: FactKind;
  /** Undefined: nothing is said any more. A promise is a percentage such as `95%`. */
  readonly value: string | undefined;
  readonly at: Instant;
}

/** What is to be said of a worker; null takes back what was said. */
export type FactChanges = Readonly<Partial<Record<FactKind, string | null>>>;

/** A class or region as terms name them: any text on one line. */
const NAME = /^(?! )\P{Cc}{1,64}(?<! )$/u;

/** What operators say of workers: kept for good, since workers are paid by it. */
export interface Facts {
  /** Says what differs from what was said; `fact_invalid` for what cannot be said. */
  say(
    worker: WorkerId,
    changes: FactChanges,
  ): Promise<{ readonly ok: true } | { readonly ok: false; readonly reason: 'fact_invalid' }>;
  /** What holds of a worker now. */
  of(worker: WorkerId): Promise<readonly Fact[]>;
}

/** Facts in the table of migration 0019. */
export function createFacts({ database, clock }: { database: Database; clock: Clock }): Facts {
  return {
    async say(worker, changes) {
      const wanted = Object.entries(changes) as [FactKind, string | null][];
      if (!wanted.every(([kind, value]) => value === null || canBe(kind, value))) {
        return { ok: false, reason: 'fact_invalid' };
      }
      await database.transact(async (tx) => {
        const known = new Map((await factsOf(tx, worker)).map((fact) => [fact.kind, fact.value]));
        for (const [kind, value] of wanted) {
          if (known.get(kind) === (value ?? undefined)) continue;
          await tx.query(sql`
            insert into worker_fact (worker, kind, value, at)
            values (${worker}, ${kind}, ${value},
              'epoch'::timestamptz + ${clock.now()}::double precision * interval '1 millisecond')`);
        }
      });
      return { ok: true };
    },
    of: (worker) => factsOf(database, worker),
  };
}

function canBe(kind: FactKind, value: string): boolean {
  return kind === 'promise' ? parsePromise(value) !== undefined : NAME.test(value);
}

interface FactRow {
  id: bigint;
  worker: string;
  kind: FactKind;
  value: string | null;
  at: Instant;
}

const decode = (row: FactRow): Fact => ({ ...row, value: row.value ?? undefined });

async function factsOf(from: Queryable, worker: WorkerId): Promise<readonly Fact[]> {
  const { rows } = await from.query<FactRow>(sql`
    select distinct on (kind) id, worker, kind, value, at from worker_fact
    where worker = ${worker} order by kind, id desc`);
  return rows.map(decode).filter(({ value }) => value !== undefined);
}

/** What held of every worker at some time: the last word of each kind until then. */
export async function factsAt(from: Queryable, at: number): Promise<readonly Fact[]> {
  const { rows } = await from.query<FactRow>(sql`
    select distinct on (worker, kind) id, worker, kind, value, at from worker_fact
    where at <= 'epoch'::timestamptz + ${at}::double precision * interval '1 millisecond'
    order by worker, kind, id desc`);
  return rows.map(decode).filter(({ value }) => value !== undefined);
}

/** Every promise that was made or taken back until some time, of all workers. */
export async function promisesUntil(from: Queryable, at: number): Promise<readonly Fact[]> {
  const { rows } = await from.query<FactRow>(sql`
    select id, worker, kind, value, at from worker_fact
    where kind = 'promise'
      and at < 'epoch'::timestamptz + ${at}::double precision * interval '1 millisecond'
    order by worker, id`);
  return rows.map(decode);
}

/** One fact by its number. */
export async function factOf(from: Queryable, id: bigint): Promise<Fact | undefined> {
  const { rows } = await from.query<FactRow>(
    sql`select id, worker, kind, value, at from worker_fact where id = ${id}`,
  );
  return rows[0] && decode(rows[0]);
}
