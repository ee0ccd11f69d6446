import assert from 'node:assert/strict';
import { after, beforeEach, type TestContext, test } from 'node:test';
import { bitsOf } from '../../src/protocol/capabilities.ts';
import type { NotifySegment } from '../../src/protocol/gen/lp_rpc_pb.ts';
import { presets } from '../../src/protocol/profile-presets.ts';
import { eventually } from '../eventually.ts';
import { stamped, stampedRenditions, stampedSource } from '../fixtures/renditions.ts';
import { mediaPids, renditionsOf, withoutPackets } from '../fixtures/spoiled.ts';
import { allWorkersGone, metricOf, totalsOf, workerFigures } from '../pool-figures.ts';
import { startTestPool } from '../start-pool.ts';
import { goodAnswer, type JoinedWorker, joinStock } from '../start-pool-with-worker.ts';
import { type SegmentReply, startStockGateway } from '../stock-gateway.ts';
import { BOUNDARY, multipart, type StockRendition, type TaskAnswer } from '../stock-transcoder.ts';
import { createTravellingClock } from '../travelling-clock.ts';

const clock = createTravellingClock();
const pool = await startTestPool({ after }, [], { clock });
const gateway = startStockGateway(pool.port);
after(() => gateway.close());
beforeEach(() => allWorkersGone(pool));

const profile = presets.P240p30fps16x9;
const [good] = (await stampedRenditions([profile.name])) as [StockRendition];
const [small, slower, hevc, mp4] = (await renditionsOf([
  presets.P144p30fps16x9,
  { ...profile, fps: 25 },
  { ...profile, encoder: 'hevc' },
  { ...profile, format: 'mp4' },
])) as [StockRendition, StockRendition, StockRendition, StockRendition];
const [videoPid, audioPid] = mediaPids(good.bytes) as [number, number];

/** One rendition of these bytes, never the same bytes twice. */
const renditions = (...all: Uint8Array[]): TaskAnswer => ({
  kind: 'renditions',
  renditions: all.map((bytes) => ({ bytes: stamped(bytes), pixels: good.pixels })),
});
const post = (headers: Record<string, string>, body: Uint8Array = Buffer.alloc(0)): TaskAnswer => ({
  kind: 'raw',
  headers,
  body,
});
const whole = multipart([good], BOUNDARY);

interface Duel {
  readonly bad: JoinedWorker;
  readonly steady: JoinedWorker;
  readonly reply: SegmentReply;
}

type Answer = (task: NotifySegment, source: Buffer, worker: JoinedWorker) => Promise<TaskAnswer>;

/** The bad one has the segment when the steady one comes; then it answers. */
async function duel(t: TestContext, answer: Answer): Promise<Duel> {
  const gate = Promise.withResolvers<void>();
  const bad: JoinedWorker = await joinStock(t, pool, {
    async answer(task, source) {
      await gate.promise;
      return answer(task, source, bad);
    },
  });
  const replying = gateway.submit(await gateway.session(), await stampedSource(), {
    durationMs: 60_000,
  });
  await eventually('the bad one has the source', () => bad.transcoder.downloads.length === 1);
  const steady = await joinStock(t, pool);
  gate.resolve();
  return { bad, steady, reply: await replying };
}

/** The gateway got its rendition from the other, and the bad one is credited with nothing. */
async function assertOutdone({ bad, steady, reply }: Duel): Promise<void> {
  assert.ok(reply.result?.result.kind === 'done');
  assert.equal(reply.result.result.renditions[0]?.pixels, 426n * 240n * 60n);
  assert.equal(steady.transcoder.tasks.length, 1);
  const credited = await totalsOf(pool, steady.enrolment.id);
  assert.deepEqual([credited.segments, credited.pixels], [1, String(426 * 240 * 60)]);
  await eventually(
    'the attempt is on record',
    async () => (await totalsOf(pool, bad.enrolment.id)).failedAttempts === 1,
  );
  const nothing = await totalsOf(pool, bad.enrolment.id);
  assert.deepEqual([nothing.segments, nothing.pixels], [0, '0']);
}

const rejectedFor = (reason: string) =>
  metricOf(pool, 'tributary_front_results_rejected_total', `reason="${reason}"`);
const attemptsFor = (reason: string) =>
  metricOf(pool, 'tributary_front_attempts_failed_total', `reason="${reason}"`);

const garbage: readonly [string, string, Answer][] = [
  [
    'a rendition cut in the middle',
    'damaged',
    async () => {
      const packets = Math.floor(good.bytes.length / 188 / 2);
      return renditions(good.bytes.subarray(0, packets * 188 + 100));
    },
  ],
  [
    'half a rendition',
    'wrong_frame_count',
    async () => {
      let count = 0;
      withoutPackets(good.bytes, (pid) => pid === videoPid && count++ < 0);
      return renditions(
        withoutPackets(good.bytes, (pid, index) => pid === videoPid && index > count / 2),
      );
    },
  ],
  [
    'a rendition with holes',
    'damaged',
    async () =>
      renditions(withoutPackets(good.bytes, (pid, index) => pid === videoPid && index % 7 === 3)),
  ],
  ['noise', 'damaged', async () => renditions(Buffer.alloc(200_000, 0x5a))],
  ['the source itself', 'source_remuxed', async (_task, source) => renditions(source)],
  [
    'the source without its sound',
    'source_remuxed',
    async (_task, source) => {
      const [, sound] = mediaPids(source);
      return renditions(withoutPackets(source, (pid) => pid === sound));
    },
  ],
  ['a smaller picture', 'wrong_size', async () => renditions(small.bytes)],
  ['fewer frames', 'wrong_frame_count', async () => renditions(slower.bytes)],
  ['another codec', 'wrong_codec', async () => renditions(hevc.bytes)],
  ['another container', 'wrong_container', async () => ({ kind: 'renditions', renditions: [mp4] })],
  [
    'no sound',
    'audio_lost',
    async () => renditions(withoutPackets(good.bytes, (pid) => pid === audioPid)),
  ],
  [
    'a tiny part',
    'empty_rendition',
    async () => ({
      kind: 'renditions',
      renditions: [{ bytes: Buffer.alloc(24), pixels: 1n }],
    }),
  ],
];

for (const [name, reason, answer] of garbage) {
  test(`${name} is noticed as ${reason} and costs a retry`, async (t) => {
    const before = await rejectedFor(reason);
    const attempts = await attemptsFor('rejected');
    const outcome = await duel(t, answer);
    await assertOutdone(outcome);
    assert.equal(await rejectedFor(reason), before + 1);
    assert.equal(await attemptsFor('rejected'), attempts + 1);
    assert.deepEqual(outcome.bad.transcoder.posts, [{ status: 200, text: 'OK' }]);
  });
}

const broken: readonly [string, Answer][] = [
  ['no part at all', async () => renditions()],
  ['one part too many', async () => renditions(good.bytes, good.bytes)],
  [
    'a hundred parts',
    async () => renditions(...Array.from({ length: 100 }, () => Buffer.alloc(30))),
  ],
  [
    'a perceptual hash before any rendition',
    async () =>
      post(
        { 'content-type': `multipart/mixed; boundary=${BOUNDARY}` },
        Buffer.concat([
          Buffer.from(`--${BOUNDARY}\r\nContent-Type: application/octet-stream\r\n\r\nphash\r\n`),
          whole,
        ]),
      ),
  ],
  ['a body without its last boundary', async () => post({}, whole.subarray(0, -30))],
  ['a body without any boundary', async () => post({}, Buffer.alloc(10_000, 0x2d))],
  ['no boundary in the type', async () => post({ 'content-type': 'multipart/mixed' }, whole)],
  [
    'another media type',
    async () => post({ 'content-type': 'video/mp2t' }, Buffer.from(good.bytes)),
  ],
  ['no pixels', async () => post({ pixels: '' }, whole)],
  ['pixels of text', async () => post({ pixels: 'many' }, whole)],
  [
    'a header without end',
    async () => post({}, Buffer.from(`--${BOUNDARY}\r\nPixels: 1${'0'.repeat(100_000)}\r\n\r\n`)),
  ],
  ['far more bytes than the profile can have', async () => renditions(Buffer.alloc(52 * 2 ** 20))],
  ['an error', async () => ({ kind: 'error', text: 'Cannot allocate memory' })],
  ['an error without words', async () => ({ kind: 'error', text: '' })],
  ['an error of a megabyte', async () => ({ kind: 'error', text: 'x'.repeat(2 ** 20) })],
];

for (const [name, answer] of broken) {
  test(`${name} costs a retry`, async (t) => {
    const before = await attemptsFor('error');
    await assertOutdone(await duel(t, answer));
    assert.equal(await attemptsFor('error'), before + 1);
  });
}

test('the lie that the input is bad costs a retry too', async (t) => {
  const text = 'No keyframes in input';
  const before = await attemptsFor('bad_input');
  await assertOutdone(await duel(t, async () => ({ kind: 'error', text })));
  assert.equal(await attemptsFor('bad_input'), before + 1);
});

test('an earlier output handed in for another source is not credited again', async (t) => {
  const mine = (await stampedRenditions([profile.name])) as [StockRendition];
  const answer: TaskAnswer = { kind: 'renditions', renditions: mine };
  const first = await joinStock(t, pool, { answer: async () => answer });
  const reply = await gateway.submit(await gateway.session(), await stampedSource());
  assert.equal(reply.result?.result.kind, 'done');
  first.transcoder.kill();
  await allWorkersGone(pool);

  const before = await rejectedFor('repeated_output');
  await assertOutdone(await duel(t, async () => answer));
  assert.equal(await rejectedFor('repeated_output'), before + 1);
});

test('a worker that pauses in the middle of its answer costs a retry', async (t) => {
  const begun = Promise.withResolvers<void>();
  const before = await attemptsFor('error');
  const outcome = duel(t, async (task, _source, { transcoder }) => {
    await transcoder.begin(task.taskId, whole.subarray(0, 20_000), whole.length);
    begun.resolve();
    return { kind: 'silence' };
  });
  await begun.promise;
  clock.leap(5_000);
  await assertOutdone(await outcome);
  assert.equal(await attemptsFor('error'), before + 1);
});

test('a worker that is killed in the middle of its answer costs a retry', async (t) => {
  await assertOutdone(
    await duel(t, async (task, _source, { transcoder }) => {
      await transcoder.begin(task.taskId, whole.subarray(0, 20_000), whole.length);
      transcoder.kill();
      return { kind: 'silence' };
    }),
  );
});

test('a late answer is refused, and the one in time has the credit', async (t) => {
  const before = await metricOf(pool, 'tributary_front_results_refused_total', 'reason="too_late"');
  const silent = await joinStock(t, pool, { answer: async () => ({ kind: 'silence' }) });
  const replying = gateway.submit(await gateway.session(), await stampedSource());
  await eventually('it has the source', () => silent.transcoder.downloads.length === 1);
  const steady = await joinStock(t, pool);
  // Past the first attempt's share of the time, and before the deadline of the gateway.
  clock.leap(4_000);
  const reply = await replying;
  const task = silent.transcoder.tasks[0] as NotifySegment;
  const answer = (await goodAnswer(task)) as Extract<TaskAnswer, { kind: 'renditions' }>;
  assert.equal((await silent.transcoder.post(task.taskId, answer)).status, 410);
  await assertOutdone({ bad: silent, steady, reply });
  assert.equal(
    await metricOf(pool, 'tributary_front_results_refused_total', 'reason="too_late"'),
    before + 1,
  );
});

test('a slow worker that nobody can stand in for is credited when it is done', async (t) => {
  const slow = await joinStock(t, pool, { answer: async () => ({ kind: 'silence' }) });
  const replying = gateway.submit(await gateway.session(), await stampedSource());
  await eventually('it has the source', () => slow.transcoder.downloads.length === 1);
  clock.leap(4_000);
  const task = slow.transcoder.tasks[0] as NotifySegment;
  const answer = (await goodAnswer(task)) as Extract<TaskAnswer, { kind: 'renditions' }>;
  assert.equal((await slow.transcoder.post(task.taskId, answer)).status, 200);
  assert.equal((await replying).result?.result.kind, 'done');
  const totals = await totalsOf(pool, slow.enrolment.id);
  assert.deepEqual([totals.segments, totals.failedAttempts], [1, 0]);
});

test('a segment on which two workers died is not passed on to a third', async (t) => {
  const dies: Answer = async (_task, _source, { transcoder }) => {
    transcoder.kill();
    return { kind: 'silence' };
  };
  const workers: JoinedWorker[] = [];
  for (let i = 0; i < 4; i++) {
    const worker: JoinedWorker = await joinStock(t, pool, {
      answer: (task, source) => dies(task, source, worker),
    });
    workers.push(worker);
  }
  const reply = await gateway.submit(await gateway.session(), await stampedSource(), {
    durationMs: 60_000,
  });
  assert.deepEqual(reply.result?.result, { kind: 'failed', text: 'TranscoderInvalidVideo' });
  assert.equal(workers.filter(({ transcoder }) => transcoder.tasks.length > 0).length, 2);
});

/** A job that only workers with HEVC decoding can do: tests choose their worker by it. */
const forHevc = {
  caps: {
    bits: bitsOf('AuthToken', 'SegmentSlicing', 'H264', 'MPEGTS', 'HEVCDecode'),
    words: 1,
    minVersion: '',
  },
};

/** Sends a segment that its only able worker fails on; nobody else is waited for in vain. */
async function failOnce(worker: JoinedWorker): Promise<void> {
  const posts = worker.transcoder.posts.length;
  const replying = gateway.submit(await gateway.session(), await stampedSource(), forHevc);
  await eventually('it was tried', () => worker.transcoder.posts.length > posts);
  clock.leap(2_000);
  assert.equal((await replying).result?.result.kind, 'failed');
}

test('a worker that keeps failing is quarantined, and comes back on trial', async (t) => {
  let answer: TaskAnswer = renditions(small.bytes);
  const failing = await joinStock(t, pool, {
    bits: forHevc.caps.bits,
    answer: async () => answer,
  });
  const steady = await joinStock(t, pool);
  const status = async () => (await workerFigures(pool, failing.enrolment.id)).status;
  await failOnce(failing);
  assert.doesNotMatch(await status(), /Quarantined/);
  await failOnce(failing);
  assert.match(await status(), /^Quarantined until /);

  const tasks = failing.transcoder.tasks.length;
  for (let i = 0; i < 6; i++) {
    const reply = await gateway.submit(await gateway.session(), await stampedSource());
    assert.equal(reply.result?.result.kind, 'done');
  }
  assert.equal(failing.transcoder.tasks.length, tasks, 'others can do it');
  assert.equal(steady.transcoder.tasks.length, 6);

  for (const { transcoder } of [failing, steady]) await transcoder.roundTrip();
  clock.leap(5_000);
  assert.match(await status(), /^On trial/);
  answer = renditions(good.bytes);
  const reply = await gateway.submit(await gateway.session(), await stampedSource(), forHevc);
  assert.equal(reply.result?.result.kind, 'done');
  assert.match(await status(), /^(Working|Idle)/);
});

test('failures never leave the pool without a worker', async (t) => {
  let answer: TaskAnswer = { kind: 'error', text: 'Cannot allocate memory' };
  const only = await joinStock(t, pool, {
    bits: forHevc.caps.bits,
    answer: async () => answer,
  });
  for (let i = 0; i < 4; i++) {
    await failOnce(only);
    await only.transcoder.roundTrip();
  }
  answer = renditions(good.bytes);
  const reply = await gateway.submit(await gateway.session(), await stampedSource(), forHevc);
  assert.equal(reply.result?.result.kind, 'done');
});
