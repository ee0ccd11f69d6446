import { compareRatios, ratio } from './ratio.ts';
import type { WorkerInput } from './settle-types.ts';
import type { Penalty, Ratio } from './terms.ts';

/** A penalty that applies, and the share of the epoch's earnings that it takes. */
export interface AppliedPenalty {
  readonly penalty: Penalty;
  readonly count: bigint;
  readonly ratio: Ratio;
}

/** Which penalties apply to a worker in this epoch, in the order of the terms. */
export function penaltiesOf(
  rules: readonly Penalty[],
  input: WorkerInput,
): readonly AppliedPenalty[] {
  return rules.flatMap((penalty) => {
    const count = countOf(penalty.for, input);
    if (count <= penalty.free) return [];
    const { numerator, denominator } = penalty.each;
    const taken = ratio((count - penalty.free) * numerator, denominator);
    return {
      penalty,
      count,
      ratio: compareRatios(taken, penalty.atMost) > 0 ? penalty.atMost : taken,
    };
  });
}

function countOf(kind: Penalty['for'], input: WorkerInput): bigint {
  switch (kind) {
    case 'failed_attempts':
      return input.failedAttempts;
    case 'failed_checks':
      return input.failedChecks;
    case 'offline': {
      const missed = input.promisedMs - input.onlineMs;
      return missed > 0n ? (missed * 100n) / input.promisedMs : 0n;
    }
  }
}
