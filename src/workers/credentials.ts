import { createHash, timingSafeEqual } from 'node:crypto';
import {
  base32,
  parseWorkerId,
  type RandomBytes,
  secureRandom,
  type WorkerId,
} from '../base/ids.ts';

/** 52 characters of base 32 are 260 bits: the first length that holds 256. */
const SECRET_CHARS = 52;
const SECRET_BYTES = 33;
/** `trib_` + id + `_` + secret. */
export const CREDENTIAL_CHARS = 5 + 10 + 1 + SECRET_CHARS;

const CREDENTIAL = /^trib_([a-z2-7]{10})_[a-z2-7]{52}$/;

/** The whole secret text `trib_<worker id>_<secret>`. Shown once, kept only as a hash. */
export type Credential = string & { readonly __brand: 'Credential' };

/** A new credential of 256 random bits. Letters and digits of one case survive every shell. */
export function newCredential(worker: WorkerId, random: RandomBytes = secureRandom): Credential {
  return `trib_${worker}_${base32(random(SECRET_BYTES)).slice(0, SECRET_CHARS)}` as Credential;
}

/** Decodes a credential that came from outside; undefined, in constant work, when it is not one. */
export function parseCredential(
  text: string,
): { readonly credential: Credential; readonly worker: WorkerId } | undefined {
  if (text.length !== CREDENTIAL_CHARS) return undefined;
  const worker = parseWorkerId(CREDENTIAL.exec(text)?.[1] ?? '');
  return worker && { credential: text as Credential, worker };
}

/**
 * What the database keeps. Plain SHA-256: a secret of 256 random bits cannot be guessed, so a slow
 * hash would cost time for nothing.
 */
export function hashCredential(credential: Credential): Buffer {
  return createHash('sha256').update(credential).digest();
}

/** True when the presented hash is one of the valid ones; looks at all of them in constant time. */
export function matchesAny(presented: Uint8Array, valid: readonly Uint8Array[]): boolean {
  let matches = false;
  for (const hash of valid) matches = timingSafeEqual(presented, hash) || matches;
  return matches;
}
