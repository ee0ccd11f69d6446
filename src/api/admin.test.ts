import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { z } from 'zod';
import { FakeClock } from '../base/clock.ts';
import { TributaryError } from '../base/errors.ts';
import { quiet } from '../base/log.ts';
import { createMetrics } from '../base/metrics.ts';
import { type Admin, type AdminParts, isLoopback, serveAdmin } from './admin.ts';
import { apiOf } from './api.test-kit.ts';
import { defineRoute, type Route, serve } from './route.ts';
import { decimal } from './shapes.ts';

const TOKEN = 'correct-horse';

const any = z.looseObject({});
const base = { access: 'owner', summary: 'For this test.', reply: any } as const;
const routes: readonly Route[] = [
  serve(
    defineRoute({
      ...base,
      method: 'GET',
      path: '/api/v1/things',
      reply: z.object({ amount: decimal }),
    }),
    async () => ({ amount: 2n ** 70n }),
  ),
  serve(
    defineRoute({
      ...base,
      method: 'POST',
      path: '/api/v1/things/{thing}',
      body: any,
      status: 201,
    }),
    async ({ params, body }) => ({ params, body }),
  ),
  serve(defineRoute({ ...base, method: 'GET', path: '/api/v1/broken' }), () =>
    Promise.reject(new Error('postgres://secret@host is down')),
  ),
  serve(defineRoute({ ...base, method: 'GET', path: '/api/v1/unknown' }), () =>
    Promise.reject(new TributaryError('worker_unknown', 'there is no such worker')),
  ),
];

async function start(t: TestContext, changes: Partial<AdminParts> = {}) {
  const faults: string[] = [];
  const log = { ...quiet, error: (event: string) => void faults.push(event) };
  const metrics = createMetrics();
  metrics.counter('tributary_test_things_total', 'Things.').inc();
  const api = apiOf(routes, { token: TOKEN, log });
  const parts = { api, metrics, ready: async () => undefined, log, ...changes };
  const admin = await serveAdmin(parts, { host: '127.0.0.1', port: 0, tokenChosen: false });
  t.after(() => admin.close());
  return { admin, faults };
}

async function ask(
  { port }: Admin,
  path: string,
  init: { method?: string; token?: string; body?: string } = {},
): Promise<{ status: number; text: string; type: string }> {
  const { method = 'GET', token, body } = init;
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    method,
    ...(token === undefined ? {} : { headers: { authorization: token } }),
    ...(body === undefined ? {} : { body }),
  });
  const type = response.headers.get('content-type') ?? '';
  return { status: response.status, text: await response.text(), type };
}

const bearer = `Bearer ${TOKEN}`;

test('health, readiness and metrics need no token', async (t) => {
  const { admin } = await start(t);
  assert.deepEqual(
    [await ask(admin, '/healthz'), await ask(admin, '/readyz')].map(({ status }) => status),
    [200, 200],
  );
  const { status, text, type } = await ask(admin, '/metrics');
  assert.equal(status, 200);
  assert.match(text, /^tributary_test_things_total 1$/m);
  assert.match(type, /^text\/plain; version=0\.0\.4/);
});

test('a pool that is not ready says why', async (t) => {
  const { admin } = await start(t, { ready: async () => 'draining' });
  const { status, text } = await ask(admin, '/readyz');
  assert.equal(`${status} ${text}`, '503 draining\n');
  assert.equal((await ask(admin, '/healthz')).status, 200, 'alive all the same');
});

test('everything else needs the token, and says nothing without it', async (t) => {
  const { admin } = await start(t);
  const tokens = ['', TOKEN, 'Bearer', `bearer ${TOKEN}`, `${bearer}x`, bearer.slice(0, -1)];
  for (const path of ['/api/v1/things', '/api/v1/nothing', '/', '/api/v1/broken']) {
    for (const token of [undefined, ...tokens]) {
      const reply = await ask(admin, path, token === undefined ? {} : { token });
      assert.equal(reply.status, 401, `${path} with ${token}`);
      assert.equal(JSON.parse(reply.text).code, 'admin_unauthorized');
    }
  }
  assert.equal((await ask(admin, '/api/v1/things', { token: bearer })).status, 200);
});

test('a stranger beyond a proxy guesses tokens slowly, and who has the token is not held up', async (t) => {
  const { admin } = await start(t, { clock: new FakeClock() });
  const guess = (token: string, headers: Record<string, string> = { via: '1.1 proxy' }) =>
    fetch(`http://127.0.0.1:${admin.port}/api/v1/things`, {
      headers: { ...headers, authorization: token },
    });
  const codes: number[] = [];
  for (let index = 0; index < 62; index++) codes.push((await guess(`Bearer ${index}`)).status);
  assert.deepEqual(codes, [...Array(60).fill(401), 429, 429]);
  assert.equal((await guess(bearer)).status, 200);
  assert.equal((await guess('Bearer x', {})).status, 401, 'a command on this machine');
});

test('amounts are decimal strings', async (t) => {
  const { admin } = await start(t);
  const { text, type } = await ask(admin, '/api/v1/things', { token: bearer });
  assert.deepEqual(JSON.parse(text), { amount: String(2n ** 70n) });
  assert.equal(type, 'application/json; charset=utf-8');
});

test('a path or method that is not there is told apart', async (t) => {
  const { admin } = await start(t);
  const statusOf = async (path: string, method = 'GET') =>
    (await ask(admin, path, { method, token: bearer })).status;
  assert.equal(await statusOf('/api/v1/nothing'), 404);
  assert.equal(await statusOf('/api/v1/things/'), 404);
  assert.equal(await statusOf('/api/v1/things', 'POST'), 405);
  assert.equal(await statusOf('/api/v1/things/a', 'DELETE'), 405);
  assert.equal(await statusOf('/api/v1/things/%zz', 'POST'), 404, 'a malformed escape');
  assert.equal(await statusOf('/api/v1/things/a/b', 'POST'), 404);
});

test('a name in a path arrives decoded, and a query is not part of it', async (t) => {
  const { admin } = await start(t);
  const path = '/api/v1/things/..%2Fa%20b%00?x=1';
  const { status, text } = await ask(admin, path, { method: 'POST', token: bearer });
  assert.equal(status, 201);
  assert.deepEqual(JSON.parse(text).params, { thing: '../a b\0' });
});

test('a body must be a JSON object of bounded size', async (t) => {
  const { admin, faults } = await start(t);
  const post = (body: string) =>
    ask(admin, '/api/v1/things/a', { method: 'POST', token: bearer, body });
  for (const body of ['{', '[]', 'null', '"text"', '7', '{"a":1', '\0', '{"a":1}}']) {
    const { status, text } = await post(body);
    assert.equal(status, 400, body);
    assert.equal(JSON.parse(text).code, 'setting_invalid');
  }
  assert.equal((await post(`{"a":"${'x'.repeat(600_000)}"}`)).status, 413);
  assert.deepEqual(JSON.parse((await post('{"a":[1]}')).text).body, { a: [1] });
  assert.deepEqual(JSON.parse((await post('')).text).body, {});
  assert.deepEqual(faults, []);
});

test('a fault of ours is a 500 that tells nothing, and is logged', async (t) => {
  const { admin, faults } = await start(t);
  const { status, text } = await ask(admin, '/api/v1/broken', { token: bearer });
  assert.equal(status, 500);
  assert.doesNotMatch(text, /postgres|secret/);
  assert.deepEqual(faults, ['api_request_failed']);
  const refused = await ask(admin, '/api/v1/unknown', { token: bearer });
  assert.equal(refused.status, 404);
  assert.deepEqual(Object.keys(JSON.parse(refused.text)), [
    ...['type', 'title', 'status', 'code', 'detail', 'advice'],
  ]);
  assert.equal(faults.length, 1, 'a refusal is no fault');
});

test('it is not served to the network without a token of the operator', async (t) => {
  const { admin } = await start(t);
  await assert.rejects(
    serveAdmin(
      { api: undefined, metrics: createMetrics(), ready: async () => undefined, log: quiet },
      { host: '0.0.0.0', port: 0, tokenChosen: false },
    ),
    { code: 'admin_exposed' },
  );
  await assert.rejects(
    serveAdmin(
      { api: undefined, metrics: createMetrics(), ready: async () => undefined, log: quiet },
      { host: '127.0.0.1', port: admin.port, tokenChosen: false },
    ),
    { code: 'address_in_use', message: /admin address 127\.0\.0\.1:\d+ / },
  );
  const chosen = await serveAdmin(
    { api: undefined, metrics: createMetrics(), ready: async () => undefined, log: quiet },
    { host: '0.0.0.0', port: 0, tokenChosen: true },
  );
  await chosen.close();
});

test('loopback is what reaches this machine alone', () => {
  for (const host of ['localhost', '127.0.0.1', '127.1.2.3', '::1']) assert.ok(isLoopback(host));
  for (const host of ['', '0.0.0.0', '::', '10.0.0.1', '127.0.0.1.example.com', 'localhost.x']) {
    assert.equal(isLoopback(host), false, host);
  }
});

test('what is not HTTP, and a request that breaks off, harm nobody', async (t) => {
  const { admin, faults } = await start(t);
  const socket = connect(admin.port, '127.0.0.1');
  socket.on('error', () => {});
  socket.write('\x16\x03\x01\x02\x00garbage\r\n\r\n');
  await once(socket, 'close');
  const broken = request({
    port: admin.port,
    host: '127.0.0.1',
    path: '/api/v1/things/a',
    method: 'POST',
    headers: { authorization: bearer, 'content-length': 1_000 },
  });
  broken.on('error', () => {});
  broken.write('{"a":');
  await once(broken, 'socket');
  broken.destroy();
  assert.equal((await ask(admin, '/healthz')).status, 200);
  assert.deepEqual(faults, []);
});
