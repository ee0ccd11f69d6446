import { keccak256 } from '../base/keccak.ts';
import type { Wei } from '../base/money.ts';
import { sameBytes } from '../protocol/fixed-bytes.ts';
import { personalDigest, recover, SIGNATURE_BYTES } from '../protocol/signature.ts';
import { readBigEndian, word } from './big-endian.ts';
import { type Rational, rational } from './rational.ts';

/** The win probability is a numerator over this. */
export const WIN_PROB_MAX = 2n ** 256n - 1n;
/** Bytes of a hash, a round's block hash and a recipientRand. */
export const HASH_BYTES = 32;
/** A ticket that can be redeemed; without aux data it has 64 fewer. */
export const PACKED_BYTES = 232;
/** Where the 32 bytes of the nonce end among the packed bytes. */
export const NONCE_END = 20 + 20 + 32 + 32 + 32;

/** What all tickets of one payment have in common. */
export interface TicketTerms {
  /** 20 bytes. */
  readonly recipient: Uint8Array;
  /** 20 bytes. */
  readonly sender: Uint8Array;
  readonly faceValue: Wei;
  /** Over {@link WIN_PROB_MAX}. */
  readonly winProb: bigint;
  /** 32 bytes. */
  readonly recipientRandHash: Uint8Array;
  readonly creationRound: bigint;
  /** 32 bytes. */
  readonly creationRoundBlockHash: Uint8Array;
}

/** One probabilistic micropayment. */
export interface Ticket extends TicketTerms {
  /** uint32: differs among the tickets of one recipientRand. */
  readonly nonce: number;
}

/**
 * Round and block hash as the contract hashes them: 64 bytes, or none when both are zero. A ticket
 * without them can be checked but never redeemed. Wire: go-livepeer pm/ticket.go:AuxData.
 */
export function auxData({
  creationRound,
  creationRoundBlockHash,
}: Pick<TicketTerms, 'creationRound' | 'creationRoundBlockHash'>): Uint8Array {
  if (creationRound === 0n && creationRoundBlockHash.every((byte) => byte === 0)) {
    return new Uint8Array(0);
  }
  return Buffer.concat([word(BigInt.asUintN(256, creationRound)), creationRoundBlockHash]);
}

/**
 * The bytes that a ticket's hash is of, 232 or without aux data 168, for each nonce in turn: the
 * rest is laid out once. Every call returns the same buffer, changed.
 */
export function packer(terms: TicketTerms): (nonce: number) => Uint8Array {
  const packed = Buffer.concat([
    terms.recipient,
    terms.sender,
    word(terms.faceValue),
    word(terms.winProb),
    new Uint8Array(32),
    terms.recipientRandHash,
    auxData(terms),
  ]);
  return (nonce) => {
    packed.writeUInt32BE(nonce, NONCE_END - 4);
    return packed;
  };
}

/** What a sender hands to its `Signer`. Wire: contract MixinTicketBrokerCore.getTicketHash. */
export function packTicket(ticket: Ticket): Uint8Array {
  return packer(ticket)(ticket.nonce);
}

/** The 32 bytes that the contract knows a ticket by. Wire: go-livepeer pm/ticket.go:Hash. */
export function ticketHash(ticket: Ticket): Uint8Array {
  return keccak256(packTicket(ticket));
}

/** What a signature is over: the personal-message digest of the ticket's hash. */
export function ticketDigest(ticket: Ticket): Uint8Array {
  return personalDigest(ticketHash(ticket));
}

/** What is wrong with the form of a signature, in go-livepeer's words. */
export const signatureTexts = {
  length: 'invalid signature length',
  high_s: 'signature s value too high',
  v: 'signature v value must be 27 or 28',
  signer: 'invalid ticket signature',
} as const;

/** A signature that the sender made, or what it is instead. */
export type SignatureOutcome =
  | { readonly ok: true }
  | { readonly ok: false; readonly reason: keyof typeof signatureTexts };

const S_MAX = 0x7fffffff_ffffffff_ffffffff_ffffffff_5d576e73_57a4501d_dfe92f46_681b20a0n;

/**
 * Whether `address` signed the 32-byte hash, and if not, what a person should look at. One at a
 * time, on this thread: payments go through recover-threads.ts. Wire: go-livepeer
 * crypto/crypto.go:VerifySig.
 */
export function checkSignature(
  hash: Uint8Array,
  sig: Uint8Array,
  address: Uint8Array,
): SignatureOutcome {
  if (sig.length !== SIGNATURE_BYTES) return { ok: false, reason: 'length' };
  if (readBigEndian(sig.subarray(32, 64)) > S_MAX) return { ok: false, reason: 'high_s' };
  if (sig[64] !== 27 && sig[64] !== 28) return { ok: false, reason: 'v' };
  const signer = recover(personalDigest(hash), sig);
  return signer && sameBytes(signer, address) ? { ok: true } : { ok: false, reason: 'signer' };
}

/** The 32-byte commitment to a recipientRand (32 bytes). */
export function recipientRandHash(recipientRand: Uint8Array): Uint8Array {
  return keccak256(recipientRand);
}

/** The number that decides: keccak-256 of signature and recipientRand, 32 bytes big-endian. */
export function draw(sig: Uint8Array, recipientRand: Uint8Array): Uint8Array {
  return keccak256(Buffer.concat([sig, recipientRand]));
}

/** Whether a draw wins: strictly below. Wire: go-livepeer pm/validator.go:IsWinningTicket. */
export function wins(drawn: Uint8Array, winProb: bigint): boolean {
  return readBigEndian(drawn) < winProb;
}

/** Wei that a ticket is worth on average, exactly. Wire: go-livepeer pm/ticket.go:ticketEV. */
export function expectedValue({
  faceValue,
  winProb,
}: Pick<TicketTerms, 'faceValue' | 'winProb'>): Rational {
  return rational(faceValue * winProb, WIN_PROB_MAX);
}
