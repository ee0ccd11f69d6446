import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { z } from 'zod';
import type { WorkerId } from '../base/ids.ts';
import { quiet } from '../base/log.ts';
import type { Worker } from '../workers/worker.ts';
import { apiOf } from './api.test-kit.ts';
import { createIdentify } from './identify.ts';
import { type PublicParts, servePublic } from './public.ts';
import { defineRoute, serve } from './route.ts';

const root = await mkdtemp(join(tmpdir(), 'tributary-public-'));
const proofs = join(root, 'proofs');
await mkdir(join(proofs, 'epoch-1'), { recursive: true });
await writeFile(join(root, 'secret.json'), 'secret');
await writeFile(join(proofs, 'index.json'), '{"epochs":[]}');
await writeFile(join(proofs, 'epoch-1', 'leaves.json'), 'x'.repeat(300_000));
await writeFile(join(proofs, '.hidden'), 'secret');
await symlink(join(root, 'secret.json'), join(proofs, 'link.json'));
after(() => rm(root, { recursive: true }));

async function start(t: TestContext, changes: Partial<PublicParts> = {}) {
  const faults: string[] = [];
  const log = { ...quiet, error: (event: string) => void faults.push(event) };
  const server = await servePublic(
    { proofsDir: proofs, api: apiOf([], { log }), log, ...changes },
    { host: '127.0.0.1', port: 0 },
  );
  t.after(() => server.close());
  return { ...server, faults, url: `http://127.0.0.1:${server.port}` };
}

/** Sends bytes as they are: a client would tidy the path up. */
async function raw(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let all = '';
  socket.on('data', (chunk) => {
    all += chunk.toString('latin1');
  });
  socket.on('error', () => undefined);
  socket.write(text);
  await once(socket, 'close');
  return all;
}

const get = (port: number, target: string) =>
  raw(port, `GET ${target} HTTP/1.1\r\nhost: pool\r\nconnection: close\r\n\r\n`);

test('what is published is served with a tag, and not sent twice to who has it', async (t) => {
  const { url } = await start(t);
  const first = await fetch(`${url}/proofs/index.json`);
  assert.equal(first.status, 200);
  assert.equal(await first.text(), '{"epochs":[]}');
  assert.equal(first.headers.get('content-type'), 'application/json; charset=utf-8');
  assert.equal(first.headers.get('access-control-allow-origin'), '*');
  const etag = first.headers.get('etag') ?? '';
  const again = () => fetch(`${url}/proofs/index.json`, { headers: { 'if-none-match': etag } });
  assert.equal((await again()).status, 304);
  await writeFile(join(proofs, 'next'), '{"epochs":[1]');
  await rename(join(proofs, 'next'), join(proofs, 'index.json'));
  assert.equal((await again()).status, 200);

  const long = await fetch(`${url}/proofs/epoch-1/leaves.json`);
  assert.equal((await long.text()).length, 300_000);
  const head = await fetch(`${url}/proofs/epoch-1/leaves.json`, { method: 'HEAD' });
  assert.equal(head.headers.get('content-length'), '300000');
  assert.equal(await head.text(), '');
});

test('nothing beside what is published can be had', async (t) => {
  const { port, faults } = await start(t);
  const targets = [
    ...['/', '/secret.json', '/proofs', '/proofs/', '/proofs/epoch-1', '/proofs/epoch-1/'],
    ...['/proofs/../secret.json', '/proofs/%2e%2e/secret.json', '/proofs/..%2fsecret.json'],
    ...['/proofs/epoch-1/../../secret.json', '/proofs//etc/passwd', '/proofs/./index.json'],
    ...['/proofs/.hidden', '/proofs/link.json', '/proofs/index.json%00', '/proofs/index.json/x'],
    ...['/proofs/..\\secret.json', '/proofs/a/b/c/d/e/f/g/h/i', `/proofs/${'x'.repeat(200)}`],
    ...['http://other/proofs/index.json', '/PROOFS/index.json', '*'],
  ];
  for (const target of targets) {
    const reply = await get(port, target);
    assert.match(reply, /^HTTP\/1\.1 404 /, target);
    assert.match(reply, /application\/problem\+json/);
    assert.doesNotMatch(reply, /secret/);
  }
  assert.deepEqual(faults, []);
});

test('what is no plain question is refused in words of its own', async (t) => {
  const { port, url } = await start(t);
  const post = await fetch(`${url}/proofs/index.json`, { method: 'POST', body: 'x' });
  assert.equal(post.status, 405);
  assert.equal(((await post.json()) as { code: string }).code, 'method_not_allowed');
  assert.match(await get(port, `/proofs/${'x/'.repeat(800)}`), /^HTTP\/1\.1 414 /);
  const body = 'GET /proofs/index.json HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhello';
  assert.match(await raw(port, body), /^HTTP\/1\.1 413 /);
  const header = `GET / HTTP/1.1\r\nhost: a\r\nx: ${'y'.repeat(9_000)}\r\n\r\n`;
  assert.doesNotMatch(await raw(port, header), /200 OK/);
  assert.doesNotMatch(await raw(port, 'NONSENSE\r\n\r\n'), /200 OK/);
});

test('whatever is answered cannot be framed, guessed at or run as a page', async (t) => {
  const thing = serve(
    defineRoute({
      ...{ method: 'GET', path: '/api/v1/things', access: 'public', summary: 'For this test.' },
      reply: z.object({}),
    }),
    async () => ({}),
  );
  const { port } = await start(t, { api: apiOf([thing]) });
  const end = 'host: a\r\nconnection: close\r\n';
  const etag = /etag: (.*)\r\n/.exec(await get(port, '/proofs/index.json'))?.[1];
  const asked: readonly (readonly [status: number, text: string])[] = [
    [200, `GET /api/v1/things HTTP/1.1\r\n${end}\r\n`],
    [200, `HEAD /api/v1/things HTTP/1.1\r\n${end}\r\n`],
    [400, `GET /api/v1/things?cursor=x HTTP/1.1\r\n${end}\r\n`],
    [405, `OPTIONS /api/v1/things HTTP/1.1\r\n${end}\r\n`],
    [405, `POST /api/v1/things HTTP/1.1\r\n${end}\r\n`],
    [405, `TRACE /api/v1/things HTTP/1.1\r\n${end}\r\n`],
    [404, `GET /nothing HTTP/1.1\r\n${end}\r\n`],
    [404, `OPTIONS * HTTP/1.1\r\n${end}\r\n`],
    [413, `GET /api/v1/things HTTP/1.1\r\n${end}content-length: 1\r\n\r\nx`],
    [413, `POST /api/v1/things HTTP/1.1\r\n${end}content-length: 70000\r\n\r\n`],
    [414, `GET /${'x'.repeat(2_000)} HTTP/1.1\r\n${end}\r\n`],
    [200, `GET /proofs/index.json HTTP/1.1\r\n${end}\r\n`],
    [304, `GET /proofs/index.json HTTP/1.1\r\n${end}if-none-match: ${etag}\r\n\r\n`],
    [405, `DELETE /proofs/index.json HTTP/1.1\r\n${end}\r\n`],
  ];
  for (const [status, text] of asked) {
    const reply = await raw(port, text);
    assert.match(reply, new RegExp(`^HTTP/1\\.1 ${status} `), text);
    assert.match(reply, /\r\nx-content-type-options: nosniff\r\n/i, text);
    assert.match(reply, /\r\nreferrer-policy: no-referrer\r\n/i, text);
    assert.match(reply, /\r\ncontent-security-policy: .*frame-ancestors 'none'\r\n/i, text);
  }
});

test('a worker shows its credential, and a fault of ours is not told', async (t) => {
  const faults: string[] = [];
  const log = { ...quiet, error: (event: string) => void faults.push(event) };
  const worker = { id: 'aaaaaaaaaa' as WorkerId } as Worker;
  const known = {
    authenticate: (text: string) => (text === 'trib_x' ? worker : undefined),
  };
  const reply = { type: 'text/plain' };
  const routes = [
    serve(
      defineRoute({
        method: 'GET',
        path: '/proofs/receipts',
        access: 'worker',
        summary: 'For this test.',
        query: z.object({ from: z.string() }),
        reply,
      }),
      async ({ query, actor }) => Buffer.from(`${query.from} ${actor.id}`),
    ),
    serve(
      defineRoute({ method: 'GET', path: '/broken', access: 'public', summary: 'Breaks.', reply }),
      () => Promise.reject(new Error('postgres://secret')),
    ),
  ];
  const identify = createIdentify({ token: 'token', workers: known });
  const { url } = await start(t, { api: apiOf(routes, { log, identify }) });
  const ask = (authorization: string) =>
    fetch(`${url}/proofs/receipts?from=7`, { headers: { authorization } });
  assert.equal(await (await ask('Bearer trib_x')).text(), '7 aaaaaaaaaa');
  for (const wrong of ['', 'Bearer', 'trib_x', 'Basic trib_x', 'Bearer a b', 'Bearer token']) {
    const refused = await ask(wrong);
    assert.equal(refused.status, 401, wrong);
    assert.equal(refused.headers.get('www-authenticate'), 'Bearer');
  }
  const broken = await fetch(`${url}/broken`);
  assert.equal(broken.status, 500);
  assert.doesNotMatch(await broken.text(), /postgres/);
  assert.deepEqual(faults, ['api_request_failed']);
});

test('a taken port is said in words', async (t) => {
  const { port } = await start(t);
  await assert.rejects(
    servePublic({ proofsDir: proofs, api: apiOf([]), log: quiet }, { host: '127.0.0.1', port }),
    { code: 'address_in_use', message: /public address of --http-addr/ },
  );
});
