import sql from 'sql-template-tag';
import type { AssetId } from '../base/asset.ts';
import { type Instant, instant } from '../base/clock.ts';
import type { Queryable } from '../database/transaction.ts';
import { addressIn } from '../payouts/store.ts';

/** What a worker earned in a closed epoch. */
export interface EarnedEpoch {
  readonly epoch: bigint;
  readonly worker: string;
  readonly openedAt: Instant;
  readonly endedAt: Instant;
  readonly termsVersion: number;
  readonly units: bigint;
  /** Base units as text, by asset. */
  readonly owed: Readonly<Record<string, string>>;
}

/** Closed epochs in which workers earned, newest first, before a place in that order. */
export async function earnedEpochs(
  from: Queryable,
  filter: {
    readonly workers: readonly string[];
    readonly before: { readonly epoch: bigint; readonly worker: string } | undefined;
    readonly limit: number;
  },
): Promise<readonly EarnedEpoch[]> {
  const { workers, before, limit } = filter;
  const { rows } = await from.query<{
    epoch: bigint;
    worker: string;
    opened_at: Instant;
    ended_at: Instant;
    terms_version: number;
    units: bigint;
    owed: Record<string, string>;
  }>(sql`
    select w.epoch, w.worker, e.opened_at, e.ended_at, e.terms_version, w.units, w.owed
    from epoch_worker w join epoch e on e.number = w.epoch
    where w.worker = any(${[...workers]}::text[])
      and (${before?.epoch ?? null}::bigint is null
        or (-w.epoch, w.worker) > (-${before?.epoch ?? 0n}::bigint, ${before?.worker ?? ''}))
    order by -w.epoch, w.worker limit ${limit}`);
  return rows.map((row) => ({
    epoch: row.epoch,
    worker: row.worker,
    openedAt: instant(row.opened_at),
    endedAt: instant(row.ended_at),
    termsVersion: row.terms_version,
    units: row.units,
    owed: row.owed,
  }));
}

/** What workers were paid so far, by worker and asset. */
export async function paidTotals(
  from: Queryable,
  workers: readonly string[],
): Promise<readonly { readonly worker: string; readonly asset: AssetId; readonly paid: bigint }[]> {
  const { rows } = await from.query<{ worker: string; asset: AssetId; paid: bigint }>(sql`
    select worker, asset, sum(received) as paid from payout
    where worker = any(${[...workers]}::text[]) and state = 'final'
    group by worker, asset order by worker, asset`);
  return rows;
}

/** A payout that went out. */
export interface PaidOut {
  readonly id: string;
  readonly worker: string;
  readonly state: string;
  readonly reason: string | null;
  readonly asset: AssetId;
  /** What arrived; undefined: it has not, or nothing did. */
  readonly received: bigint | undefined;
  readonly amount: bigint;
  readonly createdAt: Instant;
  readonly endedAt: Instant | undefined;
  readonly to: string | undefined;
  /** When it was made or final, to the microsecond: its place in the list, with the id. */
  readonly place: string;
  /** The hash of a transaction, or what a bank calls it. */
  readonly reference: string | undefined;
}

/** Payouts before one of them, newest first: all that are final, or all of some workers. */
export async function paidOut(
  from: Queryable,
  filter: {
    /** Undefined: of everybody, and only what is final. */
    readonly workers: readonly string[] | undefined;
    /** By {@link PaidOut.place}. */
    readonly before: { readonly at: string; readonly id: string } | undefined;
    readonly limit: number;
  },
): Promise<readonly PaidOut[]> {
  const { workers, before, limit } = filter;
  const order = workers ? sql`created_at` : sql`ended_at`;
  const whose = workers ? sql`worker = any(${[...workers]}::text[])` : sql`state = 'final'`;
  const { rows } = await from.query<{
    id: string;
    worker: string;
    state: string;
    reason: string | null;
    asset: AssetId;
    received: bigint | null;
    amount: bigint;
    created_at: Instant;
    ended_at: Instant | null;
    recipient: Buffer | null;
    reference: string | null;
    place: string;
  }>(sql`
    select id, worker, state, reason, asset, received, amount, created_at, ended_at, recipient,
      reference, to_char(${order} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as place
    from payout
    where ${whose}
      and (${before?.at ?? null}::timestamptz is null
        or (${order}, id) < (${before?.at ?? null}::timestamptz, ${before?.id ?? null}::uuid))
    order by ${order} desc, id desc limit ${limit}`);
  return rows.map((row) => ({
    id: row.id,
    worker: row.worker,
    state: row.state,
    reason: row.reason,
    asset: row.asset,
    received: row.received ?? undefined,
    amount: row.amount,
    createdAt: instant(row.created_at),
    endedAt: row.ended_at === null ? undefined : instant(row.ended_at),
    to: addressIn(row.recipient),
    place: row.place,
    reference: row.reference ?? undefined,
  }));
}
