import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createKilling } from './killing.ts';
import type { PoolStatus } from './pool-api.ts';

const status = (busy: string | undefined, ok: number, retried: number): PoolStatus => ({
  segments: { ok, failed: 0, retried, inFlight: busy ? 1 : 0 },
  workers: ['heron', 'otter'].map((name) => ({
    id: name,
    name,
    status: 'Working',
    connections: 1,
    sessions: 1,
    runningTasks: name === busy ? 1 : 0,
    segments: 0,
    failedAttempts: 0,
    pixels: 0n,
  })),
});

test('the worker that is seen busy twice is killed, and only in the second half', () => {
  const killing = createKilling();
  assert.deepEqual(killing.decide(status('heron', 3, 0), false), { act: 'wait' });
  assert.deepEqual(killing.decide(status('heron', 3, 0), true), { act: 'wait' });
  assert.deepEqual(killing.decide(status(undefined, 4, 0), true), { act: 'wait' });
  assert.deepEqual(killing.decide(status('otter', 4, 0), true), { act: 'wait' });
  assert.deepEqual(killing.decide(status('otter', 4, 0), true), { act: 'kill', worker: 'otter' });
});

test('it survived once the retried segment is back', () => {
  const killing = createKilling();
  killing.decide(status('heron', 3, 0), true);
  killing.decide(status('heron', 3, 0), true);
  assert.deepEqual(killing.decide(status('otter', 3, 1), true), { act: 'wait' });
  const back = killing.decide(status(undefined, 4, 1), true);
  assert.deepEqual(back, { act: 'survived', worker: 'heron' });
  assert.deepEqual(killing.decide(status('otter', 5, 1), true), { act: 'wait' });
  assert.equal(killing.kills, 1);
});

test('a kill between two segments is tried again, three times at most', () => {
  const killing = createKilling();
  let ok = 3;
  for (let round = 0; round < 5; round++) {
    killing.decide(status('heron', ok, 0), true);
    killing.decide(status('heron', ok, 0), true);
    ok += 2;
  }
  assert.equal(killing.kills, 3);
  assert.equal(killing.survived, false);
});
