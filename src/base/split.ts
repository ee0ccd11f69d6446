/** What a total comes to in whole base units, and what no share of a unit could be made of. */
export interface Split {
  /** In the order of the weights; each is rounded down. */
  readonly parts: readonly bigint[];
  /** Total less the parts: fewer units than there are weights above 0; all of it without any. */
  readonly remainder: bigint;
}

/**
 * Divides whole base units in proportion to weights, exactly: the parts and the remainder add up to
 * the total. Each part is rounded down, so that nobody's share depends on who stands before whom;
 * where the remainder goes is for the caller to say. Throws RangeError when the total or a weight is
 * negative.
 */
export function splitByWeights(total: bigint, weights: readonly bigint[]): Split {
  if (total < 0n) throw new RangeError('only what is there can be divided');
  let sum = 0n;
  for (const weight of weights) {
    if (weight < 0n) throw new RangeError('a weight is not negative');
    sum += weight;
  }
  if (sum === 0n) return { parts: weights.map(() => 0n), remainder: total };
  let remainder = total;
  const parts = weights.map((weight) => {
    const part = (total * weight) / sum;
    remainder -= part;
    return part;
  });
  return { parts, remainder };
}

/**
 * `value x numerator / denominator`, rounded down. Throws RangeError for a denominator that is not
 * positive, or when the value or the numerator is negative.
 */
export function shareOf(value: bigint, numerator: bigint, denominator: bigint): bigint {
  if (denominator <= 0n) throw new RangeError('a share has a positive denominator');
  if (value < 0n || numerator < 0n) throw new RangeError('a share is not negative');
  return (value * numerator) / denominator;
}
