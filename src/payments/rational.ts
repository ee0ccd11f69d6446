/**
 * An exact fraction in lowest terms with a positive denominator. Made only by the functions of this
 * file, so two equal fractions have equal terms.
 */
export interface Rational {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

export const ZERO: Rational = { numerator: 0n, denominator: 1n };
export const ONE: Rational = { numerator: 1n, denominator: 1n };

/** `numerator / denominator` in lowest terms. Throws RangeError when the denominator is 0. */
export function rational(numerator: bigint, denominator = 1n): Rational {
  if (denominator === 0n) throw new RangeError('a fraction has no denominator 0');
  if (denominator === 1n) return { numerator, denominator };
  const divisor = gcd(numerator, denominator);
  const sign = denominator < 0n ? -1n : 1n;
  return { numerator: (sign * numerator) / divisor, denominator: (sign * denominator) / divisor };
}

export function add(a: Rational, b: Rational): Rational {
  return rational(
    a.numerator * b.denominator + b.numerator * a.denominator,
    a.denominator * b.denominator,
  );
}

export function subtract(a: Rational, b: Rational): Rational {
  return add(a, { numerator: -b.numerator, denominator: b.denominator });
}

export function multiply(a: Rational, b: Rational): Rational {
  return rational(a.numerator * b.numerator, a.denominator * b.denominator);
}

/** Throws RangeError when `b` is 0. */
export function divide(a: Rational, b: Rational): Rational {
  return rational(a.numerator * b.denominator, a.denominator * b.numerator);
}

/** Negative, zero or positive, as `a` is less than, equal to or more than `b`. */
export function compare(a: Rational, b: Rational): number {
  const difference = a.numerator * b.denominator - b.numerator * a.denominator;
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

export function max(a: Rational, b: Rational): Rational {
  return compare(a, b) >= 0 ? a : b;
}

/** The largest integer that is not above the fraction. */
export function floor({ numerator, denominator }: Rational): bigint {
  const whole = numerator / denominator;
  return numerator < 0n && whole * denominator !== numerator ? whole - 1n : whole;
}

/** The smallest integer that is not below the fraction. */
export function ceil(value: Rational): bigint {
  return -floor({ numerator: -value.numerator, denominator: value.denominator });
}

/** Longest number that a person types: 78 digits of a uint256, a point, 18 more. */
const DECIMAL_CHARS_MAX = 100;
/** 10^36 is more pixels, and fewer wei, than anyone means. */
const EXPONENT_MAX = 36;
const DECIMAL = /^(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,2}))?$/;

/** Reads `12`, `0.05` or `1e12`, exactly; undefined when the text is no such number. */
export function parseDecimal(text: string): Rational | undefined {
  const match = text.length <= DECIMAL_CHARS_MAX ? DECIMAL.exec(text) : null;
  if (!match) return undefined;
  const [, whole = '', decimals = '', power = '0'] = match;
  if (Math.abs(Number(power)) > EXPONENT_MAX) return undefined;
  const exponent = Number(power) - decimals.length;
  const digits = BigInt(whole + decimals);
  return exponent >= 0
    ? rational(digits * 10n ** BigInt(exponent))
    : rational(digits, 10n ** BigInt(-exponent));
}

/** `3/2`, or `3` for an integer. */
export function rationalText({ numerator, denominator }: Rational): string {
  return denominator === 1n ? `${numerator}` : `${numerator}/${denominator}`;
}

function gcd(a: bigint, b: bigint): bigint {
  let [x, y] = [a < 0n ? -a : a, b < 0n ? -b : b];
  while (y !== 0n) [x, y] = [y, x % y];
  return x;
}
