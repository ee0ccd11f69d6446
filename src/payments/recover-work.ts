import { keccak256 } from '../base/keccak.ts';
import { ADDRESS_BYTES, personalDigest, recover, SIGNATURE_BYTES } from '../protocol/signature.ts';
import { HASH_BYTES, NONCE_END } from './ticket.ts';

/** Digests (32 bytes each) and signatures (65 each), one after the other. */
export interface SignedBytes {
  readonly digests: Uint8Array;
  readonly sigs: Uint8Array;
}

/** The addresses behind signatures, 20 bytes each: zero where there is none. */
export function recoverSigners({ digests, sigs }: SignedBytes): Uint8Array {
  const count = sigs.length / SIGNATURE_BYTES;
  const signers = new Uint8Array(count * ADDRESS_BYTES);
  for (let at = 0; at < count; at++) {
    const digest = digests.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES);
    const signer = recover(digest, sigAt(sigs, at));
    if (signer) signers.set(signer, at * ADDRESS_BYTES);
  }
  return signers;
}

/** Tickets that differ in nonce and signature only. */
export interface TicketBytes {
  /** The bytes that a ticket's hash is of; changed by the work. */
  readonly packed: Uint8Array;
  readonly recipientRand: Uint8Array;
  readonly nonces: Uint32Array;
  readonly sigs: Uint8Array;
}

/** Signers (20 bytes each, zero where there is none) and draws (32 each) of tickets. */
export function examineTickets({ packed, recipientRand, nonces, sigs }: TicketBytes): {
  readonly signers: Uint8Array;
  readonly draws: Uint8Array;
} {
  const signers = new Uint8Array(nonces.length * ADDRESS_BYTES);
  const draws = new Uint8Array(nonces.length * HASH_BYTES);
  const view = new DataView(packed.buffer, packed.byteOffset, packed.length);
  const drawn = new Uint8Array(SIGNATURE_BYTES + HASH_BYTES);
  drawn.set(recipientRand, SIGNATURE_BYTES);
  for (const [at, nonce] of nonces.entries()) {
    const sig = sigAt(sigs, at);
    view.setUint32(NONCE_END - 4, nonce);
    const signer = recover(personalDigest(keccak256(packed)), sig);
    if (!signer) continue;
    signers.set(signer, at * ADDRESS_BYTES);
    drawn.set(sig);
    draws.set(keccak256(drawn), at * HASH_BYTES);
  }
  return { signers, draws };
}

function sigAt(sigs: Uint8Array, at: number): Uint8Array {
  return sigs.subarray(at * SIGNATURE_BYTES, (at + 1) * SIGNATURE_BYTES);
}
