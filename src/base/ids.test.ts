import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newSessionId, secureRandom } from './ids.ts';

test('random bytes are of the asked size, in memory of their own, and never the same', () => {
  const seen = new Set<string>();
  for (const size of [16, 32, 7, 64, 65, 4096, 10_000]) {
    for (let draw = 0; draw < 500; draw += 1) {
      const bytes = secureRandom(size);
      assert.equal(bytes.length, size);
      if (size <= 64) assert.equal(bytes.buffer.byteLength, size, 'shares memory with nobody');
      // Seven bytes that are all zero come once in 10^16 draws: then they were not drawn.
      assert.ok(bytes.subarray(0, 7).some((byte) => byte !== 0));
      seen.add(`${size} ${Buffer.from(bytes).toString('hex')}`);
    }
  }
  assert.equal(seen.size, 7 * 500);
});

test('every value of a byte is drawn about as often', () => {
  const counts = new Array<number>(256).fill(0);
  for (let draw = 0; draw < 16_000; draw += 1) {
    for (const byte of secureRandom(32)) counts[byte] = (counts[byte] ?? 0) + 1;
  }
  // 2,000 of each; six times the standard deviation of 45 is seen once in 10^6 runs of this test.
  for (const count of counts) assert.ok(Math.abs(count - 2_000) < 300, `${count}`);
});

test('sessions have ids that nobody can guess from another', () => {
  const ids = new Set(Array.from({ length: 1_000 }, () => newSessionId()));
  assert.equal(ids.size, 1_000);
  for (const id of ids) assert.match(id, /^[0-9a-f]{32}$/);
});
