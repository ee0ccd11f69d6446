import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { keccak256 } from '../../src/base/keccak.ts';
import { encodeSegment, type Segment } from '../../src/protocol/segment.ts';
import { decodeTranscodeResult } from '../../src/protocol/transcode-result.ts';
import { stampedSource } from '../fixtures/renditions.ts';
import { memoryOf, memoryReturns } from '../pool-memory.ts';
import { openRequest, protocols, type RawRequest } from '../raw-request.ts';
import { createShiftedClock } from '../shifted-clock.ts';
import { startTestPool } from '../start-pool.ts';
import { goodAnswer, joinStock } from '../start-pool-with-worker.ts';
import { segmentOf, startStockGateway } from '../stock-gateway.ts';

const MIB = 1024 * 1024;

const clock = createShiftedClock();
const pool = await startTestPool({ after }, [], { clock });
const gateway = startStockGateway(pool.port);
after(() => gateway.close());
/** Closed by a test that wants the worker to take its time. */
let gate: Promise<void> = Promise.resolve();
await joinStock({ after }, pool, {
  async answer(task) {
    await gate;
    return goodAnswer(task);
  },
});

interface Sent {
  readonly source: Uint8Array;
  readonly protocol: (typeof protocols)[number];
  readonly changes?: Partial<Segment>;
  /** Content-Length; none when null. */
  readonly declared?: number | null;
}

async function open({ source, protocol, changes, declared }: Sent): Promise<RawRequest> {
  const info = await gateway.session();
  const length = declared === undefined ? source.length : declared;
  return openRequest(pool.port, {
    protocol,
    path: '/segment',
    headers: {
      'livepeer-segment': encodeSegment(segmentOf(info, source, changes)),
      'content-type': 'video/MP2T',
      ...(length === null ? {} : { 'content-length': length }),
    },
  });
}

async function assertDone(request: RawRequest): Promise<void> {
  assert.equal(await request.status, 200);
  const decoded = decodeTranscodeResult(await request.body);
  assert.equal(decoded.ok && decoded.result.result.kind, 'done', JSON.stringify(decoded.ok));
}

/** What a gateway does next: another segment, which nobody must notice anything in. */
async function assertServes(): Promise<void> {
  const reply = await gateway.submit(await gateway.session(), await stampedSource());
  const result = reply.result?.result;
  assert.equal(result?.kind, 'done', result?.kind === 'failed' ? result.text : reply.text);
}

/** The source with null packets behind it, which every demuxer skips. */
async function padded(bytes: number): Promise<Buffer> {
  const source = await stampedSource();
  const packets = Math.ceil((bytes - source.length) / 188);
  const padding = Buffer.alloc(packets * 188, 0xff);
  for (let at = 0; at < padding.length; at += 188) padding.set([0x47, 0x1f, 0xff, 0x10], at);
  return Buffer.concat([source, padding]);
}

/** Sends a megabyte at a time until the reply is there. Returns how many were sent. */
async function pushUntilReply(request: RawRequest): Promise<number> {
  const piece = Buffer.alloc(MIB, 0x47);
  let replied = false;
  const reply = request.status.finally(() => {
    replied = true;
  });
  let pushed = 0;
  while (!replied) {
    await Promise.race([request.write(piece), reply]);
    pushed += 1;
  }
  return pushed;
}

/** Lets the pool's clock run ahead until the reply is there: it looks once a second. */
async function passTimeUntil(reply: Promise<unknown>): Promise<void> {
  const replied = reply.then(() => true);
  do {
    clock.shift(6_000);
  } while (!(await Promise.race([replied, setTimeout(1_100, false)])));
}

for (const protocol of protocols) {
  test(`over ${protocol} the 200 comes before the transcode ends`, async () => {
    const closed = Promise.withResolvers<void>();
    gate = closed.promise;
    const source = await stampedSource();
    const request = await open({ source, protocol });
    await request.write(source);
    request.end();

    assert.equal(await request.status, 200);
    closed.resolve();
    await assertDone(request);
  });

  test(`over ${protocol} a segment of 60 MB comes through`, async () => {
    const source = await padded(60_000_000);
    const request = await open({ source, protocol, changes: { durationMs: 60_000 } });
    void request.write(source);
    request.end();
    await assertDone(request);
  });

  test(`over ${protocol} a body above 300 MB is refused before it is sent`, async () => {
    const source = Buffer.alloc(100);
    const changes = { durationMs: 300_000 };
    const request = await open({ source, protocol, changes, declared: 300_000_001 });
    assert.equal(await request.status, 500);
    assert.equal((await request.body).toString(), 'Internal Server Error\n');
    await assertServes();
  });

  test(`over ${protocol} a body longer than its duration warrants is refused on the way`, async () => {
    const before = await memoryOf(pool);
    const request = await open({ source: Buffer.alloc(100), protocol, declared: null });
    const pushed = await pushUntilReply(request);
    assert.equal(await request.status, 500);
    assert.equal((await request.body).toString(), 'Internal Server Error\n');
    assert.ok(pushed >= 79 && pushed < 150, `${pushed} MiB were sent`);
    await memoryReturns(pool, before);
    await assertServes();
  });

  test(`over ${protocol} a body that does not fit into memory is told to come back`, async () => {
    const before = await memoryOf(pool);
    const changes = { durationMs: 300_000 };
    const request = await open({ source: Buffer.alloc(100), protocol, changes, declared: null });
    await pushUntilReply(request);
    assert.equal(await request.status, 503);
    assert.equal((await request.body).toString(), 'OrchestratorBusy\n');
    await memoryReturns(pool, before);

    const declared = await open({
      source: Buffer.alloc(100),
      protocol,
      changes,
      declared: 299_000_000,
    });
    assert.equal(await declared.status, 503);
    await assertServes();
  });

  test(`over ${protocol} a refusal reaches a gateway that is still sending`, async () => {
    const source = await padded(8 * MIB);
    const changes = { authToken: undefined };
    const request = await open({ source, protocol, changes });
    await request.write(source.subarray(0, MIB));
    assert.equal(await request.status, 403);
    void request.write(source.subarray(MIB));
    assert.equal((await request.body).toString(), 'missing auth token\n');
    request.destroy();
    await assertServes();
  });

  test(`over ${protocol} a gateway that vanishes in the middle leaves nothing behind`, async () => {
    const before = await memoryOf(pool);
    const source = await padded(4 * MIB);
    for (const declared of [source.length, null]) {
      const request = await open({ source, protocol, declared });
      await request.write(source.subarray(0, MIB));
      request.destroy();
    }
    await memoryReturns(pool, before);
    await assertServes();
  });

  test(`over ${protocol} a gateway that stops in the middle is not waited for`, async () => {
    const source = await padded(4 * MIB);
    const request = await open({ source, protocol });
    await request.write(source.subarray(0, MIB));
    await passTimeUntil(request.status);
    assert.equal(await request.status, 500);
    await assertServes();
  });

  test(`over ${protocol} a segment without bytes is bad input, not a fault`, async () => {
    const source = Buffer.alloc(0);
    const empty = await open({ source, protocol, declared: 0 });
    empty.end();
    assert.equal(await empty.status, 200);
    const decoded = decodeTranscodeResult(await empty.body);
    assert.deepEqual(decoded.ok && decoded.result.result, {
      kind: 'failed',
      text: 'TranscoderInvalidVideo',
    });

    const changes = { hash: keccak256(Buffer.from('something')) };
    const wrong = await open({ source, protocol, changes, declared: 0 });
    wrong.end();
    assert.equal(await wrong.status, 403);
    assert.equal((await wrong.body).toString(), 'Forbidden\n');
  });
}

test('a body shorter or longer than declared is never handed on', async () => {
  const before = await memoryOf(pool);
  const source = await stampedSource();
  for (const declared of [source.length + 188, source.length - 188]) {
    const request = await open({ source, protocol: 'h2', declared });
    await request.write(source);
    request.end();
    const status = await request.status.catch(() => 'reset');
    assert.ok(status === 500 || status === 400 || status === 'reset', String(status));
  }
  await memoryReturns(pool, before);
  await assertServes();
});
