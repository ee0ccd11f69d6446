import { lcm, multiplyRatios, RATIO_ONE } from './ratio.ts';
import type { WorkerInput } from './settle-types.ts';
import type { Multiplier, MultiplierCondition, Ratio } from './terms.ts';

/** The multipliers that fit a worker, in the order of the terms, and their product. */
export interface Multiplied {
  readonly fitting: readonly Multiplier[];
  readonly factor: Ratio;
}

/** Which multipliers fit a worker in this epoch. A fact that is not known fits none. */
export function multiply(
  multipliers: readonly Multiplier[],
  input: WorkerInput,
  epoch: bigint,
): Multiplied {
  const fitting = multipliers.filter(({ when }) => fits(when, input, epoch));
  const factor = fitting.reduce(
    (product, { factor }) => multiplyRatios(product, factor),
    RATIO_ONE,
  );
  return { fitting, factor };
}

function fits(when: MultiplierCondition, { facts }: WorkerInput, epoch: bigint): boolean {
  switch (when.kind) {
    case 'hardware_class':
      return facts.hardwareClass === when.is;
    case 'region':
      return facts.region === when.is;
    case 'speed_percentile':
      return facts.speedPercentile !== undefined && facts.speedPercentile >= when.atLeast;
    case 'member_epochs':
      return facts.memberSinceEpoch !== undefined && epoch - facts.memberSinceEpoch >= when.atLeast;
  }
}

/**
 * Weights of workers: what each did times its factor, brought to one denominator, so that they are
 * whole and compare exactly.
 */
export function weightsOf(
  done: readonly { readonly done: bigint; readonly factor: Ratio }[],
): readonly bigint[] {
  const common = done.reduce((sum, { factor }) => lcm(sum, factor.denominator), 1n);
  return done.map(({ done, factor }) => done * factor.numerator * (common / factor.denominator));
}

/**
 * Takes an amount with multipliers in it apart: what it would be without any, and what each added or
 * took away. Every step is rounded down; the last is the amount itself, so nothing is lost.
 */
export function takeApart(
  amount: bigint,
  { fitting, factor }: Multiplied,
): {
  readonly base: bigint;
  readonly steps: readonly { multiplier: Multiplier; change: bigint }[];
} {
  // A factor of 0 leaves nothing to take apart.
  if (fitting.length === 0 || factor.numerator === 0n) return { base: amount, steps: [] };
  let reached = RATIO_ONE;
  const upTo = () =>
    (amount * reached.numerator * factor.denominator) / (reached.denominator * factor.numerator);
  const base = upTo();
  let before = base;
  const steps = fitting.map((multiplier, index) => {
    reached = multiplyRatios(reached, multiplier.factor);
    const after = index === fitting.length - 1 ? amount : upTo();
    const change = after - before;
    before = after;
    return { multiplier, change };
  });
  return { base, steps };
}
