import sql from 'sql-template-tag';
import type { Queryable } from '../database/transaction.ts';

/** What flowed through a worker or from a gateway of late. */
export interface RecentFlow {
  readonly workers: readonly { readonly name: string; readonly pixels: bigint }[];
  /** Addresses of 20 bytes; null: a gateway that has none, as off chain. */
  readonly gateways: readonly { readonly sender: Buffer | null; readonly pixels: bigint }[];
}

/** Credited pixels of the last `seconds`, by worker and by gateway. */
export async function recentFlow(from: Queryable, seconds: number): Promise<RecentFlow> {
  const since = sql`now() - ${seconds}::double precision * interval '1 second'`;
  // By worker first: that is what contributions have an index for.
  const workers = await from.query<RecentFlow['workers'][number]>(sql`
    select w.name, c.pixels from worker w, lateral (
      select sum(pixels)::numeric as pixels from contribution
      where worker = w.id and at > ${since} and verdict = 'credited') as c
    where c.pixels > 0 order by c.pixels desc`);
  const gateways = await from.query<RecentFlow['gateways'][number]>(sql`
    select b.sender, sum(c.pixels)::numeric as pixels from worker w, lateral (
      select session, pixels from contribution
      where worker = w.id and at > ${since} and verdict = 'credited') as c
    left join lateral (
      select sender from payment_balance where session = c.session limit 1) as b on true
    group by b.sender order by 2 desc`);
  return { workers: workers.rows, gateways: gateways.rows };
}

/** Sessions that had a segment credited in the last `seconds`. */
export async function recentStreams(from: Queryable, seconds: number): Promise<number> {
  const { rows } = await from.query<{ count: bigint }>(sql`
    select count(distinct c.session) as count from worker w, lateral (
      select session from contribution
      where worker = w.id and verdict = 'credited'
        and at > now() - ${seconds}::double precision * interval '1 second') as c`);
  return Number(rows[0]?.count ?? 0n);
}

/** What was paid so far. */
export interface PaidSoFar {
  readonly count: number;
  readonly workers: number;
  /** Final more than a day after it was planned. */
  readonly late: number;
  readonly lastAt: number | null;
}

export async function paidSoFar(from: Queryable): Promise<PaidSoFar> {
  const { rows } = await from.query<{
    count: bigint;
    workers: bigint;
    late: bigint;
    last_at: number | null;
  }>(sql`
    select count(*) as count, count(distinct worker) as workers, max(ended_at) as last_at,
      count(*) filter (where ended_at > created_at + interval '1 day') as late
    from payout where state = 'final'`);
  const [row] = rows;
  return {
    count: Number(row?.count ?? 0n),
    workers: Number(row?.workers ?? 0n),
    late: Number(row?.late ?? 0n),
    lastAt: row?.last_at ?? null,
  };
}

/** Received by workers so far, in base units. */
export async function paidAmounts(
  from: Queryable,
): Promise<readonly { readonly asset: string; readonly amount: bigint }[]> {
  const { rows } = await from.query<{ asset: string; amount: bigint }>(sql`
    select asset, sum(received) as amount from payout where state = 'final'
    group by asset order by asset`);
  return rows;
}
