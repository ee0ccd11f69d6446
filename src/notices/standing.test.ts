import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { WorkerId } from '../base/ids.ts';
import { leftTogether, type Standing, seenNow } from './standing.ts';

const rule = {
  ...{ tellAfterMs: 120_000, overAfterMs: 120_000, forgottenAfterMs: 45_000 },
  againAfterMs: 1_800_000,
};

/** Looks at these moments, each by a node that looks since `lookingSince`: when it was told. */
function lookedAt(
  looks: readonly { readonly now: number; readonly since: number; readonly lookingSince: number }[],
): readonly number[] {
  const told: number[] = [];
  let kept: Standing | undefined;
  for (const { now, since, lookingSince } of looks) {
    const { standing, tell } = seenNow(kept, since, { ...rule, now, lookingSince });
    kept = standing;
    if (tell) told.push(now);
  }
  return told;
}

test('what stands is told once, however many nodes see it and however often they start', () => {
  const looks = Array.from({ length: 200 }, (_, i) => {
    const now = i * 15_000;
    // Every tenth look is the first one of a node that was just started.
    const start = Math.floor(i / 10) * 150_000;
    return { now, since: start, lookingSince: start };
  });
  assert.deepEqual(lookedAt(looks), [120_000]);
});

test('a pool that was away for an hour does not tell anew what stood before and stands now', () => {
  const before = [0, 60_000, 120_000].map((now) => ({ now, since: 0, lookingSince: 0 }));
  const back = 3_720_000;
  const after = [15_000, 60_000, 120_000, 225_000].map((ms) => ({
    ...{ now: back + ms, since: back + 15_000, lookingSince: back },
  }));
  assert.deepEqual(lookedAt([...before, ...after]), [120_000]);
});

test('what flickers does not stand, and what comes again after it was over is told again', () => {
  const flickers = Array.from({ length: 20 }, (_, i) => {
    return { now: i * 60_000, since: i * 60_000, lookingSince: -1_000_000 };
  });
  assert.deepEqual(lookedAt(flickers), []);
  const twice = [0, 40_000, 80_000, 120_000, 600_000, 640_000, 680_000, 720_000].map((now) => {
    return { now, since: now < 600_000 ? 0 : 600_000, lookingSince: -1_000_000 };
  });
  assert.deepEqual(lookedAt(twice), [120_000, 720_000]);
});

test('what a node saw between looks that are far apart goes on, and is over for who was told of it', () => {
  let kept: Standing | undefined;
  const told: unknown[] = [];
  for (const now of [0, 120_000, 720_000, 1_320_000, 2_000_000]) {
    const lastTold = { at: 120_000, isSame: true };
    const { standing, tell } = seenNow(kept, 0, {
      ...{ ...rule, now, lookingSince: -1_000_000 },
      ...(now > 120_000 && { lastTold }),
    });
    kept = standing;
    told.push(tell);
  }
  assert.deepEqual(told, [undefined, 'on', undefined, undefined, undefined]);
  assert.deepEqual([kept?.told, kept?.since], [true, 0]);
});

const id = (n: number) => `w${n}` as WorkerId;

test('workers that leave within a minute leave together, where they are a fifth of the pool', () => {
  const split = Array.from({ length: 3_000 }, (_, i) => ({ worker: id(i), since: i * 10 }));
  const alone = { worker: id(9_999), since: -600_000 };
  const found = leftTogether([alone, ...split], 7_000);
  assert.equal(found.get(id(1_500)), 3_000);
  assert.equal(found.has(alone.worker), false);
  assert.equal(leftTogether(split, 100_000).size, 0, 'of a larger pool that many leave each day');
  assert.equal(leftTogether(split.slice(0, 9), 0).size, 0);
});

test('leaving together is counted as one would by hand', () => {
  const times = fc.array(fc.integer({ min: 0, max: 300_000 }), { maxLength: 60 });
  fc.assert(
    fc.property(times, fc.integer({ min: 0, max: 100 }), (sinces, here) => {
      const away = sinces.map((since, i) => ({ worker: id(i), since }));
      const found = leftTogether(away, here);
      for (const { worker, since } of away) {
        const count = sinces.filter((each) => Math.abs(each - since) <= 60_000).length;
        const counts = count >= 10 && count * 5 >= count + here;
        assert.equal(found.get(worker), counts ? count : undefined);
      }
    }),
  );
});
