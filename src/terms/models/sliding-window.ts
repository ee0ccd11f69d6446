import type { WorkerInput } from '../settle-types.ts';
import type { Credited, Pot } from './model.ts';
import { shareOut } from './proportional.ts';

/**
 * The income of the epoch, shared over the last `units` units of the pool: those of this epoch and of
 * as many before it as fill the window; the oldest epoch in it counts in part. What a unit gets does
 * not depend on what else its worker did or does: see docs/explanations/terms.md for what that means
 * for whoever comes only when it suits.
 */
export function slidingWindow(
  model: { readonly units: bigint; readonly epochsMax: number },
  pot: Pot,
): Credited {
  const done = windowWeights(
    pot.workers.map(({ input }) => input),
    pot.epoch,
    model,
  );
  return shareOut(pot, { done, basis: 'weighted units', kind: 'work', bearsCommission: true });
}

/**
 * What each worker has in the window. Whole numbers: units of full epochs and the part of the oldest
 * are brought to the denominator of that part.
 */
export function windowWeights(
  workers: readonly WorkerInput[],
  epoch: bigint,
  window: { readonly units: bigint; readonly epochsMax: number },
): readonly bigint[] {
  const perEpoch = workers.map((input) => unitsPerEpoch(input, epoch, window.epochsMax));
  const totals = new Map<bigint, bigint>();
  for (const units of perEpoch) {
    for (const [at, count] of units) totals.set(at, (totals.get(at) ?? 0n) + count);
  }
  const full = new Set<bigint>();
  let free = window.units;
  let oldest: { readonly epoch: bigint; readonly total: bigint } | undefined;
  for (const at of [...totals.keys()].sort((a, b) => (a > b ? -1 : 1))) {
    const total = totals.get(at) as bigint;
    if (total === 0n) continue;
    if (total >= free) {
      oldest = { epoch: at, total };
      break;
    }
    free -= total;
    full.add(at);
  }
  return perEpoch.map((units) => {
    let sum = 0n;
    for (const [at, count] of units) if (full.has(at)) sum += count;
    return oldest ? sum * oldest.total + (units.get(oldest.epoch) ?? 0n) * free : sum;
  });
}

function unitsPerEpoch(
  input: WorkerInput,
  epoch: bigint,
  epochsMax: number,
): ReadonlyMap<bigint, bigint> {
  const units = new Map<bigint, bigint>([[epoch, input.units]]);
  for (const { epoch: at, units: count } of input.window ?? []) {
    if (at >= epoch) throw new RangeError('a window holds earlier epochs');
    if (epoch - at < BigInt(epochsMax)) units.set(at, (units.get(at) ?? 0n) + count);
  }
  return units;
}
