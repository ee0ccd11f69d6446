import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { shareOf, splitByWeights } from './split.ts';

/** Where floats, 64-bit integers and the sums of a busy pool would each begin to lose units. */
const EDGES = [2n ** 53n, 2n ** 63n, 2n ** 96n];
const SPLITS_PER_EDGE = 333_334;
const PARTS_MAX = 6;

/**
 * xorshift32 of Marsaglia: the same from the same seed, and quick: a million draws from a generator
 * that shrinks would take minutes.
 */
function numbers(seed: number): () => number {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

test('a million splits around 2^53, 2^63 and 2^96 lose no unit and make none', () => {
  const next = numbers(0x5eed);
  for (const edge of EDGES) {
    for (let round = 0; round < SPLITS_PER_EDGE; round++) {
      const total = edge + BigInt(next()) - 2n ** 31n;
      const weights = Array.from({ length: 1 + (next() % PARTS_MAX) }, () => weight(next, edge));
      const { parts, remainder } = splitByWeights(total, weights);
      let sum = remainder;
      for (const part of parts) sum += part;
      // Built-in comparisons: an assertion object for each would be most of the time.
      if (sum !== total || remainder < 0n) assert.fail(`${total} by ${weights}`);
      const some = weights.filter((one) => one > 0n).length;
      if (some > 0 && remainder >= BigInt(some)) assert.fail(`too much is left of ${total}`);
    }
  }
});

/** None, small, or of the size of the total itself, so that products leave every machine's word. */
function weight(next: () => number, edge: bigint): bigint {
  const kind = next() % 4;
  if (kind === 0) return 0n;
  if (kind === 1) return BigInt(next() % 10);
  return kind === 2 ? BigInt(next()) : edge - BigInt(next() % 1000);
}

test('no part depends on its place, and none is a unit away from its exact share', () => {
  const amounts = fc.bigInt(0n, 2n ** 100n);
  fc.assert(
    fc.property(amounts, fc.array(amounts, { minLength: 1, maxLength: 8 }), (total, weights) => {
      const { parts } = splitByWeights(total, weights);
      const reversed = splitByWeights(total, weights.toReversed()).parts.toReversed();
      assert.deepEqual(parts, reversed);
      const sum = weights.reduce((a, b) => a + b, 0n);
      for (const [index, part] of parts.entries()) {
        const exact = total * (weights[index] as bigint);
        assert.ok(part * sum <= exact && (sum === 0n || (part + 1n) * sum > exact));
      }
    }),
  );
});

test('what nobody worked for is left whole, and nonsense is refused', () => {
  assert.deepEqual(splitByWeights(7n, []), { parts: [], remainder: 7n });
  assert.deepEqual(splitByWeights(7n, [0n, 0n]), { parts: [0n, 0n], remainder: 7n });
  assert.deepEqual(splitByWeights(7n, [1n, 1n, 1n]), { parts: [2n, 2n, 2n], remainder: 1n });
  assert.throws(() => splitByWeights(-1n, [1n]), RangeError);
  assert.throws(() => splitByWeights(1n, [1n, -1n]), RangeError);
  assert.equal(shareOf(999n, 8n, 100n), 79n);
  assert.throws(() => shareOf(1n, 1n, 0n), RangeError);
});
