import assert from 'node:assert/strict';
import { test } from 'node:test';
import { speedPercentiles } from './speed-percentiles.ts';

const pace = (worker: string, sourceMs: bigint, deviceMs: bigint) => ({
  worker,
  sourceMs,
  deviceMs,
});

test('the fastest has 100, equals have the same, and the slowest 0', () => {
  const found = speedPercentiles([
    pace('slow', 1_000n, 1_000n),
    pace('fast', 4_000n, 1_000n),
    pace('middle', 2_000n, 1_000n),
    pace('twin', 6_000n, 3_000n),
    pace('idle', 0n, 0n),
  ]);
  assert.deepEqual([...found].sort(), [
    ['fast', 100],
    ['middle', 33],
    ['slow', 0],
    ['twin', 33],
  ]);
  assert.deepEqual([...speedPercentiles([pace('alone', 1n, 9n)])], [['alone', 100]]);
  assert.equal(speedPercentiles([]).size, 0);
});
