import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import {
  bitsOf,
  Capability,
  compatible,
  DEFAULT_BITS,
  FULL_GPU_BITS,
  fromBitstring,
  jobBits,
  namesOf,
  numbersOf,
  readCapabilities,
  SOFTWARE_BITS,
  toBitstring,
  versionAtLeast,
  writeCapabilities,
} from './capabilities.ts';
import { CapabilitiesSchema, OrchestratorRequestSchema } from './gen/lp_rpc_pb.ts';
import { presets } from './profile-presets.ts';

const job = (bits: bigint, words = toBitstring(bits).length, minVersion = '') => ({
  bits,
  words,
  minVersion,
});

test('the default set is 0 to 12, 14 and 26, and the sets of stock transcoders contain video', () => {
  assert.deepEqual(numbersOf(DEFAULT_BITS), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 26]);
  const optional = FULL_GPU_BITS & ~DEFAULT_BITS;
  assert.deepEqual(
    numbersOf(optional),
    [15, 16, 17, 18, 21, 22, 23, 24, 25, 27, 28, 29, 30, 31, 32, 34, 36],
  );
  const missing = bitsOf('HEVCDecode', 'HEVCEncode', 'VP9Decode');
  assert.equal(FULL_GPU_BITS & ~SOFTWARE_BITS, missing);
});

test('a bitstring is words of 64 bits, lowest first, as many as needed', () => {
  assert.deepEqual(toBitstring(0n), []);
  assert.deepEqual(toBitstring(1n << 64n), [0n, 1n]);
  fc.assert(
    fc.property(fc.bigInt(0n, 2n ** 1024n - 1n), (bits) => {
      assert.equal(fromBitstring(toBitstring(bits)), bits);
    }),
  );
  assert.equal(fromBitstring(Array(100_000).fill(2n ** 64n - 1n)), 2n ** 1024n - 1n);
});

test('the job of a stock gateway with H264 and two MPEG-TS profiles is the recorded one', () => {
  const bits = jobBits({
    input: { codec: 'h264' },
    profiles: [presets.P240p30fps16x9, presets.P360p30fps16x9],
    push: true,
  });
  assert.deepEqual(numbersOf(bits), [0, 1, 12, 26]);
  const request = create(OrchestratorRequestSchema, {
    address: new Uint8Array(20),
    capabilities: writeCapabilities({ bits }),
  });
  assert.equal(
    Buffer.from(toBinary(OrchestratorRequestSchema, request)).toString('hex'),
    `0a14${'00'.repeat(20)}1a080a0483a080202a00`,
  );
});

test('every wish of a profile asks for its capability', () => {
  const profile = {
    ...presets.P240p30fps16x9,
    format: 'mp4',
    encoder: 'hevc',
    fpsDen: 1001,
    gop: -1,
    h264Profile: 'constrained_high',
  } as const;
  const bits = jobBits({
    input: { codec: 'h264', pixelFormat: 'yuv420p10le' },
    profiles: [profile],
    storage: 's3',
    push: false,
    fastVerification: true,
  });
  assert.equal(
    bits,
    bitsOf(
      'H264',
      'H264Decode420_10bit',
      'MP4',
      'HEVCEncode',
      'FractionalFramerates',
      'GOP',
      'ProfileH264ConstrainedHigh',
      'StorageS3',
      'AuthToken',
      'MPEG7VideoSignature',
    ),
  );
  assert.deepEqual(namesOf(1n << 1000n), ['1000']);
});

test('a job goes only to who has all its bits and no fewer words', () => {
  const ours = { bits: DEFAULT_BITS, version: '0.9.1' };
  assert.ok(compatible(job(bitsOf('H264', 'MPEGTS')), ours));
  assert.ok(compatible(job(0n), ours));
  assert.ok(!compatible(job(bitsOf('HEVCEncode')), ours));
  assert.ok(!compatible(job(DEFAULT_BITS, 2), ours), 'an extra zero word');
  assert.ok(!compatible(job(1n << 200n), ours));
  assert.ok(!compatible(job(0n), { ...ours, mandatories: bitsOf('GOP') }));
});

test('versions compare by their numbers; suffixes count nothing', () => {
  const rows: [string, string, boolean][] = [
    ['', '', true],
    ['undefined', '', true],
    ['', '0.9.1', false],
    ['undefined', '0.9.1', false],
    ['0.9.1-176aa415', '0.9.1', true],
    ['0.9.1', '0.9.1-rc1', true],
    ['v0.10.0', '0.9.9', true],
    ['0.8.10', '0.9.0', false],
    ['1', '0.9', true],
    ['nonsense', '0.9.1', false],
    ['0.9.1', 'nonsense', true],
    ['0.9.1', `${'9'.repeat(5000)}`, true],
  ];
  for (const [version, minimum, outcome] of rows) {
    assert.equal(versionAtLeast(version, minimum), outcome, `${version} >= ${minimum}`);
  }
});

test('received capabilities are bounded, and absent counts mean one each', () => {
  const none = readCapabilities(undefined);
  assert.deepEqual(
    { ...none, capacities: none.capacities.size },
    {
      bits: 0n,
      words: 0,
      mandatories: 0n,
      capacities: 0,
      version: '',
      minVersion: '',
    },
  );
  const hostile = readCapabilities(
    create(CapabilitiesSchema, {
      bitstring: Array(5_000).fill(2n ** 64n - 1n),
      capacities: { 0: 4, 1000: 7, 4294967295: 1 },
      version: 'v'.repeat(100_000),
    }),
  );
  assert.equal(hostile.words, 5_000);
  assert.equal(hostile.bits, 2n ** 1024n - 1n);
  assert.deepEqual(
    [...hostile.capacities],
    [
      [0, 4],
      [1000, 7],
    ],
  );
  assert.equal(hostile.version, '');
  const short = readCapabilities(create(CapabilitiesSchema, { bitstring: [3n] }));
  assert.deepEqual(
    [...short.capacities],
    [
      [Capability.H264, 1],
      [Capability.MPEGTS, 1],
    ],
  );
});
