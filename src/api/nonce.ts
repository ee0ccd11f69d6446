import { timingSafeEqual } from 'node:crypto';
import { type Instant, instant } from '../base/clock.ts';
import { base32, type RandomBytes } from '../base/ids.ts';
import { hmacSha256 } from '../base/mac.ts';

/** A person reads what the wallet shows and signs it. */
export const NONCE_MS = 5 * 60_000;
/** 8 digits of base 36 hold milliseconds until the year 2059. */
const TIME_CHARS = 8;
const RANDOM_CHARS = 16;
const MAC_CHARS = 26;

/**
 * A nonce that says itself until when it is good, and that it is ours: whoever asks for a million of
 * them fills nothing. That each counts once is kept by those who use it.
 */
export function newNonce(key: Uint8Array, now: Instant, random: RandomBytes): string {
  const expires = (now + NONCE_MS).toString(36).padStart(TIME_CHARS, '0');
  const body = `${expires}${base32(random(10)).slice(0, RANDOM_CHARS)}`;
  return `${body}${macOf(key, body)}`;
}

/** Until when a nonce is good; undefined: it is not ours, or not good any more. */
export function nonceExpiry(key: Uint8Array, nonce: string, now: Instant): Instant | undefined {
  const length = TIME_CHARS + RANDOM_CHARS;
  if (nonce.length !== length + MAC_CHARS) return undefined;
  const body = nonce.slice(0, length);
  const shown = Buffer.from(nonce.slice(length), 'latin1');
  const wanted = Buffer.from(macOf(key, body), 'latin1');
  if (shown.length !== wanted.length || !timingSafeEqual(shown, wanted)) return undefined;
  const expires = instant(Number.parseInt(body.slice(0, TIME_CHARS), 36));
  return expires > now ? expires : undefined;
}

function macOf(key: Uint8Array, body: string): string {
  const mac = hmacSha256(key)
    .update(JSON.stringify(['nonce', body]))
    .digest();
  return base32(mac).slice(0, MAC_CHARS);
}
