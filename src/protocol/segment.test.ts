import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { anySegment } from '../../test/fixtures/segments.ts';
import { keccak256 } from '../base/keccak.ts';
import { SegDataSchema } from './gen/lp_rpc_pb.ts';
import { presets } from './profile-presets.ts';
import { decodeSegment, encodeSegment, flatten, profileId, type Segment } from './segment.ts';
import { personalDigest } from './signature.ts';

const profile = { name: 'p', width: 640, height: 360, bitrate: 1 };

/** Fields are not checked by type: enum values that nobody knows are part of the cases. */
function header(fields: object): string {
  const given = { fullProfiles: [profile], duration: 2000, ...fields };
  const message = create(SegDataSchema, given as MessageInitShape<typeof SegDataSchema>);
  return Buffer.from(toBinary(SegDataSchema, message)).toString('base64');
}

function segmentOf(text: string): Segment {
  const outcome = decodeSegment(text);
  assert.ok(outcome.ok, outcome.ok ? '' : outcome.text);
  return outcome.segment;
}

test('profile ids are the first four bytes of the hashed name', () => {
  assert.equal(profileId('P240p30fps16x9'), 'c0a6517a');
  assert.equal(profileId('P360p30fps16x9'), '93c717e7');
  assert.equal(profileId('P720p60fps16x9'), 'a7ac137a');
});

test('the signed bytes are those of the known answer', () => {
  const flat = flatten({
    manifestId: Buffer.from('abcd1234'),
    seq: 7n,
    hash: keccak256(Buffer.from('hello')),
    profiles: [presets.P240p30fps16x9, presets.P360p30fps16x9],
  });
  assert.equal(flat.length, 88);
  const hash = keccak256(flat);
  assert.equal(
    Buffer.from(hash).toString('hex'),
    '9c6e4e7e8b93c3e8ace08aa7651bc01a6617ffe675da1feab5ea557ee9de1352',
  );
  assert.equal(
    Buffer.from(personalDigest(hash)).toString('hex'),
    'c8c4a0ceb99482814ef71308d21d4bc7ad8a71476a6019178b5cc434e9f86480',
  );
});

test('a seq is signed by its absolute value, even the lowest int64', () => {
  const at = (seq: bigint) =>
    Buffer.from(
      flatten({ manifestId: new Uint8Array(0), seq, hash: new Uint8Array(32), profiles: [] }),
    ).toString('hex', 0, 32);
  assert.equal(at(-5n), at(5n));
  assert.equal(at(-(2n ** 63n)), `${'0'.repeat(48)}8000000000000000`);
});

test('the segment of an off-chain gateway is written to the byte as recorded', () => {
  const hash = keccak256(Buffer.from('video'));
  const text = encodeSegment({
    manifestId: Buffer.from('ms'),
    seq: 1n,
    hash,
    profiles: [presets.P240p30fps16x9, presets.P360p30fps16x9],
    sig: new Uint8Array(0),
    durationMs: 2000,
    caps: { bits: 0x4001003n, words: 1, minVersion: '' },
    authToken: {
      token: Buffer.alloc(32, 1),
      sessionId: 'sess0001',
      expiration: 1795250085n,
    },
    calcPerceptualHash: false,
    forceSessionReinit: false,
  });
  assert.equal(
    Buffer.from(text, 'base64').toString('hex'),
    [
      '0a026d7310011a20',
      Buffer.from(hash).toString('hex'),
      '2207696e76616c696430d00f3a080a0483a080202a0042320a20',
      '01'.repeat(32),
      '1208736573733030303118a5af85d806',
      '8a022182010e50323430703330667073313678398801aa039001f0019801c0cf24a0011e',
      '8a022182010e5033363070333066707331367839880180059001e8029801809f49a0011e',
    ].join(''),
  );
});

test('a segment comes back from its header as it went', () => {
  fc.assert(
    fc.property(anySegment, (segment) => {
      const read = segmentOf(encodeSegment(segment));
      const plain = (value: Segment) => ({
        ...value,
        manifestId: [...value.manifestId],
        hash: [...value.hash],
        sig: [...value.sig],
        authToken: value.authToken && { ...value.authToken, token: [...value.authToken.token] },
      });
      assert.deepEqual(plain(read), plain(segment));
    }),
    { numRuns: 200 },
  );
});

test('every fault of a header has its own refusal, in the order of the stock checks', () => {
  const bad = { ...profile, encoder: 9 };
  const rows: [string, string][] = [
    ['%%%', 'ErrorSegEncoding'],
    ['AAA', 'ErrorSegEncoding'],
    ['A'.repeat(70_000), 'ErrorSegEncoding'],
    ['/////w==', 'proto: cannot parse invalid wire-format data'],
    [header({ fullProfiles: [{ ...profile, format: 7 }] }), 'unrecognized profile output format'],
    [header({ fullProfiles: [{ ...profile, profile: 7 }] }), 'unrecognized encoder profile'],
    [header({ fullProfiles: [bad], duration: 301_000 }), 'unrecognized video codec'],
    [header({ duration: 300_001 }), 'invalid duration'],
    [header({ duration: -1 }), 'invalid duration'],
    [header({ fullProfiles: [] }), 'TranscoderUnrecognizedProfile'],
    ['', 'TranscoderUnrecognizedProfile'],
    [header({ fullProfiles: Array(11).fill(profile) }), 'Too many outputs'],
    [header({ fullProfiles: [{ ...profile, width: 0 }] }), 'TranscoderInvalidResolution'],
    [header({ fullProfiles: [{ ...profile, width: 100_000 }] }), 'TranscoderInvalidResolution'],
    [header({ manifestId: Buffer.from('a/../b') }), 'Invalid argument'],
    [header({ manifestId: Buffer.from('a\0b') }), 'Invalid argument'],
    [header({ manifestId: Buffer.alloc(4096, 97) }), 'Invalid argument'],
    [header({ segmentParameters: { from: 2n, to: 1n } }), 'TranscoderInvalidClipConfig'],
    [
      header({ segmentParameters: { from: 0n, to: 2n ** 64n - 1n } }),
      'TranscoderInvalidClipConfig',
    ],
    [header({ storage: [{ storageType: 1 }] }), 'Invalid argument'],
    [header({ authToken: { sessionId: 'x'.repeat(4096) } }), 'invalid auth token'],
  ];
  for (const [text, expected] of rows) {
    assert.deepEqual(decodeSegment(text), { ok: false, status: 403, text: expected });
  }
});

test('the newest filled list of profiles counts', () => {
  const named = (name: string) => [{ ...profile, name }];
  const lists = { fullProfiles: named('a'), fullProfiles2: named('b'), fullProfiles3: named('c') };
  assert.equal(segmentOf(header(lists)).profiles[0]?.name, 'c');
  const { fullProfiles, fullProfiles2 } = lists;
  assert.equal(segmentOf(header({ fullProfiles, fullProfiles2 })).profiles[0]?.name, 'b');
});

test('what is absent has its meaning: 2 s, no token, no capabilities, no store', () => {
  const segment = segmentOf(header({ duration: 0, storage: [{ storageType: 7 }] }));
  assert.equal(segment.durationMs, 2000);
  assert.equal(segment.authToken, undefined);
  assert.deepEqual(segment.caps, { bits: 0n, words: 0, minVersion: '' });
  assert.equal(segment.storage, undefined);
  assert.equal(segment.clip, undefined);
  assert.equal(segment.hash.length, 32);
});

test('300 seconds are taken, and a hash of another length is cropped or padded on the left', () => {
  const short = segmentOf(header({ duration: 300_000, hash: Buffer.of(1, 2) }));
  assert.deepEqual([...short.hash.subarray(29)], [0, 1, 2]);
  const long = segmentOf(
    header({ hash: Buffer.concat([Buffer.alloc(8, 9), Buffer.alloc(32, 3)]) }),
  );
  assert.deepEqual([...long.hash], Array(32).fill(3));
});
