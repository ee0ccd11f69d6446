import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { create, toBinary } from '@bufbuild/protobuf';
import { RegisterRequestSchema } from '../../src/protocol/gen/lp_rpc_pb.ts';
import { presets } from '../../src/protocol/profile-presets.ts';
import { encodeSegment } from '../../src/protocol/segment.ts';
import { stampedSource } from '../fixtures/renditions.ts';
import { memoryOf, memoryReturns } from '../pool-memory.ts';
import { openRequest, protocols } from '../raw-request.ts';
import { startTestPool } from '../start-pool.ts';
import { goodAnswer, joinStock } from '../start-pool-with-worker.ts';
import { segmentOf, startStockGateway } from '../stock-gateway.ts';
import { framed, type StockOptions } from '../stock-transcoder.ts';

const MIB = 1024 * 1024;

const pool = await startTestPool({ after });
const gateway = startStockGateway(pool.port);
after(() => gateway.close());
let answer: StockOptions['answer'] = goodAnswer;
const { transcoder, enrolment } = await joinStock({ after }, pool, {
  answer: (...task) => answer(...task),
});

/**
 * Runs what is hostile while an honest segment of another stream is with the worker; afterwards
 * that segment ends well, another one does too, and no memory is held.
 */
async function unnoticed(hostile: () => Promise<void>): Promise<void> {
  const before = await memoryOf(pool);
  const release = Promise.withResolvers<void>();
  const taken = Promise.withResolvers<void>();
  answer = async (task) => {
    taken.resolve();
    await release.promise;
    return goodAnswer(task);
  };
  const info = await gateway.session();
  const bystander = gateway.submit(info, await stampedSource(), {
    durationMs: 20_000,
    manifestId: Buffer.from('bystander'),
  });
  await taken.promise;
  try {
    await hostile();
  } finally {
    answer = goodAnswer;
    release.resolve();
  }
  assert.equal((await bystander).result?.result.kind, 'done', 'the other stream');
  const next = await gateway.submit(info, await stampedSource());
  assert.equal(next.result?.result.kind, 'done', 'the next segment');
  await gateway.endSession(info.authToken);
  await memoryReturns(pool, before);
}

async function call(path: string, body: Buffer, type = 'application/grpc') {
  const headers = { ':path': path, 'content-type': type, te: 'trailers' };
  const { status, trailers } = await gateway.raw(headers, body);
  return { status, code: trailers['grpc-status'], text: trailers['grpc-message'] };
}

const rpcs = [
  '/net.Orchestrator/GetOrchestrator',
  '/net.Orchestrator/EndTranscodingSession',
  '/net.Orchestrator/Ping',
  '/net.Transcoder/RegisterTranscoder',
];

test('calls that are none get a status of gRPC, and nobody else notices', () =>
  unnoticed(async () => {
    for (const path of rpcs) {
      const codeOf = async (body: Buffer) => (await call(path, body)).code;
      assert.equal(await codeOf(framed(Buffer.from('ffffffffff', 'hex'))), '13', 'garbage');
      assert.equal(await codeOf(Buffer.alloc(0)), '13', 'nothing');
      assert.equal(await codeOf(Buffer.from('00000000ff00', 'hex')), '13', 'cut short');
      assert.equal(await codeOf(Buffer.from('0100000000', 'hex')), '12', 'compressed');
      assert.equal(await codeOf(Buffer.from('7f00000000', 'hex')), '13', 'unknown flags');
      assert.equal(await codeOf(framed(Buffer.alloc(5 * MIB))), '8', 'above 4 MiB');
      assert.equal(await codeOf(Buffer.from('00ffffffff', 'hex')), '8', 'declared above 4 MiB');
      const twice = Buffer.concat([framed(Buffer.alloc(0)), framed(Buffer.alloc(0))]);
      assert.equal(await codeOf(twice), '13', 'two messages');
      const json = await call(path, Buffer.from('{}'), 'application/grpc-web+json');
      assert.equal(json.status, 415);
    }
    assert.equal((await call('/net.Orchestrator/Nothing', framed(Buffer.alloc(0)))).code, '12');
    assert.equal(
      (await call('/net.AIWorker/RegisterAIWorker', framed(Buffer.alloc(0)))).code,
      '12',
    );
    assert.equal((await gateway.endSession(undefined)).ok, false, 'an absent submessage');
  }));

test('a registration without a right to it is refused in the words transcoders know', () =>
  unnoticed(async () => {
    const { credential } = enrolment;
    const secrets = ['', 'x', credential.slice(0, -1), `${credential}x`, 'x'.repeat(4096), '\0'];
    for (const secret of [...secrets, credential.toUpperCase(), '../../etc/passwd']) {
      const request = create(RegisterRequestSchema, { secret, capacity: 1n });
      const body = framed(toBinary(RegisterRequestSchema, request));
      const { code, text } = await call('/net.Transcoder/RegisterTranscoder', body);
      assert.deepEqual([code, text], ['2', 'invalid secret']);
    }
    for (const capacity of [0n, -1n]) {
      const request = create(RegisterRequestSchema, { secret: credential, capacity });
      const body = framed(toBinary(RegisterRequestSchema, request));
      const { code, text } = await call('/net.Transcoder/RegisterTranscoder', body);
      assert.deepEqual([code, text], ['2', 'zero capacity']);
    }
  }));

test('an answer that is not asked for, or not from its worker, is not even read', () =>
  unnoticed(async () => {
    const { credential } = enrolment;
    const mine = transcoder.tasks.at(-1)?.taskId ?? 0n;
    const post = (headers: Record<string, string>) =>
      gateway.raw({
        ':path': '/transcodeResults',
        authorization: 'Livepeer-Transcoder-1.0',
        credentials: credential,
        taskid: String(mine),
        'content-type': 'livepeer/transcoding-error',
        ...headers,
      });
    const statusOf = async (headers: Record<string, string>) => (await post(headers)).status;
    assert.equal(await statusOf({ credentials: 'guess' }), 401);
    assert.equal(await statusOf({ credentials: '' }), 401);
    assert.equal(await statusOf({ authorization: 'Livepeer-Transcoder-2.0' }), 401, 'version');
    assert.equal(await statusOf({ authorization: '' }), 401);
    assert.equal(await statusOf({ 'content-type': '' }), 415);
    assert.equal(await statusOf({ 'content-type': 'no type' }), 415);
    for (const taskid of ['', '0', '-1', '1e3', '../1', '9'.repeat(30), '0x10', ' ']) {
      assert.equal(await statusOf({ taskid }), 400, taskid);
    }
    assert.equal(await statusOf({ taskid: '12345' }), 404);
    const other = await pool.enrol();
    assert.equal(await statusOf({ credentials: other.credential }), 403, "another's task");
  }));

for (const protocol of protocols) {
  test(`damaged segment headers over ${protocol} are refused at once`, () =>
    unnoticed(async () => {
      const info = await gateway.session();
      const source = await stampedSource();
      const good = encodeSegment(segmentOf(info, source));
      const headers = [
        '',
        '=',
        'a',
        good.slice(0, -5),
        good.slice(0, good.length / 2),
        good.replaceAll('A', '-'),
        `${good}${good}`,
        `${good}!`,
        'A'.repeat(60_000),
        encodeSegment(segmentOf(info, source, { profiles: [] })),
        encodeSegment(segmentOf(info, source, { durationMs: 301_000 })),
        encodeSegment(segmentOf(info, source, { durationMs: -1 })),
        encodeSegment(segmentOf(info, source, { authToken: undefined })),
      ];
      for (const header of headers) {
        const request = openRequest(pool.port, {
          protocol,
          path: '/segment',
          headers: { 'livepeer-segment': header, 'content-length': source.length },
        });
        assert.equal(await request.status, 403, header.slice(0, 40));
        assert.match((await request.body).toString(), /^[\x20-\x7e]{1,100}\n$/);
        request.destroy();
      }
      const none = openRequest(pool.port, { protocol, path: '/segment' });
      none.end();
      assert.equal(await none.status, 403, 'no header at all');
    }));
}

test('bytes that are not HTTP, and headers beyond any reason, end their own connection only', () =>
  unnoticed(async () => {
    const sent = [
      [['http/1.1'], 'GET / HTTP/9.9\r\n\r\n', /^HTTP\/1.1 400 /],
      [['http/1.1'], `${'\0'.repeat(2_000)}\r\n\r\n`, /^HTTP\/1.1 400 /],
      [['http/1.1'], `GET / HTTP/1.1\r\nX: ${'x'.repeat(300_000)}\r\n\r\n`, /^HTTP\/1.1 431 /],
      [['http/1.1'], `POST /segment HTTP/1.1\r\nContent-Length: -5\r\n\r\n`, /^HTTP\/1.1 400 /],
      [['h2'], 'GET / HTTP/1.1\r\nHost: x\r\n\r\n', /^/],
      [['h2'], `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${'\xff'.repeat(500)}`, /^/],
    ] as const;
    for (const [alpn, bytes, reply] of sent) {
      const socket = connectTls({
        port: pool.port,
        host: '127.0.0.1',
        rejectUnauthorized: false,
        ALPNProtocols: [...alpn],
      });
      socket.on('error', () => {});
      await once(socket, 'secureConnect');
      const pieces: Buffer[] = [];
      socket.on('data', (piece: Buffer) => pieces.push(piece));
      socket.write(Buffer.from(bytes, 'latin1'));
      await once(socket, 'close');
      assert.match(Buffer.concat(pieces).toString('latin1'), reply);
    }
  }));

test('bytes that are no video come back as what the transcoder says of them', async (t) => {
  answer = async () => ({ kind: 'error', text: 'Unsupported input codec' });
  t.after(() => {
    answer = goodAnswer;
  });
  const reply = await gateway.submit(await gateway.session(), Buffer.alloc(100_000, 7));
  assert.deepEqual(reply.result?.result, { kind: 'failed', text: 'Unsupported input codec' });
});

test('results beyond the memory for segments fail their segment, and the next one passes', async (t) => {
  const small = await startTestPool(t, ['--segment-memory=16MiB']);
  const theirs = startStockGateway(small.port);
  t.after(() => theirs.close());
  let fat = true;
  await joinStock(t, small, {
    async answer(task) {
      const good = await goodAnswer(task);
      if (!fat || good.kind !== 'renditions') return good;
      const padding = Buffer.alloc(8 * MIB);
      const renditions = good.renditions.map((one) => ({
        ...one,
        bytes: Buffer.concat([one.bytes, padding]),
      }));
      return { kind: 'renditions', renditions };
    },
  });
  const info = await theirs.session();
  const profiles = [presets.P240p30fps16x9, presets.P144p30fps16x9];
  const reply = await theirs.submit(info, await stampedSource(), { profiles });
  assert.deepEqual(reply.result?.result, { kind: 'failed', text: 'OrchestratorBusy' });
  fat = false;
  const next = await theirs.submit(info, await stampedSource(), { profiles });
  assert.equal(next.result?.result.kind, 'done');
});
