import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { CrashPoint } from '../../src/base/crash-point.ts';
import { startVictim } from './pool-chain-kit.ts';

/** From the tickets of a segment to the answers of its worker and its gateway. */
const POINTS: readonly CrashPoint[] = [
  'tickets_verified',
  'credit_before_commit',
  'credit_after_commit',
  'winner_stored',
  'segment_accepted',
  'task_minted',
  'result_claimed',
  'result_verified',
  'contribution_handed_in',
  'batch_before_commit',
  'batch_after_commit',
  'before_worker_answer',
  'result_signed',
  'before_debit',
  'work_debited',
  'before_gateway_answer',
];

const cleanups: (() => void | Promise<void>)[] = [];
after(async () => {
  for (const run of cleanups.toReversed()) await run();
});

test('a pool that is killed anywhere between a payment and an answer keeps what it told', async () => {
  const victim = await startVictim({ after: (run) => void cleanups.push(run) }, 'segments');
  for (const [index, point] of POINTS.entries()) {
    await victim.killedAt(point);
    // Under load, too; every other one, for the time that it takes.
    if (index % 2 === 0) await victim.killedAt(`${point}:3`);
  }
  await victim.recovers();
  assert.ok(victim.truth.done.size > 0 && victim.truth.sent.size > POINTS.length);
});
