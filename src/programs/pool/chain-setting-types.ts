import { readFileSync, statSync } from 'node:fs';
import type { Hex } from 'viem';
import { read, type SettingType } from '../../base/setting-types.ts';
import { type Price, parsePrice } from '../../payments/price.ts';
import type { PriceListOutcome } from '../../payments/price-lists.ts';
import { parseDecimal, rationalText } from '../../payments/rational.ts';
import { parseAddress } from '../../protocol/signature.ts';

const FILE_BYTES_MAX = 4 * 1024 * 1024;
const UNIT_DIGITS = { wei: 0, GWEI: 9, ETH: 18 } as const;

/** An account or contract as 0x text; the value is in lower case. */
export const account: SettingType<Hex> = {
  schema: read((given) => {
    const text = String(given);
    return parseAddress(text) ? (text.toLowerCase() as Hex) : undefined;
  }),
  placeholder: '0x…',
  allowed: 'an address: 0x and 40 hex digits, with a correct checksum if in mixed case',
};

/** An exact amount in a unit; the value is in wei. */
export function amount(unit: keyof typeof UNIT_DIGITS): SettingType<bigint> {
  const digits = UNIT_DIGITS[unit];
  const scale = 10n ** BigInt(digits);
  const schema = read((given) => {
    const value = parseDecimal(String(given));
    if (!value || scale % value.denominator !== 0n) return undefined;
    return value.numerator * (scale / value.denominator);
  });
  const example = unit === 'wei' ? '8000000000' : '0.25';
  const show = (value: bigint) => {
    const text = value.toString().padStart(digits + 1, '0');
    return digits === 0 ? text : `${text.slice(0, -digits)}.${text.slice(-digits)}`;
  };
  return {
    schema,
    placeholder: unit.toUpperCase(),
    allowed: `an amount of ${unit}, such as ${example}`,
    show,
  };
}

/** A price as parsePrice of payments/price.ts reads it. */
export const price: SettingType<Price> = {
  schema: read((given) => {
    const outcome = parsePrice(String(given));
    return outcome.ok ? outcome.price : undefined;
  }),
  placeholder: 'PRICE',
  allowed: 'a price per pixel such as 1000wei, or per many such as "0.05USD per 1e12 pixels"',
  show: ({ perUnit, currency }) => `${rationalText(perUnit)}${currency}`,
};

/** A list as JSON, or the path of a file with it. */
export function jsonOrFile<T>(
  parse: (json: string) => PriceListOutcome<T>,
  example: string,
): SettingType<T> {
  const schema = read((given) => {
    const text = typeof given === 'string' ? given : JSON.stringify(given);
    const outcome = parse(text.trimStart().startsWith('{') ? text : contentOf(text));
    return outcome.ok ? outcome.value : undefined;
  });
  return {
    schema,
    placeholder: 'JSON|FILE',
    allowed: `JSON, or a file with it: ${example}`,
    show: () => '(a list)',
  };
}

function contentOf(path: string): string {
  const stat = path.includes('\0') ? undefined : statSync(path, { throwIfNoEntry: false });
  return stat?.isFile() && stat.size <= FILE_BYTES_MAX ? readFileSync(path, 'utf8') : '';
}
