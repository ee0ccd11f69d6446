import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { inspect } from '../media/inspect.ts';
import type { Inspection, VideoInspection } from '../media/inspection.ts';
import type { Clip, RenditionSpec } from '../media/rendition-spec.ts';
import { makeTestVideoFile, type TestVideoWork } from '../media/test-video-make.ts';
import { transcodeSegment } from '../media/transcode-segment.ts';
import { type Reason, reasonAdvice, reasons } from './reasons.ts';
import { type Judgement, judge } from './structure.ts';

const folder = mkdtempSync(join(tmpdir(), 'tributary-judge-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const hash = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
let made = 0;

function video(change: Partial<TestVideoWork> = {}): Uint8Array {
  const path = join(folder, String(made++));
  const small = { seconds: 1, width: 640, height: 360, fps: 30, audio: true };
  makeTestVideoFile({ ...small, encoderOptions: { preset: 'ultrafast' }, ...change, path });
  return readFileSync(path);
}

const spec: RenditionSpec = {
  name: 'a',
  width: 320,
  height: 180,
  bitrate: 400_000,
  fps: 30,
  fpsDen: 1,
  format: 'mpegts',
  h264Profile: 'default',
  gop: 0,
  encoder: 'h264',
  quality: 0,
};

/** What an honest worker hands in, as the pool sees it. */
function honest(source: Uint8Array, profiles: readonly RenditionSpec[], clip?: Clip): Judgement {
  const outcome = transcodeSegment({
    device: 'cpu',
    encoderThreads: 1,
    source,
    profiles,
    clip,
    phash: false,
  });
  assert.ok(outcome.ok, outcome.ok ? '' : outcome.text);
  return {
    profiles,
    source: inspect(source),
    renditions: outcome.renditions.map(({ bytes }) => inspect(bytes)),
    sourceHash: hash(source),
    outputHashes: outcome.renditions.map(({ bytes }) => hash(bytes)),
    earlierOutputs: new Map(),
    durationMs: 2000,
    clip,
  };
}

const ladders: readonly (readonly RenditionSpec[])[] = [
  [spec, { ...spec, fps: 0, width: 256, height: 144 }, { ...spec, fps: 7, gop: 500 }],
  [
    { ...spec, format: 'mp4', fps: 0, gop: 300 },
    { ...spec, format: 'mp4', fps: 60, gop: -1, quality: 28 },
    { ...spec, fps: 30_000, fpsDen: 1001, h264Profile: 'baseline', width: 180, height: 320 },
  ],
];

const everyThird = [['select', 'not(mod(n\\,3))+lt(n\\,10)']] as const;
const sources: Readonly<Record<string, Partial<TestVideoWork>>> = {
  'the usual live segment': { encoderOptions: { preset: 'ultrafast', bf: '3' } },
  'no audio': { audio: false },
  MP4: { container: 'mp4' },
  'MP4 to be turned by the player': { container: 'mp4', rotation: 90 },
  portrait: { width: 360, height: 640 },
  'odd sizes': { width: 427, height: 241, pixelFormat: 'yuv444p' },
  'a rate of 25': { fps: 25 },
  'a rate of 60': { fps: 60 },
  'a variable rate': { filters: everyThird },
  'one frame': { seconds: 0.03, audio: false },
  'three frames': { seconds: 0.1 },
  'a slow show of 3 pictures a second': { fps: 3, seconds: 2 },
  interlaced: { encoderOptions: { preset: 'ultrafast', 'x264-params': 'interlaced=1' } },
  'a start at 7 hours': { startSeconds: 25_200 },
  HEVC: {
    encoder: 'libx265',
    encoderOptions: { preset: 'ultrafast', 'x265-params': 'log-level=none' },
  },
};

for (const [name, change] of Object.entries(sources)) {
  test(`honest work on ${name} is accepted, and its pixels are those delivered`, () => {
    const source = video(change);
    for (const profiles of ladders) {
      const judgement = honest(source, profiles);
      const verdict = judge(judgement);
      assert.ok(verdict.ok, verdict.ok ? '' : verdict.reason);
      const sum = judgement.renditions.reduce((all, one) => all + (one.video?.pixels ?? 0n), 0n);
      assert.equal(verdict.pixels, sum);
      assert.equal(verdict.perRendition.length, profiles.length);
    }
  });
}

test('honest work on a clip is accepted', () => {
  const clip = { fromMs: 200, toMs: 700 };
  const verdict = judge(honest(video(), ladders[0] as readonly RenditionSpec[], clip));
  assert.ok(verdict.ok, verdict.ok ? '' : verdict.reason);
  assert.equal(verdict.perRendition[0]?.frames, 16);
});

test('the same work asked for twice may give the same bytes twice', () => {
  const verdict = judge(honest(video(), [spec, { ...spec, name: 'b' }]));
  assert.ok(verdict.ok, verdict.ok ? '' : verdict.reason);
});

test('the same source sent again may give the same bytes again', () => {
  const judgement = honest(video(), [spec]);
  const earlierOutputs = new Map(judgement.outputHashes.map((one) => [one, judgement.sourceHash]));
  assert.ok(judge({ ...judgement, earlierOutputs }).ok);
});

const source = video();
const work = honest(source, [spec]);
const rendition = work.renditions[0] as Inspection;
const withVideo = (change: Partial<VideoInspection>): Inspection => ({
  ...rendition,
  video: { ...(rendition.video as VideoInspection), ...change },
});
const encode = (change: Partial<TestVideoWork>) =>
  inspect(video({ width: 320, height: 180, ...change }));

const frauds: Readonly<Record<Reason, readonly (Partial<Judgement> | undefined)[]>> = {
  wrong_count: [{ renditions: [] }, { renditions: [rendition, rendition] }],
  source_unreadable: [{ source: inspect(Buffer.from('x')) }],
  empty_rendition: [{ renditions: [inspect(new Uint8Array(24))] }],
  damaged: [
    { renditions: [inspect(new Uint8Array(5000))] },
    { renditions: [{ ...rendition, problems: ['continuity_gap'] }] },
    { renditions: [{ ...rendition, problems: ['inspector_failed'] }] },
  ],
  wrong_container: [
    { renditions: [encode({ container: 'mp4' })] },
    { profiles: [{ ...spec, format: 'mp4' }] },
  ],
  wrong_codec: [{ profiles: [{ ...spec, encoder: 'hevc' }] }],
  wrong_size: [
    { renditions: [encode({ width: 256, height: 144 })] },
    { renditions: [encode({ width: 180, height: 320 })] },
    { profiles: [{ ...spec, width: 426 }] },
  ],
  wrong_frame_count: [
    { renditions: [encode({ seconds: 0.5 })] },
    { renditions: [encode({ seconds: 1.5 })] },
    { renditions: [encode({ fps: 60 })] },
    { profiles: [{ ...spec, fps: 0 }], renditions: [encode({ fps: 24 })] },
  ],
  wrong_span: [
    { renditions: [withVideo({ spanMs: 500 })] },
    { renditions: [withVideo({ spanMs: 2000 })] },
  ],
  first_frame_not_key: [{ renditions: [withVideo({ firstFrameIsKey: false })] }],
  audio_lost: [{ renditions: [encode({ audio: false })] }],
  repeated_output: [
    { earlierOutputs: new Map([[work.outputHashes[0] as string, 'of another source']]) },
    {
      profiles: [spec, { ...spec, bitrate: 900_000 }],
      renditions: [rendition, rendition],
      outputHashes: [work.outputHashes[0] as string, work.outputHashes[0] as string],
    },
  ],
  source_remuxed: [
    { profiles: [{ ...spec, width: 640, height: 360 }], renditions: [work.source] },
    { outputHashes: [work.sourceHash] },
  ],
};

for (const reason of reasons) {
  test(`${reason} is found: ${reasonAdvice[reason]}`, () => {
    assert.ok(judge(work).ok);
    for (const fraud of frauds[reason]) {
      const verdict = judge({ ...work, ...fraud });
      assert.equal(verdict.ok ? 'ok' : verdict.reason, reason);
    }
  });
}

test('a remux into the other container is found too', () => {
  const params = { encoderOptions: { preset: 'ultrafast', 'x264-params': 'bframes=0' } };
  const original = video({ ...params, audio: false });
  const remux = inspect(video({ ...params, audio: false, container: 'mp4' }));
  const profiles: RenditionSpec[] = [{ ...spec, width: 640, height: 360, format: 'mp4' }];
  const verdict = judge({
    ...honest(original, profiles),
    renditions: [remux],
    outputHashes: ['another'],
  });
  assert.deepEqual(verdict, { ok: false, reason: 'source_remuxed', rendition: 0 });
});
