import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openScratch } from '../../src/database/scratch.ts';
import { createSecrets } from '../../src/database/secrets.ts';
import { AUTH_TOKEN_SECONDS, authenticAuthToken } from '../../src/protocol/auth-token.ts';
import type { AuthToken } from '../../src/protocol/segment.ts';
import { eventually } from '../eventually.ts';
import { stampedSource } from '../fixtures/renditions.ts';
import { createShiftedClock } from '../shifted-clock.ts';
import { type Cleanup, startTestPool, type TestPool } from '../start-pool.ts';
import { joinStock } from '../start-pool-with-worker.ts';
import { startStockGateway } from '../stock-gateway.ts';
import { startTributary } from '../tributary-process.ts';

const STEP_SECONDS = 7 * 60;

test('a session goes on at another node, and over a new secret behind its token', async (t) => {
  const clock = createShiftedClock();
  const { secrets, nodes } = await startNodes(t, clock);
  const [first, second] = nodes as [(typeof nodes)[0], (typeof nodes)[0]];
  const fresh = async ({ gateway }: typeof first) => (await gateway.session()).authToken;
  const replies = (token: AuthToken | undefined) =>
    Promise.all(nodes.map((node) => replyTo(node.gateway, token)));

  const token = await fresh(first);
  assert.deepEqual(await replies(token), ['done', 'done']);

  assert.match(await rotate(t, first.pool), /auth-token +2 .* makes the tokens/);
  const [newest] = await secrets.load('auth_token');
  assert.equal(newest.version, 2);
  for (const node of [first, second]) {
    await eventually('its tokens are made with the new secret', async () => {
      return authenticAuthToken([newest], await fresh(node)).ok;
    });
  }
  assert.deepEqual(await replies(await fresh(second)), ['done', 'done']);

  // In steps: the pool closes what idles for 10 minutes, and who uses it just then loses a request.
  for (let left = AUTH_TOKEN_SECONDS - 60; left > 0; left -= STEP_SECONDS) {
    clock.shift(Math.min(left, STEP_SECONDS) * 1_000);
    assert.deepEqual(await replies(token), ['done', 'done'], 'as long as the token lasts');
  }
  clock.shift(120_000);
  const over = '403 expired auth token';
  assert.deepEqual(await replies(token), [over, over], 'and not longer');
  assert.deepEqual(await replies(await fresh(first)), ['done', 'done']);

  const leaked = await fresh(second);
  assert.match(await rotate(t, second.pool, '--at-once'), /refused from now on/);
  const refused = '403 invalid auth token';
  await eventually('both nodes refuse it', async () => {
    return (await replies(leaked)).every((reply) => reply === refused);
  });
  assert.deepEqual(await replies(await fresh(first)), ['done', 'done']);

  const { items } = await first.pool.admin<{ items: { target: string; after: unknown }[] }>(
    'GET',
    '/api/v1/operator/audit',
  );
  assert.deepEqual(
    items.filter(({ target }) => target === 'auth-token').map(({ after }) => after),
    [
      { version: 3, atOnce: true },
      { version: 2, atOnce: false },
    ],
  );
});

/** What `tributary secrets rotate auth-token` says to the operator of a node. */
async function rotate(t: Cleanup, { dataDir }: TestPool, ...flags: string[]): Promise<string> {
  const args = ['secrets', 'rotate', 'auth-token', '--data-dir', dataDir, ...flags];
  const { exited, printed } = startTributary(t, args);
  assert.equal(await exited, 0, printed.err);
  return printed.out;
}

/** Two pools on one database, with a worker each. */
async function startNodes(test: Cleanup, clock: ReturnType<typeof createShiftedClock>) {
  // The last one first: a pool that stops without its database waits for it.
  const cleanups: (() => void | Promise<void>)[] = [];
  const t: Cleanup = { after: (one) => void cleanups.push(one) };
  test.after(async () => {
    for (const one of cleanups.toReversed()) await one();
  });
  const scratch = await openScratch();
  t.after(async () => scratch[Symbol.asyncDispose]());
  const nodes = [];
  for (const name of ['one', 'two']) {
    const pool = await startTestPool(t, [`--database-url=${scratch.database.url}`], { clock });
    await joinStock(t, pool, { enrolment: await pool.enrol(name) });
    const gateway = startStockGateway(pool.port);
    t.after(() => gateway.close());
    nodes.push({ pool, gateway });
  }
  return { secrets: createSecrets(scratch.database), nodes };
}

async function replyTo(
  gateway: ReturnType<typeof startStockGateway>,
  authToken: AuthToken | undefined,
): Promise<string | undefined> {
  const info = await gateway.session();
  // Time enough for a machine that does much else.
  const given = { authToken, durationMs: 20_000 };
  const reply = await gateway.submit(info, await stampedSource(), given);
  const answer = reply.result?.result;
  if (answer?.kind === 'failed') return answer.text;
  return reply.status === 200 ? answer?.kind : `${reply.status} ${reply.text}`;
}
