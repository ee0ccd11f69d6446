import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import { keccak256 } from '../../src/base/keccak.ts';
import { bitsOf } from '../../src/protocol/capabilities.ts';
import type { ObjectStore } from '../../src/protocol/segment.ts';
import { stampedSource } from '../fixtures/renditions.ts';
import { memoryOf, memoryReturns } from '../pool-memory.ts';
import { startPoolWithWorker } from '../start-pool-with-worker.ts';

const URI = { 'content-type': 'application/vnd+livepeer.uri' };

/** A store like S3 on loopback: serves what was put, takes forms, and misbehaves on request. */
const files = new Map<string, Buffer>();
const forms: { readonly path: string; readonly type: string; readonly body: Buffer }[] = [];
let refusal = '';
const requested: string[] = [];
const server = createServer((request, response) => {
  void serve(request, response);
});
async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = request.url ?? '';
  requested.push(path);
  if (request.method === 'POST') {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    forms.push({ path, type: request.headers['content-type'] ?? '', body: Buffer.concat(pieces) });
    response.writeHead(refusal ? 403 : 204).end(refusal);
  } else if (path === '/silent') {
    // Never answers.
  } else if (path === '/half') {
    response.writeHead(200, { 'content-length': '1000' }).write('half');
    response.destroy();
  } else if (path.startsWith('/to?')) {
    response.writeHead(302, { location: decodeURIComponent(path.slice(4)) }).end();
  } else {
    const file = files.get(path);
    response.writeHead(file ? 200 : 404).end(file ?? 'nothing here');
  }
}
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
const storePort = (server.address() as AddressInfo).port;
const store = `http://127.0.0.1:${storePort}`;
after(() => {
  server.close();
  server.closeAllConnections();
});

/** Another server of the private network, which nobody allowed. */
let strangerAsked = 0;
const stranger = createServer((_, response) => {
  strangerAsked += 1;
  response.end('secret');
});
await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve));
const strangerPort = (stranger.address() as AddressInfo).port;
after(() => void stranger.close());

const { pool, gateway } = await startPoolWithWorker({ after }, [
  `--allowed-private-hosts=127.0.0.1:${storePort}`,
  '--allowed-hosts=localhost,169.254.169.254',
]);

async function submitUrl(url: string, hash: Uint8Array = new Uint8Array(32)) {
  const info = await gateway.session();
  return gateway.submit(info, Buffer.from(url), { hash }, URI);
}

test('a segment that lies in a store is fetched from there', async () => {
  const source = await stampedSource();
  files.set('/segment.ts', source);
  const reply = await submitUrl(`${store}/segment.ts`, keccak256(source));
  assert.equal(reply.result?.result.kind, 'done', reply.text);

  files.set('/signed.ts?key=a%2Fb', source);
  const signed = await submitUrl(`${store}/signed.ts?key=a%2Fb`, keccak256(source));
  assert.equal(signed.result?.result.kind, 'done', 'the query is part of it');
});

test('a redirect within what is allowed is followed', async () => {
  const source = await stampedSource();
  files.set('/moved.ts', source);
  const reply = await submitUrl(`${store}/to?/moved.ts`, keccak256(source));
  assert.equal(reply.result?.result.kind, 'done', reply.text);
});

test('the hash is that of the segment, not of its URL', async () => {
  const source = await stampedSource();
  files.set('/other.ts', source);
  const url = `${store}/other.ts`;
  const reply = await submitUrl(url, keccak256(Buffer.from(url)));
  assert.deepEqual([reply.status, reply.text], [403, 'Forbidden']);
});

test('whatever keeps a URL from being fetched, the gateway reads the same word', async () => {
  const before = await memoryOf(pool);
  const refused = [
    `${store}/nothing`,
    `${store}/half`,
    `http://127.0.0.1:${strangerPort}/`,
    `http://localhost:${strangerPort}/`,
    `http://127.1:${strangerPort}/`,
    `http://[::1]:${strangerPort}/`,
    `http://[::ffff:127.0.0.1]:${strangerPort}/`,
    `http://2130706433:${strangerPort}/`,
    'http://localhost/',
    'http://169.254.169.254/latest/meta-data/',
    'http://10.0.0.1/',
    'https://example.com/segment.ts',
    `http://user:password@127.0.0.1:${storePort}/segment.ts`,
    'file:///etc/passwd',
    'ftp://127.0.0.1/segment.ts',
    'http://',
    'not a url',
    '',
    `${store}/${'x'.repeat(5_000)}`,
    `${store}/to?${encodeURIComponent(`http://127.0.0.1:${strangerPort}/`)}`,
    `${store}/to?${encodeURIComponent('http://169.254.169.254/')}`,
    `${store}/to?${encodeURIComponent('file:///etc/passwd')}`,
    `${store}/to?/to?/to?/to?/to?/segment.ts`,
  ];
  for (const url of refused) {
    const { status, text } = await submitUrl(url);
    assert.deepEqual([status, text], [400, 'BadRequest'], url.slice(0, 80));
  }
  assert.equal(strangerAsked, 0, 'nobody even connected there');
  await memoryReturns(pool, before);
});

test('a store that never answers is given up', async () => {
  const { status, text } = await submitUrl(`${store}/silent`);
  assert.deepEqual([status, text], [400, 'BadRequest']);
});

test('only the exact content type means a URL', async () => {
  const info = await gateway.session();
  const url = Buffer.from(`${store}/segment.ts`);
  const asked = requested.length;
  for (const type of ['application/vnd+livepeer.uri; charset=utf-8', 'text/plain', '']) {
    const reply = await gateway.submit(info, url, {}, { 'content-type': type });
    assert.equal(reply.status, 200, 'the text itself is taken for the segment');
    assert.equal(reply.result?.result.kind, 'failed');
  }
  assert.equal(requested.length, asked);
});

const policy: ObjectStore = {
  type: 's3',
  host: `${store}/bucket`,
  key: 'stream/session',
  policy: 'eyJwb2xpY3kiOjF9',
  signature: 'abcdef0123',
  credential: 'KEY/20260101/eu/s3/aws4_request',
  xAmzDate: '20260101T000000Z',
};
const caps = { bits: bitsOf('AuthToken', 'H264', 'MPEGTS', 'StorageS3'), words: 1, minVersion: '' };

async function submitTo(storage: ObjectStore) {
  const reply = await gateway.submit(await gateway.session(), await stampedSource(), {
    storage,
    caps,
    seq: 9n,
  });
  return reply.result?.result;
}

test("renditions are uploaded into the gateway's own bucket by the form it signed", async () => {
  const result = await submitTo(policy);
  assert.ok(result?.kind === 'done', result?.kind);
  const [rendition] = result.renditions;
  assert.equal(rendition?.url, `${store}/bucket/stream/session/P240p30fps16x9/9.ts`);

  const form = forms.at(-1);
  assert.equal(form?.path, '/bucket');
  const boundary = /boundary=(\S+)/.exec(form?.type ?? '')?.[1] ?? '';
  const parts = (form?.body.toString('latin1') ?? '').split(`--${boundary}`);
  const values = parts.slice(1, -1).map((part) => {
    const [, name = '', value = ''] = /name="([^"]+)".*?\r\n\r\n(.*)\r\n$/s.exec(part) ?? [];
    return [name, name === 'file' ? value.length > 10_000 : value];
  });
  assert.deepEqual(values, [
    ['acl', 'public-read'],
    ['Content-Type', 'video/mp2t'],
    ['key', `stream/session/P240p30fps16x9/$\{filename}`],
    ['policy', policy.policy],
    ['x-amz-algorithm', 'AWS4-HMAC-SHA256'],
    ['x-amz-credential', policy.credential],
    ['x-amz-date', policy.xAmzDate],
    ['x-amz-signature', policy.signature],
    ['file', true],
  ]);
  assert.match(parts.at(-2) ?? '', /filename="9.ts"/);
});

test('a store that refuses or may not be used fails the segment as a whole', async () => {
  refusal = '<Error><Code>AccessDenied</Code></Error>';
  const failed = { kind: 'failed', text: 'ErrTranscoderUnavailable' };
  assert.deepEqual(await submitTo(policy), failed);
  refusal = '';
  assert.deepEqual(
    await submitTo({ ...policy, host: `http://127.0.0.1:${strangerPort}/bucket` }),
    failed,
  );
  assert.equal(strangerAsked, 0);
  assert.equal((await submitTo(policy))?.kind, 'done');
});
