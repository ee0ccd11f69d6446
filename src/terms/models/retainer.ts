import { shareOf } from '../../base/split.ts';
import { compareRatios } from '../ratio.ts';
import type { WorkerInput } from '../settle-types.ts';
import { createTally, entriesOf } from '../tally.ts';
import type { Rate, Ratio, ShareBasis } from '../terms.ts';
import { basisText, type Credit, type Credited, doneBy, type Pot } from './model.ts';
import { shareOut } from './proportional.ts';

/**
 * An amount for the time that a worker was there as promised, then the rest of the income shared by
 * work. A retainer is a promise: where income does not reach, the reserve pays. It bears no
 * commission and no multipliers; the shared rest bears both.
 */
export function retainer(
  model: { readonly rate: Rate; readonly uptimeMin: Ratio; readonly by: ShareBasis },
  pot: Pot,
): Credited {
  const { rate } = model;
  const retainers = pot.workers
    .map(({ input }): Credit => {
      const paidMs = retainedMs(input, model.uptimeMin);
      return {
        worker: input.worker,
        kind: 'retainer',
        asset: rate.asset,
        amount: shareOf(paidMs, rate.amount, rate.count),
        bearsCommission: false,
        isMultiplied: false,
        units: paidMs,
        rate: `${rate.amount}/${rate.count}`,
        text: `${paidMs} ms there as promised`,
      };
    })
    .filter(({ units }) => units > 0n);
  const rest = createTally(pot.available);
  for (const { asset, amount } of retainers) rest.add(asset, -amount);
  const drawn = createTally();
  for (const [asset, value] of entriesOf(rest.amounts())) {
    if (value >= 0n) continue;
    drawn.add(asset, -value);
    rest.add(asset, -value);
  }
  const done = pot.workers.map(({ input }) => doneBy(model.by, input));
  const shared = shareOut(
    { ...pot, available: rest.amounts() },
    { done, basis: basisText[model.by], kind: 'work', bearsCommission: true },
  );
  return { ...shared, credits: [...retainers, ...shared.credits], drawn: drawn.amounts() };
}

/** Time there, up to what was promised; nothing below the least share, or without a promise. */
function retainedMs({ onlineMs, promisedMs }: WorkerInput, uptimeMin: Ratio): bigint {
  if (promisedMs === 0n) return 0n;
  const there = onlineMs < promisedMs ? onlineMs : promisedMs;
  const uptime = { numerator: there, denominator: promisedMs };
  return compareRatios(uptime, uptimeMin) >= 0 ? there : 0n;
}
