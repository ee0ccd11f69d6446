import { createHash } from 'node:crypto';
import sql from 'sql-template-tag';
import { exactAsset } from '../base/amounts.ts';
import type { AssetId } from '../base/asset.ts';
import { type Instant, instant } from '../base/clock.ts';
import type { Database } from '../database/database.ts';
import { account } from '../ledger/accounts.ts';
import { openEpoch } from '../ledger/epoch-store.ts';
import { post } from '../ledger/postings-store.ts';
import type { AssetKind } from '../terms/terms.ts';

/** A payout that a list names. */
interface Listed {
  readonly id: string;
  readonly worker: string;
  readonly asset: AssetId;
  readonly amount: bigint;
  readonly for?: readonly { readonly asset: AssetId; readonly amount: bigint }[] | undefined;
  readonly at: number;
  readonly reference?: string | undefined;
}

/**
 * Books what a bank paid after the backup, by the lists of payouts: no chain knows of it, and a worker
 * would be owed it again. One that the books know of ends as they say. Done again it books nothing
 * twice. Answers what it booked, in sentences.
 */
export async function bookByFile(
  database: Database,
  listed: readonly Listed[],
  assets: Readonly<Record<AssetId, AssetKind>>,
): Promise<readonly string[]> {
  const lines: string[] = [];
  for (const payout of listed) {
    const { worker, asset, amount, reference } = payout;
    const kind = assets[asset];
    if (reference === undefined || kind?.kind !== 'fiat') continue;
    const isNew = await database.transact(async (tx) => {
      const { count } = await tx.query(sql`select from payout where id::text = ${payout.id}`);
      if (count > 0) return false;
      const external = account('external');
      const owed = payout.for ?? [{ asset, amount }];
      await post(tx, {
        cause: causeOf(payout.id),
        kind: 'correction',
        at: instant(payout.at) as Instant,
        epoch: (await openEpoch(tx)).number,
        entries: owed.flatMap((one) => [
          { account: account('worker', worker), asset: one.asset, amount: one.amount },
          { account: external, asset: one.asset, amount: -one.amount },
        ]),
        facts: { payout: payout.id, asset, amount: String(amount), reference },
      });
      return true;
    });
    if (!isNew) continue;
    const shown = exactAsset(amount, asset, kind.decimals);
    lines.push(`Worker ${worker} was paid ${shown} by file after the backup (${reference})`);
  }
  return lines;
}

/** As of those that were found on the chain, whose index it shares: see migration 0029. */
function causeOf(id: string): string {
  return `recovered:0x${createHash('sha256').update(id).digest('hex')}:file`;
}
