import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parsePromise, promisedMs } from './promise.ts';
import { begun, coveredMs, type Growing, gapsIn, grown, merged } from './stretches.ts';

const MIDNIGHT = Date.UTC(2026, 0, 2);

test('a stretch goes on while it is looked at', () => {
  const { over, goesOn } = grown(begun(MIDNIGHT + 1), MIDNIGHT + 9_001, 30_000);
  assert.deepEqual(over, []);
  assert.deepEqual(goesOn, { part: 1, since: MIDNIGHT + 1, until: MIDNIGHT + 9_001 });
});

test('at midnight another part begins, and not a millisecond is lost', () => {
  const before = grown(begun(MIDNIGHT - 20_000), MIDNIGHT - 5_000, 30_000).goesOn;
  const { over, goesOn } = grown(before, MIDNIGHT + 5_000, 30_000);
  assert.deepEqual(over, [{ part: 1, since: MIDNIGHT - 20_000, until: MIDNIGHT }]);
  assert.deepEqual(goesOn, { part: 2, since: MIDNIGHT, until: MIDNIGHT + 5_000 });
});

test('the time in which nobody looked, as while a machine slept, is not counted', () => {
  const { over, goesOn } = grown(begun(MIDNIGHT), MIDNIGHT + 3_600_000, 30_000);
  assert.deepEqual(over, [begun(MIDNIGHT)]);
  assert.deepEqual(goesOn, { part: 2, since: MIDNIGHT + 3_600_000, until: MIDNIGHT + 3_600_000 });
});

test('a clock that is set back adds nothing', () => {
  const long = { part: 1, since: MIDNIGHT, until: MIDNIGHT + 50_000 };
  assert.deepEqual(grown(long, MIDNIGHT + 49_000, 30_000), { over: [], goesOn: long });
  const { over, goesOn } = grown(long, MIDNIGHT, 30_000);
  assert.deepEqual(over, [long]);
  assert.equal(coveredMs([long, goesOn], { since: 0, until: MIDNIGHT * 2 }), 50_000);
});

test('however it is looked at, time that passed evenly is counted once', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 30_000 }), { minLength: 1 }), (steps) => {
      let now = MIDNIGHT - 200_000;
      const start = now;
      let stretch = begun(now);
      const rows = new Map<number, Growing>();
      for (const step of steps) {
        now += step;
        const { over, goesOn } = grown(stretch, now, 30_000);
        stretch = goesOn;
        for (const row of [...over, goesOn]) rows.set(row.part, row);
      }
      const sum = [...rows.values()].reduce((total, row) => total + row.until - row.since, 0);
      assert.equal(sum, now - start);
      assert.equal(coveredMs([...rows.values()], { since: 0, until: now + 1 }), sum);
    }),
  );
});

test('two connections at the same time count once, and a period ends where it ends', () => {
  const stretches = [
    { since: 0, until: 10 },
    { since: 5, until: 20 },
    { since: 30, until: 40 },
  ];
  assert.equal(coveredMs(stretches, { since: 2, until: 35 }), 23);
  assert.deepEqual(merged(stretches, { since: 0, until: 100 }), [
    { since: 0, until: 20 },
    { since: 30, until: 40 },
  ]);
  assert.deepEqual(gapsIn(stretches, { since: 0, until: 50 }), [
    { since: 20, until: 30 },
    { since: 40, until: 50 },
  ]);
});

test('a promise counts from when it was made, and not while the pool was down', () => {
  const up = [
    { since: 0, until: 600 },
    { since: 800, until: 2_000 },
  ];
  const within = { since: 0, until: 1_000 };
  const half = { numerator: 1n, denominator: 2n };
  const all = { numerator: 1n, denominator: 1n };
  const of = (options: Partial<Parameters<typeof promisedMs>[0]>) =>
    promisedMs({ within, up, changes: [], expected: undefined, ...options });
  assert.equal(of({}), 0n);
  assert.equal(of({ changes: [{ at: -5, share: all }] }), 800n);
  assert.equal(of({ changes: [{ at: 500, share: half }] }), 150n);
  assert.equal(of({ expected: { at: 100, share: all } }), 700n);
  const changes = [
    { at: 900, share: undefined },
    { at: 400, share: half },
  ];
  assert.equal(of({ changes, expected: { at: 100, share: all } }), 300n + 100n + 50n);
});

test('a promise is a percentage of the time', () => {
  assert.deepEqual(parsePromise('95%'), { numerator: 95n, denominator: 100n });
  assert.deepEqual(parsePromise('99.5%'), { numerator: 995n, denominator: 1000n });
  assert.deepEqual(parsePromise('100%'), { numerator: 100n, denominator: 100n });
  for (const text of ['0%', '101%', '95', '-1%', '1e1%', '', '50 %']) {
    assert.equal(parsePromise(text), undefined, text);
  }
});
