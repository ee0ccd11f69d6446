import { timingSafeEqual } from 'node:crypto';
import type { Instant } from '../base/clock.ts';
import { parseSessionId, type SessionId } from '../base/ids.ts';
import { hmacSha256 } from '../base/mac.ts';
import type { AuthToken } from './segment.ts';

/** How long a session's token lasts. A stock gateway renews it in its last 10 %. */
export const AUTH_TOKEN_SECONDS = 30 * 60;
/** Bytes of a secret and of a token. */
export const AUTH_SECRET_BYTES = 32;

/** Keeps these MACs apart from all others, whatever secret is used for what. */
const PURPOSE = Buffer.from('tributary auth token 1\0', 'latin1');

/** A secret that tokens are made with. Several are valid while one replaces another. */
export interface AuthSecret {
  readonly version: number;
  /** 32 bytes. */
  readonly key: Uint8Array;
}

/**
 * A token for a new session, made with the newest (first) secret. Throws RangeError without a
 * secret. The MAC is over a separator and a fixed 8-byte expiry, so that id and expiry cannot
 * run into each other.
 */
export function mintAuthToken(
  secrets: readonly AuthSecret[],
  sessionId: SessionId,
  now: Instant,
): AuthToken {
  const newest = secrets[0];
  if (!newest) throw new RangeError('there is no secret to make a token with');
  const expiration = BigInt(Math.floor(now / 1000) + AUTH_TOKEN_SECONDS);
  return { token: mac(newest, sessionId, expiration), sessionId, expiration };
}

/** The session that a token stands for, or why it does not. Texts: `segmentTexts.token…`. */
export type AuthTokenOutcome =
  | { readonly ok: true; readonly sessionId: SessionId }
  | { readonly ok: false; readonly reason: 'token_missing' | 'token_invalid' | 'token_expired' };

/**
 * Checks a token as `/segment` does: present, ours, not expired. Every valid secret is tried,
 * newest first, each in constant time. Wire: go-livepeer server/segment_rpc.go:verifySegCreds.
 */
export function verifyAuthToken(
  secrets: readonly AuthSecret[],
  token: AuthToken | undefined,
  now: Instant,
): AuthTokenOutcome {
  const outcome = authenticAuthToken(secrets, token);
  if (!outcome.ok || !token) return outcome;
  const expired = BigInt(Math.floor(now / 1000)) > token.expiration;
  return expired ? { ok: false, reason: 'token_expired' } : outcome;
}

/** The same without the expiry: who ends a session may do so late. */
export function authenticAuthToken(
  secrets: readonly AuthSecret[],
  token: AuthToken | undefined,
): AuthTokenOutcome {
  if (!token) return { ok: false, reason: 'token_missing' };
  const sessionId = parseSessionId(token.sessionId);
  if (sessionId === undefined || token.token.length !== AUTH_SECRET_BYTES) {
    return { ok: false, reason: 'token_invalid' };
  }
  const ours = secrets.some((secret) =>
    timingSafeEqual(mac(secret, sessionId, token.expiration), token.token),
  );
  return ours ? { ok: true, sessionId } : { ok: false, reason: 'token_invalid' };
}

function mac(secret: AuthSecret, sessionId: SessionId, expiration: bigint): Uint8Array {
  const rest = Buffer.alloc(9); // a zero byte, then int64
  rest.writeBigInt64BE(expiration, 1);
  return hmacSha256(secret.key).update(PURPOSE).update(sessionId).update(rest).digest();
}
