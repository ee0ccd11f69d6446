import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import type { OutgoingHttpHeaders } from 'node:http2';
import { after, test } from 'node:test';
import { create, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { PaymentSchema, SegDataSchema } from '../../src/protocol/gen/lp_rpc_pb.ts';
import { presets } from '../../src/protocol/profile-presets.ts';
import { writeSegData } from '../../src/protocol/segment.ts';
import { inputTexts } from '../../src/protocol/texts.ts';
import { damaged } from '../fixtures/protobuf-mutations.ts';
import { stampedRenditions, stampedSource } from '../fixtures/renditions.ts';
import { memoryOf, memoryReturns } from '../pool-memory.ts';
import { openRequest, protocols } from '../raw-request.ts';
import { startTestPool } from '../start-pool.ts';
import { goodAnswer, joinStock } from '../start-pool-with-worker.ts';
import { segmentOf, startStockGateway } from '../stock-gateway.ts';
import { multipart, type StockOptions } from '../stock-transcoder.ts';
import { createFaultLog } from './faults.ts';

const RUNS = { numRuns: 150 };
/** Results that are damaged at the same time: each waits 2 s for another worker, in vain. */
const RESULTS = 60;

/** One field of HTTP/2 holds 64 KiB here; two of this size together fit into all limits. */
const HEADER_CHARS_MAX = 60_000;

const log = createFaultLog();
const pool = await startTestPool({ after }, [], { log });
const gateway = startStockGateway(pool.port);
after(() => gateway.close());
let answer: StockOptions['answer'] = goodAnswer;
const { enrolment, transcoder } = await joinStock({ after }, pool, {
  capacity: RESULTS + 40,
  answer: (...task) => answer(...task),
});

interface Reply {
  readonly status: number;
  readonly body: Buffer;
}

/** Sends a request whole; the reply, or undefined when its stream was reset. */
async function send(headers: OutgoingHttpHeaders, body?: Uint8Array): Promise<Reply | undefined> {
  try {
    return await gateway.raw(headers, body);
  } catch {
    return undefined;
  }
}

function assertOneLine({ body }: Reply): void {
  assert.ok(body.length < 1_000, `${body.length} bytes`);
  assert.match(body.toString(), /^[^\r\n]*\n$/);
}

async function assertWell(before: number): Promise<void> {
  answer = goodAnswer;
  assert.deepEqual(log.faults, []);
  const info = await gateway.session();
  const reply = await gateway.submit(info, await stampedSource());
  assert.equal(reply.result?.result.kind, 'done');
  await gateway.endSession(info.authToken);
  await memoryReturns(pool, before);
}

/** A segment that the worker refuses at once, so that a run takes milliseconds. */
function refuseAll(): void {
  answer = async () => ({ kind: 'error', text: inputTexts.noKeyframes });
}

const SEGMENT_STATUSES = new Set([200, 400, 402, 403, 500, 503]);

async function segmentMessage(source: Buffer): Promise<Uint8Array> {
  const info = await gateway.session();
  const segment = segmentOf(info, source, {
    profiles: [presets.P240p30fps16x9, { ...presets.P144p30fps16x9, gop: 2_000, fpsDen: 1 }],
    clip: { fromMs: 0, toMs: 1_000 },
    storage: {
      type: 's3',
      host: 'https://store.invalid/bucket',
      key: 'k',
      policy: 'p',
      signature: 's',
      credential: 'c',
      xAmzDate: 'd',
    },
  });
  return toBinary(SegDataSchema, writeSegData(segment, 'gateway'));
}

test('damaged segments are refused or answered, and the pool goes on', async () => {
  const before = await memoryOf(pool);
  refuseAll();
  const source = await stampedSource();
  const message = await segmentMessage(source);
  const payment = toBinary(
    PaymentSchema,
    create(PaymentSchema, {
      sender: new Uint8Array(20),
      ticketParams: { recipient: new Uint8Array(20), faceValue: new Uint8Array(32) },
      ticketSenderParams: [{ senderNonce: 1, sig: new Uint8Array(65) }],
      expectedPrice: { pricePerUnit: 1n, pixelsPerUnit: 0n },
    }),
  );
  // Longer ones end the whole HTTP/2 connection before anybody reads them.
  const fits = (header: string) => header.length <= HEADER_CHARS_MAX;
  const headers = damaged([message])
    .map((bytes) => bytes.toString('base64'))
    .filter(fits);
  const payments = fc.oneof(
    { weight: 4, arbitrary: fc.constant('') },
    damaged([payment])
      .map((bytes) => bytes.toString('base64'))
      .filter(fits),
  );
  await fc.assert(
    fc.asyncProperty(headers, payments, async (segment, paid) => {
      const reply = await send(
        { ':path': '/segment', 'livepeer-segment': segment, 'livepeer-payment': paid },
        source,
      );
      assert.ok(reply, 'reset without a reason');
      assert.ok(SEGMENT_STATUSES.has(reply.status), String(reply.status));
      if (reply.status !== 200) assertOneLine(reply);
    }),
    RUNS,
  );
  await assertWell(before);
});

test('bodies of segments may be anything', async () => {
  const before = await memoryOf(pool);
  refuseAll();
  const source = await stampedSource();
  const good = Buffer.from(await segmentMessage(source)).toString('base64');
  const bodies = fc.oneof(
    fc.constant(source),
    fc.nat(source.length).map((length) => source.subarray(0, length)),
    fc.nat(source.length - 1).map((at) => source.with(at, (source[at] ?? 0) ^ 1)),
    fc.uint8Array({ maxLength: 2_000 }),
    fc.webUrl().map((url) => Buffer.from(url)),
  );
  const types = fc.constantFrom('video/MP2T', 'video/mp4', 'application/vnd+livepeer.uri', '', ';');
  const lengths = fc.oneof(
    { weight: 3, arbitrary: fc.constant('true') },
    fc.constantFrom(undefined, '0', '5', '-1', '1e9', '300000001', '99999999999999999999', 'x'),
  );
  await fc.assert(
    fc.asyncProperty(bodies, types, lengths, async (body, type, length) => {
      const declared = length === 'true' ? String(body.length) : length;
      const reply = await send(
        {
          ':path': '/segment',
          'livepeer-segment': good,
          'content-type': type,
          ...(declared === undefined ? {} : { 'content-length': declared }),
        },
        body,
      );
      if (!reply) return assert.notEqual(length, 'true', 'reset without a reason');
      assert.ok(SEGMENT_STATUSES.has(reply.status), String(reply.status));
    }),
    RUNS,
  );
  await assertWell(before);
});

test('paths may be anything', async () => {
  const before = await memoryOf(pool);
  const info = await gateway.session();
  const done = await gateway.submit(info, await stampedSource());
  assert.ok(done.result?.result.kind === 'done');
  const result = new URL(done.result.result.renditions[0]?.url ?? '').pathname;
  const source = new URL(transcoder.tasks.at(-1)?.url ?? '').pathname;
  const odd = ['..', '.', '', '%2e%2e', '%00', '%', 'é', '?', '#', '\\', '-1', '9'.repeat(400)];
  const paths = fc
    .tuple(
      fc.constantFrom(result, source, '/segment', '/transcodeResults', '/healthz', '/'),
      fc.array(fc.tuple(fc.nat(6), fc.oneof(fc.constantFrom(...odd), fc.string())), {
        maxLength: 3,
      }),
    )
    .map(([path, changes]) => {
      const parts = path.split('/');
      for (const [at, part] of changes)
        parts[1 + (at % parts.length)] = encodeURI(part.toWellFormed());
      return parts.join('/');
    });
  const methods = fc.constantFrom('GET', 'POST', 'PUT', 'HEAD', 'DELETE', 'OPTIONS', 'PATCH', 'X');
  await fc.assert(
    fc.asyncProperty(paths, methods, async (path, method) => {
      const reply = await send({ ':path': path, ':method': method });
      assert.ok(reply, 'reset without a reason');
      assert.ok(reply.status < 500, `${reply.status} for ${path}`);
      if (reply.status === 200) assert.ok([result, '/healthz'].includes(path.split('?')[0] ?? ''));
    }),
    RUNS,
  );
  await gateway.endSession(info.authToken);
  await assertWell(before);
});

test('requests that break off anywhere leave nothing behind', async () => {
  const before = await memoryOf(pool);
  refuseAll();
  const source = await stampedSource();
  const good = Buffer.from(await segmentMessage(source)).toString('base64');
  const broken = fc.record({
    protocol: fc.constantFrom(...protocols),
    path: fc.constantFrom('/segment', '/transcodeResults', '/stream/x', '/net.Orchestrator/Ping'),
    length: fc.nat(source.length),
    declared: fc.boolean(),
    type: fc.constantFrom('video/MP2T', 'application/grpc', 'application/vnd+livepeer.uri'),
  });
  await fc.assert(
    fc.asyncProperty(broken, async ({ protocol, path, length, declared, type }) => {
      const request = openRequest(pool.port, {
        protocol,
        path,
        headers: {
          'livepeer-segment': good,
          'content-type': type,
          ...(declared ? { 'content-length': source.length } : {}),
        },
      });
      await request.write(source.subarray(0, length));
      request.destroy();
    }),
    { numRuns: 80 },
  );
  await assertWell(before);
});

interface Post {
  readonly headers: OutgoingHttpHeaders;
  readonly body: Buffer;
}

const BOUNDARY = '58824b99823990de49cc';

/** A result of one rendition, damaged in its parts, its bytes or its headers. */
function damagedPost(bytes: Uint8Array): fc.Arbitrary<Post> {
  const rendition = { bytes, pixels: 6_134_400n };
  const type = `multipart/mixed; boundary=${BOUNDARY}`;
  const good = {
    headers: { 'content-type': type, pixels: '1' },
    body: multipart([rendition], BOUNDARY),
  };
  const withBody = (change: (body: Buffer) => Buffer): Post => ({
    ...good,
    body: change(good.body),
  });
  const withHeaders = (headers: OutgoingHttpHeaders): Post => ({
    ...good,
    headers: { ...good.headers, ...headers },
  });
  const parts = fc.array(
    fc.constantFrom(
      { ...rendition },
      { ...rendition, pixels: -1n },
      { ...rendition, phash: Buffer.from('hash') },
      { bytes: Buffer.alloc(0), pixels: 0n },
      { bytes: Buffer.alloc(3_000, 0x47), pixels: 2n ** 63n },
    ),
    { maxLength: 8 },
  );
  const line = fc.constantFrom(
    'Pixels: 1',
    'Content-Type: application/octet-stream',
    'Content-Length: 99999999999',
    `X: ${'x'.repeat(9_000)}`,
    ': nothing',
    'no colon',
    'A: \0',
  );
  return fc.oneof(
    parts.map((list) => withBody(() => multipart(list, BOUNDARY))),
    fc.nat(good.body.length).map((length) => withBody((body) => body.subarray(0, length))),
    fc.nat(400).map((at) => withBody((body) => Buffer.from(body.with(at, 0x0d)))),
    fc.array(line, { maxLength: 20 }).map((lines) => {
      const part = `--${BOUNDARY}\r\n${lines.join('\r\n')}\r\n\r\nx\r\n--${BOUNDARY}--\r\n`;
      return withBody(() => Buffer.from(part, 'latin1'));
    }),
    fc.integer({ min: 10, max: 300 }).map((count) => {
      const part = `--${BOUNDARY}\r\n\r\n\r\n`;
      return withBody(() => Buffer.from(`${part.repeat(count)}--${BOUNDARY}--\r\n`));
    }),
    fc.uint8Array({ maxLength: 3_000 }).map((noise) => withBody(() => Buffer.from(noise))),
    fc.constantFrom('', 'x', '1e3', '-', '9'.repeat(40)).map((pixels) => withHeaders({ pixels })),
    fc
      .constantFrom(
        'multipart/mixed',
        'multipart/mixed; boundary=',
        'multipart/mixed; boundary="',
        `multipart/mixed; boundary=${'b'.repeat(200)}`,
        'multipart/form-data; boundary=x',
        'text/plain',
      )
      .map((other) => withHeaders({ 'content-type': other })),
  );
}

test('damaged results fail their own attempt and nothing else', async (t) => {
  const before = await memoryOf(pool);
  const [rendition] = await stampedRenditions(['P240p30fps16x9']);
  const seed = randomInt(2 ** 31);
  t.diagnostic(`seed ${seed}`);
  const posts = fc.sample(damagedPost(rendition?.bytes ?? Buffer.alloc(0)), {
    numRuns: RESULTS,
    seed,
  });
  const replies: (number | undefined)[] = [];
  const waiting = [...posts];
  answer = async ({ taskId }) => {
    const post = waiting.pop();
    const reply = await send(
      {
        ':path': '/transcodeResults',
        authorization: 'Livepeer-Transcoder-1.0',
        credentials: enrolment.credential,
        taskid: String(taskId),
        ...post?.headers,
      },
      post?.body,
    );
    replies.push(reply?.status);
    return { kind: 'silence' };
  };
  const outcomes = await Promise.all(
    posts.map(async (_, index) => {
      const info = await gateway.session();
      const reply = await gateway.submit(info, await stampedSource(), {
        manifestId: Buffer.from(`stream ${index}`),
      });
      await gateway.endSession(info.authToken);
      return reply.result?.result.kind ?? reply.text;
    }),
  );
  assert.equal(replies.length, RESULTS);
  for (const status of replies) assert.ok(status === 200 || status === 415, String(status));
  for (const outcome of outcomes) assert.ok(outcome === 'failed' || outcome === 'done', outcome);
  await assertWell(before);
});
