import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Instant, instant } from '../base/clock.ts';
import { newSessionId, type SessionId } from '../base/ids.ts';
import {
  AUTH_TOKEN_SECONDS,
  type AuthSecret,
  authenticAuthToken,
  mintAuthToken,
  verifyAuthToken,
} from './auth-token.ts';

const now = instant(1_700_000_000_500);
const later = (seconds: number) => instant(now + seconds * 1000) as Instant;
const old: AuthSecret = { version: 1, key: Buffer.alloc(32, 1) };
const current: AuthSecret = { version: 2, key: Buffer.alloc(32, 2) };
const id = newSessionId();

test('a token is good for 30 minutes and not a second longer', () => {
  const token = mintAuthToken([current], id, now);
  assert.deepEqual(verifyAuthToken([current], token, now), { ok: true, sessionId: id });
  assert.ok(verifyAuthToken([current], token, later(AUTH_TOKEN_SECONDS)).ok);
  assert.deepEqual(verifyAuthToken([current], token, later(AUTH_TOKEN_SECONDS + 1)), {
    ok: false,
    reason: 'token_expired',
  });
  assert.ok(authenticAuthToken([current], token).ok, 'who ends a session may be late');
});

test('a token outlives the change of the secret, until the old one is dropped', () => {
  const token = mintAuthToken([old], id, now);
  assert.ok(verifyAuthToken([current, old], token, now).ok);
  const invalid = { ok: false, reason: 'token_invalid' };
  assert.deepEqual(verifyAuthToken([current], token, now), invalid);
  assert.deepEqual(verifyAuthToken([], token, now), invalid);
  assert.throws(() => mintAuthToken([], id, now), RangeError);
});

test('no token is another refusal than a false one', () => {
  assert.deepEqual(verifyAuthToken([current], undefined, now), {
    ok: false,
    reason: 'token_missing',
  });
});

test('the character that go-livepeer lets wander from the id into the expiry stays here', () => {
  // Their MAC is over id ++ minimal bytes of the expiry: the id's last character may lead the expiry.
  const token = mintAuthToken([current], id, now);
  const moved = BigInt(id.charCodeAt(31)) << 32n;
  const shifted = { ...token, sessionId: id.slice(0, 31), expiration: moved | token.expiration };
  assert.equal(verifyAuthToken([current], shifted, now).ok, false);
});

test('any change to a token makes it false', () => {
  const token = mintAuthToken([current], id, now);
  fc.assert(
    fc.property(fc.nat(31), fc.integer({ min: 1, max: 255 }), fc.bigInt(-9n, 9n), (at, by, add) => {
      const bytes = Uint8Array.from(token.token);
      bytes[at] = (bytes[at] as number) ^ by;
      assert.equal(authenticAuthToken([current], { ...token, token: bytes }).ok, false);
      if (add !== 0n) {
        const expiration = token.expiration + add;
        assert.equal(authenticAuthToken([current], { ...token, expiration }).ok, false);
      }
    }),
  );
  const extremes = [2n ** 63n - 1n, -(2n ** 63n), -1n, 0n];
  for (const expiration of extremes) {
    assert.equal(verifyAuthToken([current], { ...token, expiration }, now).ok, false);
  }
});

test('a session id of any other shape is no session of ours', () => {
  for (const sessionId of [
    '',
    '../x',
    'A'.repeat(32),
    id.toUpperCase(),
    `${id}0`,
    '\0'.repeat(32),
  ]) {
    const token = mintAuthToken([current], sessionId as SessionId, now);
    if (sessionId === id) continue;
    assert.equal(verifyAuthToken([current], token, now).ok, false, JSON.stringify(sessionId));
  }
});

test('the stock formula is understood, though not used', () => {
  const key = Uint8Array.from({ length: 32 }, (_, at) => at);
  const mac = createHmac('sha256', key).update('0a1b2c3d').update(Buffer.from('6553f100', 'hex'));
  assert.equal(
    mac.digest('hex'),
    '5db9ffaa298d78f4e94b0915d5922a2e04af0bcafb4996a4b0494a6c338ca487',
  );
});
