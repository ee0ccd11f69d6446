import { type AssetId, assetId } from '../base/asset.ts';
import type { Amounts } from './settle-types.ts';

/** Amounts per asset while they are being added up. */
export interface Tally {
  add(asset: AssetId, value: bigint): void;
  of(asset: AssetId): bigint;
  /** Assets that do not stand at 0, by symbol. */
  amounts(): Amounts;
}

/** Starts at nothing, or at the given amounts. */
export function createTally(...start: readonly Amounts[]): Tally {
  const sums = new Map<AssetId, bigint>();
  const tally: Tally = {
    add(asset, value) {
      if (value !== 0n) sums.set(asset, (sums.get(asset) ?? 0n) + value);
    },
    of: (asset) => sums.get(asset) ?? 0n,
    amounts: () =>
      Object.fromEntries(
        [...sums].filter(([, value]) => value !== 0n).sort(([a], [b]) => (a < b ? -1 : 1)),
      ),
  };
  for (const amounts of start) {
    for (const [asset, value] of entriesOf(amounts)) tally.add(asset, value);
  }
  return tally;
}

/** Assets and values of amounts. Throws RangeError for what is no symbol. */
export function entriesOf(amounts: Amounts): readonly (readonly [AssetId, bigint])[] {
  return Object.entries(amounts).map(([asset, value]) => [assetId(asset), value as bigint]);
}

/** Every asset that occurs in any of the amounts, by symbol. */
export function assetsOf(...amounts: readonly Amounts[]): readonly AssetId[] {
  return [...new Set(amounts.flatMap((each) => Object.keys(each)))].sort().map(assetId);
}
