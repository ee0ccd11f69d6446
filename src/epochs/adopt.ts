import { type Clock, instant } from '../base/clock.ts';
import { TributaryError } from '../base/errors.ts';
import type { Database } from '../database/database.ts';
import type { Transaction } from '../database/transaction.ts';
import { closeEpoch, setWorkerEpochs, switchEpoch } from '../ledger/epoch-store.ts';
import { epochSettled } from '../ledger/postings.ts';
import { post } from '../ledger/postings-store.ts';
import { createRefunds } from '../ledger/refunds.ts';
import { fromHex, toHex } from '../proofs/bytes.ts';
import {
  type EpochHead,
  type HistoryFile,
  parseHistory,
  parseSignedEpoch,
  writeFile,
} from '../proofs/files.ts';
import { continueHistory, type Tile } from '../proofs/history-tiles.ts';
import type { EpochInput } from '../terms/settle-types.ts';
import { checkAgainstBooks, Differs, missingReceipts, takingOver } from './adopt-compare.ts';
import type { BroughtDisputes } from './adopt-disputes.ts';
import { bringIncome } from './adopt-income.ts';
import { type HeldEpoch, readHeld, textOf } from './adopt-read.ts';
import type { TermsBook } from './close.ts';
import { historyPlace, historyTile, lastReceipt, storeHistory } from './history-store.ts';
import { writeSettlement } from './input-json.ts';
import { recordDigest } from './record.ts';
import { addRecord, recordOf } from './record-store.ts';
import { addResult, awardsOf, lockClosing, noteEnd } from './store.ts';
import { epochWorkersOf } from './tree.ts';
import type { PublishedFiles, VerifyParts } from './verify-types.ts';

/** What taking over published epochs stands on. */
export interface AdoptParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly terms: TermsBook;
  /** Reads the copy; what it finds wrong ends it. */
  readonly verify: VerifyParts;
  /** What the pool kept for itself: see recovery-files.ts. Undefined: nothing of it is at hand. */
  readonly kept: PublishedFiles | undefined;
  readonly disputes: BroughtDisputes;
  /** Hex of the receipt keys in the books: only what one of them signed is taken over. */
  readonly keys: ReadonlySet<string>;
}

/** An epoch that was taken over. */
export interface Adopted {
  readonly epoch: bigint;
  readonly head: EpochHead;
  /** Receipts that it counts and that nobody handed in, in sentences. */
  readonly gaps: readonly string[];
}

/**
 * Closes the open epoch as it was published after the backup: the same record, root and credits, out
 * of the published input. What the books have of it must be a beginning of that.
 *
 * @throws TributaryError `recovery_differs` with the first line that is another one in the books, or
 *   that is wrong in the copy
 */
export function adoptEpoch(parts: AdoptParts, number: bigint): Promise<Adopted> {
  return takingOver(number, () => adopt(parts, number));
}

async function adopt(parts: AdoptParts, number: bigint): Promise<Adopted> {
  const { database } = parts;
  const published = await readEpoch(parts, number);
  const { head, input } = published;
  await checkAgainstBooks(database, { head, input });
  parts.disputes.check(head, input);
  const gaps = await missingReceipts(database, input);
  await database.transact((tx) => setWorkerEpochs(tx, input.workers));
  const refunds = createRefunds(parts);
  for (const { worker, refunds: taken = [] } of input.workers) {
    for (const refund of taken) {
      const booked = await refunds.add({ ...refund, worker: worker as never });
      if (!booked.ok) throw new Differs(`the refund ${refund.id} is another one in the books`);
    }
  }
  await parts.disputes.bringUntil(input);
  const nextTermsVersion = await termsOfNext(parts, number);
  await database.transact((tx) => write(tx, parts, { ...published, nextTermsVersion }));
  return { epoch: number, head, gaps };
}

interface PublishedEpoch extends HeldEpoch {
  readonly historyText: string;
  readonly history: HistoryFile;
}

/** An epoch that holds, and follows what the books have. */
async function readEpoch(parts: AdoptParts, number: bigint): Promise<PublishedEpoch> {
  const { database, verify } = parts;
  const held = await readHeld(parts, number);
  const historyText = await textOf(verify, `epoch-${number}/history.json`);
  const history = parseHistory(historyText);
  if (!history.ok) throw new Differs('the copy changed while it was read');
  const before = await recordOf(database, number - 1n);
  const previous = before ? recordDigest(before, verify.hashing) : '0'.repeat(64);
  if (held.head.previous !== previous) {
    throw new Differs(`it follows another record of epoch ${number - 1n} than that in the books`);
  }
  return { ...held, historyText, history: history.file };
}

/** By what the next epoch is settled: as it was published, if it was. */
async function termsOfNext({ terms, verify }: AdoptParts, number: bigint): Promise<number> {
  const text = await verify.files.read(`epoch-${number + 1n}/epoch.json`);
  const next = text === undefined ? undefined : parseSignedEpoch(text);
  return next?.ok ? next.file.head.terms.version : terms.versionFor(number + 1n);
}

/** Everything that closing it left behind, in one transaction. */
async function write(
  tx: Transaction,
  { verify: { hashing }, clock }: AdoptParts,
  published: PublishedEpoch & { readonly nextTermsVersion: number },
): Promise<void> {
  const { head, input, settlement, salts, text, nextTermsVersion } = published;
  const { epoch } = head;
  await lockClosing(tx);
  const at = instant(head.closesAt);
  if (!(await switchEpoch(tx, { number: epoch, at, nextTermsVersion }))) {
    throw new TributaryError('internal', 'a pool runs on this database');
  }
  await bringIncome(tx, input, clock.now());
  await noteEnd(tx, epoch);
  await checkAwards(tx, input);
  const workers = epochWorkersOf(input, settlement).map((worker) => ({
    ...worker,
    salt: salts?.get(worker.worker),
  }));
  const result = {
    epoch,
    input: text,
    settlement: writeSettlement(settlement),
    root: fromHex(head.root, 32) as Uint8Array,
  };
  await addResult(tx, result, workers, settlement.heldBack);
  await post(tx, epochSettled(input, settlement, at));
  await closeEpoch(tx, epoch, clock.now());
  await bringHistory(tx, published, hashing);
  const { historyText: history } = published;
  const key = fromHex(published.key, 32) as Uint8Array;
  const signature = fromHex(published.signature, 64) as Uint8Array;
  await addRecord(tx, { epoch, head: writeFile(head), key, signature, history });
}

/** Each award of the books counts in the epoch that it counted in, and in no other. */
async function checkAwards(tx: Transaction, input: EpochInput): Promise<void> {
  const given = await awardsOf(tx, input.epoch);
  const lines = given.map(({ worker, dispute, asset, amount }) =>
    [worker, dispute, asset, amount].join(' '),
  );
  const named = input.workers.flatMap(({ worker, awards = [] }) =>
    awards.map(({ dispute, asset, amount }) => [worker, dispute, asset, amount].join(' ')),
  );
  if (named.sort().join() === lines.sort().join()) return;
  throw new Differs('the books have other awards of disputes in it');
}

/** The history goes on from where it was published to end, whichever receipts are at hand. */
async function bringHistory(
  tx: Transaction,
  { head, history }: PublishedEpoch,
  hashing: VerifyParts['hashing'],
): Promise<void> {
  const size = Number(head.history.size);
  const edge = (history.edge ?? []).map(
    ({ level, index, hashes }): Tile => ({
      ...{ level, index },
      bytes: Buffer.concat(hashes.map((hash) => fromHex(hash, 32) as Uint8Array)),
    }),
  );
  const place = await historyPlace(tx, 'hold');
  if (place.size > size) throw new Differs('the books have more receipts than its history');
  if (rootOf(size, edge, hashing) !== head.history.root) {
    throw new Differs('history.json does not say how the history of receipts goes on');
  }
  for (const tile of edge) {
    const stored = (await historyTile(tx, tile)) ?? new Uint8Array(0);
    if (Buffer.compare(tile.bytes.subarray(0, stored.length), stored) !== 0) {
      throw new Differs('its history of receipts begins otherwise than that in the books');
    }
  }
  await storeHistory(tx, { size, cursor: await lastReceipt(tx, place.cursor) }, edge);
}

function rootOf(size: number, edge: readonly Tile[], hashing: VerifyParts['hashing']): string {
  try {
    return toHex(continueHistory({ size, edge }, hashing).head().root);
  } catch (error) {
    if (error instanceof RangeError) return '';
    throw error;
  }
}
