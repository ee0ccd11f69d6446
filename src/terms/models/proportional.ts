import type { AssetId } from '../../base/asset.ts';
import { splitByWeights } from '../../base/split.ts';
import { weightsOf } from '../multipliers.ts';
import { createTally, entriesOf } from '../tally.ts';
import type { ShareBasis } from '../terms.ts';
import { basisText, type Credit, type Credited, doneBy, type Pot } from './model.ts';

/**
 * The income of the epoch, shared in proportion to what each worker did times its multipliers. Shares
 * are rounded down; the remainder is left for the next epoch, and so is all of it when nobody did
 * anything.
 */
export function proportional({ by }: { readonly by: ShareBasis }, pot: Pot): Credited {
  const done = pot.workers.map(({ input }) => doneBy(by, input));
  return shareOut(pot, { done, basis: basisText[by], kind: 'work', bearsCommission: true });
}

/** Shares everything that is available in proportion to what is given for each worker of the pot. */
export function shareOut(
  pot: Pot,
  how: {
    readonly done: readonly bigint[];
    readonly basis: string;
    readonly kind: Credit['kind'];
    readonly bearsCommission: boolean;
  },
): Credited {
  const weights = weightsOf(
    pot.workers.map(({ multiplied }, index) => ({
      done: how.done[index] as bigint,
      factor: multiplied.factor,
    })),
  );
  const total = how.done.reduce((sum, each) => sum + each, 0n);
  const left = createTally();
  const credits: Credit[] = [];
  for (const [asset, amount] of entriesOf(pot.available)) {
    const { parts, remainder } = splitByWeights(amount, weights);
    left.add(asset, remainder);
    for (const [index, part] of parts.entries()) {
      const done = how.done[index] as bigint;
      if (done > 0n) credits.push(creditOf(index, done, asset, part));
    }
  }
  return { credits, drawn: {}, issued: {}, kept: {}, left: left.amounts() };

  function creditOf(index: number, done: bigint, asset: AssetId, part: bigint): Credit {
    return {
      worker: (pot.workers[index] as Pot['workers'][number]).input.worker,
      kind: how.kind,
      asset,
      amount: part,
      bearsCommission: how.bearsCommission,
      isMultiplied: true,
      units: done,
      rate: `${done}/${total}`,
      text: `${done} of ${total} ${how.basis}`,
    };
  }
}
