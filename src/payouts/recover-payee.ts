import sql from 'sql-template-tag';
import type { AssetId } from '../base/asset.ts';
import type { Transaction } from '../database/transaction.ts';
import { account } from '../ledger/accounts.ts';
import { balanceOf } from '../ledger/postings-store.ts';
import type { Recipient } from './plan-types.ts';

/** What is known besides the books of who was paid after them. */
export interface PaidAfter {
  /** Payments that were listed, each of one worker. */
  readonly listed: readonly {
    readonly worker: string;
    readonly asset: AssetId;
    readonly amount: bigint;
    readonly to?: string | undefined;
    readonly transaction?: string | undefined;
    /** Milliseconds since 1970. */
    readonly at: number;
  }[];
  /** Workers by an address at which they were to be paid; it need not be the one in the books. */
  readonly addresses: readonly { readonly worker: string; readonly address: string }[];
}

/** Whose a payment was, and since when it counted where a list said that. */
export interface Payee {
  readonly worker: string;
  readonly at?: number;
}

/**
 * For whom a payment was that the chain shows. Where several workers are paid at one address it is the
 * one that a list names, else the one that is owed just that, else the one that is owed most. An
 * address that no worker has had is nobody's, unless a list says whose. `used`: listed payments of this
 * transaction that were somebody's already.
 */
export async function payeeOf(
  tx: Transaction,
  { listed, addresses }: PaidAfter,
  paid: {
    readonly transaction: string;
    readonly recipient: Recipient;
    readonly asset: AssetId;
    readonly amount: bigint;
  },
  used: Set<object>,
): Promise<Payee | undefined> {
  const { transaction, recipient, asset, amount } = paid;
  const named = listed.find(
    (one) =>
      !used.has(one) &&
      one.transaction === transaction &&
      one.to === recipient &&
      one.asset === asset &&
      one.amount === amount,
  );
  const also = addresses.flatMap((one) => (one.address === recipient ? [one.worker] : []));
  const address = Buffer.from(recipient.slice(2), 'hex');
  const { rows } = await tx.query<{ id: string; at: boolean }>(sql`
    select id, payout_address = ${address} or id = any(${also}) as at
    from worker
    where payout_address = ${address} or id = any(${also})
      or id = ${named?.worker ?? null}
    order by id`);
  const there = rows.flatMap(({ id, at }) => (at ? [id] : []));
  const isMeant =
    rows.some(({ id }) => id === named?.worker) &&
    (there.length === 0 || there.includes(named?.worker ?? ''));
  if (named && isMeant) {
    used.add(named);
    return { worker: named.worker, at: named.at };
  }
  const [first, second] = there;
  if (first === undefined) return undefined;
  if (second === undefined) return { worker: first };
  const owed = await Promise.all(
    there.map(async (id) => ({ id, owed: -(await balanceOf(tx, account('worker', id), asset)) })),
  );
  const most = owed.reduce((one, other) => (other.owed > one.owed ? other : one));
  return { worker: (owed.find((one) => one.owed === amount) ?? most).id };
}
