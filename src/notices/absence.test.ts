import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WorkerId } from '../base/ids.ts';
import { absenceStep, type Seen } from './absence.ts';

const MINUTE = 60_000;
const now = 1_700_000_000_000;
const rule = { now, afterMs: 3 * MINUTE, upSince: now - 600 * MINUTE };
const seen = (given: Partial<Seen>): Seen => ({
  worker: 'aaaaaaaaaa' as WorkerId,
  state: 'active',
  here: false,
  seenAt: now,
  away: undefined,
  ...given,
});

test('a reconnect within 30 s is no absence, three minutes are one', () => {
  assert.equal(absenceStep(seen({ seenAt: now - MINUTE / 2 }), rule).step, 'none');
  assert.deepEqual(absenceStep(seen({ seenAt: now - 3 * MINUTE }), rule), {
    step: 'away',
    since: now - 3 * MINUTE,
    tell: true,
  });
});

test('an absence is noted once, and its end is told if it was told', () => {
  const away = { since: now - 9 * MINUTE, told: true };
  assert.equal(absenceStep(seen({ seenAt: now - 9 * MINUTE, away }), rule).step, 'none');
  assert.deepEqual(absenceStep(seen({ here: true, away }), rule), {
    step: 'back',
    since: away.since,
    tell: true,
  });
  assert.equal(absenceStep(seen({ here: true }), rule).step, 'none');
});

test('after a restart of the pool its workers have as long again to come back', () => {
  const restarted = { ...rule, upSince: now - MINUTE };
  assert.equal(absenceStep(seen({ seenAt: now - 60 * MINUTE }), restarted).step, 'none');
});

test('a worker that was drained or revoked leaves in peace', () => {
  const seenAt = now - 10 * MINUTE;
  assert.equal(absenceStep(seen({ seenAt, state: 'revoked' }), rule).step, 'none');
  const drained = absenceStep(seen({ seenAt, state: 'draining' }), rule);
  assert.deepEqual(drained, { step: 'away', since: seenAt, tell: false });
});
