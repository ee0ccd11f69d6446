import sql from 'sql-template-tag';
import type { AssetId } from '../base/asset.ts';
import { type Instant, instant } from '../base/clock.ts';
import type { Queryable } from '../database/transaction.ts';
import { time } from './store.ts';

/**
 * Why payouts wait: `insolvent` until there is enough again, by rule; the others until a person says
 * otherwise.
 */
export const pauseReasons = [
  'operator',
  'token_takes_fee',
  'token_tells_nothing',
  'insolvent',
] as const;
export type PauseReason = (typeof pauseReasons)[number];

/** Payouts of an asset, or all of them, that wait. */
export interface Pause {
  /** Undefined: all. */
  readonly asset: AssetId | undefined;
  readonly reason: PauseReason;
  readonly since: Instant;
}

/** Stops payouts; they stay stopped if they are. */
export async function pause(
  from: Queryable,
  what: { readonly asset: AssetId | undefined; readonly reason: PauseReason; readonly at: Instant },
): Promise<void> {
  await from.query(sql`
    insert into payout_pause (asset, reason, since)
    values (${what.asset ?? null}, ${what.reason}, ${time(what.at)})
    on conflict (coalesce(asset, ''), reason) where ended_at is null do nothing`);
}

/** Ends every pause of an asset that a person may end, or those of all payouts: how many. */
export async function resume(
  from: Queryable,
  what: { readonly asset: AssetId | undefined; readonly at: Instant },
): Promise<number> {
  const { count } = await from.query(sql`
    update payout_pause set ended_at = ${time(what.at)}
    where ended_at is null and reason <> 'insolvent'
      and asset is not distinct from ${what.asset ?? null}::text`);
  return count;
}

/** Ends the pause by rule of an asset that there is enough of again. */
export async function endShortage(
  from: Queryable,
  what: { readonly asset: AssetId; readonly at: Instant },
): Promise<void> {
  await from.query(sql`
    update payout_pause set ended_at = ${time(what.at)}
    where ended_at is null and reason = 'insolvent' and asset = ${what.asset}`);
}

/** What waits now. */
export async function pauses(from: Queryable): Promise<readonly Pause[]> {
  const { rows } = await from.query<{ asset: string | null; reason: string; since: Instant }>(sql`
    select asset, reason, since from payout_pause where ended_at is null order by number`);
  return rows.map(({ asset, reason, since }) => ({
    asset: (asset ?? undefined) as AssetId | undefined,
    reason: reason as PauseReason,
    since: instant(since),
  }));
}
