import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { toHex } from './bytes.ts';
import type { VerifyEd25519 } from './signatures.ts';

/** RFC 8410: what goes before the 32 bytes of an Ed25519 key, public in SPKI, private in PKCS #8. */
const SPKI = Buffer.from('302a300506032b6570032100', 'hex');
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');
/** Keys of which the parsed form is kept: a pool has a few over its life. */
const KEYS_MAX = 64;

const parsed = new Map<string, KeyObject | undefined>();

/** Ed25519 by OpenSSL: some 50 us. */
export const nodeVerifyEd25519: VerifyEd25519 = (key, message, signature) => {
  const known = publicKey(key);
  return known !== undefined && signature.length === 64 && verify(null, message, known, signature);
};

function publicKey(raw: Uint8Array): KeyObject | undefined {
  const name = toHex(raw);
  if (parsed.has(name)) return parsed.get(name);
  if (parsed.size >= KEYS_MAX) parsed.clear();
  const key =
    raw.length === 32
      ? createPublicKey({ key: Buffer.concat([SPKI, raw]), format: 'der', type: 'spki' })
      : undefined;
  parsed.set(name, key);
  return key;
}

/** A key pair out of 32 secret bytes: for programs and tests that sign by themselves. */
export function nodeEd25519(seed: Uint8Array): {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** 64 bytes, always the same for the same message. */
  sign(message: Uint8Array): Uint8Array;
} {
  const key = createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: 'der', type: 'pkcs8' });
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' });
  return {
    publicKey: new Uint8Array(spki.subarray(SPKI.length)),
    sign: (message) => new Uint8Array(sign(null, message, key)),
  };
}
