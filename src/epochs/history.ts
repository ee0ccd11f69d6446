import { crashPoint } from '../base/crash-point.ts';
import type { Database } from '../database/database.ts';
import type { Queryable } from '../database/transaction.ts';
import { receiptsAfter, receiptsLieAfter } from '../ledger/receipts-store.ts';
import type { ProofHashing } from '../proofs/hashing.ts';
import type { HistoryHead } from '../proofs/history.ts';
import {
  continueHistory,
  edgeTiles,
  type HistoryReader,
  readHistory,
} from '../proofs/history-tiles.ts';
import { receiptHash } from '../proofs/receipt.ts';
import { historyPlace, historyTile, storeHistory } from './history-store.ts';

/** Receipts that one transaction adds: 8 tiles of the lowest level, in some 20 ms. */
const BATCH = 2_048;

/**
 * Adds the receipts that are not in the history yet, in the order in which all nodes see them. Only
 * one node does it at a time; the others wait for it. Returns how many it added.
 */
export async function appendHistory(
  parts: { readonly database: Database; readonly hashing: ProofHashing },
  batch: number = BATCH,
): Promise<number> {
  let added = 0;
  for (;;) {
    const count = await appendSome(parts, batch);
    added += count;
    if (count < batch) return added;
  }
}

async function appendSome(
  { database, hashing }: { readonly database: Database; readonly hashing: ProofHashing },
  batch: number,
): Promise<number> {
  return database.transact(async (tx) => {
    const { size, cursor } = await historyPlace(tx, 'hold');
    const receipts = await receiptsAfter(tx, cursor, batch);
    const last = receipts.at(-1);
    if (!last) return 0;
    const writer = continueHistory({ size, edge: await edgeOf(tx, size) }, hashing);
    for (const { body } of receipts) writer.append(receiptHash(body, hashing));
    await storeHistory(tx, { size: writer.size, cursor: last.cursor }, writer.takeTiles());
    crashPoint('history_before_commit');
    return receipts.length;
  });
}

async function edgeOf(from: Queryable, size: number) {
  const tiles = edgeTiles(size).map(async (place) => ({
    ...place,
    bytes: (await historyTile(from, place)) ?? new Uint8Array(0),
  }));
  return Promise.all(tiles);
}

/** The history as of a size, out of the stored tiles. */
export function historyOf(from: Queryable, size: number, hashing: ProofHashing): HistoryReader {
  return readHistory(size, {
    hashing,
    read: async (place) => (await historyTile(from, place)) ?? new Uint8Array(0),
  });
}

/**
 * The head of the history, once every receipt of the epoch and of those before is in it; undefined
 * while one is not: a transaction from before the epoch's end may still be open somewhere.
 */
export async function headCovering(
  parts: { readonly database: Database; readonly hashing: ProofHashing },
  epoch: bigint,
): Promise<HistoryHead | undefined> {
  const { database, hashing } = parts;
  const { size, cursor } = await historyPlace(database);
  if (await receiptsLieAfter(database, cursor, epoch)) return undefined;
  return { size, root: await historyOf(database, size, hashing).root() };
}
