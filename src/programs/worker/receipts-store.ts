import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
} from 'node:fs';
import { join } from 'node:path';
import { joinSigned, SIGNED_RECEIPT_BYTES } from '../../proofs/receipt.ts';
import {
  parseReceiptsFileName,
  readReceiptsFile,
  receiptsFileName,
} from '../../proofs/receipts-file.ts';
import type { ReceiptStore } from './receipts.ts';

/**
 * Keeps receipts as files in a folder, one for each worker and epoch, 426 bytes for each receipt:
 * what `tributary verify --receipts` and tools/verify.py read. Only the owner may read them; the
 * folder is made with the first receipt. What a crash left of a half written one is cut off.
 */
export function openReceiptStore(dir: string): ReceiptStore {
  const known = new Set<string>();
  return {
    last(worker) {
      const epochs = namesIn(dir).flatMap((name) => {
        const parsed = parseReceiptsFileName(name);
        return parsed?.worker === worker ? [parsed.epoch] : [];
      });
      const newest = epochs.toSorted((a, b) => (a < b ? 1 : -1))[0];
      if (newest === undefined) return [];
      const read = readReceiptsFile(readFileSync(join(dir, receiptsFileName(worker, newest))));
      return read.ok ? read.receipts : [];
    },
    append({ receipt, body, signature }) {
      mkdirSync(dir, { recursive: true, mode: 0o700 });
      // Some 400 bytes: sooner written than a thread is asked.
      const path = join(dir, receiptsFileName(receipt.worker, receipt.epoch));
      if (!known.has(path)) wholeReceipts(path);
      known.add(path);
      appendFileSync(path, joinSigned(body, signature), { mode: 0o600 });
    },
  };
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
