import { exactAsset } from '../base/amounts.ts';
import type { AssetId } from '../base/asset.ts';
import type { Instant } from '../base/clock.ts';
import { TributaryError } from '../base/errors.ts';
import { account } from '../ledger/accounts.ts';
import { openEpoch } from '../ledger/epoch-store.ts';
import { lockIncome } from '../ledger/income-store.ts';
import { balanceOf, post } from '../ledger/postings-store.ts';
import type { ReconcileParts } from './reconcile.ts';
import { compareWithChain } from './reconcile-chain.ts';

/** What somebody says of a difference between books and chain. */
export interface Correction {
  readonly account: string;
  readonly asset: AssetId;
  /** Base units that the chain has more than the books; less than 0: fewer. */
  readonly amount: bigint;
  /** Why it is so. */
  readonly reason: string;
}

/**
 * Books what the chain has more or less than the ledger, as something that the operator put in or took
 * out. The amount must be the difference that there is, so that books follow the chain and nothing
 * else. Throws `correction_refused`, `chain_off` where there is no chain, `rpc_unavailable`.
 */
export async function correctBooks(
  parts: ReconcileParts,
  { account: name, asset, amount, reason }: Correction,
  at: Instant,
): Promise<{ readonly cause: string }> {
  const { database } = parts;
  if (!/^[ -~]{1,200}$/.test(reason)) {
    throw refused('a correction says why, in up to 200 plain characters');
  }
  const found = await compareWithChain(parts);
  if (!found) throw new TributaryError('chain_off', 'This pool has no account on chain.');
  const one = found.compared.find((each) => each.account === name && each.asset === asset);
  if (!one) throw refused(`${asset} of ${name} is not compared with the chain`);
  const { here, there, before, decimals } = one;
  const difference = there - before - here;
  if (difference === 0n) throw refused('books and chain agree');
  if (difference !== amount) {
    const way = difference > 0n ? 'more' : 'less';
    const shown = exactAsset(difference > 0n ? difference : -difference, asset, decimals);
    throw refused(`the chain has ${shown} ${way} than the books`);
  }
  const cause = `correction:${one.account}:${asset}:${at}`;
  await database.transact(async (tx) => {
    await lockIncome(tx);
    // What was booked before it is in it: whatever is measured later of that counts as corrected.
    if ((await balanceOf(tx, account(one.account), asset)) !== here) {
      throw refused('something else was booked at the same moment; look again');
    }
    const epoch = (await openEpoch(tx)).number;
    await post(tx, {
      ...{ cause, kind: 'correction', at, epoch, facts: { reason } },
      entries: [
        { account: account(one.account), asset, amount, note: reason },
        { account: account('external'), asset, amount: -amount, note: reason },
      ],
    });
  });
  return { cause };
}

function refused(why: string): TributaryError {
  return new TributaryError('correction_refused', `This cannot be booked: ${why}.`);
}
