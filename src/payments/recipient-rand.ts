import { hmacSha256 } from '../base/mac.ts';
import { sameBytes } from '../protocol/fixed-bytes.ts';
import { bigEndian } from './big-endian.ts';
import type { Rational } from './rational.ts';
import { auxData, recipientRandHash, type TicketTerms } from './ticket.ts';

/** Bytes of a secret and of a seed. */
export const RAND_SECRET_BYTES = 32;

/** One version of the key that recipientRands come from. Several are valid during a rotation. */
export interface RandSecret {
  readonly version: number;
  /** 32 bytes. */
  readonly key: Uint8Array;
}

/** What a set of ticket parameters promised, all of which its recipientRand vouches for. */
export interface Promised
  extends Pick<
    TicketTerms,
    'sender' | 'faceValue' | 'winProb' | 'creationRound' | 'creationRoundBlockHash'
  > {
  /** Up to 32 bytes; leading zeros do not count. */
  readonly seed: Uint8Array;
  /** The L1 block from which its tickets are refused. */
  readonly expirationBlock: bigint;
  /** Wei per pixel in lowest terms. */
  readonly price: Rational;
}

/** The bytes under the MAC. Wire: go-livepeer pm/recipient.go:rand. */
export function randMessage(promised: Promised): Uint8Array {
  const { seed, sender, faceValue, winProb, expirationBlock, price } = promised;
  return Buffer.concat([
    withoutLeadingZeros(seed),
    sender,
    bigEndian(faceValue),
    bigEndian(winProb),
    bigEndian(expirationBlock),
    bigEndian(price.numerator < 0n ? -price.numerator : price.numerator),
    bigEndian(price.denominator),
    auxData(promised),
  ]);
}

/** The 32-byte number that a sender cannot know before its tickets are redeemed. */
export function recipientRand(secret: RandSecret, promised: Promised): Uint8Array {
  return hmacSha256(secret.key).update(randMessage(promised)).digest();
}

/**
 * The recipientRand behind a hash, if we promised exactly this under a secret that is still valid,
 * newest first: the wire does not name the version. Undefined otherwise.
 */
export function findRecipientRand(
  secrets: readonly RandSecret[],
  promised: Promised,
  hash: Uint8Array,
): Uint8Array | undefined {
  for (const secret of secrets) {
    const rand = recipientRand(secret, promised);
    // The hash is public; how long the comparison takes tells nothing about the rand.
    if (sameBytes(recipientRandHash(rand), hash)) return rand;
  }
  return undefined;
}

function withoutLeadingZeros(bytes: Uint8Array): Uint8Array {
  const first = bytes.findIndex((byte) => byte !== 0);
  return first < 0 ? new Uint8Array(0) : bytes.subarray(first);
}
