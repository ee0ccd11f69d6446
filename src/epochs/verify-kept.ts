import type { AssetId } from '../base/asset.ts';
import { fromHex } from '../proofs/bytes.ts';
import { epochStatement, headDigest, identityOf } from '../proofs/epoch-proofs.ts';
import {
  type EpochHead,
  type FileLeaf,
  type IndexFile,
  parseLeaves,
  parsePath,
  parseSignedEpoch,
} from '../proofs/files.ts';
import { statementBytes } from '../proofs/statement.ts';
import { type PublishedFiles, type VerifyParts, Wrong } from './verify-types.ts';

/** Records that stand for others which the pool had published before. */
export interface ReplacedCheck {
  /** Throws {@link Wrong} `epoch_replaced`. */
  check(head: EpochHead, leaf: FileLeaf): Promise<void>;
  /** What to tell of those that are in order, in sentences. */
  readonly notes: readonly string[];
}

/**
 * Tells a correction from a pool that rewrites what it published. A record whose books came out of a
 * backup says when. It and those after it may stand for records from before that moment, but must not
 * credit less. Any other second record of an epoch is a fraud, which both signatures prove.
 */
export function openReplacedCheck(
  parts: VerifyParts,
  index: IndexFile,
  kept: PublishedFiles | undefined,
): ReplacedCheck {
  const notes: string[] = [];
  let recovered: number | undefined;
  return {
    notes,
    async check(head, leaf) {
      const { epoch } = head;
      recovered = head.recovered ?? recovered;
      const old = kept && (await keptHead(parts, index, kept, epoch));
      const isOther = old && headDigest(old, parts.hashing) !== headDigest(head, parts.hashing);
      if (head.recovered !== undefined) {
        const at = new Date(head.recovered).toISOString();
        const more = kept ? '' : ': another record of it may have been published before';
        notes.push(
          `The pool brought the books of epoch ${epoch} back from a backup at ${at}${more}.`,
        );
      }
      if (!isOther) return;
      if (recovered === undefined || old.closesAt > recovered) {
        const text = 'another record of it was published before, and kept: the pool signed both';
        throw new Wrong('epoch_replaced', text, epoch);
      }
      checkNotLess(await keptLeaf(kept, old, leaf.worker), leaf, epoch);
      notes.push(
        `The record of epoch ${epoch} replaced the one that was kept, and credits no less.`,
      );
    },
  };
}

function checkNotLess(before: FileLeaf | undefined, leaf: FileLeaf, epoch: bigint): void {
  for (const [asset, { cumulative }] of Object.entries(before?.amounts ?? {})) {
    const now = leaf.amounts[asset as AssetId]?.cumulative ?? 0n;
    if (now >= cumulative) continue;
    const text = `the record that was kept credits ${leaf.worker} ${cumulative} ${asset} in all, and the one that replaced it ${now}`;
    throw new Wrong('epoch_replaced', text, epoch);
  }
}

/** A head that was kept, if the pool signed it: anything else is no evidence against it. */
async function keptHead(
  { verifyEd25519, hashing }: VerifyParts,
  index: IndexFile,
  kept: PublishedFiles,
  epoch: bigint,
): Promise<EpochHead | undefined> {
  const signed = parseSignedEpoch((await kept.read(`epoch-${epoch}/epoch.json`)) ?? '');
  if (!signed.ok) return undefined;
  const { head, key, signature } = signed.file;
  const isOfPool = head.pool === index.pool && head.chainId === index.chainId;
  if (!isOfPool || head.epoch !== epoch || !index.keys.some((one) => one.key === key)) {
    return undefined;
  }
  const message = statementBytes(identityOf(index), epochStatement(head, hashing));
  const [by, under] = [fromHex(key, 32), fromHex(signature, 64)];
  return by && under && verifyEd25519(by, message, under) ? head : undefined;
}

async function keptLeaf(
  kept: PublishedFiles,
  { epoch, privacy }: EpochHead,
  worker: string,
): Promise<FileLeaf | undefined> {
  if (privacy === 'private') {
    const path = parsePath((await kept.read(`epoch-${epoch}/paths/${worker}.json`)) ?? '');
    return path.ok ? path.file.leaf : undefined;
  }
  const leaves = parseLeaves((await kept.read(`epoch-${epoch}/leaves.json`)) ?? '');
  return leaves.ok ? leaves.file.leaves.find((one) => one.worker === worker) : undefined;
}
