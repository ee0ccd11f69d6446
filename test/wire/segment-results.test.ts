import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { bitsOf } from '../../src/protocol/capabilities.ts';
import type { OrchestratorInfo } from '../../src/protocol/gen/lp_rpc_pb.ts';
import { presets } from '../../src/protocol/profile-presets.ts';
import { encodeSegment, type Segment } from '../../src/protocol/segment.ts';
import { inputTexts } from '../../src/protocol/texts.ts';
import type { VideoProfile } from '../../src/protocol/video-profile.ts';
import { stampedSource } from '../fixtures/renditions.ts';
import { openRequest } from '../raw-request.ts';
import { startTestPool } from '../start-pool.ts';
import { goodAnswer, joinStock } from '../start-pool-with-worker.ts';
import { segmentOf, startStockGateway } from '../stock-gateway.ts';
import type { StockOptions, TaskAnswer } from '../stock-transcoder.ts';

const pool = await startTestPool({ after });
const gateway = startStockGateway(pool.port);
after(() => gateway.close());
let answer: StockOptions['answer'] = goodAnswer;
const { transcoder } = await joinStock({ after }, pool, {
  answer: (...task) => answer(...task),
});

/** Makes the worker answer the next segments so; good again after the test. */
function answering(t: { after(run: () => void): void }, fixed: TaskAnswer): void {
  answer = async () => fixed;
  t.after(() => {
    answer = goodAnswer;
  });
}

async function submit(changes: Partial<Segment> = {}, info?: OrchestratorInfo) {
  const session = info ?? (await gateway.session());
  return gateway.submit(session, await stampedSource(), changes);
}

async function doneBy(changes: Partial<Segment> = {}, info?: OrchestratorInfo) {
  const reply = await submit(changes, info);
  const result = reply.result?.result;
  assert.ok(result?.kind === 'done', result?.kind === 'failed' ? result.text : reply.text);
  return result.renditions;
}

test('a reply has the sequence number, one entry per profile and all that a session needs', async () => {
  const info = await gateway.session();
  const profiles = [presets.P240p30fps16x9, presets.P144p30fps16x9];
  const reply = await submit({ seq: 77n, profiles }, info);

  assert.equal(reply.result?.seq, 77n);
  assert.ok(reply.result?.result.kind === 'done');
  const pixels = reply.result.result.renditions.map((rendition) => rendition.pixels);
  assert.deepEqual(pixels, [426n * 240n * 60n, 256n * 144n * 60n]);
  assert.equal(reply.result.info?.transcoder, info.transcoder, 'byte for byte');
  assert.deepEqual(reply.result.info?.authToken, info.authToken, 'the token of the request');
  assert.ok(reply.result.info?.capabilities);
});

test('what a transcoder says of bad input reaches the gateway unchanged', async (t) => {
  for (const text of [inputTexts.noKeyframes, inputTexts.inputCodec, inputTexts.pixelFormat]) {
    answering(t, { kind: 'error', text });
    const reply = await submit();
    assert.equal(reply.status, 200, 'a status would make the gateway suspend us');
    assert.deepEqual(reply.result?.result, { kind: 'failed', text });
    assert.ok(reply.result?.info?.authToken);
  }
  answer = goodAnswer;
  await doneBy();
});

test('any other error of a transcoder reaches the gateway too, as one harmless line', async (t) => {
  answering(t, { kind: 'error', text: 'the GPU is on fire\r\nX-Injected: 1\0' });
  const reply = await submit();
  assert.deepEqual(reply.result?.result, {
    kind: 'failed',
    text: 'the GPU is on fire X-Injected: 1',
  });
});

test('a worker that returns rubbish is not passed on', async (t) => {
  const rubbish = { bytes: Buffer.alloc(20_000, 0x47), pixels: 6_134_400n };
  answering(t, { kind: 'renditions', renditions: [rubbish] });
  assert.equal((await submit()).result?.result.kind, 'failed');
  answering(t, { kind: 'renditions', renditions: [] });
  assert.equal((await submit()).result?.result.kind, 'failed');
});

test('MP4, fractional rates, key frame distance and H264 profile reach the worker as they came', async (t) => {
  answering(t, { kind: 'error', text: inputTexts.noKeyframes });
  const base = presets.P240p30fps16x9;
  const ladders: readonly (readonly [keyof typeof fields, VideoProfile])[] = [
    ['fullProfiles', base],
    ['fullProfiles2', { ...base, format: 'mp4' }],
    ['fullProfiles3', { ...base, fps: 30_000, fpsDen: 1001 }],
    ['fullProfiles3', { ...base, gop: 2_000 }],
    ['fullProfiles3', { ...base, gop: -1 }],
    ['fullProfiles3', { ...base, h264Profile: 'constrained_high' }],
    ['fullProfiles3', { ...base, h264Profile: 'baseline', format: 'mp4', quality: 23 }],
  ];
  const fields = { fullProfiles: 0, fullProfiles2: 0, fullProfiles3: 0 };
  const caps = { bits: bitsOf('AuthToken', 'H264', 'MP4', 'MPEGTS'), words: 1, minVersion: '' };
  for (const [list, profile] of ladders) {
    const reply = await submit({ profiles: [profile], caps });
    assert.equal(reply.status, 200, reply.text);
    const task = transcoder.tasks.at(-1)?.segData;
    const [sent] = task?.[list] ?? [];
    assert.equal(task?.[list].length, 1, list);
    const { name, width, height, bitrate, fps, fpsDen, gop, quality } = profile;
    assert.deepEqual(
      { ...sent },
      { ...sent, name, width, height, bitrate, fps, fpsDen, gop, quality },
    );
  }
});

test('a slice, a forced restart and the wish for a perceptual hash reach the worker', async (t) => {
  answering(t, { kind: 'error', text: inputTexts.noKeyframes });
  await submit({
    clip: { fromMs: 500, toMs: 1_500 },
    forceSessionReinit: true,
    calcPerceptualHash: true,
  });
  const task = transcoder.tasks.at(-1)?.segData;
  assert.equal(task?.segmentParameters?.from, 500n);
  assert.equal(task?.segmentParameters?.to, 1_500n);
  assert.equal(task?.ForceSessionReinit, true);
  assert.equal(task?.calcPerceptualHash, true);
  assert.deepEqual([...(task?.hash ?? [])], Array(32).fill(0), 'nor does it learn the hash');
  assert.equal(task?.sig.length, 0);
});

test('a perceptual hash is served beside its rendition', async (t) => {
  const phash = Buffer.from('what the MPEG-7 signature filter wrote');
  answer = async (task) => {
    const good = await goodAnswer(task);
    assert.ok(good.kind === 'renditions');
    return { kind: 'renditions', renditions: good.renditions.map((one) => ({ ...one, phash })) };
  };
  t.after(() => {
    answer = goodAnswer;
  });
  const [rendition] = await doneBy({ calcPerceptualHash: true });
  assert.match(rendition?.perceptualHashUrl ?? '', /\.phash$/);
  const { status, body } = await gateway.download(rendition?.perceptualHashUrl ?? '');
  assert.equal(status, 200);
  assert.deepEqual(body, phash);
});

test('results lie under URLs that hold nothing of what the gateway named', async () => {
  const name = 'a profile of mine';
  const [rendition] = await doneBy({
    seq: -3n,
    profiles: [{ ...presets.P240p30fps16x9, name }],
  });
  const path = new URL(rendition?.url ?? '').pathname;
  assert.match(path, /^\/stream\/[0-9a-f]{32}\/0\/-3\.ts$/);
  assert.equal((await gateway.download(rendition?.url ?? '')).status, 200);
});

test('each result can be fetched until twelve newer ones of its session are there', async () => {
  const info = await gateway.session();
  const urls: string[] = [];
  for (let seq = 0n; seq < 13n; seq += 1n) {
    const [rendition] = await doneBy({ seq }, info);
    urls.push(rendition?.url ?? '');
    assert.equal((await gateway.download(urls.at(-1) ?? '')).status, 200);
  }
  assert.equal((await gateway.download(urls[0] ?? '')).status, 404, 'the thirteenth');
  assert.equal((await gateway.download(urls[1] ?? '')).status, 200);
  await gateway.endSession(info.authToken);
  for (const url of urls) {
    const { status, body } = await gateway.download(url);
    assert.equal(`${status} ${body}`, '404 ErrNotFound\n');
  }
});

test('a segment that is sent again replaces its result', async () => {
  const info = await gateway.session();
  const [first] = await doneBy({ seq: 5n }, info);
  const before = await gateway.download(first?.url ?? '');
  const [second] = await doneBy({ seq: 5n }, info);
  const now = await gateway.download(second?.url ?? '');
  assert.equal(second?.url, first?.url);
  assert.notDeepEqual(now.body, before.body);
});

test('a gateway that leaves after the early 200 costs nothing but the work', async () => {
  const info = await gateway.session();
  const source = await stampedSource();
  const taken = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  answer = async (task) => {
    taken.resolve();
    await release.promise;
    return goodAnswer(task);
  };
  const request = openRequest(pool.port, {
    protocol: 'http/1.1',
    path: '/segment',
    headers: {
      'livepeer-segment': encodeSegment(segmentOf(info, source)),
      'content-length': source.length,
    },
  });
  await request.write(source);
  request.end();
  assert.equal(await request.status, 200);
  await taken.promise;
  request.destroy();
  release.resolve();
  answer = goodAnswer;
  await doneBy({}, info);
});
