import sql from 'sql-template-tag';
import { hex } from '../base/bytes.ts';
import type { Queryable } from '../database/transaction.ts';
import { bytes, intentOf, type StoredBatch } from './store.ts';

/** How far the journal is with a batch that is not settled. */
export interface Progress {
  readonly state: 'intended' | 'signed' | 'broadcast' | 'included';
  /** Hash of the newest bytes, or of those in a block; empty before there are any. */
  readonly reference: string;
}

/** Asks the journal's tables, since only one node has the journal in memory. */
export async function progressOf(
  from: Queryable,
  { id, sent }: Pick<StoredBatch, 'id' | 'sent'>,
): Promise<Progress | undefined> {
  if (!sent) return undefined;
  const { rows } = await from.query<{ state: string; hash: Buffer | null }>(sql`
    select i.state, coalesce(i.hash, (
      select t.hash from chain_nonce n
      join chain_transaction t using (chain_id, account, nonce)
      where n.intent = i.number and n.used_up_by is null
      order by t.number desc limit 1)) as hash
    from chain_intent i
    where i.chain_id = ${sent.chainId} and i.account = ${bytes(sent.account)}
      and i.id = ${intentOf(id)} and i.state in ('intended', 'signed', 'broadcast', 'included')`);
  const [row] = rows;
  if (!row) return undefined;
  const reference = row.hash ? `0x${hex(row.hash)}` : '';
  // Bytes come with the state in one transaction, so a state beyond this one has some.
  if (reference === '') return { state: 'intended', reference };
  return { state: row.state as Progress['state'], reference };
}
