import type { AssetId } from '../base/asset.ts';
import { fromHex, toHex } from './bytes.ts';
import { digestOf } from './canonical.ts';
import { type EpochHead, type FileLeaf, headValue, type PathFile } from './files.ts';
import type { ProofHashing } from './hashing.ts';
import {
  privateLeafId,
  publicLeafId,
  type SumLeaf,
  type SumNode,
  type SumPath,
  type Sums,
} from './merkle-sum.ts';
import type { PoolIdentity, Statement } from './statement.ts';

// Between the published files, which hold hex, and the trees, which hold bytes.

/** SHA-256 of the canonical head, as hex: what the next head and the index name it by. */
export function headDigest(head: EpochHead, hashing: ProofHashing): string {
  return toHex(digestOf(headValue(head), hashing));
}

/** What is signed of an epoch. */
export function epochStatement(head: EpochHead, hashing: ProofHashing): Statement {
  return { kind: 'epoch', version: head.epoch, digest: digestOf(headValue(head), hashing) };
}

/** Who a head, or an index, says the pool is. */
export function identityOf(file: {
  readonly pool: string;
  readonly chainId: bigint;
}): PoolIdentity {
  return { pool: bytesOf(file.pool.slice(2), 20), chainId: file.chainId };
}

/** The root that a head publishes, with its totals in the order of the assets. */
export function rootOf(head: EpochHead): SumNode {
  const sums = sumsOf({ units: head.totals.units, amounts: head.totals.amounts }, head.assets);
  if (!sums) throw new RangeError('the totals of a head are of its assets');
  return { hash: bytesOf(head.root, 32), ...sums };
}

/** Sums by symbol; how files have them. */
interface NamedSums {
  readonly units: bigint;
  readonly amounts: Readonly<Record<AssetId, Sums['amounts'][number]>>;
}

/** In the order of the assets; undefined when they are of other assets. */
function sumsOf(named: NamedSums, assets: readonly AssetId[]): Sums | undefined {
  const amounts = assets.flatMap((asset) => {
    const amount = Object.hasOwn(named.amounts, asset) ? named.amounts[asset] : undefined;
    return amount ? [amount] : [];
  });
  const isWhole =
    amounts.length === assets.length && Object.keys(named.amounts).length === assets.length;
  return isWhole ? { units: named.units, amounts } : undefined;
}

/** Sums by symbol, out of those of a tree. */
export function namedAmounts(
  amounts: Sums['amounts'],
  assets: readonly AssetId[],
): Record<AssetId, Sums['amounts'][number]> {
  return Object.fromEntries(
    assets.map((asset, at) => [asset, amounts[at] as Sums['amounts'][number]]),
  );
}

/**
 * A published leaf as the tree has it; undefined when it has amounts of other assets than the epoch.
 *
 * @param salt of a private leaf, hex
 */
export function sumLeafOf(
  leaf: FileLeaf,
  parts: {
    readonly assets: readonly AssetId[];
    readonly hashing: ProofHashing;
    readonly salt?: string | undefined;
  },
): SumLeaf | undefined {
  const { assets, hashing, salt } = parts;
  const sums = sumsOf(leaf, assets);
  return (
    sums && {
      ...sums,
      id:
        salt === undefined
          ? publicLeafId(leaf.worker)
          : privateLeafId(leaf.worker, bytesOf(salt, 32), hashing),
      lastSequence: leaf.lastSequence,
      lastReceipt: bytesOf(leaf.lastReceipt, 32),
    }
  );
}

/** A published path as the tree has it; undefined when a sibling has other assets than the epoch. */
export function sumPathOf(file: PathFile, assets: readonly AssetId[]): SumPath | undefined {
  const siblings = file.siblings.flatMap((sibling) => {
    const sums = sumsOf(sibling, assets);
    return sums ? [{ hash: bytesOf(sibling.hash, 32), ...sums }] : [];
  });
  if (siblings.length !== file.siblings.length) return undefined;
  return { index: file.index, count: file.count, siblings };
}

/** The siblings of a path as they are published. */
export function namedSiblings(path: SumPath, assets: readonly AssetId[]): PathFile['siblings'] {
  return path.siblings.map(({ hash, units, amounts }) => ({
    hash: toHex(hash),
    units,
    amounts: namedAmounts(amounts, assets),
  }));
}

function bytesOf(hex: string, length: number): Uint8Array {
  const bytes = fromHex(hex, length);
  if (!bytes) throw new RangeError(`not ${length} bytes of hex`);
  return bytes;
}
