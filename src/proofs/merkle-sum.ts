import { concat, equalBytes, U128_END, u64, u128 } from './bytes.ts';
import { HASH_BYTES, type ProofHashing } from './hashing.ts';
import { type Side, siblingSides } from './tree-shape.ts';

// A leaf is  sha256(0x00 || id (32) || sums || last sequence (8) || last receipt hash (32))
// a node is  sha256(0x01 || left hash || left sums || right hash || right sums)
// with sums  units (16), then for each asset of the epoch, in its order: epoch amount (16),
//            cumulative amount (16)
// and every sum of a node is that of its children: so the root's hash settles all totals, and a
// pool that leaves a worker out, or gives one less, shows totals that its books do not have.

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);
/** A worker's id, or a salted hash of it, in a leaf. */
export const LEAF_ID_BYTES = 32;
/** Of a private leaf: as many as the hash has, so that nobody finds out by trying ids. */
export const SALT_BYTES = 32;
/** More assets than any terms name; keeps a path below 20 KiB. */
export const ASSETS_MAX = 16;

/** What is added up: each below 2^128, and so is each total. */
export interface Sums {
  readonly units: bigint;
  /** One for each asset of the epoch, in the epoch's order. */
  readonly amounts: readonly { readonly epoch: bigint; readonly cumulative: bigint }[];
}

/** One worker in the tree of an epoch. */
export interface SumLeaf extends Sums {
  /** 32 bytes: {@link publicLeafId} or {@link privateLeafId}. */
  readonly id: Uint8Array;
  /** Of the worker's last receipt up to the end of the epoch; 0 when it has none. */
  readonly lastSequence: bigint;
  /** 32 bytes: hash of that receipt; zeros when there is none. */
  readonly lastReceipt: Uint8Array;
}

/** A node of the tree: the root is one. */
export interface SumNode extends Sums {
  readonly hash: Uint8Array;
}

/** The way from a leaf to the root: siblings from the bottom up. */
export interface SumPath {
  readonly index: number;
  readonly count: number;
  readonly siblings: readonly SumNode[];
}

/** What is wrong with a path, with the sentence that a worker reads. */
export const pathFaultTexts = {
  index_out_of_range: 'the path names a place that the tree does not have',
  path_length_wrong: 'the path has another length than the tree is high',
  assets_differ: 'a sibling has amounts of other assets than the epoch',
  sum_overflow: 'the sums of the path overflow 16 bytes',
  sibling_swapped: 'a sibling stands on the wrong side, or in the place of another',
  root_differs: 'the path does not lead to the published root',
  total_wrong: 'the path adds up to other totals than the published ones',
} as const;

export type PathFault = keyof typeof pathFaultTexts;

/** The id of a leaf that everybody may read: the worker's 10 characters, and zeros. */
export function publicLeafId(worker: string): Uint8Array {
  const id = new Uint8Array(LEAF_ID_BYTES);
  id.set(workerBytes(worker));
  return id;
}

/** The id of a leaf of a private pool: SHA-256 of the leaf's own salt and the worker's id. */
export function privateLeafId(worker: string, salt: Uint8Array, hashing: ProofHashing): Uint8Array {
  if (salt.length !== SALT_BYTES) throw new RangeError(`a salt has ${SALT_BYTES} bytes`);
  return hashing.sha256(concat(salt, workerBytes(worker)));
}

function workerBytes(worker: string): Uint8Array {
  if (!/^[a-z2-7]{10}$/.test(worker)) throw new RangeError('not the id of a worker');
  return new TextEncoder().encode(worker);
}

/** A leaf as a node. Throws RangeError when something does not fit its width. */
export function leafNode(leaf: SumLeaf, hashing: ProofHashing): SumNode {
  if (leaf.id.length !== LEAF_ID_BYTES || leaf.lastReceipt.length !== HASH_BYTES) {
    throw new RangeError('the id and the receipt hash of a leaf have 32 bytes');
  }
  const body = [LEAF, leaf.id, sumBytes(leaf), u64(leaf.lastSequence), leaf.lastReceipt];
  return { hash: hashing.sha256(concat(...body)), units: leaf.units, amounts: leaf.amounts };
}

function sumBytes({ units, amounts }: Sums): Uint8Array {
  if (amounts.length > ASSETS_MAX) throw new RangeError(`more than ${ASSETS_MAX} assets`);
  return concat(
    u128(units),
    ...amounts.flatMap(({ epoch, cumulative }) => [u128(epoch), u128(cumulative)]),
  );
}

/** The node above two. Undefined when a sum would not fit into 16 bytes. */
function parentOf(left: SumNode, right: SumNode, hashing: ProofHashing): SumNode | undefined {
  const sums = addSums(left, right);
  if (!sums) return undefined;
  const body = concat(NODE, left.hash, sumBytes(left), right.hash, sumBytes(right));
  return { hash: hashing.sha256(body), ...sums };
}

function addSums(left: Sums, right: Sums): Sums | undefined {
  const units = left.units + right.units;
  const amounts = left.amounts.map(({ epoch, cumulative }, at) => {
    const other = right.amounts[at] as Sums['amounts'][number];
    return { epoch: epoch + other.epoch, cumulative: cumulative + other.cumulative };
  });
  const fits = (value: bigint) => value < U128_END;
  const allFit = amounts.every(({ epoch, cumulative }) => fits(epoch) && fits(cumulative));
  return fits(units) && allFit ? { units, amounts } : undefined;
}

/** The tree of one epoch. */
export interface SumTree {
  readonly root: SumNode;
  readonly count: number;
  /** The path of one leaf. Throws RangeError when there is no such leaf. */
  pathOf(index: number): SumPath;
}

/**
 * Builds the tree over the leaves in their order: O(leaves). An epoch without workers has SHA-256
 * of nothing as its root.
 *
 * @param assets how many assets the epoch has; each leaf has an amount for each
 * @throws RangeError when a leaf is malformed or a total does not fit into 16 bytes
 */
export function buildSumTree(
  leaves: readonly SumLeaf[],
  { assets, hashing }: { readonly assets: number; readonly hashing: ProofHashing },
): SumTree {
  if (leaves.some(({ amounts }) => amounts.length !== assets)) {
    throw new RangeError(`each leaf of the epoch has ${assets} amounts`);
  }
  // Level by level, the odd one goes up as it is: the same tree as splitting at powers of two.
  const levels: SumNode[][] = [leaves.map((leaf) => leafNode(leaf, hashing))];
  for (let below = levels[0] as SumNode[]; below.length > 1; ) {
    const level: SumNode[] = [];
    for (let at = 0; at < below.length; at += 2) {
      const [left, right] = [below[at] as SumNode, below[at + 1]];
      const parent = right ? parentOf(left, right, hashing) : left;
      if (!parent) throw new RangeError('a total of the epoch does not fit into 16 bytes');
      level.push(parent);
    }
    levels.push(level);
    below = level;
  }
  const count = leaves.length;
  return {
    root: (levels.at(-1) as SumNode[])[0] ?? emptyRoot(assets, hashing),
    count,
    pathOf(index) {
      if (!siblingSides(index, count)) throw new RangeError(`there is no leaf ${index}`);
      const siblings: SumNode[] = [];
      for (let level = 0, at = index; level < levels.length - 1; level += 1, at >>= 1) {
        const sibling = levels[level]?.[at ^ 1];
        if (sibling) siblings.push(sibling);
      }
      return { index, count, siblings };
    },
  };
}

/** The root of a tree without leaves. */
export function emptyRoot(assets: number, hashing: ProofHashing): SumNode {
  const nothing = { epoch: 0n, cumulative: 0n };
  return {
    hash: hashing.sha256(new Uint8Array(0)),
    units: 0n,
    amounts: Array.from({ length: assets }, () => nothing),
  };
}

/**
 * Whether a leaf is in the tree of a root, with every sum on its way. What is wrong is named as
 * closely as a path can tell.
 */
export function checkPath(
  leaf: SumLeaf,
  path: SumPath,
  { root, hashing }: { readonly root: SumNode; readonly hashing: ProofHashing },
): { readonly ok: true } | { readonly ok: false; readonly reason: PathFault } {
  const sides = siblingSides(path.index, path.count);
  if (!sides) return { ok: false, reason: 'index_out_of_range' };
  if (sides.length !== path.siblings.length) return { ok: false, reason: 'path_length_wrong' };
  const assets = root.amounts.length;
  const nodes = [leaf, ...path.siblings];
  if (nodes.some(({ amounts }) => amounts.length !== assets)) {
    return { ok: false, reason: 'assets_differ' };
  }
  const top = climb(leafNode(leaf, hashing), { sides, siblings: path.siblings, hashing });
  if (!top) return { ok: false, reason: 'sum_overflow' };
  if (!equalBytes(top.hash, root.hash)) {
    const isSwapped = leadsThereSwapped(leaf, path, { sides, root, hashing });
    return { ok: false, reason: isSwapped ? 'sibling_swapped' : 'root_differs' };
  }
  return sameSums(top, root) ? { ok: true } : { ok: false, reason: 'total_wrong' };
}

interface Climb {
  readonly sides: readonly Side[];
  readonly siblings: readonly SumNode[];
  readonly hashing: ProofHashing;
}

function climb(from: SumNode, { sides, siblings, hashing }: Climb): SumNode | undefined {
  let node: SumNode | undefined = from;
  for (let level = 0; node && level < sides.length; level += 1) {
    const sibling = siblings[level] as SumNode;
    node =
      sides[level] === 'left' ? parentOf(sibling, node, hashing) : parentOf(node, sibling, hashing);
  }
  return node;
}

/** Tried only once a path has failed: with one side turned round, or two siblings exchanged. */
function leadsThereSwapped(
  leaf: SumLeaf,
  path: SumPath,
  parts: {
    readonly sides: readonly Side[];
    readonly root: SumNode;
    readonly hashing: ProofHashing;
  },
): boolean {
  const { sides, root, hashing } = parts;
  const start = leafNode(leaf, hashing);
  const leads = (siblings: readonly SumNode[], turned: readonly Side[]) => {
    const top = climb(start, { sides: turned, siblings, hashing });
    return top !== undefined && equalBytes(top.hash, root.hash);
  };
  return sides.some((side, level) => {
    const turned = sides.with(level, side === 'left' ? 'right' : 'left');
    if (leads(path.siblings, turned)) return true;
    return path.siblings.some((other, place) => {
      if (place <= level) return false;
      const exchanged = path.siblings
        .with(level, other)
        .with(place, path.siblings[level] as SumNode);
      return leads(exchanged, sides);
    });
  });
}

/** Whether two nodes count the same. */
export function sameSums(one: Sums, other: Sums): boolean {
  return (
    one.units === other.units &&
    one.amounts.length === other.amounts.length &&
    one.amounts.every(({ epoch, cumulative }, at) => {
      const there = other.amounts[at];
      return there?.epoch === epoch && there.cumulative === cumulative;
    })
  );
}
