import { SIGNED_RECEIPT_BYTES, type SignedReceipt, splitSigned } from './receipt.ts';

/** Of one file: 2.5 million receipts. */
export const RECEIPTS_FILE_BYTES_MAX: number = 1024 * 1024 * 1024;

/**
 * How a worker names the files in its folder of receipts: one for each epoch, so that none grows for
 * ever. Within a file receipts stand as they came, which is not always their order.
 */
export function receiptsFileName(worker: string, epoch: bigint): string {
  return `${worker}-${epoch}.receipts`;
}

/** Whose receipts of which epoch a file holds by its name; undefined when it is no such file. */
export function parseReceiptsFileName(
  name: string,
): { readonly worker: string; readonly epoch: bigint } | undefined {
  const [, worker, epoch] = /^([a-z2-7]{10})-(0|[1-9][0-9]{0,19})\.receipts$/.exec(name) ?? [];
  if (worker === undefined || epoch === undefined) return undefined;
  return { worker, epoch: BigInt(epoch) };
}

/** A receipts file that reads, or where and why it does not. */
export type ReceiptsRead =
  | { readonly ok: true; readonly receipts: readonly SignedReceipt[] }
  | { readonly ok: false; readonly text: string };

/**
 * Reads a receipts file: body and signature of one receipt after the other, 426 bytes each, nothing
 * between them. Checks no signature and no order: see receipt-chain.ts.
 */
export function readReceiptsFile(bytes: Uint8Array): ReceiptsRead {
  if (bytes.length > RECEIPTS_FILE_BYTES_MAX) {
    return {
      ok: false,
      text: `the file of receipts has more than ${RECEIPTS_FILE_BYTES_MAX} bytes`,
    };
  }
  const left = bytes.length % SIGNED_RECEIPT_BYTES;
  if (left !== 0)
    return { ok: false, text: `the file of receipts ends within one, after ${left} bytes` };
  const receipts: SignedReceipt[] = [];
  for (let at = 0; at < bytes.length; at += SIGNED_RECEIPT_BYTES) {
    const receipt = splitSigned(bytes.subarray(at, at + SIGNED_RECEIPT_BYTES));
    if (!receipt) {
      return { ok: false, text: `number ${receipts.length + 1} in the file is no receipt` };
    }
    receipts.push(receipt);
  }
  return { ok: true, receipts };
}
