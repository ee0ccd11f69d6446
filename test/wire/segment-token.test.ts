import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { instant } from '../../src/base/clock.ts';
import { newSessionId, secureRandom } from '../../src/base/ids.ts';
import { mintAuthToken } from '../../src/protocol/auth-token.ts';
import type { AuthToken } from '../../src/protocol/segment.ts';
import { stampedSource } from '../fixtures/renditions.ts';
import { createShiftedClock } from '../shifted-clock.ts';
import { startTestPool } from '../start-pool.ts';
import { joinStock } from '../start-pool-with-worker.ts';
import { startStockGateway } from '../stock-gateway.ts';

const clock = createShiftedClock();
const pool = await startTestPool({ after }, [], { clock });
const gateway = startStockGateway(pool.port);
after(() => gateway.close());
const { enrolment } = await joinStock({ after }, pool);

async function freshToken(): Promise<AuthToken> {
  const { authToken } = await gateway.session();
  assert.ok(authToken);
  const { token, sessionId, expiration } = authToken;
  return { token, sessionId, expiration };
}

async function replyTo(authToken: AuthToken | undefined) {
  const reply = await gateway.submit(await gateway.session(), await stampedSource(), { authToken });
  return reply.status === 200 ? reply.result?.result.kind : `${reply.status} ${reply.text}`;
}

test('a token is 30 minutes of one session', async () => {
  const { sessionId, expiration } = await freshToken();
  assert.match(sessionId, /^[0-9a-f]{32}$/);
  const inSeconds = Number(expiration) - Math.floor(clock.now() / 1000);
  assert.ok(inSeconds > 1_790 && inSeconds <= 1_800, `${inSeconds} s`);
});

test('a token that the pool did not make is not one', async () => {
  const token = await freshToken();
  const other = await freshToken();
  const foreign = mintAuthToken(
    [{ version: 1, key: secureRandom(32) }],
    newSessionId(secureRandom),
    clock.now(),
  );
  const invalid: readonly AuthToken[] = [
    foreign,
    { ...token, token: other.token },
    { ...token, sessionId: other.sessionId },
    { ...token, expiration: token.expiration + 1n },
    { ...token, expiration: -token.expiration },
    { ...token, token: token.token.subarray(0, 31) },
    { ...token, token: Buffer.concat([token.token, Buffer.alloc(1)]) },
    { ...token, token: new Uint8Array(0) },
    { ...token, sessionId: token.sessionId.toUpperCase() },
    { ...token, sessionId: `../${token.sessionId}` },
    { ...token, sessionId: '' },
  ];
  for (const wrong of invalid) assert.equal(await replyTo(wrong), '403 invalid auth token');
  assert.equal(await replyTo(undefined), '403 missing auth token');
  assert.equal(await replyTo(token), 'done', 'the true one is not spoilt by the attempts');
});

test('the last character of the session cannot be moved into the expiry', async () => {
  // wire: go-livepeer core/orchestrator.go:AuthToken has no separator between the two.
  const { token, sessionId, expiration } = await freshToken();
  const moved = BigInt(sessionId.charCodeAt(31)) << 32n;
  const shifted = { token, sessionId: sessionId.slice(0, 31), expiration: moved | expiration };
  assert.equal(await replyTo(shifted), '403 invalid auth token');
});

test('a token is good to its last second and expires then', async () => {
  const token = await freshToken();
  // In steps: the pool closes what idles for 10 minutes, and who uses it just then loses a request.
  for (const minutes of [7, 7, 7, 7, 1]) {
    clock.shift(minutes * 60_000);
    assert.equal(await replyTo(token), 'done');
  }
  clock.shift(62_000);
  assert.equal(await replyTo(token), '403 expired auth token');
  assert.equal(await replyTo(await freshToken()), 'done');
  assert.equal((await gateway.endSession({ ...token, $typeName: 'net.AuthToken' })).ok, true);
});

test('a token with another expiry than its own is invalid before it is expired', async () => {
  const token = await freshToken();
  const past = { ...token, expiration: BigInt(Math.floor(instant(0) / 1000)) };
  assert.equal(await replyTo(past), '403 invalid auth token');
});

test('a session goes on when the pool was restarted in between', async (t) => {
  const token = await freshToken();
  assert.equal(await replyTo(token), 'done');
  await pool.restart();
  await joinStock(t, pool, { enrolment });
  assert.equal(await replyTo(token), 'done');
});
