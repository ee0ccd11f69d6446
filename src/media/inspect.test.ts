import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { inspect, inspectStructure } from './inspect.ts';
import { inspectByDecoding } from './inspect-decode.ts';
import { makeTestVideoFile, type TestVideoWork } from './test-video-make.ts';

const folder = mkdtempSync(join(tmpdir(), 'tributary-inspect-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const small = { seconds: 1, width: 320, height: 180, fps: 30, audio: false, encoderOptions: {} };
let made = 0;

function video(change: Partial<TestVideoWork>): Uint8Array {
  const path = join(folder, String(made++));
  makeTestVideoFile({ ...small, ...change, path });
  return readFileSync(path);
}

const x264 = (params: string): Partial<TestVideoWork> => ({
  encoderOptions: { 'x264-params': params },
});
const x265 = (params = ''): Partial<TestVideoWork> => ({
  encoder: 'libx265',
  encoderOptions: { preset: 'ultrafast', 'x265-params': `log-level=none${params}` },
});
const everyThird = [['select', 'not(mod(n\\,3))+lt(n\\,10)']] as const;

/** What must be read from the structure alone, and agree with a decode. */
const matrix: Readonly<Record<string, Partial<TestVideoWork>>> = {
  'H.264 with B-frames': x264('bframes=3'),
  'H.264 with a B-pyramid in MP4': { ...x264('bframes=3:b-pyramid=normal'), container: 'mp4' },
  'four slices a picture': x264('slices=4'),
  'interlaced (MBAFF)': x264('interlaced=1:bframes=2'),
  'a fresh group every 7 frames, open': x264('keyint=7:open-gop=1:bframes=2'),
  'intra refresh instead of key frames': x264('intra-refresh=1:keyint=15'),
  'odd sizes, which are cropped': { width: 426, height: 242 },
  'an odd width in 4:4:4': { width: 427, height: 241, pixelFormat: 'yuv444p' },
  '4:2:2 of 10 bits': { pixelFormat: 'yuv422p10le' },
  'variable frame rate': { filters: everyThird },
  'variable frame rate in MP4': { filters: everyThird, container: 'mp4' },
  'timestamps that wrap': { startSeconds: 95_443, audio: true },
  'a late start': { startSeconds: 1234.5, audio: true },
  'fragmented MP4': {
    container: 'mp4',
    encoderOptions: { g: '10' },
    containerOptions: { movflags: 'frag_keyframe+empty_moov' },
  },
  'a fragment a frame': {
    container: 'mp4',
    containerOptions: { movflags: 'frag_every_frame+empty_moov+default_base_moof' },
  },
  'a single frame': { seconds: 0.03 },
  'filler data': { encoderOptions: { b: '400k', 'x264-params': 'nal-hrd=cbr:vbv-maxrate=400' } },
  HEVC: x265(),
  'HEVC in MP4': { ...x265(), container: 'mp4' },
  'HEVC with open groups': x265(':open-gop=1:keyint=10:bframes=3'),
  'HEVC with slices': x265(':slices=2'),
};

/** FFmpeg writes an edit list here that hides the last frame; so the file is decoded. */
const edited = new Set(['variable frame rate in MP4']);

for (const [name, change] of Object.entries(matrix)) {
  test(`frames and pixels of ${name} equal those of a decode`, () => {
    const bytes = video(change);
    const inspection = inspect(bytes);
    const decoded = inspectByDecoding(bytes);
    assert.equal(inspection.method, edited.has(name) ? 'decode' : 'structure');
    assert.deepEqual(inspection.problems, []);
    assert.equal(inspection.container, decoded.container);
    assert.equal(inspection.video?.codec, decoded.video?.codec);
    assert.equal(inspection.video?.frames, decoded.video?.frames);
    assert.equal(inspection.video?.pixels, decoded.video?.pixels);
    assert.equal(inspection.video?.width, decoded.video?.width);
    assert.equal(inspection.video?.height, decoded.video?.height);
    assert.equal(inspection.video?.firstFrameIsKey, true);
    near(inspection.video?.spanMs, decoded.video?.spanMs);
    const late = (inspection.video?.startMs ?? 0) - (decoded.video?.startMs ?? 0);
    near(Math.abs(Math.round(late / WRAP_MS) * WRAP_MS - late), 0);
    assert.equal(inspection.audio?.codec, decoded.audio?.codec);
  });
}

const WRAP_MS = 2 ** 33 / 90;

function near(one: number | undefined, other: number | undefined): void {
  assert.ok(one !== undefined && other !== undefined);
  assert.ok(Math.abs(one - other) < 2, `${one} and ${other}`);
}

for (const [name, change] of Object.entries<Partial<TestVideoWork>>({
  'VP8 in WebM': { encoder: 'libvpx', container: 'webm', encoderOptions: { deadline: 'realtime' } },
  'VP9 in WebM': {
    encoder: 'libvpx-vp9',
    container: 'webm',
    encoderOptions: { deadline: 'realtime', 'cpu-used': '8' },
  },
})) {
  test(`${name} is decoded to be counted`, () => {
    const inspection = inspect(video(change));
    assert.equal(inspection.method, 'decode');
    assert.equal(inspection.video?.frames, 30);
    assert.equal(inspection.video?.pixels, 320n * 180n * 30n);
    assert.deepEqual(inspection.problems, []);
  });
}

test('a change of size in mid-file counts each frame at its own size', () => {
  const bytes = Buffer.concat([
    video({}),
    video({ width: 256, height: 144, seconds: 0.5, startSeconds: 1 }),
  ]);
  const inspection = inspect(bytes);
  assert.equal(inspection.video?.pixels, inspectByDecoding(bytes).video?.pixels);
  assert.deepEqual(inspectStructure(bytes).inspection.video?.sizes, [
    { width: 320, height: 180, frames: 30 },
    { width: 256, height: 144, frames: 15 },
  ]);
});

test('a stream joined at a recovery point counts what a decoder delivers', () => {
  const repeated = x264('keyint=10:min-keyint=10:open-gop=1:bframes=2:repeat-headers=1');
  const whole = Buffer.from(video(repeated));
  const packets = whole.length / 188;
  const tables = whole.subarray(0, 188 * 3);
  for (const share of [0.2, 0.4, 0.6]) {
    const joined = Buffer.concat([tables, whole.subarray(188 * Math.floor(packets * share))]);
    const structure = inspectStructure(joined).inspection;
    const decoded = inspectByDecoding(joined);
    assert.equal(inspect(joined).video?.frames, decoded.video?.frames);
    assert.equal(structure.video?.frames, decoded.video?.frames);
  }
});

test('rotation is read from the container and does not change the count', () => {
  const { video: found } = inspect(video({ container: 'mp4', rotation: 90 }));
  assert.equal(found?.rotation, 90);
  assert.equal(found?.pixels, 320n * 180n * 30n);
});

test('frames outside the edit list are not counted', () => {
  const bytes = Buffer.from(video({ container: 'mp4', ...x264('bframes=0') }));
  const at = bytes.indexOf('elst');
  assert.ok(at > 0);
  bytes.writeUInt32BE(500, at + 12); // half a second of the whole second
  const inspection = inspect(bytes);
  assert.equal(inspection.method, 'decode');
  assert.equal(inspection.video?.frames, 15);
});

test('audio is told by codec, length and bytes', () => {
  for (const container of ['mpegts', 'mp4'] as const) {
    const { audio } = inspect(video({ audio: true, container }));
    assert.equal(audio?.codec, 'aac');
    assert.ok(audio && audio.spanMs > 900 && audio.spanMs < 1200);
    assert.ok(audio && audio.bytes > 1000);
  }
});

test('two fields are one frame', () => {
  assert.equal(inspectStructure(pairedFields()).inspection.video?.frames, 3);
  assert.equal(inspectStructure(pairedFields()).inspection.video?.keyFrames, 1);
});

test('a remux keeps the fingerprints, an encode does not', () => {
  const encode = (params: string, container: 'mpegts' | 'mp4') =>
    video({ ...x264(params), container, width: 640, height: 360 });
  const print = (bytes: Uint8Array) => inspect(bytes).video?.fingerprints ?? [];
  const original = print(encode('bframes=0', 'mpegts'));
  assert.ok(original.length > 5);
  assert.deepEqual(print(encode('bframes=0', 'mp4')), original);
  const other = print(encode('bframes=0:qp=30', 'mpegts'));
  assert.equal(other.filter((one) => original.includes(one)).length, 0);
});

test('truncation, lost packets and wrong bytes have their problems', () => {
  const bytes = Buffer.from(video({}));
  assert.deepEqual(inspect(new Uint8Array(0)).problems, ['empty']);
  assert.ok(inspect(Buffer.from('not media at all')).problems.includes('undecodable'));
  assert.ok(inspect(bytes.subarray(0, bytes.length - 90)).problems.includes('truncated'));
  const gap = Buffer.concat([bytes.subarray(0, 188 * 40), bytes.subarray(188 * 42)]);
  assert.ok(inspect(gap).problems.includes('continuity_gap'));
  const mp4 = video({ container: 'mp4', containerOptions: { movflags: 'faststart' } });
  const cut = inspectStructure(mp4.subarray(0, mp4.length >> 1)).inspection;
  assert.deepEqual(cut.problems, ['truncated', 'data_missing']);
});

test('no bytes make the structural reading throw or give numbers that are none', () => {
  const seeds = [
    video({ audio: true, seconds: 0.3 }),
    video({ audio: true, seconds: 0.3, container: 'mp4' }),
    video({ ...x265(), seconds: 0.3 }),
    video({
      container: 'mp4',
      seconds: 0.3,
      containerOptions: { movflags: 'frag_keyframe+empty_moov' },
    }),
  ];
  const change = fc.record({
    seed: fc.nat(seeds.length - 1),
    keep: fc.double({ min: 0, max: 1, noNaN: true }),
    edits: fc.array(
      fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.constantFrom(0, 1, 3, 0x47, 0xff)),
      { maxLength: 30 },
    ),
    early: fc.boolean(),
  });
  fc.assert(
    fc.property(change, ({ seed, keep, edits, early }) => {
      const whole = seeds[seed] as Uint8Array;
      const bytes = Buffer.from(whole.subarray(0, Math.ceil(whole.length * keep)));
      const range = early ? Math.min(bytes.length, 1500) : bytes.length;
      for (const [place, value] of edits) bytes[Math.floor(place * range)] = value;
      const { inspection } = inspectStructure(bytes);
      const { video: found, audio } = inspection;
      const numbers = [found?.spanMs, found?.startMs, found?.fps, audio?.spanMs, audio?.startMs];
      for (const number of numbers) assert.ok(number === undefined || Number.isFinite(number));
      assert.ok((found?.pixels ?? 0n) >= 0n);
    }),
    { numRuns: 400 },
  );
});

test('a table that names the same bytes again and again is not read that often', () => {
  const bytes = Buffer.from(video({ container: 'mp4' }));
  const at = bytes.indexOf('stsz') - 4;
  bytes.writeUInt32BE(bytes.length >> 1, at + 12); // one size for all samples
  bytes.writeUInt32BE(0x7fffffff, at + 16); // and two billion of them
  const { inspection } = inspectStructure(bytes);
  assert.ok(inspection.problems.includes('too_many'));
});

/** An MPEG-TS file of PAFF: key frame, then two frames, each of two fields. */
function pairedFields(): Uint8Array {
  const sps = bitsToBytes(
    `01000010 00000000 00011110 ${ue(0)}` + // baseline, level 3, id
      `${ue(0)} ${ue(2)} ${ue(1)} 0` + // frame_num of 4 bits, poc type 2, one reference, no gaps
      `${ue(19)} ${ue(5)} 0 0 1 0 0`, // 20 x 6 units of two rows, fields, no cropping, no VUI
  );
  const pps = bitsToBytes(`${ue(0)} ${ue(0)} 0 0 ${ue(0)}`);
  const field = (idr: boolean, frameNum: number, bottom: boolean) =>
    bitsToBytes(
      `${ue(0)} ${ue(idr ? 7 : 5)} ${ue(0)} ${frameNum.toString(2).padStart(4, '0')} 1` +
        `${bottom ? 1 : 0} ${idr ? ue(0) : ''} 1010101010101010`,
    );
  const unit = (header: number, bytes: Uint8Array) =>
    Buffer.concat([Buffer.from([0, 0, 1, header]), bytes]);
  const stream = Buffer.concat([
    unit(0x67, sps),
    unit(0x68, pps),
    unit(0x65, field(true, 0, false)),
    unit(0x41, field(false, 0, true)),
    unit(0x41, field(false, 1, false)),
    unit(0x41, field(false, 1, true)),
    unit(0x41, field(false, 2, true)),
    unit(0x41, field(false, 2, false)),
  ]);
  return transportStream(stream);
}

/** Exp-Golomb code of a number. */
function ue(value: number): string {
  const bits = (value + 1).toString(2);
  return '0'.repeat(bits.length - 1) + bits;
}

function bitsToBytes(text: string): Uint8Array {
  const bits = `${text.replaceAll(' ', '')}1`;
  const padded = bits.padEnd(Math.ceil(bits.length / 8) * 8, '0');
  return Uint8Array.from(padded.match(/.{8}/g) ?? [], (byte) => Number.parseInt(byte, 2));
}

/** Wraps an H.264 stream of under 150 bytes into association, map and one PES packet. */
function transportStream(stream: Uint8Array): Uint8Array {
  const section = (bytes: number[]) => [0, ...bytes, 0, 0, 0, 0];
  const packet = (pid: number, payload: readonly number[]) => {
    const stuffing = 184 - payload.length;
    const field = [stuffing - 1, 0, ...new Array<number>(Math.max(0, stuffing - 2)).fill(0xff)];
    return [0x47, 0x40 | (pid >> 8), pid & 255, 0x30, ...field.slice(0, stuffing), ...payload];
  };
  const association = section([0, 0xb0, 13, 0, 1, 0xc1, 0, 0, 0, 1, 0xe1, 0]);
  const map = section([2, 0xb0, 18, 0, 1, 0xc1, 0, 0, 0xe1, 1, 0xf0, 0, 0x1b, 0xe1, 1, 0xf0, 0]);
  const pes = [0, 0, 1, 0xe0, 0, 0, 0x80, 0x80, 5, 0x21, 0, 1, 0, 1, ...stream];
  return Uint8Array.from([...packet(0, association), ...packet(256, map), ...packet(257, pes)]);
}
