import sql from 'sql-template-tag';
import { parseHex } from '../base/bytes.ts';
import type { JournalAccount } from '../chain/journal-store.ts';
import type { Queryable } from '../database/transaction.ts';

/** What the ids of an operator's own transactions begin with: `act:<action>:<step>:<method>`. */
export const ACTION_PREFIX = 'act:';

/** Whether an operator asked for a transaction; the rest are duties of the pool itself. */
export function isOfAction(intent: string): boolean {
  return intent.startsWith(ACTION_PREFIX);
}

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
