import { showAsset } from '../base/amounts.ts';
import type { AssetId } from '../base/asset.ts';
import type { PlanBatch } from '../payouts/plan-types.ts';
import type { Actor } from './access.ts';
import type { AmountOf } from './asset-amounts.ts';
import { Refusal } from './problem.ts';

/**
 * Refuses a change that cannot be undone until its consequence was typed. Asked of browsers alone: a
 * click is a slip of the hand, a command line or a script was written.
 *
 * @throws Refusal `consequence_needed`, which says what to type
 */
export function demandConsequence(actor: Actor, given: unknown, phrase: string): void {
  if (actor.kind === 'operator' && actor.by === 'token') return;
  if (typeof given === 'string' && plain(given) === plain(phrase)) return;
  throw new Refusal({
    status: 409,
    code: 'consequence_needed',
    title: 'This cannot be undone, so its consequence has to be typed.',
    detail: `Type "${phrase}".`,
    advice: 'Type it as it stands there, without the quotes, and send it again.',
  });
}

function plain(text: string): string {
  return text.trim().replaceAll(/\s+/g, ' ');
}

/** What running a plan comes to: `send 4.213 ETH and 12 LPT`; undefined: it sends nothing. */
export function sendPhrase(
  batches: readonly Pick<PlanBatch, 'asset' | 'shares'>[],
  amountOf: AmountOf,
): string | undefined {
  const totals = sentOf(batches);
  if (totals.length === 0) return undefined;
  const shown = totals.map(([asset, amount]) =>
    showAsset(amount, asset, amountOf(asset, amount).decimals),
  );
  return `send ${shown.join(' and ')}`;
}

/** What a plan sends of each asset, in base units. */
export function sentOf(
  batches: readonly Pick<PlanBatch, 'asset' | 'shares'>[],
): readonly (readonly [AssetId, bigint])[] {
  const totals = new Map<AssetId, bigint>();
  for (const { asset, shares } of batches) {
    const sum = shares.reduce((total, { amount }) => total + amount, 0n);
    totals.set(asset, (totals.get(asset) ?? 0n) + sum);
  }
  return [...totals];
}
