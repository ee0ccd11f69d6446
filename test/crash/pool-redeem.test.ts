import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { CrashPoint } from '../../src/base/crash-point.ts';
import { startVictim } from './pool-chain-kit.ts';

/** From the claim of winning tickets to the mark that they are paid. */
const POINTS: readonly CrashPoint[] = [
  'claim_before_commit',
  'intent_born',
  'transaction_signed',
  'transaction_signed_stored',
  'before_broadcast',
  'after_broadcast',
  'transaction_broadcast_stored',
  'transaction_final_stored',
  'before_mark',
  'after_mark',
];

const cleanups: (() => void | Promise<void>)[] = [];
after(async () => {
  for (const run of cleanups.toReversed()) await run();
});

test('a pool that is killed anywhere on the way of a redemption redeems each ticket once', async () => {
  const victim = await startVictim({ after: (run) => void cleanups.push(run) }, 'redemptions');
  for (const point of POINTS) {
    await victim.killedAt(point);
    await victim.killedAt(`${point}:2`);
  }
  await victim.recovers();
  assert.ok(victim.truth.sent.size > POINTS.length);
});
