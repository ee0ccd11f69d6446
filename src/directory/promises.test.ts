import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type AssetId, ETH } from '../base/asset.ts';
import { defaultTerms } from '../terms/terms.ts';
import { credit, nothingPromised, overdue, type Promised, pay } from './promises.ts';

const DAY_MS = 86_400_000;
/** Monday, 7 December 2026, 00:00 UTC. */
const MONDAY = Date.UTC(2026, 11, 7);
const LEAST = 10n ** 16n;
const HERON = 'aaaaaaaaaa';

/** Credits in an epoch that ended on a Monday; they are due on the next one. */
function credited(before: Promised, amount: bigint, closesAt: number): Promised {
  const amounts = { [ETH]: { epoch: amount, cumulative: amount } } as Record<
    AssetId,
    { epoch: bigint; cumulative: bigint }
  >;
  const leaf = { worker: HERON, units: 1n, amounts, lastSequence: 1n, lastReceipt: '' };
  return credit(before, { closesAt, leaves: [leaf], totals: amounts, terms: defaultTerms });
}

function paid(before: Promised, amount: bigint, at: number, id = `${at}`): Promised {
  const payout = { id, worker: HERON, asset: ETH, amount, at, transaction: `0x${'0'.repeat(64)}` };
  return pay(before, [payout], { onChain: true, terms: defaultTerms });
}

test('a payout on its day is on time, and one two days later is late', () => {
  const owed = credited(nothingPromised, LEAST, MONDAY);
  assert.equal(overdue(owed, MONDAY + 7 * DAY_MS), 0);
  const onTime = paid(owed, LEAST, MONDAY + 7 * DAY_MS + 1_000);
  assert.deepEqual([onTime.payouts, onTime.late, onTime.onChain], [1, 0, 1]);
  assert.equal(paid(owed, LEAST, MONDAY + 9 * DAY_MS).late, 1);
  assert.deepEqual(onTime.owed, {});
});

test('what is below the threshold is never due, until it has grown', () => {
  const little = credited(nothingPromised, LEAST / 2n, MONDAY);
  assert.equal(overdue(little, MONDAY + 365 * DAY_MS), 0);
  const enough = credited(little, LEAST / 2n, MONDAY + 7 * DAY_MS);
  assert.equal(overdue(enough, MONDAY + 14 * DAY_MS), 0);
  assert.equal(overdue(enough, MONDAY + 16 * DAY_MS), 1);
});

test('a payout that was counted is not counted again', () => {
  const once = paid(credited(nothingPromised, LEAST, MONDAY), LEAST, MONDAY + DAY_MS, 'a');
  assert.deepEqual(paid(once, LEAST, MONDAY + DAY_MS, 'a'), once);
});

test('however it is credited and paid, what is owed is the difference', () => {
  const step = fc.record({ credit: fc.bigInt(0n, LEAST), pay: fc.bigInt(1n, LEAST) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      let state = nothingPromised;
      let due = 0n;
      for (const [at, one] of steps.entries()) {
        state = credited(state, one.credit, MONDAY + at * 7 * DAY_MS);
        due += one.credit;
        const part = one.pay < due ? one.pay : due;
        if (part === 0n) continue;
        state = paid(state, part, MONDAY + at * 7 * DAY_MS + 1);
        due -= part;
      }
      assert.equal(BigInt(state.owed[`${HERON} ${ETH}`]?.amount ?? '0'), due);
    }),
  );
});
