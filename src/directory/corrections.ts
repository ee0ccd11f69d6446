import { checkOneEpoch } from '../epochs/verify-one.ts';
import { type VerifyParts, Wrong } from '../epochs/verify-types.ts';
import type { EpochHead, FileLeaf, IndexFile } from '../proofs/files.ts';

/** Of the newest epochs: a backup that is older than so many is no backup any more. */
const CREDITS_KEPT = 8;
/** Beyond this many workers only sums are followed. */
const FOLLOWED_MAX = 20_000;

/** What an epoch credits in all, by worker and asset, and of everybody; plain JSON. */
export interface EpochCredits {
  readonly epoch: string;
  readonly amounts: Readonly<Record<string, string>>;
}

/** An epoch whose record stands for another one, out of books that came back from a backup. */
export interface Corrected {
  readonly epoch: string;
  /** When the books came back, as the record says. */
  readonly recoveredAt: number;
}

/** What is remembered of records that may be replaced. */
export interface Remembered {
  /** Digest of each epoch, in order. */
  readonly digests: readonly string[];
  readonly epochs: readonly { readonly epoch: string; readonly closesAt: number }[];
  readonly credits?: readonly EpochCredits[];
}

/**
 * Records that stand for others which were checked here before, by the rule of `tributary verify
 * --keep` (epochs/verify-kept.ts): the first of them says when the books came back from a backup,
 * those before had closed by then, and nobody is credited less. Throws {@link Wrong}
 * `history_rewritten` for any other, and where nothing is known any more of what it credited.
 */
export async function findCorrected(
  { digests, epochs, credits = [] }: Remembered,
  index: IndexFile,
  parts: VerifyParts,
): Promise<readonly Corrected[]> {
  const found: Corrected[] = [];
  let recoveredAt: number | undefined;
  for (const [at, digest] of digests.entries()) {
    const entry = index.epochs[at];
    if (entry?.digest === digest) continue;
    const epoch = BigInt(at + 1);
    const rewritten = (what: string) =>
      new Wrong('history_rewritten', `epoch ${epoch} ${what}`, epoch);
    if (!entry) throw rewritten('is gone, which was here before');
    const name = String(epoch);
    const old = epochs.find((one) => one.epoch === name);
    const before = credits.find((one) => one.epoch === name);
    const { seen, ...verdict } = await checkOneEpoch(epoch, parts);
    recoveredAt = seen?.head.recovered ?? recoveredAt;
    if (!old || !before || recoveredAt === undefined || old.closesAt > recoveredAt) {
      throw rewritten('has another record than the one that was checked here before');
    }
    if (!verdict.ok) throw new Wrong(verdict.fault, verdict.text, epoch);
    const now = creditsOf(seen as NonNullable<typeof seen>).amounts;
    const less = Object.entries(before.amounts).find(
      ([key, amount]) => BigInt(now[key] ?? '0') < BigInt(amount),
    );
    if (less) throw rewritten('credits less than the record that was checked here before');
    found.push({ epoch: name, recoveredAt });
  }
  return found;
}

/** Adds what an epoch credits to what is kept. */
export function withCredits(
  kept: readonly EpochCredits[],
  seen: Parameters<typeof creditsOf>[0],
): readonly EpochCredits[] {
  return [...kept, creditsOf(seen)].slice(-CREDITS_KEPT);
}

function creditsOf({
  head,
  leaves = [],
}: {
  readonly head: Pick<EpochHead, 'epoch' | 'totals'>;
  /** Undefined of a private pool, whose lines nobody else sees. */
  readonly leaves: readonly FileLeaf[] | undefined;
}): EpochCredits {
  const of = (who: string, amounts: FileLeaf['amounts']) =>
    Object.entries(amounts).map(
      ([asset, { cumulative }]) => [`${who} ${asset}`, String(cumulative)] as const,
    );
  const followed = leaves.length > FOLLOWED_MAX ? [] : leaves;
  return {
    epoch: String(head.epoch),
    amounts: Object.fromEntries([
      ...of('everybody', head.totals.amounts),
      ...followed.flatMap(({ worker, amounts }) => of(worker, amounts)),
    ]),
  };
}
