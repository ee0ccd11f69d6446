import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../../base/clock.ts';
import { livePaced } from './pacing.ts';

async function* segments() {
  yield { startMs: 1400, durationMs: 2000 };
  yield { startMs: 3400, durationMs: 2000 };
  yield { startMs: 5400, durationMs: 500 };
}

test('a live stream gives each segment when an encoder would have finished it', async () => {
  const clock = new FakeClock(0);
  const seen: number[] = [];
  const done = (async () => {
    for await (const _ of livePaced(segments(), clock)) seen.push(clock.now());
  })();
  for (let ms = 0; ms < 5000; ms += 100) {
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(100);
  }
  await done;
  assert.deepEqual(seen, [2000, 4000, 4500]);
});
