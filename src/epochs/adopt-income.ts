import { type AssetId, ETH, LPT } from '../base/asset.ts';
import type { Instant } from '../base/clock.ts';
import type { Transaction } from '../database/transaction.ts';
import { type AccountName, account } from '../ledger/accounts.ts';
import { balanceOf, post } from '../ledger/postings-store.ts';
import type { EpochInput } from '../terms/settle-types.ts';

/**
 * Brings the income that waits in the books to what an epoch was published with. Tickets stand on luck,
 * as when they were credited: what the chain paid for them is booked against it. Rewards stand on the
 * pool's stake.
 */
export async function bringIncome(tx: Transaction, input: EpochInput, at: Instant): Promise<void> {
  const gross = new Map<AssetId, bigint>();
  for (const { kind, asset, amount } of input.incomeLines) {
    if (kind !== 'gas') gross.set(asset, (gross.get(asset) ?? 0n) + amount);
  }
  for (const [asset, published] of gross) {
    const held = -(await balanceOf(tx, account('income'), asset));
    // A loss that was more than the income waits on.
    const amount = published - (held < 0n ? 0n : held);
    if (amount === 0n) continue;
    await post(tx, {
      cause: `adopted:${input.epoch}:${asset}`,
      kind: 'correction',
      at,
      epoch: input.epoch,
      entries: [
        { account: against(asset), asset, amount },
        { account: account('income'), asset, amount: -amount },
      ],
    });
  }
}

function against(asset: AssetId): AccountName {
  if (asset === ETH) return account('luck');
  return asset === LPT ? account('bonding_rewards') : account('external');
}
