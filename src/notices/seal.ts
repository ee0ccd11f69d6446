import { createCipheriv, createDecipheriv } from 'node:crypto';
import { type RandomBytes, secureRandom } from '../base/ids.ts';
import { hmacSha256 } from '../base/mac.ts';

/** Before what is sealed: how, so that another way can come later. */
const FORMAT = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Keeps addresses and tokens of channels from whoever reads their table, and compares them unread. */
export interface Seal {
  /** AES-256-GCM; what was sealed for one `place` opens for no other. */
  seal(place: string, text: string): Buffer;
  /** Throws when it was sealed for elsewhere, with another key, or changed. */
  open(place: string, sealed: Uint8Array): string;
  /** HMAC-SHA-256 of a text, for one purpose. */
  hash(purpose: 'target' | 'code' | 'place' | 'link', text: string): Buffer;
}

/** A seal by the pool's key for notices. Each use has a key of its own, derived from it. */
export function createSeal(key: Uint8Array, random: RandomBytes = secureRandom): Seal {
  const derived = (purpose: string): Buffer =>
    hmacSha256(key).update(`notices ${purpose}`).digest();
  const keys = {
    seal: derived('seal'),
    target: derived('target'),
    code: derived('code'),
    place: derived('place'),
    link: derived('link'),
  };
  return {
    seal(place, text) {
      const nonce = Buffer.from(random(NONCE_BYTES));
      const cipher = createCipheriv('aes-256-gcm', keys.seal, nonce);
      cipher.setAAD(Buffer.from(place));
      const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
      return Buffer.concat([Buffer.from([FORMAT]), nonce, body, cipher.getAuthTag()]);
    },
    open(place, sealed) {
      const bytes = Buffer.from(sealed);
      if (bytes[0] !== FORMAT) throw new RangeError('sealed in a way that is not known');
      const nonce = bytes.subarray(1, 1 + NONCE_BYTES);
      const decipher = createDecipheriv('aes-256-gcm', keys.seal, nonce);
      decipher.setAAD(Buffer.from(place));
      decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
      const body = bytes.subarray(1 + NONCE_BYTES, -TAG_BYTES);
      return Buffer.concat([decipher.update(body), decipher.final()]).toString('utf8');
    },
    hash: (purpose, text) => hmacSha256(keys[purpose]).update(text).digest(),
  };
}
