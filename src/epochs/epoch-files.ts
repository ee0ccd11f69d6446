import { TributaryError } from '../base/errors.ts';
import type { Queryable } from '../database/transaction.ts';
import { toHex } from '../proofs/bytes.ts';
import { namedAmounts, namedSiblings } from '../proofs/epoch-proofs.ts';
import {
  type EpochHead,
  type FileLeaf,
  type HistoryFile,
  type PathFile,
  parseSignedEpoch,
  writeFile,
} from '../proofs/files.ts';
import { HASH_BYTES } from '../proofs/hashing.ts';
import { edgeTiles, tileWidth } from '../proofs/history-tiles.ts';
import { historyOf } from './history.ts';
import { historyTile } from './history-store.ts';
import { type RecordingParts, storedTree } from './record.ts';
import type { EpochRecord } from './record-store.ts';
import { type EpochWorker, resultOf } from './store.ts';

/** A file of an epoch that never changes, by its path in the folder of the epoch. */
export interface EpochFile {
  readonly path: string;
  readonly text: string;
}

/** epoch.json: the head with what signs it. The head goes in as it was signed. */
export function signedText({ head, key, signature }: EpochRecord): string {
  return `{"head":${head},"key":"${toHex(key)}","signature":"${toHex(signature)}"}`;
}

/** The head of a stored record. Throws `internal` when it does not read. */
export function headOf(record: EpochRecord): EpochHead {
  const parsed = parseSignedEpoch(signedText(record));
  if (parsed.ok) return parsed.file.head;
  throw new TributaryError('internal', `a stored record does not read: ${parsed.text}`);
}

/** Everything that is published of an epoch and stays as it is; the head comes last. */
export async function* epochFiles(
  parts: RecordingParts,
  record: EpochRecord,
  before: EpochRecord | undefined,
): AsyncGenerator<EpochFile> {
  const { database } = parts;
  const { epoch } = record;
  const head = headOf(record);
  const result = await resultOf(database, epoch);
  if (!result) throw new TributaryError('internal', 'an epoch with a record has no result');
  const { tree, workers, assets } = await storedTree(parts, result);
  const leaves = workers.map((worker) => leafOf(worker, assets));
  if (head.privacy === 'public') {
    // Who may see the leaves may see by what they were reckoned.
    yield { path: 'input.json', text: result.input };
    yield {
      path: 'leaves.json',
      text: writeFile({ format: 'tributary-leaves-1', epoch, leaves }),
    };
  } else {
    for (const [index, leaf] of leaves.entries()) {
      const path = tree.pathOf(index);
      const salt = workers[index]?.salt;
      const file: PathFile = {
        format: 'tributary-path-1',
        epoch,
        leaf,
        ...(salt ? { salt: toHex(salt) } : {}),
        index,
        count: tree.count,
        siblings: namedSiblings(path, assets),
      };
      yield { path: `paths/${leaf.worker}.json`, text: writeFile(file) };
    }
  }
  const history = record.history ?? (await historyText(parts, head, before && headOf(before)));
  yield { path: 'history.json', text: history };
  yield { path: 'epoch.json', text: signedText(record) };
}

function leafOf(worker: EpochWorker, assets: EpochHead['assets']): FileLeaf {
  const { units, owed, cumulative, lastSequence, lastReceiptHash } = worker;
  const amounts = assets.map((asset) => ({
    epoch: owed[asset] ?? 0n,
    cumulative: cumulative[asset] ?? 0n,
  }));
  return {
    worker: worker.worker,
    units,
    amounts: namedAmounts(amounts, assets),
    lastSequence,
    lastReceipt: toHex(lastReceiptHash),
  };
}

/** That the history up to this epoch begins with that up to the one before. */
async function historyText(
  { database, hashing }: RecordingParts,
  head: EpochHead,
  before: EpochHead | undefined,
): Promise<string> {
  const size = Number(before?.history.size ?? 0n);
  const after = Number(head.history.size);
  const history = historyOf(database, after, hashing);
  const proof = await history.consistency(size);
  return writeFile({
    format: 'tributary-history-1',
    epoch: head.epoch,
    before: before?.history ?? {
      size: 0n,
      root: toHex(await historyOf(database, 0, hashing).root()),
    },
    after: head.history,
    proof: proof.map(toHex),
    edge: await edgeOf(database, after),
  });
}

/** What a history of that size goes on from; later it stands in tiles that have grown. */
async function edgeOf(from: Queryable, size: number): Promise<NonNullable<HistoryFile['edge']>> {
  const tiles = edgeTiles(size).map(async (place) => {
    const bytes = (await historyTile(from, place)) ?? new Uint8Array(0);
    const hashes = Array.from({ length: tileWidth(place, size) }, (_, at) =>
      toHex(bytes.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES)),
    );
    return { ...place, hashes };
  });
  return Promise.all(tiles);
}
