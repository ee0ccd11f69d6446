import sql from 'sql-template-tag';
import type { Queryable } from '../database/transaction.ts';
import type { Anchor } from './verify-anchors.ts';

/** The transactions that wrote epochs into the chain, and are final, oldest first. */
export async function finalAnchors(from: Queryable): Promise<readonly Anchor[]> {
  const { rows } = await from.query<{ epoch: bigint; hash: Buffer }>(sql`
    select substring(id from 8)::bigint as epoch, hash from chain_intent
    where id ~ '^anchor:[0-9]{1,18}$' and state = 'final' and succeeded order by 1`);
  return rows.map(({ epoch, hash }) => ({ epoch, transaction: `0x${hash.toString('hex')}` }));
}

/** anchors.json as it is published. */
export function writeAnchors(anchors: readonly Anchor[]): string {
  const listed = anchors.map(({ epoch, transaction }) => ({ epoch: String(epoch), transaction }));
  return `${JSON.stringify({ anchors: listed, format: 'tributary-anchors-1' })}\n`;
}
