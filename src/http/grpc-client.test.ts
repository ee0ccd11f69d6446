import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createSecureServer, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { type StringValue, StringValueSchema } from '@bufbuild/protobuf/wkt';
import { selfSigned } from '../../test/self-signed.ts';
import { systemClock } from '../base/clock.ts';
import { connectHttp } from './client.ts';
import { frame, frames, grpcCall, grpcReadStream } from './grpc-client.ts';

const identity = selfSigned();
const method = { path: '/test.Echo/Say', input: StringValueSchema, output: StringValueSchema };
const say = (value: string) => toBinary(StringValueSchema, create(StringValueSchema, { value }));

async function serve(t: TestContext, handle: (stream: ServerHttp2Stream, text: string) => void) {
  const server = createSecureServer(identity);
  server.on('stream', async (stream) => {
    stream.on('error', () => {});
    for await (const bytes of frames(stream as AsyncIterable<Buffer>)) {
      handle(stream, fromBinary(StringValueSchema, bytes).value);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const client = connectHttp({ origin: `https://127.0.0.1:${port}`, clock: systemClock });
  t.after(() => {
    client.close();
    server.close();
  });
  return client;
}

function finish(stream: ServerHttp2Stream, messages: readonly string[], trailers: object) {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ ...trailers }));
  for (const message of messages) stream.write(frame(say(message)));
  stream.end();
}

async function collect(messages: AsyncIterable<StringValue>): Promise<string[]> {
  const values: string[] = [];
  for await (const message of messages) values.push(message.value);
  return values;
}

test('a unary call brings the message', async (t) => {
  const client = await serve(t, (stream, text) => finish(stream, [text], { 'grpc-status': '0' }));
  const answer = await grpcCall(client, method, { value: 'hi' }, { timeoutMs: 5000 });
  assert.deepEqual(answer.ok && answer.message.value, 'hi');
});

test('a refusal is a value with its code and decoded text', async (t) => {
  const client = await serve(t, (stream) =>
    stream.respond(
      { ':status': 200, 'grpc-status': '2', 'grpc-message': 'invalid secret %C3%A4' },
      { endStream: true },
    ),
  );
  assert.deepEqual(await grpcCall(client, method, {}), {
    ok: false,
    code: 2,
    text: 'invalid secret ä',
  });
});

test('a server stream gives every message and then its status', async (t) => {
  const client = await serve(t, (stream) =>
    finish(stream, ['a', 'b', 'c'], { 'grpc-status': '14', 'grpc-message': 'later' }),
  );
  const stream = grpcReadStream(client, method, {});
  assert.deepEqual(await collect(stream.messages), ['a', 'b', 'c']);
  assert.deepEqual(await stream.status, { code: 14, text: 'later' });
});

test('every abrupt end is the status unavailable', async (t) => {
  const ends: Record<string, (stream: ServerHttp2Stream) => void> = {
    reset: (stream) => stream.close(2),
    cancel: (stream) => stream.close(8),
    'no trailers': (stream) => stream.end(),
    'lost connection': (stream) => stream.session?.destroy(),
  };
  const client = await serve(t, (stream, text) => {
    stream.respond({ ':status': 200 });
    stream.write(frame(say('one')), () => ends[text]?.(stream));
  });
  for (const name of Object.keys(ends)) {
    const stream = grpcReadStream(client, method, { value: name });
    const seen = await collect(stream.messages);
    assert.ok(seen.length <= 1, name);
    assert.equal((await stream.status).code, 14, name);
  }
});

test('leaving a stream early cancels it at the server', async (t) => {
  let ended: Promise<unknown> = Promise.resolve();
  const client = await serve(t, (stream) => {
    ended = once(stream, 'close').then(() => stream.rstCode);
    stream.respond({ ':status': 200 });
    stream.write(frame(say('one')));
  });
  const stream = grpcReadStream(client, method, {});
  for await (const message of stream.messages) {
    assert.equal(message.value, 'one');
    break;
  }
  assert.equal((await stream.status).code, 1);
  assert.equal(await ended, 8);
});

test('an aborted stream ends with cancelled', async (t) => {
  const client = await serve(t, (stream) => {
    stream.respond({ ':status': 200 });
    stream.write(frame(say('one')));
  });
  const abort = new AbortController();
  const stream = grpcReadStream(client, method, {}, { signal: abort.signal });
  for await (const _ of stream.messages) abort.abort();
  assert.equal((await stream.status).code, 1);
});

test('frames are cut wherever the chunks end, and a hostile length is refused', async () => {
  async function* bytes(of: Buffer, step: number) {
    for (let at = 0; at < of.length; at += step) yield of.subarray(at, at + step);
  }
  const two = Buffer.concat([frame(say('first')), frame(say('')), frame(say('third'))]);
  for (const step of [1, 2, 5, 7, 100]) {
    const seen: string[] = [];
    for await (const cut of frames(bytes(two, step))) {
      seen.push(fromBinary(StringValueSchema, cut).value);
    }
    assert.deepEqual(seen, ['first', '', 'third']);
  }
  const huge = Buffer.from([0, 0xff, 0xff, 0xff, 0xff, 1]);
  await assert.rejects(async () => {
    for await (const _ of frames(bytes(huge, 6)));
  }, /over the limit/);
});
