import sql from 'sql-template-tag';
import { parseHex } from '../base/bytes.ts';
import { ACTION_PREFIX } from '../chain/journal-list.ts';
import type { JournalAccount } from '../chain/journal-store.ts';
import type { Queryable } from '../database/transaction.ts';

/** Transactions that an operator asked for and that no block shows yet. */
export async function openActions(
  from: Queryable,
  { chainId, address }: JournalAccount,
): Promise<readonly string[]> {
  const { rows } = await from.query<{ id: string }>(sql`
    select id from chain_intent
    where chain_id = ${chainId} and account = ${Buffer.from(parseHex(address) ?? [])}
      and state in ('intended', 'signed', 'broadcast') and id like ${`${ACTION_PREFIX}%`}
    order by number`);
  return rows.map(({ id }) => id);
}
