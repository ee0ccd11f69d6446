import assert from 'node:assert/strict';
import { test } from 'node:test';
import { instant } from '../../base/clock.ts';
import { latencyScore, type Selectable, selectSession } from './select.ts';

const now = instant(100_000);
const session = (score?: number, ...agesMs: number[]): Selectable => ({
  score,
  inFlight: agesMs.map((age) => ({ sentAt: instant(now - age), durationMs: 2000 })),
});

test('the last session is kept while it keeps up', () => {
  const idle = session(0.5);
  const other = session(0.1);
  assert.equal(selectSession([other, idle], idle, now), idle);
  const busy = session(0.5, 1900);
  assert.equal(selectSession([other, busy], busy, now), busy);
});

test('a session that falls behind is left for the fastest known one, else for an unused one', () => {
  const late = session(0.5, 2100);
  const slow = session(1.2);
  const fast = session(0.3);
  const unused = session();
  assert.equal(selectSession([late, slow, fast, unused], late, now), fast);
  assert.equal(selectSession([late, slow, unused], late, now), unused);
  assert.equal(selectSession([late, slow], late, now), slow);
  assert.equal(selectSession([late], late, now), late);
});

test('no session gets more than an orchestrator queues', () => {
  const full = session(0.5, 5, 4, 3, 2, 1);
  assert.equal(selectSession([full], full, now), undefined);
});

test('a score is time over duration, and short segments are not held against anybody', () => {
  assert.equal(latencyScore(1000, 2000), 0.5);
  assert.equal(latencyScore(750, 100), 0.5);
});
