import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { SessionId } from '../base/ids.ts';
import { reasons } from './dispatch-types.ts';
import { addTo, bucketOf, leastOf, newHistogram, quantile } from './histogram.ts';
import { createTable, workerId } from './table.test-kit.ts';

const sessionId = (name: string) => name as SessionId;
type Table = ReturnType<typeof createTable>;

const shareOf = (table: Table, name: string) => {
  const share = [...table.dispatch.shares()].find(({ worker }) => worker === workerId(name));
  assert.ok(share);
  const missed = Object.entries(share.missed).filter(([, count]) => count > 0);
  return { given: share.given, missed: Object.fromEntries(missed) };
};

test('a worker with two connections missed a job once, for the better of their reasons', () => {
  const table = createTable({ limits: { reconnectWindowMs: 0 } });
  table.join('twin', { capacity: 1 });
  table.join('twin', { capacity: 1 });
  table.join('idle', { capacity: 1 });
  table.join('still', { state: 'paused' });
  table.submit('j1', { session: sessionId('s1') });
  table.submit('j2', { session: sessionId('s2') });
  table.submit('j3', { session: sessionId('s3') });
  table.submit('j4', { session: sessionId('s4') });
  const shares = ['twin', 'idle'].map((name) => shareOf(table, name));
  assert.equal(shares[0]?.given, 2);
  assert.equal(shares[1]?.given, 1);
  for (const { given, missed } of shares) {
    const sum = Object.values(missed).reduce((total, count) => total + count, 0);
    assert.equal(given + sum, 4);
  }
  assert.deepEqual(shareOf(table, 'still'), { given: 0, missed: { paused: 4 } });
  assert.equal(table.dispatch.demand().jobs, 4);
});

test('every reason that is counted can be the one that kept a job from a worker', () => {
  const table = createTable({ limits: { reconnectWindowMs: 0 } });
  const session = sessionId('stays');
  table.join('free', { version: '0.9.1' });
  table.join('as good', { version: '0.9.1' });
  table.join('small', { version: '0.9.1', encoderSessions: 0 });
  table.join('other', { version: '0.9.1', bits: 4n });
  table.join('old', { version: '0.8.0' });
  table.join('still', { version: '0.9.1', state: 'paused' });
  table.join('leaving', { version: '0.9.1', state: 'draining' });
  table.join('failing', { version: '0.9.1' });
  table.play({ type: 'worker_quarantined', worker: workerId('failing'), ms: 600_000 });
  const needs = { bits: 1n, minVersion: '0.9.0' };
  table.submit('j1', { session, needs });
  table.deliver(table.taskOf('j1').task);
  table.submit('j2', { session, needs });
  table.deliver(table.taskOf('j2').task);
  table.wait(150_000);
  table.submit('j3', { session, needs });
  const missed = table.dispatch.missed();
  assert.deepEqual(
    reasons.filter((reason) => missed[reason] === 0),
    [],
  );
});

test('draining is told from paused, from the moment on', () => {
  const table = createTable({ limits: { reconnectWindowMs: 0 } });
  table.join('ann');
  table.join('ben', { state: 'paused' });
  table.submit('j1');
  table.play({ type: 'worker_state', worker: workerId('ben'), state: 'draining' });
  table.submit('j2');
  table.submit('j3');
  assert.deepEqual(shareOf(table, 'ben').missed, { paused: 1, draining: 2 });
});

test('what jobs asked for is counted, also when they stay with their worker', () => {
  const table = createTable({ limits: { reconnectWindowMs: 0 } });
  table.join('ann', { bits: 7n });
  const session = sessionId('s1');
  table.submit('j1', { session, needs: { bits: 3n } });
  table.deliver(table.taskOf('j1').task);
  table.submit('j2', { session, needs: { bits: 3n } });
  table.submit('j3', { needs: { bits: 8n } });
  assert.deepEqual(table.dispatch.demand().asked, [
    { bits: 3n, count: 2 },
    { bits: 8n, count: 1 },
  ]);
  assert.deepEqual(shareOf(table, 'ann'), { given: 2, missed: { capability: 1 } });
});

test('gateways cannot make the pool count without end', () => {
  const table = createTable({ limits: { reconnectWindowMs: 0 } });
  table.join('ann');
  for (let i = 0; i < 600; i++) table.submit(`j${i}`, { needs: { bits: BigInt(2 * i) } });
  const { asked } = table.dispatch.demand();
  assert.ok(asked.length <= 257, String(asked.length));
  assert.equal(
    asked.reduce((sum, { count }) => sum + count, 0),
    600,
  );
});

test('every number falls into a bucket that holds it', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 31 - 1 }), (value) => {
      const bucket = bucketOf(value);
      assert.ok(leastOf(bucket) <= value && value < leastOf(bucket + 1));
      assert.ok(bucket >= 0 && bucket < 128);
    }),
  );
});

test('a percentile is right to a fifth', () => {
  const histogram = newHistogram();
  for (let ms = 1; ms <= 1_000; ms++) addTo(histogram, ms);
  for (const share of [0.5, 0.95, 0.99]) {
    const found = quantile([...histogram], share) as number;
    assert.ok(Math.abs(found - share * 1_000) < share * 200, `${share}: ${found}`);
  }
  assert.equal(quantile([], 0.5), undefined);
});
