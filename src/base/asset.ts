/** The symbol by which terms, receipts and books name an asset: `ETH`, `LPT`, `USDC`, `POINTS`. */
export type AssetId = string & { readonly __brand: 'AssetId' };
/** Whole base units of an asset (wei, for ETH), never negative, below 2^128. */
export type Amount = bigint & { readonly __brand: 'Amount' };

const SYMBOL = /^[A-Z][A-Z0-9]{0,11}$/;
/** Receipts and trees hold amounts at 16 bytes. */
const AMOUNT_MAX = 2n ** 128n - 1n;

/** Checks that a text is a symbol: a capital, then up to 11 capitals and digits. Throws RangeError. */
export function assetId(text: string): AssetId {
  if (!isAssetId(text)) throw new RangeError(`not the symbol of an asset: ${text.slice(0, 40)}`);
  return text;
}

/** Whether a text has the form of a symbol. */
export function isAssetId(text: string): text is AssetId {
  return SYMBOL.test(text);
}

/** Checks that a bigint is an amount. Throws RangeError otherwise. */
export function amount(value: bigint): Amount {
  if (typeof value !== 'bigint' || value < 0n || value > AMOUNT_MAX) {
    throw new RangeError(`not an amount: ${value}`);
  }
  return value as Amount;
}

/** What gateways pay in. */
export const ETH: AssetId = assetId('ETH');
/** What the protocol's inflation is paid in. */
export const LPT: AssetId = assetId('LPT');
