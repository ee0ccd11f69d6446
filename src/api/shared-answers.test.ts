import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { z } from 'zod';
import { FakeClock } from '../base/clock.ts';
import type { WorkerId } from '../base/ids.ts';
import { quiet } from '../base/log.ts';
import type { Worker } from '../workers/worker.ts';
import { apiOf } from './api.test-kit.ts';
import { createIdentify } from './identify.ts';
import { servePublic } from './public.ts';
import { defineRoute, serve, serveEvents } from './route.ts';

const reply = z.object({ asked: z.int(), by: z.string() });
const definition = { method: 'GET', access: 'public', summary: 'For this test.', reply } as const;

/** A public address whose one figure is how often it was put together. */
async function start(t: TestContext, wait: Promise<void> = Promise.resolve()) {
  const clock = new FakeClock();
  const now = { asked: 0, status: 200 };
  const worker = { id: 'aaaaaaaaaa' as WorkerId } as Worker;
  const api = apiOf(
    [
      serve(defineRoute({ ...definition, path: '/api/v1/things' }), async ({ actor }) => {
        now.asked++;
        const { asked } = now;
        await wait;
        if (now.status !== 200) throw new Error('broken');
        return { asked, by: actor.kind };
      }),
      serveEvents(
        defineRoute({ ...definition, path: '/api/v1/things/live', stream: true }),
        (_, { response }) => {
          response.end(`stream ${++now.asked}`);
          return undefined;
        },
      ),
      serve(defineRoute({ ...definition, method: 'POST', path: '/api/v1/sign-in' }), async () => ({
        asked: 0,
        by: '',
      })),
      serve(
        defineRoute({ ...definition, method: 'POST', path: '/api/v1/change', access: 'worker' }),
        async () => ({ asked: 0, by: '' }),
      ),
    ],
    {
      identify: createIdentify({
        token: 'token',
        workers: { authenticate: () => worker },
        session: async () => ({
          ...{ kind: 'worker', id: worker.id, workers: [worker.id], by: 'wallet' },
          session: 'x',
        }),
      }),
    },
  );
  const server = await servePublic({ api, log: quiet, clock }, { host: '127.0.0.1', port: 0 });
  t.after(() => server.close());
  const url = `http://127.0.0.1:${server.port}`;
  const ask = (path = '/api/v1/things', headers = {}) => fetch(`${url}${path}`, { headers });
  const asked = async (...of: Parameters<typeof ask>) =>
    ((await (await ask(...of)).json()) as { asked: number }).asked;
  return { clock, now, api, url, ask, asked };
}

test('strangers who ask the same within a second share one answer, and who has it gets it once', async (t) => {
  const gate = Promise.withResolvers<void>();
  const { clock, now, ask, asked } = await start(t, gate.promise);
  const all = Array.from({ length: 20 }, () => asked());
  while (now.asked === 0) await new Promise(setImmediate);
  gate.resolve();
  assert.deepEqual(new Set(await Promise.all(all)), new Set([1]));
  const first = await ask();
  const etag = first.headers.get('etag') ?? '';
  assert.equal(first.headers.get('content-type'), 'application/json; charset=utf-8');
  assert.equal(first.headers.get('access-control-allow-origin'), '*');
  assert.equal((await ask('/api/v1/things', { 'if-none-match': etag })).status, 304);
  assert.equal(now.asked, 1);
  clock.advance(1_000);
  assert.equal(await asked(), 2);
  assert.equal((await ask('/api/v1/things', { 'if-none-match': etag })).status, 200);
});

test('whoever shows a session or credential is answered for itself, and nobody else sees it', async (t) => {
  const { now, ask } = await start(t);
  const by = async (headers = {}) =>
    ((await (await ask('/api/v1/things', headers)).json()) as { by: string }).by;
  const cookie = `__Host-tributary=${'a'.repeat(52)}`;
  assert.equal(await by({ cookie: `theme=dark; ${cookie}` }), 'worker');
  assert.equal(await by(), 'nobody');
  assert.equal(await by({ authorization: 'Bearer trib_x' }), 'worker');
  assert.equal(await by({ cookie }), 'worker');
  assert.equal(now.asked, 4);
  assert.equal(await by(), 'nobody');
  assert.equal(now.asked, 4);
});

test('what differs by address or by what the reader takes is not mixed up', async (t) => {
  const { asked, now } = await start(t);
  const known = [
    ['/api/v1/things', {}],
    ['/api/v1/things?x=1', {}],
    ['/api/v1/things', { accept: 'text/html' }],
    ['/api/v1/things', { 'accept-encoding': 'br' }],
    ['/api/v1/things', { cookie: 'theme=dark' }],
  ] as const;
  const first = [];
  for (const [path, headers] of known) first.push(await asked(path, headers));
  assert.deepEqual(first, [1, 2, 3, 4, 5]);
  for (const [at, [path, headers]] of known.entries()) {
    assert.equal(await asked(path, headers), at + 1);
  }
  assert.equal(now.asked, 5);
});

test('a change is seen at once, and what failed is tried again', async (t) => {
  const { now, asked, ask, url } = await start(t);
  assert.equal(await asked(), 1);
  const change = await fetch(`${url}/api/v1/change`, {
    method: 'POST',
    headers: {
      cookie: `__Host-tributary=${'a'.repeat(52)}`,
      'content-type': 'application/json',
      origin: url,
    },
  });
  assert.equal(change.status, 200);
  assert.equal(await asked(), 2);
  const signIn = await fetch(`${url}/api/v1/sign-in`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: url },
  });
  assert.equal(signIn.status, 200);
  assert.equal(await asked(), 2, 'what a stranger does changes nothing that others see');
  now.status = 500;
  assert.equal(await asked(), 2, 'kept');
  assert.equal((await ask('/api/v1/things?y=1')).status, 500);
  now.status = 200;
  assert.equal((await ask('/api/v1/things?y=1')).status, 200);
});

test('each reader of events has a stream of its own', async (t) => {
  const { ask } = await start(t);
  const texts = [];
  for (let at = 0; at < 3; at++) texts.push(await (await ask('/api/v1/things/live')).text());
  assert.deepEqual(texts, ['stream 1', 'stream 2', 'stream 3']);
});
