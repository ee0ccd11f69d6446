import { createTally, entriesOf } from '../tally.ts';
import type { Credit, Credited, Pot } from './model.ts';

/** Credits that are paid whatever the income: the reserve evens it out. */
export function insured(credits: readonly Credit[], pot: Pot): Credited {
  const rest = createTally(pot.available);
  for (const { asset, amount } of credits) rest.add(asset, -amount);
  const drawn = createTally();
  const kept = createTally();
  for (const [asset, value] of entriesOf(rest.amounts())) {
    if (value < 0n) drawn.add(asset, -value);
    else kept.add(asset, value);
  }
  return { credits, drawn: drawn.amounts(), issued: {}, kept: kept.amounts(), left: {} };
}
