import assert from 'node:assert/strict';
import { test } from 'node:test';
import { instant } from '../base/clock.ts';
import { isDue, periodStart } from './schedule.ts';

const at = (text: string) => instant(Date.parse(text));
const none = { lastEpochAt: undefined } as const;

test('a day, a week and a month begin at their midnight in UTC', () => {
  const now = at('2026-11-21T15:00:00Z'); // a Saturday
  const shown = (every: 'day' | 'week' | 'month') =>
    new Date(periodStart(every, now)).toISOString();
  assert.equal(shown('day'), '2026-11-21T00:00:00.000Z');
  assert.equal(shown('week'), '2026-11-16T00:00:00.000Z');
  assert.equal(shown('month'), '2026-11-01T00:00:00.000Z');
});

test('payouts are due once in each period, however late the pool is up', () => {
  const run = (every: 'day' | 'week' | 'month', last: string, now: string) =>
    isDue(every, at(now), { ...none, lastRunAt: at(last) });
  assert.equal(isDue('week', at('2026-11-21T15:00:00Z'), { ...none, lastRunAt: undefined }), true);
  assert.equal(run('day', '2026-11-20T23:59:59Z', '2026-11-21T00:00:00Z'), true);
  assert.equal(run('day', '2026-11-21T00:00:00Z', '2026-11-21T23:59:59Z'), false);
  assert.equal(run('week', '2026-11-15T23:00:00Z', '2026-11-16T00:00:00Z'), true);
  assert.equal(run('week', '2026-11-16T01:00:00Z', '2026-11-22T23:59:00Z'), false);
  assert.equal(run('month', '2026-10-31T23:00:00Z', '2026-11-03T00:00:00Z'), true);
});

test('by rounds, payouts are due once after each epoch', () => {
  const now = at('2026-11-21T15:00:00Z');
  const due = (lastRunAt: string | undefined, lastEpochAt: string | undefined) =>
    isDue('round', now, {
      lastRunAt: lastRunAt === undefined ? undefined : at(lastRunAt),
      lastEpochAt: lastEpochAt === undefined ? undefined : at(lastEpochAt),
    });
  assert.equal(due(undefined, undefined), false);
  assert.equal(due(undefined, '2026-11-20T00:00:00Z'), true);
  assert.equal(due('2026-11-20T01:00:00Z', '2026-11-20T00:00:00Z'), false);
  assert.equal(due('2026-11-19T01:00:00Z', '2026-11-20T00:00:00Z'), true);
});
