import { concat, equalBytes } from './bytes.ts';
import { HASH_BYTES, type ProofHashing } from './hashing.ts';
import { siblingSides, splitOf } from './tree-shape.ts';

// The append-only tree over all receipts of a pool, in the manner of RFC 6962 and RFC 9162:
//   leaf  sha256(0x00 || hash of the receipt),  node  sha256(0x01 || left || right)
// A root of an earlier size and a consistency proof show that nothing before was rewritten.

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

/** Leaves `from` (included) to `to` (excluded). A proof is the hashes of a list of them. */
export interface LeafRange {
  readonly from: number;
  readonly to: number;
}

/** The hash of a receipt as a leaf. */
export function historyLeaf(receiptHash: Uint8Array, hashing: ProofHashing): Uint8Array {
  if (receiptHash.length !== HASH_BYTES) throw new RangeError('a receipt hash has 32 bytes');
  return hashing.sha256(concat(LEAF, receiptHash));
}

export function historyNode(
  left: Uint8Array,
  right: Uint8Array,
  hashing: ProofHashing,
): Uint8Array {
  return hashing.sha256(concat(NODE, left, right));
}

/** The root of a history without receipts: SHA-256 of nothing. */
export function emptyHistoryRoot(hashing: ProofHashing): Uint8Array {
  return hashing.sha256(new Uint8Array(0));
}

/** The siblings that an inclusion proof is made of, from the bottom up. wire: RFC 9162, 2.1.3.1. */
export function inclusionRanges(index: number, size: number): readonly LeafRange[] {
  if (!siblingSides(index, size)) throw new RangeError(`no leaf ${index} in a tree of ${size}`);
  const downwards: LeafRange[] = [];
  let [from, to] = [0, size];
  while (to - from > 1) {
    const middle = from + splitOf(to - from);
    if (index < middle) {
      downwards.push({ from: middle, to });
      to = middle;
    } else {
      downwards.push({ from, to: middle });
      from = middle;
    }
  }
  return downwards.reverse();
}

/** What a consistency proof is made of. wire: RFC 9162, 2.1.4.1. None when the sizes are the same. */
export function consistencyRanges(before: number, size: number): readonly LeafRange[] {
  if (!Number.isSafeInteger(size) || before < 0 || before > size) {
    throw new RangeError(`no tree of ${before} before one of ${size}`);
  }
  if (before === 0 || before === size) return [];
  const downwards: LeafRange[] = [];
  let [from, to] = [0, size];
  while (before !== to) {
    const middle = from + splitOf(to - from);
    if (before <= middle) {
      downwards.push({ from: middle, to });
      to = middle;
    } else {
      downwards.push({ from, to: middle });
      from = middle;
    }
  }
  // The part that ends at `before`: known to the reader only where it is the whole old tree.
  if (from > 0) downwards.push({ from, to });
  return downwards.reverse();
}

/** Whether a receipt is in the history of a root. */
export function checkInclusion(
  claim: {
    readonly receiptHash: Uint8Array;
    readonly index: number;
    readonly size: number;
    readonly proof: readonly Uint8Array[];
    readonly root: Uint8Array;
  },
  hashing: ProofHashing,
): boolean {
  const sides = siblingSides(claim.index, claim.size);
  if (!sides || sides.length !== claim.proof.length) return false;
  let node = historyLeaf(claim.receiptHash, hashing);
  for (const [level, side] of sides.entries()) {
    const sibling = claim.proof[level] as Uint8Array;
    if (sibling.length !== HASH_BYTES) return false;
    node =
      side === 'left' ? historyNode(sibling, node, hashing) : historyNode(node, sibling, hashing);
  }
  return equalBytes(node, claim.root);
}

/** A size of the history and its root. */
export interface HistoryHead {
  readonly size: number;
  readonly root: Uint8Array;
}

/**
 * Whether the history of `after` begins with the whole history of `before`: nothing removed, changed
 * or put in between. wire: RFC 9162, 2.1.4.2.
 */
export function checkConsistency(
  claim: {
    readonly before: HistoryHead;
    readonly after: HistoryHead;
    readonly proof: readonly Uint8Array[];
  },
  hashing: ProofHashing,
): boolean {
  const { before, after, proof } = claim;
  if (!Number.isSafeInteger(before.size) || !Number.isSafeInteger(after.size)) return false;
  if (before.size < 0 || before.size > after.size) return false;
  if (proof.some((hash) => hash.length !== HASH_BYTES)) return false;
  const ranges = consistencyRanges(before.size, after.size);
  if (ranges.length !== proof.length) return false;
  if (before.size === 0) return equalBytes(before.root, emptyHistoryRoot(hashing));
  if (before.size === after.size) return equalBytes(before.root, after.root);

  // The part that ends where the old tree ends comes first, unless it is the old tree itself.
  const isWhole = ranges[0]?.from === before.size;
  let [old, fresh] = isWhole ? [before.root, before.root] : [at(proof, 0), at(proof, 0)];
  for (let place = isWhole ? 0 : 1; place < proof.length; place += 1) {
    const hash = at(proof, place);
    const isOld = (ranges[place] as LeafRange).to <= before.size;
    if (isOld) old = historyNode(hash, old, hashing);
    fresh = isOld ? historyNode(hash, fresh, hashing) : historyNode(fresh, hash, hashing);
  }
  return equalBytes(old, before.root) && equalBytes(fresh, after.root);
}

function at(proof: readonly Uint8Array[], place: number): Uint8Array {
  return proof[place] as Uint8Array;
}
