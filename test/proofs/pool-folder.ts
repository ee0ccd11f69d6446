import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { concat } from '../../src/proofs/bytes.ts';
import type { TestPool } from '../../src/proofs/epoch.test-kit.ts';
import { filesOf } from '../../src/proofs/epoch-files.test-kit.ts';
import { joinSigned, type SignedReceipt } from '../../src/proofs/receipt.ts';

/** Body and signature of each receipt, one after the other. */
export function receiptsFile(receipts: readonly SignedReceipt[]): Uint8Array {
  return concat(...receipts.map(({ body, signature }) => joinSigned(body, signature)));
}

/** Writes files below a folder. */
export function writeFiles(folder: string, files: ReadonlyMap<string, string>): void {
  for (const [path, text] of files) put(join(folder, path), text);
}

/** Writes the files of a pool below a folder, and its workers' receipts beside it. */
export function writePool(folder: string, pool: TestPool): void {
  writeFiles(folder, filesOf(pool));
  for (const [worker, receipts] of pool.receipts) {
    put(`${folder}.${worker}.receipts`, receiptsFile(receipts));
  }
}

function put(path: string, data: string | Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, data);
}
