import sql from 'sql-template-tag';
import type { Instant } from '../base/clock.ts';
import type { WorkerId } from '../base/ids.ts';
import type { Queryable, Transaction } from '../database/transaction.ts';
import { RECEIPT_LAYOUT } from '../proofs/receipt.ts';
import type { Stretch } from './stretches.ts';

/** Workers that are looked at in one transaction. */
const WORKERS_MAX = 64;
/** Receipts of each of them: the rest comes with the next minute. */
const RECEIPTS_MAX = 5_000;

const time = (ms: number) =>
  sql`('epoch'::timestamptz + ${ms}::double precision * interval '1 millisecond')`;

/** Bytes of a field of a receipt; SQL counts from 1. */
const field = (name: 'asset' | 'amount' | 'at', from = 0, bytes = RECEIPT_LAYOUT[name][1]) =>
  sql`substr(r.body, ${RECEIPT_LAYOUT[name][0] + from + 1}::int, ${bytes}::int)`;

/**
 * Adds receipts that came since the last time to the sums of their hours, each once. Workers in the
 * order of their ids behind `after`; returns the last of them, or undefined when there was none.
 */
export async function addUpReceipts(
  tx: Transaction,
  after: string,
  since: Instant,
): Promise<string | undefined> {
  const { rows } = await tx.query<{ last: string | null }>(sql`
    with behind as (
      select w.worker, coalesce(u.sequence, 0) as counted
      from worker_epoch w left join worker_earned_until u on u.worker = w.worker
      where w.worker > ${after} and w.epoch >= (select max(number) - 1 from epoch)
      group by w.worker, u.sequence having max(w.last_sequence) > coalesce(u.sequence, 0)
      order by w.worker limit ${WORKERS_MAX}
    ), taken as (
      select b.worker, r.sequence, r.asset, r.amount, r.at
      from behind b cross join lateral (
        select r.sequence,
          convert_from(btrim(${field('asset')}, '\\x00'::bytea), 'UTF8') as asset,
          unsigned_of(${field('amount', 0, 8)}) * 18446744073709551616
            + unsigned_of(${field('amount', 8, 8)}) as amount,
          'epoch'::timestamptz
            + unsigned_of(${field('at')})::double precision * interval '1 millisecond' as at
        from receipt r where r.worker = b.worker and r.sequence > b.counted
        order by r.sequence limit ${RECEIPTS_MAX}
      ) as r
    ), added as (
      insert into worker_earned_hour as known (worker, hour, asset, amount)
      select worker, date_trunc('hour', at, 'UTC'), asset, sum(amount) from taken
      where asset <> '' and at >= ${time(since)} group by 1, 2, 3
      on conflict (worker, hour, asset) do update set amount = known.amount + excluded.amount
    ), noted as (
      insert into worker_earned_until as known (worker, sequence)
      select worker, max(sequence) from taken group by worker
      on conflict (worker) do update set sequence = excluded.sequence
    )
    select max(worker) as last from behind`);
  return rows[0]?.last ?? undefined;
}

/** Forgets hours that nobody is shown any more. */
export async function forgetEarned(tx: Transaction, before: Instant): Promise<void> {
  await tx.query(sql`delete from worker_earned_hour where hour < ${time(before)}`);
}

/** What receipts of an hour come to in an asset, before the terms are applied. */
export interface EarnedHour {
  /** When it begins. */
  readonly at: Instant;
  readonly asset: string;
  readonly amount: bigint;
}

/** What a worker earned by the hour within a period, oldest first; hours without are left out. */
export async function earnedHours(
  from: Queryable,
  worker: WorkerId,
  { since, until }: Stretch,
): Promise<readonly EarnedHour[]> {
  const { rows } = await from.query<{ at: Instant; asset: string; amount: bigint }>(sql`
    select hour as at, asset, amount from worker_earned_hour
    where worker = ${worker} and hour >= ${time(since)} and hour < ${time(until)}
    order by hour, asset`);
  return rows;
}
