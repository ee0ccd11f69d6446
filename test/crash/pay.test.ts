import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Hex } from 'viem';
import type { CrashPoint } from '../../src/base/crash-point.ts';
import type { Lie, Said } from '../../src/chain/lying-node.test-kit.ts';
import { transactionHash } from '../../src/chain/sign-transaction.ts';
import { jitterOf, noHash, type PayVictim, startPayVictim } from './pay-kit.ts';

// From a worker's answer to a payout that is final: one pool that earns, closes epochs and pays on a
// chain, in ether and in a token, alone and in batches, and is killed. `CRASH_SEEDS=5` kills it at the
// first to the fifth passing of each point, with other pauses in its load each time. What a block
// holds is final here at once: transactions.test.ts has the state between.

/** How often each point is tried; 1 in the suite. */
const SEEDS = Number(process.env.CRASH_SEEDS ?? 1);

/** pool-chain.test.ts goes through these in the suite. */
const WORK: readonly CrashPoint[] = [
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

const PAY: readonly CrashPoint[] = [
  'income_before_commit',
  'income_posted',
  'epoch_ended',
  'epoch_end_noted',
  'epoch_before_commit',
  'epoch_closed',
  'history_before_commit',
  'epoch_recorded',
  'epoch_written',
  'epoch_published',
  'payout_planned_before_commit',
  'payout_planned',
  'payout_failed_before_commit',
  'payout_reserved_before_commit',
  'payout_reserved_after_commit',
  'transaction_intended_stored',
  'transaction_signed',
  'transaction_signed_stored',
  'before_broadcast',
  'after_broadcast',
  'transaction_broadcast_stored',
  'transaction_final_stored',
  'payout_signed_before_commit',
  'payout_broadcast_before_commit',
  'payout_outcome_known',
  'payout_final_before_commit',
  'payout_settled',
];

const cleanups: (() => void | Promise<void>)[] = [];
let victim: PayVictim;
before(async () => {
  victim = await startPayVictim({ after: (run) => void cleanups.push(run) });
});
after(async () => {
  for (const run of cleanups.toReversed()) await run();
});

/** What a node does with signed bytes; all else is the truth. */
function sending(say: (honest: () => Promise<Said>, raw: Hex) => ReturnType<Lie>): Lie {
  return async (call, honest) =>
    call.method === 'eth_sendRawTransaction' ? say(honest, call.params[0] as Hex) : honest();
}

/** All that is not for the protocol is said to revert, so that payouts are given up. */
const reverting: Lie = async ({ method, params: [tx] }, honest) => {
  const { TicketBroker } = victim.chain.devnet.addresses;
  const to = String((tx as { to?: string } | undefined)?.to).toLowerCase();
  if (method !== 'eth_estimateGas' || to === TicketBroker.toLowerCase()) return honest();
  return { error: { code: 3, message: 'execution reverted' } };
};

/** So that a payout is looked at in a state that it is in for a moment only. */
const SLOW: Partial<Record<CrashPoint, Lie>> = {
  payout_failed_before_commit: reverting,
  payout_signed_before_commit: sending(async () => 'hang'),
  payout_broadcast_before_commit: sending(async (_, raw) => ({ result: transactionHash(raw) })),
};

const silently = sending(async (honest) => {
  await honest();
  return 'hang';
});
const lies: Readonly<Record<string, Lie>> = {
  'takes a transaction and never says so': silently,
  'sends it twice and says that it failed': sending(async (honest) => {
    await honest();
    return honest();
  }),
  'takes it and names another hash': sending(async (honest) => {
    await honest();
    return { result: noHash() };
  }),
};

test('a pool that is killed anywhere between work and its final payout owes and pays once', async () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    for (const point of SEEDS > 1 ? [...WORK, ...PAY] : PAY) {
      const jitter = seed === 1 ? {} : { jitter: jitterOf(seed) };
      const slow = SLOW[point] ? { lie: SLOW[point] } : {};
      await victim.killedAt(seed === 1 ? point : `${point}:${seed}`, { ...jitter, ...slow });
    }
  }
});

for (const [name, lie] of Object.entries(lies)) {
  test(`everybody is paid once by a node that ${name}`, () => victim.paysUnder(lie));
}

test('a pool that is killed while its node lies owes and pays once', async () => {
  const lie = lies['takes it and names another hash'] as Lie;
  await victim.killedAt('after_broadcast', { lie });
  await victim.killedAt('payout_final_before_commit', { lie: silently });
});

test('when it is quiet, all that was owed is paid, on the chain and in the proofs', async () => {
  await victim.recovers(SEEDS > 1 ? 'all' : 'some');
  assert.ok(victim.truth.tasks.length > 0 && victim.truth.receipts.length > 0);
});
