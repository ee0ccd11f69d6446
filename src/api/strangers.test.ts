import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { z } from 'zod';
import { FakeClock } from '../base/clock.ts';
import type { WorkerId } from '../base/ids.ts';
import { quiet } from '../base/log.ts';
import { addressBlock } from '../http/address.ts';
import { apiOf } from './api.test-kit.ts';
import { createClientAddresses } from './client-address.ts';
import { createIdentify } from './identify.ts';
import { type PublicParts, servePublic } from './public.ts';
import { defineRoute, serve, serveEvents } from './route.ts';

const BASE = { access: 'public', summary: 'For this test.', method: 'GET' } as const;
/** More than the buffers of two sockets of this machine take. */
const LONG = 24 * 1024 * 1024;

/** A public address behind a proxy, which is the test: whoever asks says so in the header. */
async function start(t: TestContext, parts: Partial<PublicParts> = {}) {
  const clock = new FakeClock();
  const made = { count: 0 };
  const routes = [
    serve(
      defineRoute({ ...BASE, path: '/api/v1/things', reply: z.object({ made: z.int() }) }),
      async () => ({ made: ++made.count }),
    ),
    serveEvents(
      defineRoute({ ...BASE, path: '/api/v1/live', reply: z.object({}), stream: true }),
      (_, { response }) => {
        response.end('an event');
        return undefined;
      },
    ),
    serve(
      defineRoute({ ...BASE, path: '/api/v1/long', reply: { type: 'text/plain' } }),
      async () => new Uint8Array(LONG),
    ),
  ];
  const worker = 'aaaaaaaaaa' as WorkerId;
  const api = apiOf(routes, {
    identify: createIdentify({
      token: 'token',
      session: async (cookie) =>
        cookie.startsWith('a')
          ? { kind: 'worker', id: worker, workers: [worker], by: 'wallet', session: 'x' }
          : undefined,
    }),
  });
  const addresses = createClientAddresses([addressBlock('127.0.0.1')].flatMap((one) => one ?? []));
  const server = await servePublic(
    { api, addresses, log: quiet, clock, ...parts },
    { host: '127.0.0.1', port: 0 },
  );
  t.after(() => server.close());
  const url = `http://127.0.0.1:${server.port}`;
  const ask = (path: string, by?: string, init: RequestInit = {}) =>
    fetch(`${url}${path}`, {
      ...init,
      headers: { ...init.headers, ...(by === undefined ? {} : { 'x-forwarded-for': by }) },
    });
  return { clock, made, ask, port: server.port, url };
}

/** How many of some questions that nobody asked before are answered. */
async function answered(count: number, ask: (index: number) => Promise<Response>): Promise<number> {
  let answers = 0;
  for (let index = 0; index < count; index++) {
    const { status } = await ask(index);
    assert.ok([200, 429, 503].includes(status), `${status}`);
    if (status === 200) answers++;
  }
  return answers;
}

test('a stranger has little made for it alone, and what all ask alike as often as it likes', async (t) => {
  const { clock, made, ask } = await start(t);
  let next = 0;
  const anew = (by?: string, init: RequestInit = {}) => ask(`/api/v1/things?x=${next++}`, by, init);
  const [one, other] = ['198.51.100.1', '198.51.100.2'];
  assert.equal((await ask('/api/v1/things', one)).status, 200);
  assert.equal(await answered(70, () => anew(one)), 59);
  assert.equal(made.count, 60);
  const refused = await anew(one);
  assert.equal(refused.status, 429);
  assert.equal(refused.headers.get('retry-after'), '1');
  assert.equal((await ask('/api/v1/things', one)).status, 200, 'made for the first');
  assert.equal((await ask('/api/v1/live', one)).status, 200, 'events have a limit of their own');
  assert.equal((await ask('/assets/none.js', one)).status, 404, 'as have built files');
  const cookie = (letter: string) => ({
    headers: { cookie: `__Host-tributary=${letter.repeat(52)}` },
  });
  assert.equal((await anew(one, cookie('b'))).status, 429, 'a made-up session is none');
  assert.equal((await anew(one, { method: 'POST' })).status, 429);
  assert.equal((await anew(one, { headers: { authorization: 'Bearer x' } })).status, 429);
  assert.equal(await answered(100, () => anew(one, cookie('a'))), 100, 'somebody who signed in');
  assert.equal((await anew(other)).status, 200, 'a neighbour');
  assert.equal(await answered(100, () => anew()), 100, 'a program of this machine');
  clock.advance(1_000);
  assert.equal(await answered(20, () => anew(one)), 10);
});

test('all strangers together do not take the whole event loop', async (t) => {
  const { clock, ask } = await start(t);
  let next = 0;
  const anew = (by?: string) => ask(`/api/v1/things?x=${next++}`, by);
  let all = 0;
  for (let from = 1; from <= 5; from++) all += await answered(50, () => anew(`198.51.100.${from}`));
  assert.equal(all, 200);
  const busy = await anew('198.51.100.9');
  assert.equal(busy.status, 503);
  assert.equal(((await busy.json()) as { code: string }).code, 'busy');
  assert.equal((await anew()).status, 200, 'the operator looks on');
  clock.advance(1_000);
  assert.equal(await answered(20, () => anew('198.51.100.9')), 20);
});

test('HEAD is answered by what is there for GET, and cookies of other programs change nothing', async (t) => {
  const { made, ask } = await start(t);
  const first = await ask('/api/v1/things');
  const head = await ask('/api/v1/things', undefined, { method: 'HEAD' });
  assert.equal(head.status, 200);
  assert.equal(head.headers.get('content-length'), first.headers.get('content-length'));
  assert.equal(await head.text(), '');
  for (const cookie of ['_ga=1', '_ga=2; x=theme=dark']) {
    await ask('/api/v1/things', undefined, { headers: { cookie } });
  }
  assert.equal(made.count, 1);
  await ask('/api/v1/things', undefined, { headers: { cookie: '_ga=2; theme=dark' } });
  assert.equal(made.count, 2);
});

/** Asks, and reads nothing of the answer but its beginning. */
async function askSlowly(port: number, path: string, by: string): Promise<[string, Socket]> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write(`GET ${path} HTTP/1.1\r\nhost: a\r\nx-forwarded-for: ${by}\r\n\r\n`);
  const [first] = (await once(socket, 'data')) as [Buffer];
  socket.pause();
  return [first.subarray(9, 12).toString(), socket];
}

test('who reads slowly holds its own places, and not those of others', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'tributary-strangers-'));
  t.after(() => rm(root, { recursive: true }));
  await writeFile(join(root, 'long.json'), Buffer.alloc(LONG, ' '));
  const { clock, port, ask } = await start(t, { proofsDir: root });
  const [slow, other] = ['198.51.100.1', '198.51.100.2'];
  const open: Socket[] = [];
  t.after(() => {
    for (const socket of open) socket.destroy();
  });
  for (let index = 0; index < 32; index++) {
    const path = index % 16 === 0 ? '/api/v1/long' : '/proofs/long.json';
    const [status, socket] = await askSlowly(port, path, slow);
    assert.equal(status, '200');
    open.push(socket);
  }
  assert.equal((await ask('/proofs/none.json', slow)).status, 429);
  assert.equal((await ask('/proofs/none.json', other)).status, 404);
  // The first one reads made text, the second a file: both give their place back.
  for (const socket of open.splice(0, 2)) socket.destroy();
  const free = [];
  while (free.length < 2) {
    clock.advance(1_000); // so that asking again and again is not what is refused
    const [status, socket] = await askSlowly(port, '/proofs/long.json', slow);
    if (status !== '200') socket.destroy();
    else free.push(socket);
  }
  open.push(...free);
});

test('one address cannot hold all connections', async (t) => {
  const { of } = createClientAddresses([]);
  const { port, url } = await start(t, { addresses: { of, isOfMany: () => false } });
  const open: Socket[] = [];
  t.after(() => {
    for (const socket of open) socket.destroy();
  });
  for (let index = 0; index < 128; index++) {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    open.push(socket);
  }
  await assert.rejects(fetch(`${url}/api/v1/things`));
  open.pop()?.destroy();
  // The server hears of the end a moment later.
  for (;;) {
    const reply = await fetch(`${url}/api/v1/things`).catch(() => undefined);
    if (reply?.status === 200) break;
  }
});
