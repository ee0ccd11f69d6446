import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openScratch } from '../../src/database/scratch.ts';
import { createSecrets } from '../../src/database/secrets.ts';
import { authenticAuthToken } from '../../src/protocol/auth-token.ts';
import type { AuthToken } from '../../src/protocol/segment.ts';
import { eventually } from '../eventually.ts';
import { stampedSource } from '../fixtures/renditions.ts';
import { createShiftedClock } from '../shifted-clock.ts';
import { type Cleanup, startTestPool } from '../start-pool.ts';
import { joinStock } from '../start-pool-with-worker.ts';
import { startStockGateway } from '../stock-gateway.ts';

const OVERLAP_MS = 60_000;

test('a session goes on at another node, and over a new secret behind its token', async (t) => {
  const clock = createShiftedClock();
  const { scratch, nodes } = await startNodes(t, clock);
  const [first, second] = nodes as [(typeof nodes)[0], (typeof nodes)[0]];
  const fresh = async ({ gateway }: typeof first) => (await gateway.session()).authToken;
  const replies = (token: AuthToken | undefined) =>
    Promise.all(nodes.map((node) => replyTo(node.gateway, token)));

  const token = await fresh(first);
  assert.deepEqual(await replies(token), ['done', 'done']);

  const secrets = createSecrets(scratch.database);
  await secrets.rotate('auth_token', OVERLAP_MS);
  const [newest] = await secrets.load('auth_token');
  for (const node of [first, second]) {
    await eventually('its tokens are made with the new secret', async () => {
      return authenticAuthToken([newest], await fresh(node)).ok;
    });
  }
  assert.deepEqual(await replies(await fresh(second)), ['done', 'done']);
  assert.deepEqual(await replies(token), ['done', 'done'], 'as long as the two overlap');

  clock.shift(OVERLAP_MS + 1_000);
  const refused = '403 invalid auth token';
  assert.deepEqual(await replies(token), [refused, refused], 'and not longer');
  assert.deepEqual(await replies(await fresh(first)), ['done', 'done']);
});

/** Two pools on one database, with a worker each. */
async function startNodes(t: Cleanup, clock: ReturnType<typeof createShiftedClock>) {
  const scratch = await openScratch();
  t.after(async () => scratch[Symbol.asyncDispose]());
  const nodes = [];
  for (const name of ['one', 'two']) {
    const pool = await startTestPool(t, [`--database-url=${scratch.database.url}`], { clock });
    await joinStock(t, pool, { enrolment: await pool.enrol(name) });
    const gateway = startStockGateway(pool.port);
    t.after(() => gateway.close());
    nodes.push({ gateway });
  }
  return { scratch, nodes };
}

async function replyTo(
  gateway: ReturnType<typeof startStockGateway>,
  authToken: AuthToken | undefined,
): Promise<string | undefined> {
  const info = await gateway.session();
  const reply = await gateway.submit(info, await stampedSource(), { authToken });
  return reply.status === 200 ? reply.result?.result.kind : `${reply.status} ${reply.text}`;
}
