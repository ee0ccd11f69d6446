import { exactAmount, parseAmount, parsePercent, showPercent } from '../../base/amounts.ts';
import { read, type SettingType } from '../../base/setting-types.ts';
import { checksumAddress, parseAddress } from '../../protocol/signature.ts';

/** An account, with its checksum where it has one. */
export type Account = `0x${string}`;

/** Ids of locks and proposals are words of 256 bits. */
const ID_DIGITS_MAX = 78;

/** LPT or ETH as a decimal number; the value in units of 10^-18. */
export function amount(unit: 'LPT' | 'ETH'): SettingType<bigint> {
  return {
    schema: read((given) => positive(parseAmount(String(given)))),
    placeholder: unit,
    allowed: `an amount of ${unit} with at most 18 decimals, such as 12.5`,
    show: exactAmount,
  };
}

/** The same, or `all`. */
export function amountOrAll(unit: 'LPT' | 'ETH'): SettingType<bigint | 'all'> {
  return {
    schema: read((given) => (given === 'all' ? 'all' : positive(parseAmount(String(given))))),
    placeholder: `${unit}|all`,
    allowed: `an amount of ${unit} with at most 18 decimals, such as 12.5, or all`,
    show: (value) => (value === 'all' ? value : exactAmount(value)),
  };
}

/** A percentage; the value in parts per million. */
export function percent(): SettingType<bigint> {
  return {
    schema: read((given) => parsePercent(String(given))),
    placeholder: 'PCT',
    allowed: 'a percentage from 0 to 100 with at most four decimals, such as 12.5',
    show: showPercent,
  };
}

/** An account; mixed case must be its checksum. */
export function account(): SettingType<Account> {
  return {
    schema: read((given) => accountIn(String(given))),
    placeholder: '0x…',
    allowed: 'a 20-byte hex address, with its checksum if in mixed case',
  };
}

/** The same, or `none`. */
export function accountOrNone(): SettingType<Account | 'none'> {
  return {
    schema: read((given) => (given === 'none' ? 'none' : accountIn(String(given)))),
    placeholder: '0x…|none',
    allowed: 'a 20-byte hex address, with its checksum if in mixed case, or none',
  };
}

/** A whole number of any size; or, where the contract gives it so, in hex. */
export function id(placeholder: string): SettingType<bigint> {
  const known = new RegExp(`^(?:\\d{1,${ID_DIGITS_MAX}}|0x[0-9a-fA-F]{1,64})$`);
  return {
    schema: read((given) => {
      const typed = String(given).trim();
      const value = known.test(typed) ? BigInt(typed) : undefined;
      return value !== undefined && value < 2n ** 256n ? value : undefined;
    }),
    placeholder,
    allowed: 'a whole number',
  };
}

/** An https origin; that it is one is what the pool judges. */
export function serviceUri(): SettingType<string> {
  return {
    schema: read((given) => {
      const typed = String(given).trim();
      return URL.canParse(typed) && new URL(typed).protocol === 'https:'
        ? typed.replace(/\/$/, '')
        : undefined;
    }),
    placeholder: 'https://HOST:PORT',
    allowed: 'the address for gateways, such as https://pool.example:8935',
  };
}

function positive(value: bigint | undefined): bigint | undefined {
  return value === undefined || value === 0n ? undefined : value;
}

function accountIn(typed: string): Account | undefined {
  const bytes = parseAddress(typed);
  return bytes && (checksumAddress(bytes) as Account);
}
