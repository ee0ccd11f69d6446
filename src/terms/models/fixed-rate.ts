import { shareOf } from '../../base/split.ts';
import type { WorkerInput } from '../settle-types.ts';
import type { Rate, RateBasis } from '../terms.ts';
import { insured } from './insured.ts';
import type { Credit, Credited, Pot, PotWorker } from './model.ts';

/**
 * A rate that does not depend on income: `done * amount / count` times the multipliers, rounded down
 * once per worker and epoch. The pool insures its workers: its reserve gets what income is more, and
 * pays what it is less. The rate is what the worker gets: no commission is taken from it.
 */
export function fixedRate(
  { per, rate }: { readonly per: RateBasis; readonly rate: Rate },
  pot: Pot,
): Credited {
  const credits = pot.workers
    .filter(({ input }) => counted(per, input).done > 0n)
    .map((worker) => rateCredit(worker, per, rate, 'work'));
  return insured(credits, pot);
}

/** What a worker is credited at a rate. */
export function rateCredit(
  { input, multiplied }: PotWorker,
  per: RateBasis,
  rate: Rate,
  kind: Credit['kind'],
): Credit {
  const { done, perUnit, name } = counted(per, input);
  const { factor } = multiplied;
  return {
    worker: input.worker,
    kind,
    asset: rate.asset,
    amount: shareOf(
      done,
      rate.amount * factor.numerator,
      rate.count * perUnit * factor.denominator,
    ),
    bearsCommission: false,
    isMultiplied: true,
    units: done,
    rate: `${rate.amount}/${rate.count * perUnit}`,
    text: `${done} ${name} at a fixed rate`,
  };
}

function counted(
  per: RateBasis,
  input: WorkerInput,
): { readonly done: bigint; readonly perUnit: bigint; readonly name: string } {
  switch (per) {
    case 'pixel':
      return { done: input.units, perUnit: 1n, name: 'pixels' };
    case 'source_second':
      return { done: input.sourceMs, perUnit: 1000n, name: 'ms of source' };
    case 'device_second':
      return { done: input.deviceMs, perUnit: 1000n, name: 'ms of device time' };
    case 'job':
      return { done: input.jobs, perUnit: 1n, name: 'jobs' };
  }
}
