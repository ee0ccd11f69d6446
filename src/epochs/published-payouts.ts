import sql from 'sql-template-tag';
import type { AssetId } from '../base/asset.ts';
import type { Instant } from '../base/clock.ts';
import type { Queryable } from '../database/transaction.ts';
import type { FinalPayouts, PublishedPayout } from './payout-lists.ts';

const TRANSACTION = /^0x[0-9a-f]{64}$/;

/** The final payouts in the database. */
export function finalPayouts(from: Queryable): FinalPayouts {
  return {
    async since(moment) {
      const all = [
        ...(await payoutsSince(from, moment)),
        ...(await foundSince(from, moment)),
        ...(await byFileSince(from, moment)),
      ];
      return all.sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1));
    },
    marks: (starts) => marksOf(from, starts),
  };
}

/**
 * Those that were found on the chain after a backup was restored, and booked by what they moved: see
 * payouts/recover-chain.ts. They come while no pool runs, so that no mark needs to tell of them. One that
 * no list names stands with the last epoch that ended before: its block may seem older than the epoch
 * that it was for, which may have been closed anew.
 */
async function foundSince(
  from: Queryable,
  moment: Instant | undefined,
): Promise<readonly PublishedPayout[]> {
  const { rows } = await from.query<{
    cause: string;
    worker: string;
    asset: string;
    amount: bigint;
    at: Instant;
    facts: { transaction: string; recipient: string };
  }>(sql`
    select p.cause, split_part(e.account, ':', 2) as worker, e.asset, e.amount, stands.at, p.facts
    from posting p join entry e on e.posting = p.number and starts_with(e.account, 'worker:')
    cross join lateral (
      select case when p.facts ? 'listed' then p.at else greatest(p.at, (
        select max(ended_at) from epoch where ended_at <= (select max(at) from recovery))) end as at
    ) as stands
    where p.cause like 'recovered:0x%' and p.facts ? 'recipient'
      and stands.at >= to_timestamp(${moment ?? 0}::double precision / 1000)
    order by p.number`);
  return rows.map(({ cause, worker, asset, amount, at, facts }) => ({
    ...{ id: cause, worker, asset: asset as AssetId, amount, at },
    ...{ to: facts.recipient, transaction: facts.transaction },
  }));
}

/** Those that a bank made after a backup that was restored: see payouts/recover-file.ts. */
async function byFileSince(
  from: Queryable,
  moment: Instant | undefined,
): Promise<readonly PublishedPayout[]> {
  const { rows } = await from.query<{
    worker: string;
    at: Instant;
    facts: { payout: string; asset: string; amount: string; reference: string };
    owed: { asset: string; amount: string }[];
  }>(sql`
    select min(split_part(e.account, ':', 2)) as worker, p.at, p.facts,
      jsonb_agg(jsonb_build_object('asset', e.asset, 'amount', e.amount::text)
        order by e.asset) as owed
    from posting p join entry e on e.posting = p.number and starts_with(e.account, 'worker:')
    where p.cause like 'recovered:0x%' and p.facts ? 'payout'
      and p.at >= to_timestamp(${moment ?? 0}::double precision / 1000)
    group by p.number order by p.number`);
  return rows.map(({ worker, at, facts: { payout: id, asset, amount, reference }, owed }) => ({
    ...{ id, worker, asset: asset as AssetId, amount: BigInt(amount), at, reference },
    ...forOthers(asset, owed),
  }));
}

/** What a payout was for, where that is another asset than it was made in. */
function forOthers(asset: string, owed: readonly { asset: string; amount: string }[]) {
  if (owed.length === 1 && owed[0]?.asset === asset) return {};
  return {
    for: owed.map((one) => ({ asset: one.asset as AssetId, amount: BigInt(one.amount) })),
  };
}

async function payoutsSince(
  from: Queryable,
  moment: Instant | undefined,
): Promise<readonly PublishedPayout[]> {
  const { rows } = await from.query<{
    id: string;
    worker: string;
    asset: string;
    received: bigint;
    ended_at: Instant;
    recipient: Buffer | null;
    reference: string;
    owed: { asset: string; amount: string }[];
  }>(sql`
    select p.id, p.worker, p.asset, p.received, p.ended_at, p.recipient, p.reference,
      (select jsonb_agg(jsonb_build_object('asset', l.owed_asset, 'amount', l.owed_amount::text)
        order by l.owed_asset) from payout_line l where l.payout = p.id) as owed
    from payout p
    where p.state = 'final' and p.ended_at >= to_timestamp(${moment ?? 0}::double precision / 1000)
    order by p.ended_at, p.id`);
  return rows.map((row) => {
    return {
      id: row.id,
      worker: row.worker,
      asset: row.asset as AssetId,
      amount: row.received,
      at: row.ended_at,
      ...(row.recipient ? { to: `0x${row.recipient.toString('hex')}` } : {}),
      ...(TRANSACTION.test(row.reference)
        ? { transaction: row.reference }
        : { reference: row.reference }),
      ...(row.owed ? forOthers(row.asset, row.owed) : {}),
    };
  });
}

/** Payouts neither change nor go from one list to another: which ones stand in it says it all. */
async function marksOf(from: Queryable, starts: readonly Instant[]): Promise<readonly string[]> {
  const { rows } = await from.query<{ place: number; mark: string }>(sql`
    select width_bucket(ended_at, array(
        select to_timestamp(ms / 1000) from unnest(${starts}::double precision[])
          with ordinality as start (ms, place) order by place)) as place,
      count(*) || ' ' || sum(hashtextextended(id::text, 0)) as mark
    from payout where state = 'final' group by 1`);
  const marks = new Map(rows.map(({ place, mark }) => [place, mark]));
  return [undefined, ...starts].map((_, place) => marks.get(place) ?? '');
}

/** When the newest of them became final. Reads them all: 100,000 in some 10 ms, every few seconds. */
export async function newestFinal(from: Queryable): Promise<Instant | undefined> {
  const { rows } = await from.query<{ at: Instant | null }>(sql`
    select max(ended_at) as at from payout where state = 'final'`);
  return rows[0]?.at ?? undefined;
}
