import { parseSignedEpoch } from '../proofs/files.ts';
import { settleEpoch } from '../terms/settle.ts';
import type { Terms } from '../terms/terms.ts';
import { Differs } from './adopt-compare.ts';
import { readPrivate, type SettledBy } from './adopt-private.ts';
import { readInput } from './input-json.ts';
import { checkOneEpoch, type SeenEpoch } from './verify-one.ts';
import type { PublishedFiles, VerifyParts } from './verify-types.ts';

/** An epoch of a copy in which everything held, and that a key of the books signed. */
export interface HeldEpoch extends SettledBy, Pick<SeenEpoch, 'head' | 'terms'> {
  /** Hex, as in the file. */
  readonly key: string;
  readonly signature: string;
}

/** Reads an epoch and recomputes it, as any verifier would. Throws {@link Differs} where it does not hold. */
export async function readHeld(
  parts: {
    readonly verify: VerifyParts;
    readonly kept: PublishedFiles | undefined;
    readonly keys: ReadonlySet<string>;
  },
  epoch: bigint,
): Promise<HeldEpoch> {
  const { verify, keys } = parts;
  const verdict = await checkOneEpoch(epoch, verify);
  if (!verdict.ok || !verdict.seen) {
    throw new Differs(`the copy does not hold: ${verdict.ok ? 'nothing was read' : verdict.text}`);
  }
  const { head, terms } = verdict.seen;
  const signed = parseSignedEpoch(await textOf(verify, `epoch-${epoch}/epoch.json`));
  if (!signed.ok) throw new Differs('the copy changed while it was read');
  const { key, signature } = signed.file;
  if (!keys.has(key)) throw new Differs('it is signed by a receipt key that is not in the books');
  const settled =
    head.privacy === 'private'
      ? await readPrivate(parts, verdict.seen)
      : await readPublic(verify, epoch, terms);
  return { head, terms, key, signature, ...settled };
}

async function readPublic(verify: VerifyParts, epoch: bigint, terms: Terms): Promise<SettledBy> {
  const text = await textOf(verify, `epoch-${epoch}/input.json`);
  const input = readInput(text);
  return { text, input, settlement: settleEpoch(terms, input) };
}

/** A file of the copy. Throws {@link Differs} when it is not there. */
export async function textOf({ files }: Pick<VerifyParts, 'files'>, path: string): Promise<string> {
  const text = await files.read(path);
  if (text === undefined) throw new Differs(`${path} is not in the copy`);
  return text;
}
