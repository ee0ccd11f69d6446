import { fromHex } from '../proofs/bytes.ts';
import type { IndexFile } from '../proofs/files.ts';
import { anchorData } from './anchor.ts';
import { type VerifyChain, type VerifyParts, Wrong } from './verify-types.ts';

/** An epoch whose record was written into the chain. */
export interface Anchor {
  readonly epoch: bigint;
  /** Its hash, `0x` and 64 hex digits in lower case. */
  readonly transaction: string;
}

/** One a day for a century. */
const ANCHORS_MAX = 40_000;

/** Reads anchors.json; undefined when it is none. */
export function parseAnchors(text: string): readonly Anchor[] | undefined {
  try {
    const { format, anchors } = JSON.parse(text) as { format?: unknown; anchors?: unknown };
    if (format !== 'tributary-anchors-1' || !Array.isArray(anchors)) return undefined;
    if (anchors.length > ANCHORS_MAX) return undefined;
    const read = anchors.map((one: { epoch?: unknown; transaction?: unknown } | null) => {
      const [epoch, transaction] = [String(one?.epoch), String(one?.transaction)];
      const isOne = /^[1-9]\d{0,17}$/.test(epoch) && /^0x[0-9a-f]{64}$/.test(transaction);
      return isOne ? { epoch: BigInt(epoch), transaction } : undefined;
    });
    return read.every((one) => one !== undefined) ? (read as readonly Anchor[]) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Looks the newest anchor up on the chain: the account of the pool wrote the digest of exactly the
 * record that is published, and by it of all before. Answers its epoch; undefined where none is
 * listed. Throws {@link Wrong}.
 */
export async function checkAnchors(
  { files }: Pick<VerifyParts, 'files'>,
  index: IndexFile,
  chain: VerifyChain | undefined,
): Promise<bigint | undefined> {
  const text = await files.read('anchors.json');
  if (text === undefined) return undefined;
  const anchors = parseAnchors(text);
  if (!anchors) throw new Wrong('file_malformed', 'anchors.json is no list of anchors');
  const last = anchors.at(-1);
  if (!last || !chain) return undefined;
  const { epoch, transaction: hash } = last;
  const wrong = (why: string) =>
    new Wrong('anchor_differs', `the epoch should be anchored by ${hash}, ${why}`, epoch);
  const digest = index.epochs.find((one) => one.epoch === epoch)?.digest;
  const bytes = digest === undefined ? undefined : fromHex(digest, 32);
  if (!bytes) throw wrong('and the index does not name it');
  const [found, final] = [await chain.transaction(hash), await chain.finalBlock()];
  if (!found?.succeeded || found.block > final) throw wrong('which is not final on the chain');
  if (found.from !== index.account) throw wrong('which the account of the pool did not send');
  if (found.input !== anchorData(epoch, bytes)) {
    throw wrong('which names another record than the published one');
  }
  return epoch;
}
