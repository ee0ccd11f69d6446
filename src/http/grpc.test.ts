import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { ClientHttp2Session } from 'node:http2';
import { type TestContext, test } from 'node:test';
import { create, toBinary } from '@bufbuild/protobuf';
import { Int32ValueSchema, StringValueSchema } from '@bufbuild/protobuf/wkt';
import type { Exchange } from './exchange.ts';
import { GrpcFailure, grpcServerStream, grpcUnary, grpcUnimplemented, isGrpc } from './grpc.ts';
import { frame } from './grpc-client.ts';
import { type Answer, answerOf, h1, startListener } from './test-listener.ts';

/** A service that greets, counts, fails and waits; strings in, strings or numbers out. */
async function service(exchange: Exchange): Promise<void> {
  if (!isGrpc(exchange)) {
    exchange.respond(200, {}, { end: true });
    return;
  }
  switch (exchange.path) {
    case '/test.Service/Greet':
      return grpcUnary(exchange, StringValueSchema, StringValueSchema, async ({ value }) => {
        if (value === 'refuse') throw new GrpcFailure('unknown', 'ungültig: 100 %');
        if (value === 'break') throw new TypeError('https://secret.example');
        return { value: `hello ${value}` };
      });
    case '/test.Service/Wait':
      return grpcUnary(exchange, StringValueSchema, StringValueSchema, async (_, { signal }) => {
        if (!signal.aborted) await once(signal, 'abort');
        return { value: 'late' };
      });
    case '/test.Service/Count':
      return grpcServerStream(
        exchange,
        StringValueSchema,
        Int32ValueSchema,
        async ({ value }, stream) => {
          if (value === 'refuse') throw new GrpcFailure('unavailable', 'not now');
          for (let n = 1; n <= 3; n++) await stream.send(create(Int32ValueSchema, { value: n }));
          if (value === 'fail') return stream.fail('unknown', 'enough');
          await stream.end(value === 'go away' ? 'unavailable' : 'ok');
        },
      );
    default:
      return grpcUnimplemented(exchange);
  }
}

async function start(t: TestContext) {
  const { h2, port } = await startListener(t, service);
  const session = h2();
  return { session, port };
}

function call(
  session: ClientHttp2Session,
  method: string,
  body: Uint8Array | string,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const stream = session.request({
    ':method': 'POST',
    ':path': `/test.Service/${method}`,
    'content-type': 'application/grpc',
    te: 'trailers',
    ...headers,
  });
  const message = (value: string) =>
    frame(toBinary(StringValueSchema, create(StringValueSchema, { value })));
  if (!stream.writableEnded) stream.end(typeof body === 'string' ? message(body) : body);
  return answerOf(stream);
}

/** The status, from wherever it came. */
function statusOf({ headers, trailers }: Answer): [unknown, unknown] {
  const at = 'grpc-status' in trailers ? trailers : headers;
  return [at['grpc-status'], at['grpc-message']];
}

test('a unary call is answered with its message and status OK in the trailers', async (t) => {
  const { session } = await start(t);
  const answer = await call(session, 'Greet', 'pool');
  assert.equal(answer.headers['content-type'], 'application/grpc');
  assert.equal(answer.trailers['grpc-status'], '0');
  const expected = create(StringValueSchema, { value: 'hello pool' });
  assert.ok(answer.body.equals(frame(toBinary(StringValueSchema, expected))));
});

test('a refusal is a reply of headers only, its text percent-encoded', async (t) => {
  const { session } = await start(t);
  const answer = await call(session, 'Greet', 'refuse');
  assert.deepEqual([answer.status, answer.body.length, answer.trailers], [200, 0, {}]);
  assert.equal(answer.headers['grpc-status'], '2');
  assert.equal(answer.headers['grpc-message'], 'ung%C3%BCltig: 100 %25');
});

test('whatever else a handler throws is INTERNAL, without its text', async (t) => {
  const { session } = await start(t);
  assert.deepEqual(statusOf(await call(session, 'Greet', 'break')), ['13', 'internal error']);
});

test('malformed requests get the status that says so', async (t) => {
  const { session, port } = await start(t);
  const bad = async (body: Uint8Array, headers?: Record<string, string>) =>
    statusOf(await call(session, 'Greet', body, headers))[0];
  assert.equal(await bad(Buffer.alloc(0)), '13', 'no message');
  assert.equal(await bad(Buffer.from([0, 0, 0, 0, 9, 1])), '13', 'cut short');
  assert.equal(await bad(frame(Buffer.from([0xff, 0xff]))), '13', 'not protobuf');
  assert.equal(await bad(Buffer.concat([frame(Buffer.alloc(0)), frame(Buffer.alloc(0))])), '13');
  assert.equal(await bad(Buffer.from([1, 0, 0, 0, 0])), '12', 'compressed');
  assert.equal(await bad(Buffer.from([7, 0, 0, 0, 0])), '13', 'unknown flag');
  assert.equal(await bad(Buffer.from([0, 0xff, 0xff, 0xff, 0xff])), '8', 'claims 4 GiB');
  assert.equal(await bad(frame(Buffer.alloc(4 * 1024 * 1024 + 1))), '8', 'is too long');
  assert.equal(await bad(frame(Buffer.alloc(0)), { 'grpc-timeout': 'soon' }), '13');
  assert.deepEqual(statusOf(await call(session, 'Nothing', 'x')), ['12', 'unknown method']);

  const json = await call(session, 'Greet', 'x', { 'content-type': 'application/grpc+json' });
  assert.equal(json.status, 415);
  const get = await call(session, 'Greet', new Uint8Array(), { ':method': 'GET' });
  assert.equal(get.status, 405);
  const over1 = await h1(port, { headers: { 'content-type': 'application/grpc' } });
  assert.equal(over1.headers['grpc-status'], undefined, 'gRPC is only spoken over HTTP/2');
});

test('the time limit of the caller is kept', async (t) => {
  const { session } = await start(t);
  const answer = await call(session, 'Wait', 'x', { 'grpc-timeout': '20m' });
  assert.deepEqual(statusOf(answer), ['4', 'deadline exceeded']);
});

test('a stream of messages ends as its handler says, and never by a reset', async (t) => {
  const { session } = await start(t);
  const ends = { ok: '0', 'go away': '14', fail: '2' };
  for (const [value, status] of Object.entries(ends)) {
    const answer = await call(session, 'Count', value);
    assert.equal(answer.trailers['grpc-status'], status);
    assert.equal(answer.body.length, 3 * (5 + 2));
  }
  const refused = await call(session, 'Count', 'refuse');
  assert.deepEqual(statusOf(refused), ['14', 'not now']);
});

test('a worker stream stays open after its handler, notices its peer leaving, and ends with OK', async (t) => {
  let ended = Promise.withResolvers<void>();
  let end = async () => {};
  const { h2 } = await startListener(t, (exchange) =>
    grpcServerStream(exchange, StringValueSchema, Int32ValueSchema, async (_, stream) => {
      stream.open();
      end = () => stream.end('ok');
      void stream.closed.then(() => ended.resolve());
    }),
  );
  const session = h2();
  const open = () => {
    const stream = session.request({
      ':method': 'POST',
      ':path': '/x',
      'content-type': 'application/grpc',
    });
    stream.on('error', () => {});
    stream.end(frame(new Uint8Array()));
    return stream;
  };
  const leaving = open();
  await once(leaving, 'response');
  leaving.close(8);
  await ended.promise;

  ended = Promise.withResolvers();
  const staying = open();
  const answer = answerOf(staying);
  await once(staying, 'response');
  await end();
  assert.equal((await answer).trailers['grpc-status'], '0');
  assert.equal(staying.rstCode, 0);
  await ended.promise;
});
