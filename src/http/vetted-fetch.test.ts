import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { createBlobStore } from '../base/blob.ts';
import { quiet } from '../base/log.ts';
import { createVettedFetch, type VettedFetchOptions } from './vetted-fetch.ts';
import { type HostRules, type Resolve, vet } from './vetted-hosts.ts';

const PUBLIC = [{ address: '93.184.216.34', family: 4 }];
const resolvePublic: Resolve = async () => PUBLIC;

async function vetted(url: string, rules: HostRules, resolve = resolvePublic) {
  return (await vet(new URL(url), rules, resolve)) !== undefined;
}

test('only hosts that the operator names may be asked', async () => {
  const rules = {
    allowedHosts: ['one.example', 'two.example:9000', '*.store.example', '[2a00::1]'],
  };
  for (const url of [
    'https://one.example/a',
    'http://one.example/a',
    'https://ONE.example./a',
    'https://two.example:9000/',
    'https://a.store.example/',
    'https://a.b.store.example/',
    'https://[2a00::1]/',
  ]) {
    assert.equal(await vetted(url, rules), true, url);
  }
  for (const url of [
    'https://one.example:8443/',
    'https://two.example/',
    'https://store.example/',
    'https://evilstore.example/',
    'https://one.example.evil.example/',
    'https://user:secret@one.example/',
    'ftp://one.example/',
    'file:///etc/passwd',
    'https://[2a00::2]/',
    'https://127.0.0.1/',
  ]) {
    assert.equal(await vetted(url, rules), false, url);
  }
});

test('an allowed name that leads inside is refused, also when only one of its addresses does', async () => {
  const rules = { allowedHosts: ['*.example', '127.0.0.1', '0x7f.1', 'localhost'] };
  const leads = (...addresses: string[]): Resolve => {
    const found = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
    return async () => found;
  };
  const url = 'https://a.example/';
  assert.equal(await vetted(url, rules, leads('10.0.0.1')), false);
  assert.equal(await vetted(url, rules, leads('93.184.216.34', '::ffff:127.0.0.1')), false);
  assert.equal(await vetted(url, rules, leads()), false);
  assert.equal(await vetted(url, rules, () => Promise.reject(new Error('ENOTFOUND'))), false);
  assert.equal(await vetted('https://127.0.0.1/', rules), false);
  assert.equal(await vetted('https://0x7f.1/', rules), false);
  assert.equal(await vetted('https://2130706433/', rules), false);
  const exempt = { allowedHosts: [], allowPrivate: ['127.0.0.1:9000'] };
  assert.equal(await vetted('http://127.0.0.1:9000/', exempt), true);
  assert.equal(await vetted('http://127.0.0.1:9001/', exempt), false);
});

/** A plain HTTP server on loopback, and a fetch that may reach it as `store.test`. */
async function start(
  t: TestContext,
  handle: (request: IncomingMessage, response: ServerResponse) => void,
  rules: Partial<VettedFetchOptions> = {},
) {
  const server = createServer(handle).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const asked: string[] = [];
  const fetch = createVettedFetch({
    allowedHosts: [],
    allowPrivate: [`store.test:${port}`],
    log: quiet,
    resolve: async (host) => {
      asked.push(host);
      return [{ address: '127.0.0.1', family: 4 }];
    },
    ...rules,
  });
  const store = createBlobStore({ bytesMax: 8 * 1024 * 1024 });
  const get = async (path: string, options: { bytesMax?: number; timeoutMs?: number } = {}) => {
    const into = store.create();
    const url = path.startsWith('http') ? path : `http://store.test:${port}${path}`;
    const outcome = await fetch.get(url, {
      into,
      bytesMax: 1_000_000,
      timeoutMs: 5_000,
      ...options,
    });
    into.complete();
    let text = '';
    for await (const piece of into.read()) text += Buffer.from(piece).toString();
    return { outcome, text };
  };
  return { port, fetch, store, get, asked };
}

test('a segment is fetched from the address that was vetted, and resolved once', async (t) => {
  const { get, asked } = await start(t, (request, response) => {
    response.end(`segment of ${request.headers.host?.split(':')[0]}`);
  });
  const { outcome, text } = await get('/a');
  assert.deepEqual(outcome, { ok: true, bytes: text.length });
  assert.equal(text, 'segment of store.test');
  assert.deepEqual(asked, ['store.test']);
});

test('redirects are followed three times, each vetted anew', async (t) => {
  const { get } = await start(t, (request, response) => {
    const [, kind, left] = /^\/([a-z]+)(\d*)/.exec(request.url ?? '') ?? [];
    if (kind === 'hop' && left !== '0')
      response.writeHead(302, { location: `/hop${Number(left) - 1}` });
    if (kind === 'inside') response.writeHead(302, { location: 'http://127.0.0.1:1/' });
    if (kind === 'file') response.writeHead(302, { location: 'file:///etc/passwd' });
    response.end('here');
  });
  assert.equal((await get('/hop3')).text, 'here');
  for (const path of ['/hop4', '/inside', '/file']) {
    assert.deepEqual((await get(path)).outcome, { ok: false, reason: 'unreachable' }, path);
  }
});

test('whatever goes wrong looks the same from outside', async (t) => {
  const { get, port } = await start(t, (request, response) => {
    switch (request.url) {
      case '/404':
        response.writeHead(404).end();
        return;
      case '/large':
        response.end(Buffer.alloc(5000));
        return;
      case '/undeclared':
        response.write(Buffer.alloc(3000));
        response.end(Buffer.alloc(2000));
        return;
      case '/cut':
        response.writeHead(200, { 'content-length': '5000' });
        response.write('x');
        setImmediate(() => response.destroy());
        return;
      default: // hangs
    }
  });
  const limits = { bytesMax: 4000, timeoutMs: 300 };
  for (const url of [
    '/404',
    '/large',
    '/undeclared',
    '/cut',
    '/hangs',
    'http://store.test:1/',
    `http://other.test:${port}/`,
    `http://store.test:${port}/${'a'.repeat(9000)}`,
    'http://',
  ]) {
    assert.deepEqual((await get(url, limits)).outcome, { ok: false, reason: 'unreachable' }, url);
  }
});

test('a name server that keeps silent costs no more than the time limit', async (t) => {
  const { get } = await start(t, () => {}, { resolve: () => new Promise(() => {}) });
  assert.equal((await get('/', { timeoutMs: 30 })).outcome.ok, false);
});

test('a rendition is posted as the form that S3 wants', async (t) => {
  const seen = Promise.withResolvers<{ type: string; length: number; body: string }>();
  const { fetch, port, store } = await start(t, async (request, response) => {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    const body = Buffer.concat(pieces);
    seen.resolve({
      type: request.headers['content-type'] ?? '',
      length: Number(request.headers['content-length']) - body.length,
      body: body.toString('latin1'),
    });
    response.writeHead(request.url === '/denied' ? 403 : 204).end();
  });
  const body = store.create();
  body.write(Buffer.alloc(600_000, 'v'));
  body.complete();
  const options = {
    fields: [
      ['acl', 'public-read'],
      // biome-ignore lint/suspicious/noTemplateCurlyInString: S3 fills it in
      ['key', 'a/${filename}'],
    ] as const,
    file: { name: '7.ts', contentType: 'video/mp2t', body },
    timeoutMs: 5_000,
  };
  const posted = await fetch.postForm(`http://store.test:${port}/bucket`, options);
  assert.ok(posted.ok && posted.status === 204 && posted.answer.length === 0);
  const form = await seen.promise;
  const boundary = form.type.replace('multipart/form-data; boundary=', '');
  assert.equal(form.length, 0, 'the declared length is right');
  const parts = form.body.split(`--${boundary}`);
  assert.equal(parts.length, 5);
  assert.equal(parts[1], '\r\nContent-Disposition: form-data; name="acl"\r\n\r\npublic-read\r\n');
  assert.match(
    parts[3] ?? '',
    /name="file"; filename="7\.ts"\r\nContent-Type: video\/mp2t\r\n\r\nv+\r\n$/,
  );
  assert.equal(parts[4], '--\r\n');

  const denied = await fetch.postForm(`http://store.test:${port}/denied`, options);
  assert.equal(denied.ok, false);
  const refused = await fetch.postForm('http://127.0.0.1:1/', options);
  assert.equal(refused.ok, false);
});
