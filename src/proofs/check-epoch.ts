import type { AssetId } from '../base/asset.ts';
import { equalBytes, fromHex, toHex } from './bytes.ts';
import {
  epochStatement,
  headDigest,
  identityOf,
  rootOf,
  sumLeafOf,
  sumPathOf,
} from './epoch-proofs.ts';
import type {
  EpochHead,
  FileLeaf,
  HistoryFile,
  LeavesFile,
  PathFile,
  SignedEpoch,
} from './files.ts';
import type { ProofHashing } from './hashing.ts';
import { checkConsistency, emptyHistoryRoot } from './history.ts';
import { buildSumTree, checkPath, pathFaultTexts, type SumLeaf, sameSums } from './merkle-sum.ts';
import type { VerifyEd25519 } from './signatures.ts';
import { type PoolIdentity, statementBytes } from './statement.ts';

// Each check answers undefined when all is well, or the first thing that is wrong, in words that go
// after `epoch 12: `.

/** What every file of a pool has to be of. */
export interface PoolRules {
  readonly identity: PoolIdentity;
  /** The pool's receipt keys, hex. */
  readonly keys: ReadonlySet<string>;
  readonly hashing: ProofHashing;
  readonly verifyEd25519: VerifyEd25519;
}

const NONE = '0'.repeat(64);

/**
 * Whether a head is the pool's, signed, and follows the one before.
 *
 * @param before of the epoch before; undefined for the first
 */
export function headFault(
  { head, key, signature }: SignedEpoch,
  before: EpochHead | undefined,
  rules: PoolRules,
): string | undefined {
  const { pool, chainId } = identityOf(head);
  if (chainId !== rules.identity.chainId || !equalBytes(pool, rules.identity.pool)) {
    return 'the head is of another pool or chain';
  }
  if (!rules.keys.has(key)) return 'the head is signed by a key that the pool does not name';
  const message = statementBytes(rules.identity, epochStatement(head, rules.hashing));
  const isSigned = rules.verifyEd25519(bytesOf(key, 32), message, bytesOf(signature, 64));
  if (!isSigned) return 'the signature of the head is wrong';
  if (head.closesAt < head.opensAt) return 'it closes before it opens';
  if (!before) return head.previous === NONE ? undefined : 'the epoch before it is missing';
  if (head.epoch !== before.epoch + 1n) return `it follows epoch ${before.epoch}`;
  if (head.previous !== headDigest(before, rules.hashing)) {
    return 'it names another epoch before it than the published one';
  }
  return head.opensAt < before.opensAt ? 'it opens before the one before it' : undefined;
}

/** Whether the leaves come to the root and the totals of a head. */
export function leavesFault(
  head: EpochHead,
  file: LeavesFile,
  hashing: ProofHashing,
): string | undefined {
  if (file.epoch !== head.epoch) return 'the leaves are of another epoch';
  if (file.leaves.length !== head.leaves) return 'the head counts another number of leaves';
  const leaves: SumLeaf[] = [];
  for (const one of file.leaves) {
    const leaf = sumLeafOf(one, { assets: head.assets, hashing });
    if (!leaf) return `the leaf of ${one.worker} has other assets than the epoch`;
    leaves.push(leaf);
  }
  try {
    const { root } = buildSumTree(leaves, { assets: head.assets.length, hashing });
    const published = rootOf(head);
    if (!sameSums(root, published)) return 'the leaves add up to other totals than the head';
    return equalBytes(root.hash, published.hash) ? undefined : 'the leaves have another root';
  } catch (error) {
    if (error instanceof RangeError) return 'the leaves add up to more than 16 bytes hold';
    throw error;
  }
}

/** Whether the leaf of a path file is in the tree of a head. */
export function pathFault(
  head: EpochHead,
  file: PathFile,
  hashing: ProofHashing,
): string | undefined {
  if (file.epoch !== head.epoch) return 'the path is of another epoch';
  if (file.count !== head.leaves) return 'the path is of a tree with another number of leaves';
  if ((head.privacy === 'private') !== (file.salt !== undefined)) {
    return 'a path has a salt where the pool is private, and only there';
  }
  const leaf = sumLeafOf(file.leaf, { assets: head.assets, hashing, salt: file.salt });
  const path = sumPathOf(file, head.assets);
  if (!leaf || !path) return pathFaultTexts.assets_differ;
  const checked = checkPath(leaf, path, { root: rootOf(head), hashing });
  return checked.ok ? undefined : pathFaultTexts[checked.reason];
}

/**
 * Whether a leaf goes on from the worker's last one: what it was credited before, and its receipts.
 *
 * @param last undefined for a worker that no earlier epoch has
 */
export function leafFault(leaf: FileLeaf, last: FileLeaf | undefined): string | undefined {
  for (const asset of assetsOf(leaf, last)) {
    const now = amountOf(leaf, asset);
    const cumulative = (amountOf(last, asset)?.cumulative ?? 0n) + (now?.epoch ?? 0n);
    if (now && now.cumulative !== cumulative) {
      return `${leaf.worker} was credited ${cumulative} ${asset} in all, not ${now.cumulative}`;
    }
  }
  if (!last) return undefined;
  if (leaf.lastSequence < last.lastSequence) return `${leaf.worker} has fewer receipts than before`;
  const isSame = leaf.lastSequence === last.lastSequence;
  return isSame !== (leaf.lastReceipt === last.lastReceipt)
    ? `the last receipt of ${leaf.worker} does not fit its number`
    : undefined;
}

function assetsOf(leaf: FileLeaf, last: FileLeaf | undefined): readonly AssetId[] {
  return Object.keys({ ...last?.amounts, ...leaf.amounts }).sort() as AssetId[];
}

function amountOf(leaf: FileLeaf | undefined, asset: AssetId) {
  return leaf && Object.hasOwn(leaf.amounts, asset) ? leaf.amounts[asset] : undefined;
}

/** Whether the history of receipts goes on from the epoch before: nothing was rewritten. */
export function historyFault(
  head: EpochHead,
  before: EpochHead | undefined,
  parts: { readonly file: HistoryFile; readonly hashing: ProofHashing },
): string | undefined {
  const { file, hashing } = parts;
  const start = before?.history ?? { size: 0n, root: toHex(emptyHistoryRoot(hashing)) };
  if (file.epoch !== head.epoch) return 'the proof of the history is of another epoch';
  if (file.before.size !== start.size || file.before.root !== start.root) {
    return 'the history starts elsewhere than the epoch before ended';
  }
  if (file.after.size !== head.history.size || file.after.root !== head.history.root) {
    return 'the history ends elsewhere than the head says';
  }
  const claim = {
    before: { size: Number(start.size), root: bytesOf(start.root, 32) },
    after: { size: Number(head.history.size), root: bytesOf(head.history.root, 32) },
    proof: file.proof.map((hash) => bytesOf(hash, 32)),
  };
  return checkConsistency(claim, hashing) ? undefined : 'the history of receipts was rewritten';
}

function bytesOf(text: string, length: number): Uint8Array {
  const bytes = fromHex(text, length);
  if (!bytes) throw new RangeError(`not ${length} bytes of hex`);
  return bytes;
}
