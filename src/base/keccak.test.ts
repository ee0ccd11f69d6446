import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { hex } from './bytes.ts';
import { createKeccakHasher, keccak256 } from './keccak.ts';
import { createKeccakLanes } from './keccak-lanes.ts';
import { LANE_BLOCKS, RATE_BYTES } from './keccak-wasm.ts';

const LANE_BYTES = LANE_BLOCKS * RATE_BYTES;

test('keccak-256 gives the known answers of Ethereum', () => {
  assert.equal(
    hex(keccak256(new Uint8Array())),
    'c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470',
  );
  assert.equal(
    hex(keccak256(Buffer.from('abc'))),
    '4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45',
  );
});

test('a hasher agrees with the one for small inputs, however the input is cut', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 400 }), { maxLength: 6 }), (pieces) => {
      const hashers = [createKeccakHasher(), createKeccakHasher()];
      for (const piece of pieces) for (const hasher of hashers) hasher.update(piece);
      const expected = hex(keccak256(Buffer.concat(pieces)));
      for (const hasher of hashers) assert.equal(hex(hasher.digest()), expected);
    }),
    { numRuns: 200 },
  );
});

test('inputs that have waited are told apart from those that came later, until they are done', () => {
  const lanes = createKeccakLanes();
  const hashes: string[] = [];
  const early = lanes.open((hash) => hashes.push(hex(hash)));
  early.push(new Uint8Array(LANE_BYTES + RATE_BYTES));
  lanes.ripen();
  const late = lanes.open((hash) => hashes.push(hex(hash)));
  late.push(new Uint8Array(3 * LANE_BYTES));
  assert.ok(lanes.ripe);
  while (lanes.ripe) lanes.step();
  assert.equal(lanes.waiting, 1, 'what came later waits on');
  early.push(new Uint8Array(RATE_BYTES));
  assert.ok(!lanes.ripe, 'and so does what comes of the early one then');
  for (const lane of [early, late]) lane.end();
  while (lanes.step());
  const lengths = [LANE_BYTES + 2 * RATE_BYTES, 3 * LANE_BYTES];
  assert.deepEqual(
    new Set(hashes),
    new Set(lengths.map((length) => hex(keccak256(new Uint8Array(length))))),
  );
});

test('inputs side by side keep apart, whatever their lengths and however their turns mix', () => {
  const edges = [0, 1, RATE_BYTES - 1, RATE_BYTES, RATE_BYTES + 1, LANE_BYTES - 1, LANE_BYTES];
  const length = fc.oneof(fc.constantFrom(...edges, LANE_BYTES + 1), fc.nat(3 * LANE_BYTES));
  const input = fc.record({ length, cuts: fc.array(fc.nat(3 * LANE_BYTES), { maxLength: 3 }) });
  fc.assert(
    fc.property(fc.array(input, { minLength: 1, maxLength: 5 }), fc.nat(), (inputs, seed) => {
      const lanes = createKeccakLanes();
      const hashes: string[] = [];
      const jobs = inputs.map(({ length: bytes, cuts }, index) => {
        const whole = Uint8Array.from(
          { length: bytes },
          (_, at) => (at * 31 + seed + index) & 0xff,
        );
        const ends = [...cuts.filter((cut) => cut < bytes).sort((a, b) => a - b), bytes];
        const pieces = ends.map((end, at) => whole.subarray(ends[at - 1] ?? 0, end));
        const lane = lanes.open((hash) => {
          hashes[index] = hex(hash);
        });
        return { whole, pieces, lane };
      });
      for (let turn = 0; turn < 4; turn++) {
        for (const { pieces, lane } of jobs) {
          const piece = pieces[turn];
          if (piece) lane.push(piece);
          if (turn === pieces.length - 1) lane.end();
        }
        lanes.step();
      }
      while (lanes.step());
      const expected = jobs.map(({ whole }) => hex(keccak256(whole)));
      assert.deepEqual(hashes, expected);
    }),
    { numRuns: 40 },
  );
});

test('a hasher reads shared memory in place', () => {
  const shared = new Uint8Array(new SharedArrayBuffer(1000)).fill(7);
  const hasher = createKeccakHasher();
  hasher.update(shared.subarray(10, 500));
  assert.equal(hex(hasher.digest()), hex(keccak256(new Uint8Array(490).fill(7))));
});
