import assert from 'node:assert/strict';
import { readFileSync, rmSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { inspect } from './inspect.ts';
import { inspectByDecoding } from './inspect-decode.ts';
import type { RenditionSpec } from './rendition-spec.ts';
import { makeTestVideo } from './test-video.ts';
import { createTranscoder, type TranscodeRequest, type Transcoder } from './transcode.ts';

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

let source: Uint8Array;
let transcoder: Transcoder;

before(async () => {
  const path = await makeTestVideo({ seconds: 1, width: 640, height: 360 });
  source = readFileSync(path);
  rmSync(path);
  transcoder = createTranscoder({ device: 'cpu', encoderThreads: 1 });
});
after(() => transcoder.close());

let key = 0;
const run = (change: Partial<TranscodeRequest>) =>
  transcoder.transcode({ source, profiles: [spec], sessionKey: `s${key++}`, ...change });

async function one(change: Partial<RenditionSpec>, more: Partial<TranscodeRequest> = {}) {
  const outcome = await run({ profiles: [{ ...spec, ...change }], ...more });
  assert.ok(outcome.ok, outcome.ok ? '' : outcome.text);
  const [rendition] = outcome.renditions;
  assert.ok(rendition);
  const { video, audio, problems, container } = inspect(rendition.bytes);
  assert.ok(video);
  assert.deepEqual(problems, []);
  const decoded = inspectByDecoding(rendition.bytes).video;
  assert.equal(decoded?.pixels, rendition.pixels, 'a gateway counts other pixels');
  return { rendition, video, audio, container };
}

async function refusal(change: Partial<TranscodeRequest>): Promise<string> {
  const outcome = await run(change);
  return outcome.ok ? 'it worked' : outcome.text;
}

test('one decode gives every rendition, in the order of the profiles', async () => {
  const sizes = [
    [320, 180],
    [256, 144],
    [426, 240],
  ] as const;
  const outcome = await run({
    profiles: sizes.map(([width, height]) => ({ ...spec, width, height })),
  });
  assert.ok(outcome.ok);
  assert.equal(outcome.sourceFrames, 30);
  assert.equal(outcome.sourcePixels, 640n * 360n * 30n);
  assert.deepEqual(
    outcome.renditions.map(({ width, height }) => [width, height]),
    sizes,
  );
});

test('pixels told are pixels delivered, for every format and rate', async () => {
  for (const format of ['mpegts', 'mp4'] as const) {
    assert.equal((await one({ format })).rendition.frames, 30);
    assert.equal((await one({ format, fps: 0 })).rendition.frames, 30);
    assert.equal((await one({ format, fps: 10 })).rendition.frames, 10);
    assert.equal((await one({ format, fps: 60_000, fpsDen: 1001 })).rendition.frames, 60);
    assert.equal((await one({ format, encoder: 'hevc' })).rendition.frames, 30);
  }
  assert.equal((await one({ format: 'mp4', encoder: 'vp9' })).rendition.frames, 30);
});

test('timestamps stay those of the source, and so does the audio', async () => {
  const before = inspect(source);
  for (const format of ['mpegts', 'mp4'] as const) {
    const { video, audio } = await one({ format, fps: 0 });
    assert.ok(Math.abs(video.startMs - (before.video?.startMs ?? 0)) < 120);
    assert.ok(Math.abs(video.spanMs - 1000) < 2);
    assert.equal(audio?.codec, 'aac');
    assert.ok(Math.abs((audio?.spanMs ?? 0) - (before.audio?.spanMs ?? 0)) < 60);
  }
});

test('every rendition begins with a key frame, and more come at the distance asked for', async () => {
  assert.equal((await one({})).video.keyFrames, 1);
  assert.equal((await one({ gop: 500 })).video.keyFrames, 2);
  assert.equal((await one({ gop: 500, fps: 0 })).video.keyFrames, 2);
  assert.equal((await one({ gop: -1 })).video.keyFrames, 30);
  for (const change of [{}, { gop: 500 }, { fps: 0 }]) {
    assert.equal((await one(change)).video.firstFrameIsKey, true);
  }
});

test('H.264 profiles are those asked for', async () => {
  const profileOf = async (h264Profile: RenditionSpec['h264Profile']) => {
    const { rendition } = await one({ h264Profile });
    const at = Buffer.from(rendition.bytes).indexOf(Buffer.from([0, 0, 1, 0x67]));
    return rendition.bytes[at + 4];
  };
  assert.equal(await profileOf('baseline'), 66);
  assert.equal(await profileOf('main'), 77);
  assert.equal(await profileOf('high'), 100);
  assert.equal(await profileOf('constrained_high'), 100);
  assert.equal(await profileOf('default'), 100);
});

test('the bitrate is kept, or the quality where one is asked for', async () => {
  const bytes = async (change: Partial<RenditionSpec>) =>
    (await one(change)).rendition.bytes.length;
  // One second of video, 16 KB of audio and the overhead of MPEG-TS.
  assert.ok((await bytes({ bitrate: 200_000 })) < 60_000);
  assert.ok((await bytes({ bitrate: 200_000 })) < (await bytes({ bitrate: 800_000 })));
  assert.ok((await bytes({ quality: 45 })) < (await bytes({ quality: 20 })));
});

test('MP4 has its index first', async () => {
  const { rendition } = await one({ format: 'mp4' });
  const bytes = Buffer.from(rendition.bytes);
  assert.ok(bytes.indexOf('moov') < bytes.indexOf('mdat'));
});

test('portrait stays portrait, and sizes beyond the codec are brought into it', async () => {
  const portrait = await makeTestVideo({ seconds: 0.2, width: 360, height: 640, audio: false });
  const tall = { source: readFileSync(portrait) };
  rmSync(portrait);
  const { rendition } = await one({}, tall);
  assert.deepEqual([rendition.width, rendition.height], [180, 320]);
  const small = await one({ width: 16, height: 16 });
  assert.deepEqual([small.rendition.width, small.rendition.height], [146, 82]);
});

test('a clip has only its part, and begins at zero', async () => {
  const { rendition, video } = await one({ fps: 0 }, { clip: { fromMs: 300, toMs: 700 } });
  assert.ok(rendition.frames >= 12 && rendition.frames <= 13);
  assert.ok(video.startMs < 150);
});

test('the perceptual hash comes with the rendition when asked for', async () => {
  const outcome = await run({ phash: true, profiles: [spec, { ...spec, format: 'mp4' }] });
  assert.ok(outcome.ok);
  const [first, second] = outcome.renditions;
  assert.ok(first?.phash && first.phash.length > 100);
  assert.equal(first.phash.length, second?.phash?.length);
  assert.equal((await one({})).rendition.phash, undefined);
});

test('what cannot be transcoded has the text that gateways know', async () => {
  assert.equal(
    await refusal({ source: Buffer.from('no media') }),
    'Invalid data found when processing input',
  );
  assert.equal(
    await refusal({ source: new Uint8Array(0) }),
    'Invalid data found when processing input',
  );
  assert.equal(await refusal({ source: audioOnly() }), 'TranscoderInvalidVideo');
  assert.equal(await refusal({ profiles: [{ ...spec, width: 0 }] }), 'TranscoderInvalidResolution');
  assert.equal(await refusal({ profiles: [{ ...spec, gop: -2 }] }), 'TranscoderInvalidGOP');
  assert.equal(await refusal({ profiles: new Array(11).fill(spec) }), 'Too many outputs');
  assert.equal(await refusal({ clip: { fromMs: 500, toMs: 100 } }), 'TranscoderInvalidClipConfig');
});

test('a playlist or a list of files as source opens no other file', async () => {
  const path = await makeTestVideo({ seconds: 0.2, width: 320, height: 180 });
  const playlist = `#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nfile://${path}\n`;
  const concat = `ffconcat version 1.0\nfile '${path}'\n`;
  for (const text of [playlist, concat]) {
    assert.match(await refusal({ source: Buffer.from(text) }), /^Invalid (argument|data)/);
  }
  rmSync(path);
});

test('a session works in order and refuses what it cannot queue', async () => {
  const outcomes = await Promise.all(Array.from({ length: 7 }, () => run({ sessionKey: 'busy' })));
  const texts = outcomes.map((outcome) => (outcome.ok ? 'ok' : outcome.text));
  assert.deepEqual(texts, ['ok', 'ok', 'ok', 'ok', 'ok', 'TranscoderBusy', 'TranscoderBusy']);
});

test('a closed transcoder stops, and says so', async () => {
  const own = createTranscoder({ device: 'cpu' });
  const pending = own.transcode({ source, profiles: [spec], sessionKey: 'a' });
  await own.close();
  assert.deepEqual(await pending, { ok: false, text: 'TranscoderStopped' });
  assert.deepEqual(await own.transcode({ source, profiles: [spec], sessionKey: 'a' }), {
    ok: false,
    text: 'TranscoderStopped',
  });
});

test('a card that is not there is an outcome, not a crash', async () => {
  const own = createTranscoder({ device: 'nvidia:99' });
  const outcome = await own.transcode({ source, profiles: [spec], sessionKey: 'a' });
  assert.equal(outcome.ok, false);
  await own.close();
});

/** The source without its video packets: an audio-only segment. */
function audioOnly(): Uint8Array {
  const packets: Uint8Array[] = [];
  for (let at = 0; at + 188 <= source.length; at += 188) {
    const pid = (((source[at + 1] as number) & 31) << 8) | (source[at + 2] as number);
    if (pid !== 0x100) packets.push(source.subarray(at, at + 188));
  }
  return Buffer.concat(packets);
}
