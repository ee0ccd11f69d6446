import type { AssetId } from '../base/asset.ts';
import type { Instant } from '../base/clock.ts';
import { crashPoint } from '../base/crash-point.ts';
import { TributaryError } from '../base/errors.ts';
import type { Transaction } from '../database/transaction.ts';
import { post } from '../ledger/postings-store.ts';
import type { AssetKind } from '../terms/terms.ts';
import { postingOf } from './books.ts';
import { type PayoutEvent, type PayoutState, step } from './payout.ts';
import { type StoredPayout, storeState } from './store.ts';

/** What a payout's next step needs to know besides. */
export interface MoveFacts {
  readonly at: Instant;
  readonly assets: Readonly<Record<AssetId, AssetKind>>;
}

/**
 * Takes one event to one payout, whose batch is locked: the new state and what it means for the books
 * become durable together, or not at all. Answers the state that it has then.
 */
export async function movePayout(
  tx: Transaction,
  payout: StoredPayout,
  event: PayoutEvent,
  { at, assets }: MoveFacts,
): Promise<PayoutState> {
  const next = step(payout.state, event);
  if (!next) return payout.state;
  await storeState(tx, payout.id, next.state, at);
  if (next.booking) {
    const kind = assets[payout.asset];
    if (!kind) throw new TributaryError('internal', `no terms say what ${payout.asset} is`);
    const reference = 'reference' in next.state ? next.state.reference : undefined;
    const facts = reference ? { transaction: reference } : {};
    const posted = await post(tx, postingOf(next.booking, payout, { at, kind, facts }));
    // The state says that it was not, the books that it was: one of them is wrong, so neither moves.
    if (posted === 'known') {
      throw new TributaryError('internal', 'a payout was booked before its state was stored', {
        facts: { payout: payout.id, booking: next.booking },
      });
    }
  }
  if (next.state.state !== 'owed') crashPoint(`payout_${next.state.state}_before_commit`);
  return next.state;
}
