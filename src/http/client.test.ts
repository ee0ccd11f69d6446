import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createSecureServer, type Http2SecureServer, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { createServer as createTlsServer } from 'node:tls';
import { type SelfSigned, selfSigned } from '../../test/self-signed.ts';
import { FakeClock, systemClock } from '../base/clock.ts';
import type { TributaryError } from '../base/errors.ts';
import { type ClientOptions, connectHttp, readText } from './client.ts';

const identity: SelfSigned = selfSigned();

type Handle = (stream: ServerHttp2Stream, headers: Record<string, unknown>) => void;

async function serve(t: TestContext, handle: Handle, port = 0): Promise<Http2SecureServer> {
  const server = createSecureServer({ ...identity, allowHTTP1: true, settings: {} });
  server.on('stream', handle);
  server.on('sessionError', () => {});
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return server;
}

const portOf = (server: { address(): unknown }) => (server.address() as AddressInfo).port;

function client(t: TestContext, port: number, options: Partial<ClientOptions> = {}) {
  const made = connectHttp({ origin: `https://127.0.0.1:${port}`, clock: systemClock, ...options });
  t.after(() => made.close());
  return made;
}

async function* chunks(count: number, bytes: number) {
  for (let index = 0; index < count; index++) yield Buffer.alloc(bytes, index);
}

test('a body of many megabytes goes out and comes back unchanged over HTTP/2', async (t) => {
  const server = await serve(t, (stream) => {
    stream.respond({ ':status': 200, 'x-kind': 'echo' });
    stream.pipe(stream);
  });
  const http = client(t, portOf(server), { pin: identity.pin });

  const response = await http.request({ method: 'POST', path: '/', body: chunks(40, 300_000) });

  let index = 0;
  for await (const chunk of response.body) {
    for (const byte of [chunk[0], chunk.at(-1)]) assert.ok(byte !== undefined && byte < 40);
    index += chunk.length;
  }
  assert.equal(index, 40 * 300_000);
  assert.equal(response.headers['x-kind'], 'echo');
});

test('nothing is sent to a server whose certificate is not the pinned one', async (t) => {
  let bytes = 0;
  const server = createTlsServer({ ...identity, ALPNProtocols: ['h2', 'http/1.1'] }, (socket) => {
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      bytes += chunk.length;
    });
  });
  server.on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const http = client(t, portOf(server), { pin: 'A'.repeat(43) });

  for (const protocol of ['h2', 'http/1.1'] as const) {
    const closed = once(server, 'connection').then(([socket]) => once(socket, 'close'));
    await assert.rejects(
      http.request({ method: 'POST', path: '/', headers: { credentials: 's' }, protocol }),
      { code: 'certificate_pin_mismatch' },
    );
    await closed;
  }
  assert.equal(bytes, 0);
});

test('downloads over HTTP/1.1 reuse their connection and their pin is checked', async (t) => {
  const server = await serve(t, () => {});
  let connections = 0;
  server.on('secureConnection', () => {
    connections++;
  });
  server.on('request', (request, response) => {
    if (request.httpVersion === '1.1') response.end(`hello ${request.url}`);
  });
  const http = client(t, portOf(server), { pin: identity.pin });

  for (const path of ['/a', '/b']) {
    const response = await http.request({ method: 'GET', path, protocol: 'http/1.1' });
    assert.equal(await readText(response, 100), `hello ${path}`);
  }
  assert.equal(connections, 1);
});

test('a dead session is replaced by the next request', async (t) => {
  const server = await serve(t, (stream) => {
    stream.respond({ ':status': 200 });
    stream.end('alive');
  });
  const sessions: { destroy(): void }[] = [];
  server.on('session', (session) => sessions.push(session));
  const http = client(t, portOf(server));

  assert.equal(await readText(await http.request({ method: 'GET', path: '/' }), 10), 'alive');
  sessions[0]?.destroy();
  let answer = '';
  for (let attempt = 0; answer === '' && attempt < 500; attempt++) {
    answer = await http
      .request({ method: 'GET', path: '/' })
      .then((response) => readText(response, 10))
      .catch(() => '');
  }
  assert.equal(answer, 'alive');
  assert.equal(sessions.length, 2);
});

test('a body that the peer cuts short is a failure, not a short body', async (t) => {
  const server = await serve(t, (stream) => {
    stream.on('error', () => {});
    stream.respond({ ':status': 200, 'content-length': '10' });
    stream.write('12345', () => stream.close(0));
  });
  server.on('request', (request, response) => {
    if (request.httpVersion !== '1.1') return;
    response.writeHead(200, { 'content-length': '10' });
    response.write('12345', () => response.destroy());
  });
  const http = client(t, portOf(server));
  for (const protocol of ['h2', 'http/1.1'] as const) {
    const response = await http.request({ method: 'GET', path: '/', protocol });
    await assert.rejects(readText(response, 100), { code: 'connection_failed' });
  }
});

test('an exchange that takes longer than its limit fails, before or after the headers', async (t) => {
  const server = await serve(t, (stream, headers) => {
    stream.on('error', () => {});
    if (headers[':path'] === '/half') {
      stream.respond({ ':status': 200 });
      stream.write('half');
    }
  });
  const clock = new FakeClock();
  const http = connectHttp({ origin: `https://127.0.0.1:${portOf(server)}`, clock });
  t.after(() => http.close());

  const silent = http.request({ method: 'GET', path: '/silent', timeoutMs: 1000 });
  const arrived = once(server, 'stream');
  silent.catch(() => {});
  await arrived;
  clock.advance(1000);
  await assert.rejects(silent, { code: 'request_timed_out' });

  const half = await http.request({ method: 'GET', path: '/half', timeoutMs: 1000 });
  const text = readText(half, 100);
  clock.advance(1000);
  await assert.rejects(text, { code: 'request_timed_out' });
});

test('an answer that comes before the body is out is given at once', async (t) => {
  const server = await serve(t, (stream) => {
    stream.on('error', () => {});
    stream.respond({ ':status': 401 });
    stream.end('Unauthorized');
  });
  const http = client(t, portOf(server));
  const { promise: forever } = Promise.withResolvers<never>();
  async function* endless() {
    yield Buffer.alloc(10);
    await forever;
  }
  const response = await http.request({ method: 'POST', path: '/', body: endless() });
  assert.equal(response.status, 401);
  assert.equal(await readText(response, 100), 'Unauthorized');
});

test('a peer that answers no PING is dropped', async (t) => {
  const sockets: Socket[] = [];
  const server = await serve(t, (stream) => {
    stream.on('error', () => {});
    stream.respond({ ':status': 200 });
  });
  server.on('connection', (socket) => sockets.push(socket));
  const clock = new FakeClock();
  const http = connectHttp({
    origin: `https://127.0.0.1:${portOf(server)}`,
    clock,
    heartbeat: { everyMs: 15_000, timeoutMs: 10_000 },
  });
  t.after(() => http.close());

  const response = await http.request({ method: 'GET', path: '/' });
  const ended = readText(response, 10).then(
    () => undefined,
    (error: TributaryError) => error.code,
  );
  for (const socket of sockets) socket.pause();
  clock.advance(15_000);
  clock.advance(10_000);
  assert.equal(await ended, 'connection_failed');
  for (const socket of sockets) socket.destroy();
});

test('nobody there is a failure with a code', async (t) => {
  const server = await serve(t, () => {});
  const port = portOf(server);
  server.close();
  await once(server, 'close');
  await assert.rejects(client(t, port).request({ method: 'GET', path: '/' }), {
    code: 'connection_failed',
  });
});
