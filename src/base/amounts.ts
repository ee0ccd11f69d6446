/** ETH and LPT both have 18 decimals (protocol: LivepeerToken.decimals). */
const DECIMALS = 18;
const UNIT = 10n ** BigInt(DECIMALS);
const GWEI = 10n ** 9n;
/** More digits than any amount of either has; longer text is a mistake. */
const DIGITS_MAX = 40;
/** 100 % in parts per million (protocol: MathUtils.PERC_DIVISOR). */
export const PPM = 1_000_000n;

/**
 * An amount of ETH or LPT written as a decimal number, in units of 10^-18, exactly: `1.5` is
 * 1,500,000,000,000,000,000. Undefined for anything else, and for more than 18 decimals.
 */
export function parseAmount(text: string): bigint | undefined {
  return parseDecimal(text, DECIMALS);
}

/** A percentage with at most four decimals in parts per million, exactly; undefined above 100. */
export function parsePercent(text: string): bigint | undefined {
  const value = parseDecimal(text.trim().replace(/ ?%$/, ''), 4);
  return value !== undefined && value <= PPM ? value : undefined;
}

/**
 * An amount as people read it: four significant digits, cut and never rounded up, of the largest
 * unit that fits. `0.01235 ETH`; below 0.0001 ETH in gwei, below 1 gwei in wei.
 */
export function showEth(amount: bigint): string {
  if (amount < 0n) return `-${showEth(-amount)}`;
  if (amount === 0n) return '0 ETH';
  if (amount >= UNIT / 10_000n) return `${significant(amount, DECIMALS)} ETH`;
  return amount >= GWEI ? `${significant(amount, 9)} gwei` : `${amount} wei`;
}

/** LPT with four significant digits, cut and never rounded up; a trace as less than 0.0001 LPT. */
export function showLpt(amount: bigint): string {
  if (amount < 0n) return `-${showLpt(-amount)}`;
  if (amount > 0n && amount < UNIT / 10_000n) return 'less than 0.0001 LPT';
  return `${significant(amount, DECIMALS)} LPT`;
}

/**
 * An amount of any asset as people read it: {@link showEth}, {@link showLpt}, or four significant
 * digits, cut and never rounded up, with the symbol behind.
 *
 * @param amount base units
 */
export function showAsset(amount: bigint, asset: string, decimals: number): string {
  if (asset === 'ETH') return showEth(amount);
  if (asset === 'LPT') return showLpt(amount);
  if (amount < 0n) return `-${showAsset(-amount, asset, decimals)}`;
  return `${significant(amount, decimals)} ${asset}`;
}

/** All digits of an amount of any asset, with its symbol: `0.012345678901234567 ETH`. */
export function exactAsset(amount: bigint, asset: string, decimals: number): string {
  const sign = amount < 0n ? '-' : '';
  return `${sign}${decimalText(amount < 0n ? -amount : amount, decimals)} ${asset}`;
}

/** {@link exactAsset} where no terms are at hand: base units, and said so, of what is not the protocol's. */
export function exactKnown(amount: bigint, asset: string): string {
  if (asset === 'ETH' || asset === 'LPT') return exactAsset(amount, asset, DECIMALS);
  return `${amount} base units of ${asset}`;
}

/** All digits of an amount, without trailing zeros: what {@link parseAmount} reads back. */
export function exactAmount(amount: bigint): string {
  return decimalText(amount, DECIMALS);
}

/** Parts per million as a percentage with all its digits: `12.5 %`. */
export function showPercent(ppm: bigint): string {
  return `${decimalText(ppm, 4)} %`;
}

/** A gas price: `0.1 gwei`. */
export function showGwei(weiPerGas: bigint): string {
  return `${significant(weiPerGas, 9)} gwei`;
}

function parseDecimal(text: string, decimals: number): bigint | undefined {
  const match = /^(\d+)(?:\.(\d+))?$/.exec(text.trim());
  const [, whole = '', fraction = ''] = match ?? [];
  if (!match || whole.length > DIGITS_MAX || fraction.length > decimals) return undefined;
  return BigInt(whole + fraction.padEnd(decimals, '0'));
}

function decimalText(value: bigint, decimals: number): string {
  const digits = String(value).padStart(decimals + 1, '0');
  const fraction = digits.slice(-decimals).replace(/0+$/, '');
  return `${digits.slice(0, -decimals)}${fraction && `.${fraction}`}`;
}

/** All digits before the point with separators, and behind it as many as make four. */
function significant(value: bigint, decimals: number): string {
  const [whole = '0', fraction = ''] = decimalText(value, decimals).split('.');
  const zeros = whole === '0' ? (/^0*/.exec(fraction)?.[0].length ?? 0) : -whole.length;
  const kept = fraction.slice(0, Math.max(0, zeros + 4)).replace(/0+$/, '');
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ',');
  return `${grouped}${kept && `.${kept}`}`;
}
