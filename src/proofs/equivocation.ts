import { equalBytes } from './bytes.ts';
import {
  RECEIPT_SIGNATURE_BYTES,
  SIGNED_RECEIPT_BYTES,
  type SignedReceipt,
  splitSigned,
} from './receipt.ts';
import { isSigned } from './receipt-chain.ts';
import type { VerifyEd25519 } from './signatures.ts';

// Two receipts that say different things under one number, both signed: whoever holds them proves to
// anybody that the pool cheated, with nothing else but its key. As bytes: one after the other.

/** Bytes of a proof. */
export const EQUIVOCATION_BYTES: number = 2 * SIGNED_RECEIPT_BYTES;

/** What is wrong with a proof that is none. */
export const equivocationFaultTexts = {
  malformed: 'these are not two receipts',
  same: 'both receipts are the same',
  pools_differ: 'the receipts are of different pools or chains',
  workers_differ: 'the receipts are of different workers',
  numbers_differ: 'the receipts have different numbers',
  signature_wrong: 'one of the receipts is not signed by the key that it names',
} as const;

export type EquivocationFault = keyof typeof equivocationFaultTexts;

/** What a proof shows. */
export type Equivocation =
  | { readonly ok: true; readonly one: SignedReceipt; readonly other: SignedReceipt }
  | { readonly ok: false; readonly reason: EquivocationFault };

/** Two receipts of one worker with one number as a proof; undefined when they are none. */
export function equivocationOf(
  one: SignedReceipt,
  other: SignedReceipt,
  verifyEd25519: VerifyEd25519,
): Uint8Array | undefined {
  const proof = new Uint8Array(EQUIVOCATION_BYTES);
  for (const [at, { body, signature }] of [one, other].entries()) {
    proof.set(body, at * SIGNED_RECEIPT_BYTES);
    proof.set(signature, (at + 1) * SIGNED_RECEIPT_BYTES - RECEIPT_SIGNATURE_BYTES);
  }
  return checkEquivocation(proof, verifyEd25519).ok ? proof : undefined;
}

/**
 * Whether bytes prove that a pool signed two different receipts under one number. Whose keys they
 * are is for the caller to see: from the index, or an endorsement.
 */
export function checkEquivocation(proof: Uint8Array, verifyEd25519: VerifyEd25519): Equivocation {
  const wrong = (reason: EquivocationFault) => ({ ok: false, reason }) as const;
  if (proof.length !== EQUIVOCATION_BYTES) return wrong('malformed');
  const one = splitSigned(proof.subarray(0, SIGNED_RECEIPT_BYTES));
  const other = splitSigned(proof.subarray(SIGNED_RECEIPT_BYTES));
  if (!one || !other) return wrong('malformed');
  const [a, b] = [one.receipt, other.receipt];
  if (equalBytes(one.body, other.body)) return wrong('same');
  if (a.chainId !== b.chainId || !equalBytes(a.pool, b.pool)) return wrong('pools_differ');
  if (a.worker !== b.worker) return wrong('workers_differ');
  if (a.sequence !== b.sequence) return wrong('numbers_differ');
  const areSigned = isSigned(one, verifyEd25519) && isSigned(other, verifyEd25519);
  return areSigned ? { ok: true, one, other } : wrong('signature_wrong');
}
