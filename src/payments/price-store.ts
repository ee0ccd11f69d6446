import sql from 'sql-template-tag';
import { hex } from '../base/bytes.ts';
import type { Instant } from '../base/clock.ts';
import { TributaryError } from '../base/errors.ts';
import type { Queryable, Transaction } from '../database/transaction.ts';
import { type Price, parsePrice, showPrice } from './price.ts';

/** On this channel nodes tell each other that prices were set or reset. */
export const PRICE_CHANGED = 'price_changed';

/** Whom and what a price is for: the empty text is everybody, or video. */
export interface PriceScope {
  /** 40 lower-case hex digits, or empty. */
  readonly gateway: string;
  /** As capabilityKey of price.ts makes it, or empty. */
  readonly capability: string;
}

/** A price that was set while the pool ran. */
export interface SetPrice extends PriceScope {
  readonly price: Price;
  readonly setAt: Instant;
}

/** Prices that were set and not reset, for everybody first. */
export async function loadSetPrices(from: Queryable): Promise<readonly SetPrice[]> {
  const { rows } = await from.query<{
    gateway: Buffer;
    capability: string;
    price: string;
    set_at: Instant;
  }>(sql`select gateway, capability, price, set_at from set_price order by gateway, capability`);
  return rows.map(({ gateway, capability, price: text, set_at: setAt }) => {
    const read = parsePrice(text);
    if (!read.ok) throw new TributaryError('internal', 'a stored price cannot be read');
    return { gateway: hex(gateway), capability, price: read.price, setAt };
  });
}

/** Keeps a price, in place of one that was set before. */
export async function storeSetPrice(
  tx: Transaction,
  { gateway, capability }: PriceScope,
  price: Price,
): Promise<void> {
  await tx.query(sql`
    insert into set_price (gateway, capability, price)
    values (${Buffer.from(gateway, 'hex')}, ${capability}, ${showPrice(price)})
    on conflict (gateway, capability) do update set price = excluded.price, set_at = now()`);
  await tx.query(sql`select pg_notify(${PRICE_CHANGED}, '')`);
}

/** Forgets a price that was set; false when there is none. */
export async function forgetSetPrice(
  tx: Transaction,
  { gateway, capability }: PriceScope,
): Promise<boolean> {
  const { count } = await tx.query(sql`
    delete from set_price
    where gateway = ${Buffer.from(gateway, 'hex')} and capability = ${capability}`);
  if (count > 0) await tx.query(sql`select pg_notify(${PRICE_CHANGED}, '')`);
  return count > 0;
}
