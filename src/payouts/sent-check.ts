import sql from 'sql-template-tag';
import { TributaryError } from '../base/errors.ts';
import type { JournalAccount } from '../chain/journal-store.ts';
import type { Providers } from '../chain/providers.ts';
import { quantity } from '../chain/transactions-look.ts';
import type { Database } from '../database/database.ts';
import type { Queryable } from '../database/transaction.ts';

/** How many transactions an account sent, by the newest block. Throws `rpc_unavailable`. */
export async function sentCount(
  providers: Providers,
  { address }: Pick<JournalAccount, 'address'>,
): Promise<bigint> {
  const count = quantity(await providers.request('eth_getTransactionCount', [address, 'latest']));
  if (count === undefined) {
    throw new TributaryError('rpc_unavailable', 'No node counts the transactions of an account.');
  }
  return count;
}

/** Notes that whatever the account sent, up to so many transactions, is accounted for. */
export async function noteLookedTo(
  from: Queryable,
  { chainId, address }: JournalAccount,
  count: bigint,
): Promise<void> {
  await from.query(sql`
    insert into chain_account (chain_id, account, looked_to)
    values (${chainId}, ${bytes(address)}, ${count})
    on conflict (chain_id, account) do update
    set looked_to = greatest(chain_account.looked_to, excluded.looked_to)`);
}

/**
 * Compares what the account that pays workers sent with what its books know. What it sent before the
 * pool used it first is none of their business. Throws `database_restored` when it sent more: a copy
 * of the books that is older than its last payouts would make them again.
 */
export async function checkSent(
  { database, providers }: { readonly database: Database; readonly providers: Providers },
  account: JournalAccount,
): Promise<void> {
  // The count first: who sends stores it before, so that the books never have less than it.
  const count = await sentCount(providers, account);
  const { rows } = await database.query<{ looked_to: bigint | null; next: bigint | null }>(sql`
    select looked_to,
      (select max(nonce) + 1 from chain_nonce n
        where (n.chain_id, n.account) = (a.chain_id, a.account)) as next
    from chain_account a
    where chain_id = ${account.chainId} and account = ${bytes(account.address)}`);
  const lookedTo = rows[0]?.looked_to ?? undefined;
  if (lookedTo === undefined) return noteLookedTo(database, account, count);
  const next = rows[0]?.next ?? 0n;
  const known = next > lookedTo ? next : lookedTo;
  if (count <= known) return;
  const more = count - known;
  const text = `The account that pays workers sent ${more} transactions that are not in the books: they came out of a backup, or somebody else used the account.`;
  throw new TributaryError('database_restored', text);
}

function bytes(address: string): Buffer {
  return Buffer.from(address.slice(2), 'hex');
}
