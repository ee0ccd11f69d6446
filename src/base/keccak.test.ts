import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { hex } from './bytes.ts';
import { createKeccakHasher, keccak256, wasmHasher } from './keccak.ts';

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

test('native and WebAssembly hashers agree with the one for small inputs, however the input is cut', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 400 }), { maxLength: 6 }), (pieces) => {
      const expected = hex(keccak256(Buffer.concat(pieces)));
      // Two at once: the WebAssembly ones share an instance.
      const hashers = [createKeccakHasher(), wasmHasher(), wasmHasher()];
      for (const piece of pieces) for (const hasher of hashers) hasher.update(piece);
      for (const hasher of hashers) assert.equal(hex(hasher.digest()), expected);
    }),
    { numRuns: 200 },
  );
});

test('a hasher reads shared memory in place', () => {
  const shared = new Uint8Array(new SharedArrayBuffer(1000)).fill(7);
  const hasher = createKeccakHasher();
  hasher.update(shared.subarray(10, 500));
  assert.equal(hex(hasher.digest()), hex(keccak256(new Uint8Array(490).fill(7))));
});
