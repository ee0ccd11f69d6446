import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import type { Exchange } from './exchange.ts';
import {
  CODE,
  FLAG,
  FRAME,
  frameOf,
  numbersFrame,
  PREFACE,
  SETTING,
  settingsFrame,
} from './h2-frames.ts';
import { encodeFields } from './hpack.ts';
import type { Field } from './hpack-tables.ts';
import type { ListenerLimits } from './limits.ts';
import { answerOf, startListener } from './test-listener.ts';

const { endStream, endHeaders } = FLAG;
const GET: Field[] = [
  [':method', 'GET'],
  [':scheme', 'https'],
  [':path', '/'],
  [':authority', 'x'],
];
const POST: Field[] = [[':method', 'POST'], ...GET.slice(1)];
const GREETING = Buffer.concat([PREFACE, settingsFrame([])]);

interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

/** A peer that sends frames as it likes, right or wrong. */
async function startPeer(
  t: TestContext,
  handle: (exchange: Exchange) => Promise<void>,
  limits: Partial<ListenerLimits> = {},
) {
  const { raw } = await startListener(t, handle, { limits });
  const socket = await raw(['h2']);
  const frames: Frame[] = [];
  const wakes = new Set<() => void>();
  let rest = Buffer.alloc(0);
  let closed = false;
  const wake = () => {
    for (const each of wakes) each();
  };
  socket.on('close', () => {
    closed = true;
    wake();
  });
  socket.on('data', (bytes: Buffer) => {
    rest = Buffer.concat([rest, bytes]);
    while (rest.length >= 9 && rest.length >= 9 + rest.readUIntBE(0, 3)) {
      const end = 9 + rest.readUIntBE(0, 3);
      const [type = 0, flags = 0] = rest.subarray(3, 5);
      frames.push({ type, flags, stream: rest.readUInt32BE(5), payload: rest.subarray(9, end) });
      rest = rest.subarray(end);
    }
    wake();
  });
  return {
    socket,
    frames,
    send: (...pieces: readonly Buffer[]) => void socket.write(Buffer.concat(pieces)),
    /** The first frame that is like this, come or to come. */
    async frame(type: number, like: (frame: Frame) => boolean = () => true): Promise<Frame> {
      for (;;) {
        const found = frames.find((frame) => frame.type === type && like(frame));
        if (found) return found;
        assert.ok(!closed, `the connection was closed before a frame of type ${type}`);
        await new Promise<void>((resolve) => {
          wakes.add(resolve);
        });
      }
    },
  };
}

async function takeAll(exchange: Exchange): Promise<void> {
  await exchange.receive({ bytesMax: 1e9, idleMs: 60_000 }, () => {}).catch(() => {});
  exchange.respond(200);
  await exchange.end(Buffer.from('ok'));
}

const headers = (stream: number, fields: readonly Field[], flags: number = endStream) =>
  frameOf(FRAME.headers, flags | endHeaders, stream, encodeFields(fields));
const data = (stream: number, bytes: Buffer, flags = 0) =>
  frameOf(FRAME.data, flags, stream, bytes);
const open = headers(1, POST, 0);
const x = Buffer.from('x');

/** What ends the whole connection, and with which code. wire: RFC 9113. */
const fatal: Record<string, readonly [code: number, ...frames: Buffer[]]> = {
  'DATA on no stream': [CODE.protocol, data(0, x)],
  'DATA on a stream that nobody opened': [CODE.protocol, data(5, x)],
  'HEADERS on a stream of servers': [CODE.protocol, headers(2, GET)],
  'HEADERS on an old stream': [CODE.streamClosed, headers(7, GET), headers(5, GET)],
  'a frame between HEADERS and CONTINUATION': [
    CODE.protocol,
    frameOf(FRAME.headers, endStream, 1, encodeFields(GET.slice(0, 2))),
    frameOf(FRAME.ping, 0, 0, Buffer.alloc(8)),
  ],
  'DATA between HEADERS and CONTINUATION': [
    CODE.protocol,
    frameOf(FRAME.headers, endStream, 1, encodeFields(GET.slice(0, 2))),
    data(1, x),
  ],
  'CONTINUATION of nothing': [CODE.protocol, frameOf(FRAME.continuation, endHeaders, 1)],
  'endless CONTINUATION': [
    CODE.enhanceYourCalm,
    frameOf(FRAME.headers, endStream, 1, encodeFields(GET)),
    ...Array.from({ length: 100 }, () => frameOf(FRAME.continuation, 0, 1)),
  ],
  'headers that cannot be decoded': [
    CODE.compression,
    frameOf(
      FRAME.headers,
      endStream | endHeaders,
      1,
      Buffer.of(0xff, 0xff, 0xff, 0xff, 0xff, 0x01),
    ),
  ],
  'a stream that depends on itself': [
    CODE.protocol,
    frameOf(FRAME.headers, endStream | endHeaders | FLAG.priority, 1, Buffer.of(0, 0, 0, 1, 0)),
  ],
  'more padding than payload': [
    CODE.protocol,
    open,
    frameOf(FRAME.data, FLAG.padded, 1, Buffer.of(5, 1, 2)),
  ],
  'a push': [CODE.protocol, frameOf(FRAME.pushPromise, endHeaders, 1, Buffer.alloc(4))],
  'a reset of an idle stream': [CODE.protocol, numbersFrame(FRAME.reset, 9, 8)],
  'a reset that is too short': [CODE.frameSize, open, frameOf(FRAME.reset, 0, 1, x)],
  'a PING that is too short': [CODE.frameSize, frameOf(FRAME.ping, 0, 0, x)],
  'SETTINGS on a stream': [CODE.protocol, frameOf(FRAME.settings, 0, 1)],
  'SETTINGS cut short': [CODE.frameSize, frameOf(FRAME.settings, 0, 0, x)],
  'a frame size out of range': [CODE.protocol, settingsFrame([[SETTING.frameBytes, 100]])],
  'an initial window too large': [
    CODE.flowControl,
    settingsFrame([[SETTING.windowBytes, 0xffffffff]]),
  ],
  'a window of nothing': [CODE.protocol, numbersFrame(FRAME.windowUpdate, 0, 0)],
  'a window beyond its maximum': [
    CODE.flowControl,
    numbersFrame(FRAME.windowUpdate, 0, 0x7fffffff),
  ],
  'a frame larger than we take': [CODE.frameSize, Buffer.of(0x20, 0, 0, 0, 0, 0, 0, 0, 1)],
  'a PING as large as DATA may be': [
    CODE.enhanceYourCalm,
    Buffer.of(0x0f, 0, 0, FRAME.ping, 0, 0, 0, 0, 0),
  ],
  'a flood of PING': [
    CODE.enhanceYourCalm,
    ...Array.from({ length: 30_000 }, () => frameOf(FRAME.ping, 0, 0, Buffer.alloc(8))),
  ],
  'a flood of empty DATA': [
    CODE.enhanceYourCalm,
    open,
    ...Array.from({ length: 30_000 }, () => data(1, Buffer.alloc(0))),
  ],
  'a flood of streams that have to be reset': [
    CODE.enhanceYourCalm,
    ...Array.from({ length: 1_000 }, (_, n) => headers(2 * n + 1, GET.slice(1))),
  ],
};

for (const [what, [code, ...frames]] of Object.entries(fatal)) {
  test(`${what} ends the connection, and says why`, async (t) => {
    const { send, frame, socket } = await startPeer(t, takeAll);
    send(GREETING, ...frames);
    const { payload } = await frame(FRAME.goaway);
    assert.equal(payload.readUInt32BE(4), code);
    if (!socket.destroyed) await once(socket, 'close');
  });
}

/** What ends one stream, and lets the others be. */
const spoiled: Record<string, readonly [code: number, ...frames: Buffer[]]> = {
  'a request without a method': [CODE.protocol, headers(1, GET.slice(1))],
  'a request with two paths': [CODE.protocol, headers(1, [...GET, [':path', '/b']])],
  'a pseudo-field that does not exist': [CODE.protocol, headers(1, [...GET, [':status', '200']])],
  'a pseudo-field after the others': [CODE.protocol, headers(1, [['a', 'b'], ...GET])],
  'a field of HTTP/1.1': [CODE.protocol, headers(1, [...GET, ['connection', 'close']])],
  'a path that is none': [CODE.protocol, headers(1, [...POST.slice(0, 2), [':path', 'x']])],
  'less than was declared': [
    CODE.protocol,
    headers(1, [...POST, ['content-length', '2']], 0),
    data(1, x, endStream),
  ],
  'more than was declared': [
    CODE.protocol,
    headers(1, [...POST, ['content-length', '1']], 0),
    data(1, Buffer.from('xx')),
  ],
  'trailers in the middle': [CODE.protocol, open, headers(1, [['a', 'b']], 0)],
  'trailers with pseudo-fields': [CODE.protocol, open, headers(1, GET)],
  'a window of nothing for a stream': [CODE.protocol, open, numbersFrame(FRAME.windowUpdate, 1, 0)],
  'a window beyond its maximum for a stream': [
    CODE.flowControl,
    open,
    numbersFrame(FRAME.windowUpdate, 1, 0x7fffffff),
  ],
  'more than its window': [CODE.flowControl, open, data(1, Buffer.alloc(2_000))],
  'a priority cut short': [CODE.frameSize, open, frameOf(FRAME.priority, 0, 1, x)],
};

for (const [what, [code, ...frames]] of Object.entries(spoiled)) {
  test(`${what} ends its stream and no other`, async (t) => {
    const limits = { streamWindowBytes: 1_000 };
    const { send, frame } = await startPeer(t, takeAll, limits);
    send(GREETING, ...frames);
    const { payload } = await frame(FRAME.reset, ({ stream }) => stream === 1);
    assert.equal(payload.readUInt32BE(0), code);
    send(headers(3, GET));
    await frame(FRAME.data, ({ stream, flags }) => stream === 3 && (flags & endStream) !== 0);
  });
}

test('streams beyond the announced number are refused, to be sent again elsewhere', async (t) => {
  const held: Exchange[] = [];
  const hold = async (exchange: Exchange) => void held.push(exchange);
  const { send, frame } = await startPeer(
    t,
    async (exchange) => {
      await hold(exchange);
      await exchange.closed;
    },
    { streamsPerConnectionMax: 2 },
  );
  send(GREETING, headers(1, GET), headers(3, GET), headers(5, GET));
  const { stream, payload } = await frame(FRAME.reset);
  assert.deepEqual([stream, payload.readUInt32BE(0)], [5, CODE.refusedStream]);
  assert.equal(held.length, 2);
});

test('headers over the limit are answered with 431, and the next request passes', async (t) => {
  const { send, frame } = await startPeer(t, takeAll, { headerBytesMax: 1_000 });
  const field: Field = ['large', 'x'.repeat(900)];
  const block = encodeFields([...GET, field, field]);
  send(
    GREETING,
    frameOf(FRAME.headers, endStream, 1, block.subarray(0, 500)),
    frameOf(FRAME.continuation, 0, 1, block.subarray(500, 1_400)),
    frameOf(FRAME.continuation, endHeaders, 1, block.subarray(1_400)),
    headers(3, GET),
  );
  const { payload } = await frame(FRAME.headers, ({ stream }) => stream === 1);
  assert.match(payload.toString('latin1'), /431/);
  const answered = await frame(FRAME.headers, ({ stream }) => stream === 3);
  assert.equal(answered.payload.at(-1), 0x88, ':status 200');
});

test('a body is sent no faster than the windows and frames that the peer allows', async (t) => {
  const body = Buffer.from(Uint8Array.from({ length: 40_000 }, (_, at) => at & 0xff));
  const { send, frame, frames } = await startPeer(t, async (exchange) => {
    exchange.respond(200, {}, { trailers: true });
    exchange.trailers({ checked: 'yes' });
    await exchange.end(body);
  });
  const settings = settingsFrame([[SETTING.windowBytes, 10]]);
  send(Buffer.concat([PREFACE, settings]), headers(1, GET));
  const sent = () =>
    Buffer.concat(frames.filter(({ type }) => type === FRAME.data).map((f) => f.payload));
  await frame(FRAME.data);
  assert.equal(sent().length, 10);
  send(settingsFrame([[SETTING.windowBytes, 30]]));
  await frame(FRAME.data, () => sent().length >= 30);
  assert.equal(sent().length, 30);
  send(numbersFrame(FRAME.windowUpdate, 1, 1_000_000));
  await frame(FRAME.headers, ({ flags }) => (flags & endStream) !== 0);
  assert.ok(sent().equals(body));
  assert.ok(frames.every(({ payload }) => payload.length <= 16_384));
});

test('what was read, padding included, may be sent again', async (t) => {
  const limits = { streamWindowBytes: 1_000, connectionWindowBytes: 100_000 };
  const { send, frame } = await startPeer(t, takeAll, limits);
  send(GREETING, open, frameOf(FRAME.data, FLAG.padded, 1, Buffer.alloc(600, 200)));
  const { payload } = await frame(FRAME.windowUpdate, ({ stream }) => stream === 1);
  assert.equal(payload.readUInt32BE(0), 600);
});

test('a request with trailers and unknown frames is a request like any other', async (t) => {
  const { send, frame } = await startPeer(t, takeAll);
  const unknown = frameOf(77, 255, 1, Buffer.alloc(100));
  send(GREETING, unknown, open, unknown, data(1, x), unknown, headers(1, [['checked', 'yes']]));
  await frame(
    FRAME.data,
    ({ flags, payload }) => (flags & endStream) !== 0 && `${payload}` === 'ok',
  );
});

test('an upload passes whole however it is cut into frames and packets', async (t) => {
  const seen = Promise.withResolvers<Buffer>();
  const { send } = await startPeer(t, async (exchange) => {
    const pieces: Buffer[] = [];
    await exchange.receive({ bytesMax: 1e6, idleMs: 60_000 }, (piece) => {
      pieces.push(Buffer.from(piece));
    });
    seen.resolve(Buffer.concat(pieces));
    await takeAll(exchange);
  });
  const body = Buffer.from(Uint8Array.from({ length: 5_000 }, (_, at) => (at * 7) & 0xff));
  const cut = [0, 1, 2, 600, 601, 4_999, 5_000];
  const frames = cut.slice(1).map((end, at) => {
    const last = end === body.length ? endStream : 0;
    const piece = body.subarray(cut[at], end);
    if (at % 2 === 0) return data(1, piece, last);
    const padded = Buffer.concat([Buffer.of(3), piece, Buffer.alloc(3, 0xaa)]);
    return data(1, padded, last | FLAG.padded);
  });
  const all = Buffer.concat([GREETING, open, ...frames]);
  for (let at = 0; at < all.length; at += 7) {
    send(all.subarray(at, at + 7));
    if (at % 70 === 0) await new Promise(setImmediate);
  }
  assert.ok((await seen.promise).equals(body));
});

test('a connection that is closed tells its peer which requests it took', async (t) => {
  const taken = Promise.withResolvers<Exchange>();
  const { listener, h2 } = await startListener(t, async (exchange) => {
    taken.resolve(exchange);
    await exchange.closed;
  });
  const session = h2();
  const answer = answerOf(session.request({ ':path': '/' }));
  const exchange = await taken.promise;
  const goaway = once(session, 'goaway');
  const drained = listener.drain(10_000);
  assert.deepEqual((await goaway).slice(0, 2), [CODE.none, 1]);
  exchange.respond(200);
  await exchange.end(Buffer.from('the last'));
  assert.equal((await answer).body.toString(), 'the last');
  await drained;
});
