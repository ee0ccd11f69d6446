import type { Ratio } from './terms.ts';

export const RATIO_ZERO: Ratio = { numerator: 0n, denominator: 1n };
export const RATIO_ONE: Ratio = { numerator: 1n, denominator: 1n };

/** Longest decimal that a person writes into terms. */
const DECIMAL_CHARS_MAX = 60;
/** 10^36 is more of anything than terms count. */
const EXPONENT_MAX = 36;
const DECIMAL = /^(\d[\d_]*)(?:\.(\d+))?(?:e(\d{1,2}))?$/;

/** Lowest terms, so that equal ratios look equal. */
export function ratio(numerator: bigint, denominator: bigint): Ratio {
  if (denominator <= 0n || numerator < 0n) throw new RangeError('not a ratio');
  const divisor = gcd(numerator, denominator);
  return { numerator: numerator / divisor, denominator: denominator / divisor };
}

/** Negative, 0 or positive, as `a` is less than, equal to or more than `b`. */
export function compareRatios(a: Ratio, b: Ratio): number {
  const difference = a.numerator * b.denominator - b.numerator * a.denominator;
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

export function addRatios(a: Ratio, b: Ratio): Ratio {
  return ratio(
    a.numerator * b.denominator + b.numerator * a.denominator,
    a.denominator * b.denominator,
  );
}

export function multiplyRatios(a: Ratio, b: Ratio): Ratio {
  return ratio(a.numerator * b.numerator, a.denominator * b.denominator);
}

/** Exactly what `12`, `0.5`, `1_000` or `1e9` say; undefined for anything else. */
export function parseDecimal(text: string): Ratio | undefined {
  const match = text.length <= DECIMAL_CHARS_MAX ? DECIMAL.exec(text) : null;
  if (!match) return undefined;
  const [, whole = '', decimals = '', power = '0'] = match;
  if (Number(power) > EXPONENT_MAX) return undefined;
  const digits = BigInt(whole.replaceAll('_', '') + decimals);
  return ratio(digits * 10n ** BigInt(power), 10n ** BigInt(decimals.length));
}

/** `8%`, `12.5 %`; undefined for anything else. May be above 100 %. */
export function parsePercentage(text: string): Ratio | undefined {
  const match = /^(.*?) ?%$/.exec(text.trim());
  const value = match ? parseDecimal(match[1] as string) : undefined;
  return value && ratio(value.numerator, value.denominator * 100n);
}

/** A ratio as a percentage, with all its digits where it has an end: `12.5%`, else `1/3`. */
export function showPercentage(value: Ratio): string {
  const text = showDecimal(ratio(value.numerator * 100n, value.denominator));
  return text.includes('/') ? `${value.numerator}/${value.denominator}` : `${text}%`;
}

/** A ratio as a decimal with all its digits where it has an end, else as a fraction. */
export function showDecimal(value: Ratio): string {
  for (let decimals = 0; decimals <= DECIMAL_CHARS_MAX; decimals += 1) {
    const scaled = value.numerator * 10n ** BigInt(decimals);
    if (scaled % value.denominator !== 0n) continue;
    return decimalOf(scaled / value.denominator, decimals);
  }
  return `${value.numerator}/${value.denominator}`;
}

/** Base units of an asset with so many decimals, as a decimal with all its digits. */
export function showUnits(value: bigint, decimals: number): string {
  return value < 0n ? `-${showUnits(-value, decimals)}` : trimmed(decimalOf(value, decimals));
}

function decimalOf(value: bigint, decimals: number): string {
  const digits = String(value).padStart(decimals + 1, '0');
  return decimals === 0 ? digits : `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
}

function trimmed(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

/** The least common multiple of positive numbers. */
export function lcm(a: bigint, b: bigint): bigint {
  return (a / gcd(a, b)) * b;
}

function gcd(a: bigint, b: bigint): bigint {
  let [x, y] = [a, b];
  while (y !== 0n) [x, y] = [y, x % y];
  return x === 0n ? 1n : x;
}
