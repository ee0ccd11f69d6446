import { shareOf } from '../../base/split.ts';
import { entriesOf } from '../tally.ts';
import { insured } from './insured.ts';
import type { Credit, Credited, Pot } from './model.ts';

/** What gateways paid for the worker's own segments, times its multipliers. Bears commission. */
export function perSegment(_: object, pot: Pot): Credited {
  const credits = pot.workers.flatMap(({ input, multiplied }) =>
    entriesOf(input.grossFee)
      .filter(([, fee]) => fee > 0n)
      .map(
        ([asset, fee]): Credit => ({
          worker: input.worker,
          kind: 'work',
          asset,
          amount: shareOf(fee, multiplied.factor.numerator, multiplied.factor.denominator),
          bearsCommission: true,
          isMultiplied: true,
          units: input.units,
          text: `what gateways paid for ${input.jobs} segments`,
        }),
      ),
  );
  return insured(credits, pot);
}
