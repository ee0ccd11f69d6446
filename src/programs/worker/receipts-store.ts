import {
  accessSync,
  appendFileSync,
  constants,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { messageOf, TributaryError } from '../../base/errors.ts';
import { makeFolderSync } from '../../base/folder.ts';
import { joinSigned, SIGNED_RECEIPT_BYTES } from '../../proofs/receipt.ts';
import {
  parseReceiptsFileName,
  readReceiptsFile,
  receiptsFileName,
} from '../../proofs/receipts-file.ts';
import type { ReceiptStore } from './receipts.ts';

/** At a start gaps are looked for in these; what is older was whole when the next one began. */
const EPOCHS_READ = 2;

/**
 * Keeps receipts as files in a folder, one for each worker and epoch, 426 bytes for each receipt:
 * what `tributary verify --receipts` and tools/verify.py read. Only the owner may read them; a
 * folder that is gone is made again. What a crash left of a half written one is cut off.
 */
export function openReceiptStore(dir: string): ReceiptStore {
  const known = new Set<string>();
  return {
    recent(worker) {
      const epochs = namesIn(dir).flatMap((name) => {
        const parsed = parseReceiptsFileName(name);
        return parsed?.worker === worker ? [parsed.epoch] : [];
      });
      const newest = epochs.toSorted((a, b) => (a < b ? 1 : -1)).slice(0, EPOCHS_READ);
      return newest.flatMap((epoch) => {
        const path = join(dir, receiptsFileName(worker, epoch));
        wholeReceipts(path);
        const read = readReceiptsFile(readFileSync(path));
        return read.ok ? read.receipts : [];
      });
    },
    append({ receipt, body, signature }) {
      makeFolderSync(dir, { mode: 0o700 });
      // Some 400 bytes: sooner written than a thread is asked.
      const path = join(dir, receiptsFileName(receipt.worker, receipt.epoch));
      if (!known.has(path)) wholeReceipts(path);
      known.add(path);
      appendFileSync(path, joinSigned(body, signature), { mode: 0o600 });
    },
  };
}

/**
 * Looks before any work is taken whether receipts can be kept: makes the folder and asks whether it may
 * be written to. Throws `receipts_unwritable`.
 */
export function prepareReceiptFolder(dir: string): void {
  try {
    makeFolderSync(dir, { mode: 0o700 });
    accessSync(dir, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (cause) {
    const text = `Receipts, your proof of what the pool owes you, cannot be kept in ${resolve(dir)}: ${messageOf(cause)}`;
    throw new TributaryError('receipts_unwritable', text, { cause });
  }
}

function wholeReceipts(path: string): void {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  const left = size % SIGNED_RECEIPT_BYTES;
  if (left > 0) truncateSync(path, size - left);
}

function namesIn(dir: string): readonly string[] {
  try {
    return readdirSync(dir);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
