import sql from 'sql-template-tag';
import type { AssetId } from '../base/asset.ts';
import type { Instant } from '../base/clock.ts';
import type { Queryable } from '../database/transaction.ts';
import type { WorkerWeek } from '../workers/estimate.ts';
import { factsAt } from '../workers/facts.ts';

/** Half a year: long enough for quiet and busy weeks, short enough to be about today. */
const WEEKS = 26;
const WEEK_MS = 7 * 86_400_000;

/**
 * What each worker earned in each week of the last half year, by the statements of epochs that ended
 * in it, and how long it was there. Days that have not ended are left out of both.
 */
export async function earningsByWeek(from: Queryable, now: number): Promise<readonly WorkerWeek[]> {
  const since = sql`('epoch'::timestamptz
    + ${now - WEEKS * WEEK_MS}::double precision * interval '1 millisecond')`;
  const { rows: earned } = await from.query<{
    worker: string;
    week: Instant;
    asset: string;
    amount: bigint;
  }>(sql`
    select w.worker, date_trunc('week', e.ended_at, 'UTC') as week, o.key as asset,
      sum(o.value::numeric) as amount
    from epoch_worker w join epoch e on e.number = w.epoch
      cross join lateral jsonb_each_text(w.owed) as o
    where e.ended_at >= ${since}
    group by 1, 2, 3`);
  const { rows: online } = await from.query<{ worker: string; week: Instant; online_ms: bigint }>(
    sql`
    select worker, date_trunc('week', day::timestamp at time zone 'UTC', 'UTC') as week,
      sum(online_ms)::bigint as online_ms
    from worker_online_day where day >= (${since} at time zone 'UTC')::date
    group by 1, 2`,
  );
  const facts = await factsAt(from, now);
  const classes = new Map(
    facts
      .filter(({ kind }) => kind === 'hardware_class')
      .map(({ worker, value }) => [worker, value]),
  );
  const amounts = Map.groupBy(earned, ({ worker, week }) => `${worker} ${week}`);
  return online.map(({ worker, week, online_ms }) => ({
    worker,
    gpuClass: classes.get(worker),
    week,
    onlineMs: Number(online_ms),
    earned: Object.fromEntries(
      (amounts.get(`${worker} ${week}`) ?? []).map(({ asset, amount }) => [asset, amount]),
    ) as Readonly<Record<AssetId, bigint>>,
  }));
}
