import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { constants } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { FakeClock } from '../base/clock.ts';
import type { BodyError, Exchange } from './exchange.ts';
import { answerOf, h1, received, startListener } from './test-listener.ts';

async function hello(exchange: Exchange): Promise<void> {
  exchange.respond(200, { 'content-length': '2' });
  await exchange.end(Buffer.from('hi'));
}

/** Moves time until the other side has hung up. */
async function advanceUntilClosed(clock: FakeClock, socket: TLSSocket, ms: number): Promise<void> {
  socket.resume();
  const closed = once(socket, 'close').then(() => true);
  clock.advance(ms);
  assert.equal(await closed, true);
}

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

/** One HTTP/2 frame. */
function frameOf(type: number, flags: number, stream: number, payload = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}
const SETTINGS = frameOf(4, 0, 0);
/** GET https://x/ in HPACK. */
const GET = Buffer.from([0x82, 0x84, 0x87, 0x41, 0x01, 0x78]);

test('an HTTP/1.1 peer that never finishes its headers is cut, one that only idles stays longer', async (t) => {
  const clock = new FakeClock();
  const { raw, metricsText } = await startListener(t, hello, { clock });
  const silent = await raw(['http/1.1']);
  const slow = await raw(['http/1.1']);
  slow.write('GET / HTTP/1.1\r\nHost:');
  const used = await raw(['http/1.1']);
  used.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  await once(used, 'data');
  used.resume();

  await advanceUntilClosed(clock, silent, 12_000);
  if (!slow.destroyed) await advanceUntilClosed(clock, slow, 12_000);
  assert.equal(used.destroyed, false);
  assert.match(await metricsText(), /reason="slow_headers"/);
  await advanceUntilClosed(clock, used, 601_000);
});

test('an HTTP/2 peer that says nothing after the handshake is cut; one without streams idles ten minutes', async (t) => {
  const clock = new FakeClock();
  const { raw, h2 } = await startListener(t, hello, { clock });
  const silent = await raw(['h2']);
  const session = h2();
  await answerOf(session.request({ ':path': '/' }));
  await advanceUntilClosed(clock, silent, 12_000);
  assert.equal(session.closed, false);
  const goaway = once(session, 'close');
  clock.advance(601_000);
  await goaway;
});

test('a connection with an open stream is never idle', async (t) => {
  const clock = new FakeClock();
  const opened = Promise.withResolvers<Exchange>();
  const { h2 } = await startListener(
    t,
    async (exchange) => {
      exchange.respond(200);
      opened.resolve(exchange);
    },
    { clock },
  );
  const session = h2();
  const answer = answerOf(session.request({ ':path': '/' }));
  const exchange = await opened.promise;
  clock.advance(3_600_000);
  assert.equal(exchange.aborted.aborted, false);
  await exchange.end(Buffer.from('still here'));
  assert.equal((await answer).body.toString(), 'still here');
});

test('a handshake that does not come to its end is given up', async (t) => {
  const { port } = await startListener(t, hello, { limits: { handshakeMs: 50 } });
  const socket = connectTcp(port, '127.0.0.1');
  socket.on('error', () => {});
  socket.write(Buffer.from([0x16, 0x03, 0x01]));
  // Not `once`, which would reject where the end comes as a reset.
  await new Promise((resolve) => socket.on('close', resolve));
});

test('one address gets no more connections than it may have, and gets them back', async (t) => {
  const { raw, port } = await startListener(t, hello, {
    limits: { connectionsPerAddressMax: 2 },
  });
  const first = await raw(['h2']);
  await raw(['h2']);
  await assert.rejects(h1(port, { path: '/' }));
  first.destroy();
  for (;;) {
    const answer = await h1(port, { path: '/' }).catch(() => undefined);
    if (answer?.status === 200) break;
  }
});

test('of all connections no more are kept than there is room for', async (t) => {
  const { raw, port } = await startListener(t, hello, { limits: { connectionsMax: 2 } });
  const first = await raw(['h2']);
  await raw(['http/1.1']);
  await assert.rejects(h1(port, { path: '/' }));
  first.destroy();
  for (;;) {
    const answer = await h1(port, { path: '/' }).catch(() => undefined);
    if (answer?.status === 200) break;
  }
});

test('one connection gets no more streams than were announced', async (t) => {
  const { h2 } = await startListener(
    t,
    async (exchange) => {
      if (exchange.path === '/hold') exchange.respond(200);
      else await hello(exchange);
    },
    { limits: { streamsPerConnectionMax: 2 } },
  );
  const session = h2();
  // All at once, before the limit was heard: a peer may choose not to hear it at all.
  const streams = Array.from({ length: 5 }, () => session.request({ ':path': '/hold' }));
  const outcomes = streams.map(
    (stream) =>
      new Promise((resolve) => {
        stream.on('error', () => {});
        stream.on('response', () => resolve('answered'));
        stream.on('close', () => resolve(`reset ${stream.rstCode}`));
      }),
  );
  const refused = `reset ${constants.NGHTTP2_REFUSED_STREAM}`;
  assert.deepEqual(await Promise.all(outcomes), [
    ...['answered', 'answered'],
    ...[refused, refused, refused],
  ]);
  streams[0]?.close();
  for (;;) {
    const answer = await answerOf(session.request({ ':path': '/' })).catch(() => undefined);
    if (answer?.status === 200) break;
  }
});

test('more requests at once than an address may have are answered 503 in no time', async (t) => {
  const { h2 } = await startListener(
    t,
    async (exchange) => {
      if (exchange.path === '/hold') exchange.respond(200);
      else await hello(exchange);
    },
    { limits: { exchangesPerAddressMax: 2 } },
  );
  const session = h2();
  const held = [session.request({ ':path': '/hold' }), session.request({ ':path': '/hold' })];
  for (const stream of held) await once(stream, 'response');
  assert.equal((await answerOf(session.request({ ':path': '/' }))).status, 503);
  held[0]?.close();
  for (;;) {
    const { status } = await answerOf(session.request({ ':path': '/' }));
    if (status === 200) break;
  }
});

test('opening and resetting streams in a burst costs the peer its connection', async (t) => {
  let handled = 0;
  const { raw, port } = await startListener(t, async (exchange) => {
    if (exchange.path === '/well') return hello(exchange);
    handled += 1;
    await exchange.closed;
  });
  const socket = await raw(['h2']);
  socket.write(PREFACE);
  socket.write(SETTINGS);
  socket.resume();
  const reset = Buffer.from([0, 0, 0, 8]);
  for (let stream = 1; stream < 40_000 && !socket.destroyed; stream += 2) {
    socket.write(Buffer.concat([frameOf(1, 5, stream, GET), frameOf(3, 0, stream, reset)]));
    if (stream % 1000 === 1) await new Promise(setImmediate);
  }
  if (!socket.destroyed) await once(socket, 'close');
  assert.ok(handled < 2_000, `${handled} requests were taken`);
  assert.equal((await h1(port, { path: '/well' })).status, 200);
});

test('a reset with NO_ERROR in the middle of a download frees its writer', async (t) => {
  const over = Promise.withResolvers<boolean>();
  const { raw } = await startListener(t, async (exchange) => {
    exchange.respond(200);
    await exchange.write(Buffer.alloc(64 * 1024 * 1024));
    over.resolve(exchange.aborted.aborted);
  });
  const socket = await raw(['h2']);
  socket.write(Buffer.concat([Buffer.from(PREFACE), SETTINGS, frameOf(1, 5, 1, GET)]));
  await once(socket, 'data');
  socket.resume();
  socket.write(frameOf(3, 0, 1, Buffer.alloc(4)));
  assert.equal(await over.promise, true);
});

test('a peer that takes nothing of its response is cut', async (t) => {
  const clock = new FakeClock();
  for (const alpn of ['h2', 'http/1.1']) {
    const over = Promise.withResolvers<void>();
    const writing = Promise.withResolvers<void>();
    const { raw, metricsText } = await startListener(
      t,
      async (exchange) => {
        exchange.respond(200);
        const written = exchange.write(Buffer.alloc(64 * 1024 * 1024));
        writing.resolve();
        await written;
        over.resolve();
      },
      { clock },
    );
    const socket = await raw([alpn]);
    socket.pause();
    if (alpn === 'h2') {
      socket.write(Buffer.concat([Buffer.from(PREFACE), SETTINGS, frameOf(1, 5, 1, GET)]));
    } else socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await writing.promise;
    clock.advance(62_000);
    await over.promise;
    assert.match(await metricsText(), /reason="stalled_reader"}/);
  }
});

test('rubbish on either protocol is refused and disturbs nobody', async (t) => {
  const { raw, h2, port } = await startListener(t, hello);
  const session = h2();
  const rubbish = [
    'GET / HTTP/9.9\r\n\r\n',
    'GET\r\n\r\n',
    '\0\0\0\0\0\0\0\0\0',
    'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nabcde',
    'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n',
    'GET / HTTP/1.1\r\n\r\n',
    `${PREFACE}rubbish after the preface`,
  ];
  for (const text of rubbish) {
    const socket = await raw(['http/1.1']);
    const answer = received(socket);
    socket.write(text, 'latin1');
    assert.match(await answer, /^HTTP\/1\.1 400 /, JSON.stringify(text));
  }
  const broken = [
    Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
    Buffer.concat([Buffer.from(PREFACE), frameOf(0, 0, 0, Buffer.alloc(10))]),
    Buffer.concat([Buffer.from(PREFACE), SETTINGS, frameOf(1, 5, 2, GET)]),
    Buffer.concat([
      Buffer.from(PREFACE),
      SETTINGS,
      frameOf(1, 5, 1, Buffer.from([0xff, 0xff, 0xff])),
    ]),
    Buffer.concat([Buffer.from(PREFACE), SETTINGS, frameOf(200, 255, 7), frameOf(9, 0, 1, GET)]),
  ];
  for (const bytes of broken) {
    const socket = await raw(['h2']);
    socket.resume();
    socket.write(bytes);
    await once(socket, 'close');
  }
  assert.equal((await answerOf(session.request({ ':path': '/' }))).status, 200);
  await assert.rejects(answerOf(session.request({ ':path': '*' })));
  assert.equal((await h1(port, { path: '/', headers: { 'x-a': ['1', '2'] } })).status, 200);
});

test('requests piled up on one HTTP/1.1 connection cut it', async (t) => {
  const { raw } = await startListener(t, async (exchange) => {
    await exchange.closed;
  });
  const socket = await raw(['http/1.1']);
  socket.resume();
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(50));
  await once(socket, 'close');
});

test('a body that trickles for ever ends at its total limit', async (t) => {
  const clock = new FakeClock();
  const reason = Promise.withResolvers<string>();
  const arrivals = new EventEmitter();
  const { h2 } = await startListener(
    t,
    async (exchange) => {
      const limits = { bytesMax: 1000, idleMs: 5_000, totalMs: 20_000 };
      await exchange
        .receive(limits, () => arrivals.emit('piece'))
        .catch((error: BodyError) => reason.resolve(error.reason));
    },
    { clock },
  );
  const stream = h2().request({ ':path': '/', ':method': 'POST' });
  stream.on('error', () => {});
  for (let seconds = 0; seconds < 20; seconds += 4) {
    const arrived = once(arrivals, 'piece');
    stream.write('x');
    await arrived;
    clock.advance(4_000);
  }
  assert.equal(await reason.promise, 'slow');
});

test('draining lets what runs finish, refuses what is new, and ends', async (t) => {
  const running: Exchange[] = [];
  const both = Promise.withResolvers<void>();
  const { listener, h2, port } = await startListener(t, async (exchange) => {
    running.push(exchange);
    if (running.length === 2) both.resolve();
    await exchange.closed;
  });
  const session = h2();
  const over2 = answerOf(session.request({ ':path': '/' }));
  const over1 = h1(port, { path: '/' });
  await both.promise;
  const drained = listener.drain(10_000);
  await assert.rejects(h1(port, { path: '/' }), 'no new connections');
  for (const exchange of running) await hello(exchange);
  assert.equal((await over2).body.toString(), 'hi');
  const last = await over1;
  assert.equal(last.body.toString(), 'hi');
  assert.equal(last.headers.connection, 'close');
  await drained;
});

test('draining cuts what does not finish in time', async (t) => {
  const { listener, h2 } = await startListener(t, async (exchange) => exchange.respond(200));
  const stream = h2().request({ ':path': '/' });
  const cut = assert.rejects(answerOf(stream));
  await once(stream, 'response');
  await listener.drain(20);
  await cut.catch(() => {});
  assert.equal(listener.connections, 0);
});
