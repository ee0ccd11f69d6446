import assert from 'node:assert/strict';
import { once } from 'node:events';
import { constants } from 'node:http2';
import { Agent } from 'node:https';
import { test } from 'node:test';
import { connect } from 'node:tls';
import { BLOB_CHUNK_BYTES, createBlobStore } from '../base/blob.ts';
import { BodyError, type Exchange } from './exchange.ts';
import { answerOf, h1, received, startListener } from './test-listener.ts';

const GENEROUS = { bytesMax: 300_000_000, idleMs: 10_000 };

async function echo(exchange: Exchange): Promise<void> {
  const pieces: Buffer[] = [];
  await exchange.receive(GENEROUS, (piece) => pieces.push(Buffer.from(piece)));
  exchange.respond(200, {
    'x-path': exchange.path,
    'x-query': exchange.query,
    'x-method': exchange.method,
    'x-protocol': exchange.protocol,
    'x-length': String(exchange.contentLength),
  });
  await exchange.end(Buffer.concat(pieces));
}

test('one port answers HTTP/2, HTTP/1.1, and peers that offer no protocol at all', async (t) => {
  const { port, h2, raw } = await startListener(t, echo);
  const body = Buffer.alloc(100_000, 'x');

  const stream = h2().request({ ':path': '/a?b=c?d', ':method': 'POST' });
  stream.end(body);
  const over2 = await answerOf(stream);
  assert.equal(over2.headers['x-protocol'], 'h2');
  assert.equal(over2.headers['x-path'], '/a');
  assert.equal(over2.headers['x-query'], 'b=c?d');
  assert.ok(over2.body.equals(body));

  const over1 = await h1(port, { path: '/a', method: 'POST' }, body);
  assert.equal(over1.headers['x-protocol'], 'http/1.1');
  assert.equal(over1.headers['x-length'], '100000');
  assert.ok(over1.body.equals(body));

  const socket = await raw();
  assert.equal(socket.alpnProtocol, false);
  const text = received(socket);
  socket.write(
    'GET https://pool.example:8935/stream/x?y HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
  );
  assert.match(await text, /^HTTP\/1\.1 200 OK\r\n/);
  assert.match(await text, /\r\nx-path: \/stream\/x\r\n/);
});

test('peers that leave the cipher to the pool get the one that costs least', async (t) => {
  const { port, raw } = await startListener(t, echo);
  assert.equal((await raw()).getCipher().name, 'TLS_AES_128_GCM_SHA256');
  for (const ciphers of ['TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256']) {
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ciphers });
    t.after(() => socket.destroy());
    await once(socket, 'secureConnect');
    assert.equal(socket.getCipher().name, ciphers);
  }
});

test('HTTP/1.1 keeps its connection for further requests', async (t) => {
  const { port } = await startListener(t, echo);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  await h1(port, { agent, path: '/', method: 'POST' }, Buffer.from('1'));
  const { response } = await h1(port, { agent, path: '/', method: 'POST' }, Buffer.from('2'));
  assert.equal((response as unknown as { req: { reusedSocket: boolean } }).req.reusedSocket, true);
});

test('a payment of 600 tickets passes in one header, over both protocols', async (t) => {
  const { port, h2 } = await startListener(t, async (exchange) => {
    exchange.respond(200);
    await exchange.end(Buffer.from(String(exchange.headers['livepeer-payment']?.length)));
  });
  const payment = 'A'.repeat(63_000);
  const stream = h2().request({ ':path': '/segment', 'livepeer-payment': payment });
  assert.equal((await answerOf(stream)).body.toString(), '63000');
  const large = 'A'.repeat(120_000);
  const over1 = await h1(port, { path: '/segment', headers: { 'livepeer-payment': large } });
  assert.equal(over1.body.toString(), '120000');
});

test('headers beyond the limit are refused, and the listener goes on', async (t) => {
  const { port, raw, h2 } = await startListener(t, echo);
  const socket = await raw(['http/1.1']);
  const text = received(socket);
  socket.write(`GET / HTTP/1.1\r\nHost: x\r\nA: ${'a'.repeat(200_000)}\r\n\r\n`);
  assert.match(await text, /^HTTP\/1\.1 431 /);

  const session = h2();
  const flood = session.request({ ':path': '/', 'x-large': 'a'.repeat(70_000) });
  await assert.rejects(answerOf(flood));
  assert.equal((await h1(port, { path: '/' })).status, 200);
});

test('segments out of shared memory arrive whole, and their chunks may be recycled at once', async (t) => {
  const store = createBlobStore({ bytesMax: 64 * BLOB_CHUNK_BYTES });
  const blob = store.create();
  const content = Buffer.from(
    Uint8Array.from({ length: 1_700_000 }, (_, at) => (at * 7 + (at >> 9)) & 0xff),
  );
  blob.write(content);
  blob.complete();
  const { port, h2 } = await startListener(t, async (exchange) => {
    exchange.respond(200, { 'content-length': String(content.length) });
    const scratch = Buffer.from(new SharedArrayBuffer(BLOB_CHUNK_BYTES));
    for await (const piece of blob.read()) {
      // As if the chunk belonged to somebody else the moment the write resolves.
      const mine = scratch.subarray(0, piece.length);
      mine.set(piece);
      await exchange.write(mine);
      mine.fill(0xee);
    }
    await exchange.end();
  });
  const session = h2();
  const answers = await Promise.all([
    answerOf(session.request({ ':path': '/' })),
    h1(port, { path: '/' }),
  ]);
  for (const { body } of answers) assert.ok(body.equals(content));
});

test('a refusal reaches a peer that is still uploading, over both protocols', async (t) => {
  const { port, h2 } = await startListener(t, async (exchange) => {
    exchange.respond(403, { 'content-length': '7' });
    await exchange.end(Buffer.from('ErrSig\n'));
  });
  const stream = h2().request({ ':path': '/segment', ':method': 'POST' });
  const answer = answerOf(stream);
  stream.write(Buffer.alloc(500_000));
  const over2 = await answer;
  assert.equal(over2.status, 403);
  assert.equal(over2.body.toString(), 'ErrSig\n');
  assert.equal(stream.rstCode, 0, 'told to stop with NO_ERROR');

  const over1 = await h1(port, { path: '/', method: 'POST' }, Buffer.alloc(3_000_000));
  assert.equal(over1.status, 403);
  assert.equal(over1.body.toString(), 'ErrSig\n');
  assert.equal(over1.headers.connection, 'close');
});

test('a long body is refused at its limit, declared or not', async (t) => {
  const reasons: string[] = [];
  const { port, h2 } = await startListener(t, async (exchange) => {
    try {
      for await (const piece of exchange.body({ bytesMax: 1000, idleMs: 10_000 })) assert.ok(piece);
    } catch (error) {
      if (!(error instanceof BodyError)) throw error;
      reasons.push(error.reason);
      exchange.respond(413, { 'content-length': '0' });
      await exchange.end();
    }
  });
  const session = h2();
  const undeclared = session.request({ ':path': '/', ':method': 'POST' });
  undeclared.end(Buffer.alloc(1001));
  assert.equal((await answerOf(undeclared)).status, 413);
  const declared = session.request({ ':path': '/', ':method': 'POST', 'content-length': 1001 });
  assert.equal((await answerOf(declared)).status, 413);
  const chunked = { path: '/', method: 'POST', headers: { 'transfer-encoding': 'chunked' } };
  assert.equal((await h1(port, chunked, Buffer.alloc(1001))).status, 413);
  assert.deepEqual(reasons, ['too_large', 'too_large', 'too_large']);
});

test('a body that stops arriving is given up, and one whose sender goes away is aborted', async (t) => {
  const outcome = Promise.withResolvers<string>();
  const begun = Promise.withResolvers<void>();
  const aborted = Promise.withResolvers<void>();
  const { h2 } = await startListener(t, async (exchange) => {
    if (exchange.path === '/idle') {
      const limits = { bytesMax: 1000, idleMs: 30 };
      await exchange
        .receive(limits, () => {})
        .catch((error: BodyError) => outcome.resolve(error.reason));
      exchange.respond(408, {}, { end: true });
      return;
    }
    exchange.aborted.addEventListener('abort', () => aborted.resolve());
    await exchange
      .receive(GENEROUS, () => begun.resolve())
      .catch((error: BodyError) => outcome.resolve(error.reason));
    await exchange.closed;
    await exchange.write(Buffer.alloc(10));
    await exchange.end();
  });
  const idle = h2().request({ ':path': '/idle', ':method': 'POST' });
  idle.write('x');
  assert.equal((await answerOf(idle)).status, 408);
  assert.equal(await outcome.promise, 'idle');

  const session = h2();
  const leaving = session.request({ ':path': '/', ':method': 'POST' });
  leaving.on('error', () => {});
  leaving.write(Buffer.alloc(1000));
  await begun.promise;
  session.destroy();
  await aborted.promise;
});

test('a stream that is reset without an error is not taken for a whole body', async (t) => {
  const outcome = Promise.withResolvers<string>();
  const begun = Promise.withResolvers<void>();
  const { h2 } = await startListener(t, async (exchange) => {
    await exchange
      .receive(GENEROUS, () => begun.resolve())
      .then(
        () => outcome.resolve('whole'),
        (error: BodyError) => outcome.resolve(error.reason),
      );
  });
  const stream = h2().request({ ':path': '/', ':method': 'POST' });
  stream.on('error', () => {});
  stream.write(Buffer.alloc(1000));
  await begun.promise;
  stream.destroy();
  assert.equal(await outcome.promise, 'aborted');
});

test('a peer that leaves in the middle of a download frees its writer', async (t) => {
  for (const protocol of ['h2', 'http/1.1'] as const) {
    const over = Promise.withResolvers<boolean>();
    const { h2, raw } = await startListener(t, async (exchange) => {
      exchange.respond(200);
      // More than every buffer on the way takes: the write waits for the peer.
      await exchange.write(Buffer.alloc(64 * 1024 * 1024));
      await exchange.end();
      over.resolve(exchange.aborted.aborted);
    });
    if (protocol === 'h2') {
      const stream = h2().request({ ':path': '/' });
      stream.on('error', () => {});
      await once(stream, 'response');
      stream.close(constants.NGHTTP2_CANCEL);
    } else {
      const socket = await raw(['http/1.1']);
      socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
      await once(socket, 'data');
      socket.destroy();
    }
    assert.equal(await over.promise, true, protocol);
  }
});

test('a handler that throws is answered with 500, one that does nothing with 404', async (t) => {
  const failures: unknown[] = [];
  const log = {
    error: (_: string, fields: unknown) => failures.push(fields),
    warn() {},
    info() {},
    debug() {},
  };
  const { port, h2 } = await startListener(
    t,
    async (exchange) => {
      if (exchange.path === '/throws') throw new TypeError('https://secret.example');
      if (exchange.path !== '/throws-later') return;
      exchange.respond(200);
      await exchange.write(Buffer.from('half'));
      throw new TypeError('no');
    },
    { log },
  );
  const session = h2();
  assert.equal((await answerOf(session.request({ ':path': '/throws' }))).status, 500);
  assert.equal((await h1(port, { path: '/throws' })).status, 500);
  assert.equal((await h1(port, { path: '/nothing' })).status, 404);
  await assert.rejects(answerOf(session.request({ ':path': '/throws-later' })));
  await assert.rejects(h1(port, { path: '/throws-later' }));
  assert.equal((await answerOf(session.request({ ':path': '/nothing' }))).status, 404);
  assert.deepEqual(failures[0], { reason: 'TypeError' }, 'the text is not written down');
});

test('pings are answered by a living peer, over both protocols', async (t) => {
  const { port, h2 } = await startListener(t, async (exchange) => {
    const alive = await exchange.connection.ping(5_000);
    exchange.respond(200);
    await exchange.end(Buffer.from(String(alive)));
  });
  assert.equal((await answerOf(h2().request({ ':path': '/' }))).body.toString(), 'true');
  assert.equal((await h1(port, { path: '/' })).body.toString(), 'true');
});

test('HEAD and 204 carry no body, whatever the handler writes', async (t) => {
  const { port, h2 } = await startListener(t, async (exchange) => {
    exchange.respond(exchange.method === 'HEAD' ? 200 : 204);
    await exchange.write(Buffer.from('x'));
    await exchange.end(Buffer.from('y'));
  });
  const session = h2();
  for (const method of ['HEAD', 'GET']) {
    const over2 = await answerOf(session.request({ ':path': '/', ':method': method }));
    const over1 = await h1(port, { path: '/', method });
    assert.equal(over2.body.length + over1.body.length, 0);
    assert.equal(over2.status, over1.status);
  }
});

test('HEAD is over with its headers, whether or not the handler ends it', async (t) => {
  const { h2 } = await startListener(t, async (exchange) => {
    exchange.respond(200, { 'content-length': '5' });
  });
  const session = h2();
  for (let n = 0; n < 3; n++) {
    const answer = await answerOf(session.request({ ':path': '/', ':method': 'HEAD' }));
    assert.equal(answer.headers['content-length'], '5');
  }
});
