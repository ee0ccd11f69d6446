import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { instant } from '../base/clock.ts';
import { endsAt, isDue } from './schedule.ts';

const at = (text: string) => instant(Date.parse(text));

test('a day ends at midnight UTC, a week when Monday begins', () => {
  assert.equal(endsAt(at('2026-11-21T15:20:00Z'), 'day'), at('2026-11-22T00:00:00Z'));
  assert.equal(endsAt(at('2026-11-22T00:00:00Z'), 'day'), at('2026-11-23T00:00:00Z'));
  assert.equal(endsAt(at('2026-11-21T15:20:00Z'), 'week'), at('2026-11-23T00:00:00Z'));
  assert.equal(endsAt(at('2026-11-23T00:00:00Z'), 'week'), at('2026-11-30T00:00:00Z'));
});

test('the end is after the beginning, and no further away than the period', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4e12 }), fc.constantFrom('day', 'week'), (ms, period) => {
      const end = endsAt(instant(ms), period);
      const length = period === 'day' ? 86_400_000 : 7 * 86_400_000;
      assert.ok(end > ms && end - ms <= length);
      assert.equal(new Date(end).toISOString().slice(11), '00:00:00.000Z');
      if (period === 'week') assert.equal(new Date(end).getUTCDay(), 1);
    }),
  );
});

test('an epoch that should have ended while nobody was there ends now, once', () => {
  const open = { opensAt: at('2026-11-18T09:00:00Z'), openedInRound: 7n };
  const now = at('2026-11-21T15:20:00Z');
  assert.ok(isDue(open, { period: 'day' }, { now, round: undefined }));
  assert.ok(!isDue({ ...open, opensAt: now }, { period: 'day' }, { now, round: undefined }));
});

test('an epoch by rounds ends with the round, and waits while none is known', () => {
  const now = at('2026-11-21T15:20:00Z');
  const due = (openedInRound: bigint | undefined, round: bigint | undefined, rounds = 1n) =>
    isDue({ opensAt: now, openedInRound }, { period: 'round', rounds }, { now, round });
  assert.deepEqual(
    [due(7n, 7n), due(7n, 8n), due(7n, 9n), due(7n, undefined), due(undefined, 8n)],
    [false, true, true, false, false],
  );
  assert.deepEqual([due(7n, 8n, 2n), due(7n, 9n, 2n)], [false, true]);
});
