/**
 * The three scales on which the protocol's contracts count shares (protocol: MathUtils, MathUtilsV2,
 * PreciseMathUtils): commissions and quorums in millionths, inflation in billionths, cumulative
 * factors and the treasury's share in 10^-27.
 */
export const scales = { million: 10n ** 6n, billion: 10n ** 9n, precise: 10n ** 27n } as const;
export type Scale = (typeof scales)[keyof typeof scales];

/** `numerator / denominator` on the scale, rounded down. Throws RangeError for a denominator of 0. */
export function ratio(numerator: bigint, denominator: bigint, scale: Scale): bigint {
  return (numerator * scale) / denominator;
}

/** `share` of `amount`, rounded down. */
export function part(amount: bigint, share: bigint, scale: Scale): bigint {
  return (amount * share) / scale;
}

/**
 * `numerator / denominator` of `amount` as the contracts work it out: rounded down to the scale and
 * then to a whole amount, so that up to `amount / scale + 1` is lost.
 */
export function partOfRatio(
  amount: bigint,
  numerator: bigint,
  denominator: bigint,
  scale: Scale,
): bigint {
  return part(amount, ratio(numerator, denominator, scale), scale);
}
