import { type AssetId, ETH, LPT } from '../base/asset.ts';
import type { Clock, Instant } from '../base/clock.ts';
import type { Transaction } from '../database/transaction.ts';
import { type AccountName, account } from '../ledger/accounts.ts';
import { openEpoch } from '../ledger/epoch-store.ts';
import { balanceOf, post } from '../ledger/postings-store.ts';
import type { EpochInput } from '../terms/settle-types.ts';

/**
 * Brings the income that waits in the books to what an epoch was published with. Tickets stand on luck,
 * as when they were credited: what the chain paid for them is booked against it. Rewards that were found
 * on the chain and are of later epochs wait in `income_pending`: see {@link recogniseRewards}.
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

/**
 * Once no more epochs are taken over: rewards that were found on the chain, and that none of them
 * counted, are income of the open epoch. What they counted and nobody found, as where there is no
 * chain to look at, stands on the pool's stake. Answers the LPT that is income now and was not.
 */
export async function recogniseRewards(tx: Transaction, clock: Clock): Promise<bigint> {
  const waiting = -(await balanceOf(tx, account('income_pending'), LPT));
  if (waiting === 0n) return 0n;
  const { number: epoch } = await openEpoch(tx);
  const other = account(waiting < 0n ? 'bonding_rewards' : 'income');
  await post(tx, {
    // Nothing waits again before another epoch was taken over.
    cause: `recovered-rewards:${epoch}`,
    kind: 'correction',
    at: clock.now(),
    epoch,
    entries: [
      { account: account('income_pending'), asset: LPT, amount: waiting },
      { account: other, asset: LPT, amount: -waiting },
    ],
  });
  return waiting > 0n ? waiting : 0n;
}

function against(asset: AssetId): AccountName {
  if (asset === ETH) return account('luck');
  return asset === LPT ? account('income_pending') : account('external');
}
