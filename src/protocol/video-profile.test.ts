import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { anyProfile } from '../../test/fixtures/segments.ts';
import { VideoProfileSchema } from './gen/lp_rpc_pb.ts';
import { presets, profilesFromJson, profilesFromNames } from './profile-presets.ts';
import { isNonRetryable } from './texts.ts';
import {
  decodeProfile,
  encodeProfile,
  extensionOf,
  frameRate,
  profileListFor,
  unusable,
} from './video-profile.ts';

const message = (fields: object) =>
  create(VideoProfileSchema, { name: 'x', width: 640, height: 360, bitrate: 1, ...fields });

test('a profile comes back from the wire as it went, colours aside', () => {
  fc.assert(
    fc.property(anyProfile, (profile) => {
      const outcome = decodeProfile(encodeProfile(profile, { colour: true }));
      assert.deepEqual(outcome, { ok: true, profile });
    }),
  );
});

test('values that no version knows are refused in the words of the protocol', () => {
  const rows: [object, string][] = [
    [{ format: 2 }, 'unrecognized profile output format'],
    [{ format: -1 }, 'unrecognized profile output format'],
    [{ profile: 5 }, 'unrecognized encoder profile'],
    [{ encoder: 4 }, 'unrecognized video codec'],
    [{ encoder: 2147483647 }, 'unrecognized video codec'],
  ];
  for (const [fields, text] of rows) {
    assert.deepEqual(decodeProfile(message(fields)), { ok: false, text });
  }
});

test('what no encoder can make is refused as bad input, which keeps the orchestrator in use', () => {
  const rows: [object, string][] = [
    [{ width: 0 }, 'TranscoderInvalidResolution'],
    [{ height: -2 }, 'TranscoderInvalidResolution'],
    [{ width: 100_000 }, 'TranscoderInvalidResolution'],
    [{ gop: -2 }, 'TranscoderInvalidGOP'],
    [{ fps: 4_000_000_000 }, 'Invalid argument'],
    [{ fps: 241 }, 'Invalid argument'],
    [{ fps: 30, fpsDen: 4_000_000_000 }, 'Invalid argument'],
    [{ bitrate: -1 }, 'Invalid argument'],
    [{ quality: 64 }, 'Invalid argument'],
    [{ name: '..' }, 'TranscoderUnrecognizedProfile'],
    [{ name: '../../etc/passwd' }, 'TranscoderUnrecognizedProfile'],
    [{ name: 'a\0b' }, 'TranscoderUnrecognizedProfile'],
    [{ name: 'a\r\nb' }, 'TranscoderUnrecognizedProfile'],
    [{ name: 'n'.repeat(4096) }, 'TranscoderUnrecognizedProfile'],
    [{ name: 'é'.repeat(128) }, 'TranscoderUnrecognizedProfile'],
  ];
  for (const [fields, text] of rows) {
    assert.deepEqual(decodeProfile(message(fields)), { ok: false, text }, JSON.stringify(fields));
    assert.ok(isNonRetryable(text));
  }
  assert.ok(decodeProfile(message({ fps: 240_000, fpsDen: 1001 })).ok);
  assert.ok(decodeProfile(message({ name: '720p 30 fps, größer' })).ok);
});

test('an unnamed profile is named by its size: net_ here, ffmpeg_ by a gateway', () => {
  const outcome = decodeProfile(message({ name: '', bitrate: 600_000 }));
  assert.ok(outcome.ok);
  assert.equal(outcome.profile.name, 'net_640x360_600000');
  const unnamed = { ...presets.P360p30fps16x9, name: '' };
  assert.equal(encodeProfile(unnamed, { colour: true }).name, 'ffmpeg_640x360_1200000');
});

test('a ladder travels in the oldest list that can express it', () => {
  const plain = presets.P240p30fps16x9;
  const mp4 = { ...plain, format: 'mp4' } as const;
  assert.equal(profileListFor([plain, plain]), 'fullProfiles');
  assert.equal(profileListFor([plain, mp4]), 'fullProfiles2');
  assert.equal(profileListFor([plain, { ...plain, fpsDen: 1 }]), 'fullProfiles3');
  assert.equal(profileListFor([mp4, { ...plain, gop: -1 }]), 'fullProfiles3');
  assert.equal(profileListFor([{ ...plain, h264Profile: 'high' }]), 'fullProfiles3');
});

test('frame rate 0 is the source’s own, and no denominator is 1', () => {
  const plain = presets.P240p30fps16x9;
  assert.deepEqual(frameRate(plain), { numerator: 30, denominator: 1 });
  assert.equal(frameRate({ ...plain, fps: 0, fpsDen: 5 }), undefined);
  assert.equal(extensionOf('mpegts'), '.ts');
});

test('presets are usable, named in lists, and an unknown name says which there are', () => {
  for (const preset of Object.values(presets)) assert.equal(unusable(preset), undefined);
  const ladder = profilesFromNames('P240p30fps16x9, P720p60fps16x9');
  assert.deepEqual(
    ladder.map(({ width, height, bitrate, fps }) => [width, height, bitrate, fps]),
    [
      [426, 240, 600_000, 30],
      [1280, 720, 6_000_000, 60],
    ],
  );
  assert.throws(() => profilesFromNames('P240p'), { code: 'profile_invalid', message: /P144p/ });
  assert.throws(() => profilesFromNames('toString'), { code: 'profile_invalid' });
  assert.throws(() => profilesFromNames(''), { code: 'profile_invalid' });
});

test('a profile file of the stock gateway is read as the stock gateway reads it', () => {
  const json = JSON.stringify([
    { name: '720p', width: 1280, height: 720, bitrate: 3_000_000, fps: 30, profile: 'H264High' },
    { width: 640, height: 360, bitrate: 1, fps: 30000, fpsDen: 1001, gop: '2.5', encoder: 'HEVC' },
    { name: 'i', width: 64, height: 64, bitrate: 0, gop: 'intra', quality: 30, chromaFormat: 2 },
  ]);
  const [first, second, third] = profilesFromJson(json);
  assert.equal(first?.h264Profile, 'high');
  assert.equal(first?.colorDepth, 8);
  assert.equal(second?.name, 'custom_640x360_1');
  assert.deepEqual([second?.gop, second?.encoder, second?.fpsDen], [2500, 'hevc', 1001]);
  assert.deepEqual([third?.gop, third?.quality, third?.chroma], [-1, 30, '444']);
  assert.deepEqual(profilesFromJson(`{"profiles":${json}}`), profilesFromJson(json));
});

test('a wrong profile file says what is wrong', () => {
  const rows: [string, RegExp][] = [
    ['{', /not JSON/],
    ['[]', /1 to 10/],
    ['[{"width":1}]', /height/],
    ['[{"width":1,"height":1,"bitrate":1,"heigth":1}]', /heigth/],
    ['[{"width":100000,"height":1,"bitrate":1}]', /TranscoderInvalidResolution/],
    ['[{"width":64,"height":64,"bitrate":1,"gop":"-1"}]', /gop/],
    ['[{"width":64,"height":64,"bitrate":1,"profile":"constructor"}]', /H264 profile/],
    ['[{"width":64,"height":64,"bitrate":1},{"width":64,"height":64,"bitrate":1}]', /same name/],
    ['null', /array/],
  ];
  for (const [text, pattern] of rows) {
    assert.throws(() => profilesFromJson(text), { code: 'profile_invalid', message: pattern });
  }
});
