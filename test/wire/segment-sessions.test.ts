import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { bitsOf, fromBitstring } from '../../src/protocol/capabilities.ts';
import type { OrchestratorInfo } from '../../src/protocol/gen/lp_rpc_pb.ts';
import { presets } from '../../src/protocol/profile-presets.ts';
import { encodeSegment } from '../../src/protocol/segment.ts';
import { decodeTranscodeResult } from '../../src/protocol/transcode-result.ts';
import { eventually } from '../eventually.ts';
import { stampedSource } from '../fixtures/renditions.ts';
import { startOwnWorker } from '../own-worker.ts';
import { openRequest } from '../raw-request.ts';
import { startTestPool, type TestPool } from '../start-pool.ts';
import { goodAnswer, joinStock } from '../start-pool-with-worker.ts';
import { type SegmentReply, segmentOf, startStockGateway } from '../stock-gateway.ts';

const pool = await startTestPool({ after });
const gateway = startStockGateway(pool.port);
after(() => gateway.close());
let gate: Promise<void> = Promise.resolve();
const { transcoder, enrolment } = await joinStock({ after }, pool, {
  capacity: 2,
  async answer(task) {
    await gate;
    return goodAnswer(task);
  },
});

/** Makes the worker hold its answers until the returned function is called. */
function hold(): () => void {
  const { promise, resolve } = Promise.withResolvers<void>();
  gate = promise;
  return resolve;
}

interface Status {
  readonly sessions: number;
  readonly segments: { readonly inFlight: number };
}
const status = (): Promise<Status> => (pool as TestPool).admin('GET', '/api/v1/status');

async function submit(info: OrchestratorInfo, manifestId = 'stream'): Promise<SegmentReply> {
  const changes = { manifestId: Buffer.from(manifestId) };
  return gateway.submit(info, await stampedSource(), changes);
}

const outcomeOf = ({ status: code, text, result }: SegmentReply) => {
  if (code !== 200) return `${code} ${text}`;
  return result?.result.kind === 'failed' ? result.result.text : result?.result.kind;
};

/** Ends sessions, so that the next test finds the worker free. */
async function end(...infos: readonly OrchestratorInfo[]): Promise<void> {
  for (const { authToken } of infos) await gateway.endSession(authToken);
  await eventually('no session is left', async () => (await status()).sessions === 0);
}

test('of six segments at once five are taken and the sixth is OrchestratorBusy', async () => {
  const release = hold();
  const info = await gateway.session();
  const replies: Promise<SegmentReply>[] = [];
  for (let count = 1; count <= 5; count += 1) {
    replies.push(submit(info));
    await eventually('it is taken', async () => (await status()).segments.inFlight === count);
  }
  assert.equal(outcomeOf(await submit(info)), 'OrchestratorBusy');
  release();
  assert.deepEqual((await Promise.all(replies)).map(outcomeOf), Array(5).fill('done'));
  await end(info);
});

test('a session beyond what the workers take is OrchestratorCapped', async () => {
  const infos = [await gateway.session(), await gateway.session(), await gateway.session()];
  const [one, two, three] = infos as [OrchestratorInfo, OrchestratorInfo, OrchestratorInfo];
  assert.equal(outcomeOf(await submit(one, 'a')), 'done');
  assert.equal(outcomeOf(await submit(two, 'b')), 'done');
  assert.equal(outcomeOf(await submit(three, 'c')), '403 OrchestratorCapped');
  assert.equal(outcomeOf(await submit(one, 'a')), 'done', 'those that run are not disturbed');
  await gateway.endSession(two.authToken);
  assert.equal(outcomeOf(await submit(three, 'c')), 'done', 'a place that was given back');
  await end(one, three);
});

test('a full pool sends a new gateway away, and lets one with a stream renew its session', {
  skip: process.platform === 'linux' ? false : 'needs a second loopback address',
}, async () => {
  const one = await gateway.session();
  const two = await gateway.session();
  assert.equal(outcomeOf(await submit(one, 'a')), 'done');
  assert.equal(outcomeOf(await submit(two, 'b')), 'done');

  const stranger = openRequest(pool.port, {
    protocol: 'h2',
    path: '/net.Orchestrator/GetOrchestrator',
    headers: { 'content-type': 'application/grpc', te: 'trailers' },
    localAddress: '127.0.0.2',
  });
  await stranger.write(Buffer.alloc(5));
  stranger.end();
  assert.equal(await stranger.status, 200);
  assert.equal((await stranger.body).length, 0, 'a status and no message');

  const renewed = await gateway.session();
  assert.notEqual(renewed.authToken?.sessionId, one.authToken?.sessionId);
  assert.equal(outcomeOf(await submit(renewed, 'a')), 'done', 'it takes the place of its elder');
  assert.equal(outcomeOf(await submit(two, 'b')), 'done', 'the other stream is not disturbed');
  await end(renewed, two);
});

test('a renewal while the last segment of the old session is still being transcoded', async () => {
  const one = await gateway.session();
  const two = await gateway.session();
  assert.equal(outcomeOf(await submit(one, 'a')), 'done');
  assert.equal(outcomeOf(await submit(two, 'b')), 'done');
  const release = hold();
  const last = submit(one, 'a');
  await eventually('it is under way', async () => (await status()).segments.inFlight === 1);
  const renewed = await gateway.session();
  const source = await stampedSource();
  const segment = segmentOf(renewed, source, { manifestId: Buffer.from('a') });
  const first = openRequest(pool.port, {
    protocol: 'h2',
    path: '/segment',
    headers: { 'livepeer-segment': encodeSegment(segment), 'content-length': source.length },
  });
  await first.write(source);
  first.end();
  assert.equal(await first.status, 200, 'it is accepted before the other one is done');
  release();
  assert.equal(outcomeOf(await last), 'done');
  const decoded = decodeTranscodeResult(await first.body);
  assert.equal(decoded.ok && decoded.result.result.kind, 'done');
  await end(renewed, two);
});

test('two gateways whose streams have the same name do not mix', async () => {
  const other = startStockGateway(pool.port);
  try {
    const mine = await gateway.session();
    const theirs = await other.session();
    const [one, two] = await Promise.all([
      gateway.submit(mine, await stampedSource(), { seq: 1n }),
      other.submit(theirs, await stampedSource(), { seq: 1n }),
    ]);
    const urls = [one, two].map(({ result }) => {
      assert.ok(result?.result.kind === 'done');
      return result.result.renditions[0]?.url ?? '';
    });
    assert.notEqual(urls[0], urls[1]);
    const [first, second] = await Promise.all(urls.map((url) => gateway.download(url)));
    assert.notDeepEqual(first?.body, second?.body, 'each has its own rendition');

    assert.equal((await other.endSession(theirs.authToken)).ok, true);
    assert.equal((await gateway.download(urls[0] ?? '')).status, 200, 'mine is still there');
    assert.equal((await gateway.download(urls[1] ?? '')).status, 404);
    await end(mine);
  } finally {
    other.close();
  }
});

test('an ended session is torn down at its worker', async () => {
  const info = await gateway.session();
  assert.equal(outcomeOf(await submit(info)), 'done');
  const session = transcoder.tasks.at(-1)?.segData?.authToken?.sessionId ?? '';
  await end(info);
  await eventually('the worker is told', () => transcoder.teardowns.includes(session));
  assert.notEqual(session, info.authToken?.sessionId, 'a worker never learns the real one');
});

test('an ended session whose token is still valid may begin again', async () => {
  const info = await gateway.session();
  assert.equal(outcomeOf(await submit(info)), 'done');
  await end(info);
  assert.equal(outcomeOf(await submit(info)), 'done');
  await end(info);
});

test('what no worker can do is not offered, and refused when it comes all the same', async () => {
  const hevc = { ...presets.P240p30fps16x9, encoder: 'hevc' } as const;
  const info = await gateway.session();
  // A stock gateway compares the capabilities itself and does not choose us.
  const offered = fromBitstring(info.capabilities?.bitstring ?? []);
  assert.equal(offered & bitsOf('HEVCEncode', 'VP9Encode'), 0n);
  const bits = bitsOf('AuthToken', 'SegmentSlicing', 'H264', 'MPEGTS', 'HEVCEncode');
  const caps = { bits, words: 1, minVersion: '' };
  const refused = await gateway.submit(info, await stampedSource(), { caps, profiles: [hevc] });
  assert.equal(outcomeOf(refused), '403 incompatible capabilities');

  const newer = { ...caps, bits: bitsOf('AuthToken', 'H264'), minVersion: '99.0.0' };
  const tooOld = await gateway.submit(info, await stampedSource(), { caps: newer });
  assert.equal(outcomeOf(tooOld), '403 incompatible capabilities');
});

test('a worker takes no more renditions at once than its devices open encoders', async (t) => {
  await pool.admin('POST', `/api/v1/workers/${enrolment.id}/pause`);
  t.after(() => pool.admin('POST', `/api/v1/workers/${enrolment.id}/resume`).then(() => {}));
  const { join } = await pool.enrol();
  const worker = await startOwnWorker(t, join, { device: 'nvidia:0', encoders: 1 });
  await worker.ready;
  const infos = [await gateway.session(), await gateway.session()];
  const [one, two] = infos as [OrchestratorInfo, OrchestratorInfo];
  assert.equal(outcomeOf(await submit(one, 'a')), 'done');
  assert.equal(outcomeOf(await submit(two, 'b')), '403 OrchestratorCapped');
  await gateway.endSession(one.authToken);
  assert.equal(outcomeOf(await submit(two, 'b')), 'done', 'an encoder that was given back');
  await end(two);
});

test('a paused worker finishes its segment, and the pool is capped until it is resumed', async () => {
  const release = hold();
  const info = await gateway.session();
  const running = submit(info);
  await eventually('it is under way', async () => (await status()).segments.inFlight === 1);
  await pool.admin('POST', `/api/v1/workers/${enrolment.id}/pause`);
  release();
  assert.equal(outcomeOf(await running), 'done');
  await pool.admin('POST', `/api/v1/workers/${enrolment.id}/resume`);
  await end(info);
});
