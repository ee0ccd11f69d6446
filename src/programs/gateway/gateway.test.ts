import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { FakeClock } from '../../base/clock.ts';
import { createHashing } from '../../base/hashing.ts';
import { quiet } from '../../base/log.ts';
import { profilesFromNames } from '../../protocol/profile-presets.ts';
import { keySigner, offchainSigner, type Signer } from '../../protocol/signature.ts';
import {
  FAKE_PIXELS,
  type FakeOrchestrator,
  fakeTransport,
  textBlob,
} from './fake-orchestrators.ts';
import { createGateway, type Stream } from './gateway.ts';

const hashing = createHashing({ threads: 1 });
after(() => hashing.close());

const profiles = profilesFromNames('P240p30fps16x9,P360p30fps16x9');

function open(
  orchestrators: Record<string, FakeOrchestrator>,
  options: { clock?: FakeClock; signer?: Signer; codec?: 'h264' | 'hevc' } = {},
): Stream {
  const clock = options.clock ?? new FakeClock();
  const gateway = createGateway(
    { orchestrators: Object.keys(orchestrators), attemptsMax: 3 },
    {
      transport: fakeTransport(orchestrators, clock),
      signer: options.signer ?? offchainSigner,
      hashing,
      clock,
      log: quiet,
      countPixels: async (blob) => (blob.length === 0 ? 0n : FAKE_PIXELS),
    },
  );
  return gateway.openStream({
    manifestId: 'film',
    profiles,
    input: { codec: options.codec ?? 'h264' },
  });
}

const segment = (seq: number) => ({ seq, durationMs: 2000, blob: textBlob(`segment ${seq}`) });

test('a segment comes back with its ladder, and the session ends with the stream', async () => {
  const first: FakeOrchestrator = { calls: [] };
  const stream = open({ 'https://first:8935': first });

  const outcome = await stream.transcode(segment(7));
  await stream.end();

  assert.ok(outcome.ok);
  assert.deepEqual(
    outcome.renditions.map(({ profile }) => profile.name),
    ['P240p30fps16x9', 'P360p30fps16x9'],
  );
  assert.equal(outcome.pixels, 2n * FAKE_PIXELS);
  assert.equal(outcome.attempts, 1);
  assert.deepEqual(first.calls, ['info', 'segment 7 session-1', 'end session-1']);
});

test('a segment that one orchestrator fails comes back from another, which keeps the stream', async () => {
  const failing: FakeOrchestrator = { calls: [], error: 'no transcoders available' };
  const steady: FakeOrchestrator = { calls: [] };
  const stream = open({ 'https://failing:1': failing, 'https://steady:2': steady });

  const outcomes = [await stream.transcode(segment(0)), await stream.transcode(segment(1))];

  assert.deepEqual(
    outcomes.map((outcome) => [outcome.ok, outcome.attempts]),
    [
      [true, 2],
      [true, 1],
    ],
  );
  assert.deepEqual(failing.calls, ['info', 'segment 0 session-1', 'end session-1']);
});

test('a lone orchestrator is tried again in a new session, three times in all', async () => {
  const lone: FakeOrchestrator = { calls: [], error: 'OrchestratorBusy' };
  const stream = open({ 'https://lone:1': lone });
  const outcome = await stream.transcode(segment(0));
  assert.deepEqual(
    { ...outcome, elapsedMs: 0 },
    { ok: false, reason: 'attempts_used_up', text: 'OrchestratorBusy', attempts: 3, elapsedMs: 0 },
  );
  assert.deepEqual(
    lone.calls.filter((call) => call.startsWith('segment')),
    ['segment 0 session-1', 'segment 0 session-2', 'segment 0 session-3'],
  );
});

test('a text that blames the input ends the attempts and keeps the orchestrator', async () => {
  const first: FakeOrchestrator = { calls: [], error: 'No keyframes in input' };
  const other: FakeOrchestrator = { calls: [] };
  const stream = open({ 'https://first:1': first, 'https://other:2': other });

  const outcome = await stream.transcode(segment(0));
  assert.ok(!outcome.ok && outcome.reason === 'bad_input' && outcome.attempts === 1);
  assert.deepEqual(other.calls, ['info']);

  first.error = undefined;
  assert.ok((await stream.transcode(segment(1))).ok);
});

test('an orchestrator that says more pixels than it made is not believed', async () => {
  const lying: FakeOrchestrator = { calls: [], extraPixels: 1n };
  const honest: FakeOrchestrator = { calls: [] };
  const stream = open({ 'https://lying:1': lying, 'https://honest:2': honest });
  const outcome = await stream.transcode(segment(0));
  assert.ok(outcome.ok && outcome.attempts === 2);
  assert.equal(outcome.pixels, 2n * FAKE_PIXELS);
});

test('a result signed by another account than the orchestrator’s fails', async () => {
  const signer = keySigner(Buffer.alloc(32, 1));
  const stranger = { ...keySigner(Buffer.alloc(32, 2)), address: signer.address };
  const forged: FakeOrchestrator = { calls: [], signer: stranger };
  const stream = open({ 'https://forged:1': forged }, { signer: keySigner(Buffer.alloc(32, 3)) });

  const outcome = await stream.transcode(segment(0));
  assert.ok(!outcome.ok && outcome.text === 'PM Check Failed');

  forged.signer = signer;
  assert.ok((await stream.transcode(segment(1))).ok);
});

test('a token is renewed in its last three minutes, before the segment is sent', async () => {
  const clock = new FakeClock();
  const first: FakeOrchestrator = { calls: [] };
  const stream = open({ 'https://first:1': first }, { clock });
  await stream.transcode(segment(0));
  first.tokenLifeS = 400; // what the next answers carry
  await stream.transcode(segment(1));
  clock.advance(221_000);
  await stream.transcode(segment(2));
  assert.deepEqual(first.calls, [
    'info',
    'segment 0 session-1',
    'segment 1 session-1',
    'info',
    'segment 2 session-2',
  ]);
});

test('orchestrators without the capabilities, without a token or without room are not used', async () => {
  const stream = open(
    {
      'https://small:1': { calls: [] },
      'https://tokenless:2': { calls: [], tokenless: true, bits: (1n << 27n) - 1n },
      'https://full:3': { calls: [], capped: 'Invalid orchestrator request: OrchestratorCapped' },
      'https://dead:4': { calls: [], dead: true },
    },
    { codec: 'hevc' },
  );
  const outcome = await stream.transcode(segment(0));
  assert.ok(!outcome.ok && outcome.reason === 'no_sessions' && outcome.attempts === 0);
});

test('a segment without video is copied to every rendition and never sent', async () => {
  const first: FakeOrchestrator = { calls: [] };
  const stream = open({ 'https://first:1': first });
  const blob = textBlob('');
  const outcome = await stream.transcode({ seq: 0, durationMs: 2000, blob });
  assert.ok(outcome.ok && outcome.attempts === 0 && outcome.pixels === 0n);
  assert.deepEqual(
    outcome.renditions.map((rendition) => rendition.blob),
    [blob, blob],
  );
  assert.deepEqual(first.calls, []);
});
