import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Instant } from '../base/clock.ts';
import type { ConnectionId, JobId, SessionId, WorkerId } from '../base/ids.ts';
import { createMetrics } from '../base/metrics.ts';
import { createDispatch } from './dispatch.ts';
import { dispatchMetrics } from './metrics.ts';
import { seededBytes } from './table.test-kit.ts';

test('a scrape shows what dispatch knows at that moment, and why workers missed jobs', async () => {
  const now = 1_700_000_000_000 as Instant;
  const dispatch = createDispatch({ random: seededBytes(1) });
  const metrics = createMetrics();
  dispatchMetrics(metrics, dispatch);
  const before = await metrics.text();
  assert.match(before, /^tributary_dispatch_workers 0$/m);

  for (const [name, bits] of [
    ['able', 3n],
    ['unable', 1n],
  ] as const) {
    const connection = `${name}-1` as ConnectionId;
    const worker = name as string as WorkerId;
    dispatch.apply({ type: 'worker_joined', connection, worker, capacity: 2, bits }, now);
  }
  dispatch.apply(
    {
      type: 'job_submitted',
      job: 'job' as JobId,
      session: 'session' as SessionId,
      needs: { bits: 2n },
      durationMs: 2_000,
      deadlineAt: (now + 8_000) as Instant,
      renditionCount: 1,
    },
    now,
  );

  for (const _ of ['a first look', 'a second one, which counts nothing twice']) {
    const text = await metrics.text();
    assert.match(text, /^tributary_dispatch_workers 2$/m);
    assert.match(text, /^tributary_dispatch_capacity 4$/m);
    assert.match(text, /^tributary_dispatch_load 1$/m);
    assert.match(text, /^tributary_dispatch_jobs\{state="running"\} 1$/m);
    assert.match(text, /^tributary_dispatch_attempts_total 1$/m);
    assert.match(text, /^tributary_dispatch_missed_total\{reason="capability"\} 1$/m);
    assert.match(text, /^tributary_dispatch_missed_total\{reason="slower"\} 0$/m);
  }
});
