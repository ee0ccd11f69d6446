import { toHex } from '../proofs/bytes.ts';
import type { EpochHead } from '../proofs/files.ts';
import type { EpochInput, Settlement } from '../terms/settle-types.ts';
import type { Terms } from '../terms/terms.ts';
import { Differs } from './adopt-compare.ts';
import { readInput } from './input-json.ts';
import { RECOVERY, readKept } from './recovery-files.ts';
import { epochWorkersOf, treeOf } from './tree.ts';
import { checkIncomeSums, recompute } from './verify-epoch.ts';
import { type PublishedFiles, type VerifyParts, Wrong } from './verify-types.ts';

/** By what an epoch was settled, and what came out of it. */
export interface SettledBy {
  readonly text: string;
  readonly input: EpochInput;
  readonly settlement: Settlement;
  /** Of a private pool. */
  readonly salts?: ReadonlyMap<string, Uint8Array>;
}

/**
 * What a private epoch was settled by, out of what the pool kept for itself: held against the record,
 * which is signed. Throws {@link Differs} with what is missing or is not what it was.
 */
export async function readPrivate(
  { verify, kept }: { readonly verify: VerifyParts; readonly kept: PublishedFiles | undefined },
  epoch: {
    readonly head: EpochHead;
    readonly before: EpochHead | undefined;
    readonly terms: Terms;
  },
): Promise<SettledBy> {
  const { head, before, terms } = epoch;
  const found = kept && (await readKept(kept, head.epoch));
  if (found === undefined) {
    throw new Differs(
      `the pool is private, and what it was settled by is only in the folder ${RECOVERY} of its data directory, which does not have it here`,
    );
  }
  if (typeof found === 'string') throw new Differs(found);
  const { input: text, salts } = found;
  const isNot = (name: string, why: string) =>
    new Differs(`epoch-${head.epoch}/${name}.json in ${RECOVERY} was cut or changed: ${why}`);
  if (toHex(verify.hashing.sha256(Buffer.from(text))) !== head.input) {
    throw isNot('input', 'it is not what the record of the epoch names');
  }
  try {
    const input = readInput(text);
    const settlement = recompute(verify, head, terms, input);
    checkIncomeSums(head, input, before);
    const workers = epochWorkersOf(input, settlement);
    const isWhole = workers.length === salts.size && workers.every((one) => salts.has(one.worker));
    if (!isWhole || toHex(treeOf(workers, verify.hashing, salts).root.hash) !== head.root) {
      throw isNot('salts', 'with it the leaves do not come to the root');
    }
    return { text, input, settlement, salts };
  } catch (error) {
    if (!(error instanceof Wrong)) throw error;
    throw new Differs(error.message);
  }
}
