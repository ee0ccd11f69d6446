import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { feeCeiling, feesFor, replacementFees } from './fees.ts';

const limits = { maxFeePerGas: 1_000n, worthShare: { numerator: 1n, denominator: 10n } };
const quiet = { baseFeePerGas: 100n, priorityFeePerGas: 1n };

test('a new transaction bears twice the base fee, but never more than the ceiling', () => {
  const work = { gasLimit: 100n, worthWei: undefined };
  const fees = { ok: true, maxFeePerGas: 201n, maxPriorityFeePerGas: 1n };
  assert.deepEqual(feesFor(work, quiet, limits), fees);
  const busy = { baseFeePerGas: 900n, priorityFeePerGas: 1n };
  assert.deepEqual(feesFor(work, busy, limits), { ...fees, maxFeePerGas: 1_000n });
  const mad = { baseFeePerGas: 100_000_000n, priorityFeePerGas: 1n };
  assert.deepEqual(feesFor(work, mad, limits), { ok: false, reason: 'above_ceiling' });
});

test('what is worth little waits for cheap gas', () => {
  const work = { gasLimit: 100n, worthWei: 100_000n };
  assert.equal(feeCeiling(work, limits), 100n);
  assert.equal(feesFor(work, quiet, limits).ok, false);
  assert.equal(feesFor({ ...work, worthWei: 101_000n }, quiet, limits).ok, true);
});

test('a replacement pays at least a tenth more of both, and stays below the ceiling', () => {
  const amount = fc.bigInt({ min: 0n, max: 10n ** 12n });
  const anything = fc.record({
    gasLimit: fc.bigInt({ min: 21_000n, max: 10n ** 7n }),
    worthWei: fc.option(fc.bigInt({ min: 0n, max: 10n ** 21n }), { nil: undefined }),
    base: amount,
    tip: amount,
    oldTip: amount,
    oldRest: amount,
    most: amount,
  });
  fc.assert(
    fc.property(anything, ({ gasLimit, worthWei, base, tip, oldTip, oldRest, most }) => {
      const bounds = { ...limits, maxFeePerGas: most };
      const old = { maxFeePerGas: oldTip + oldRest, maxPriorityFeePerGas: oldTip };
      const market = { baseFeePerGas: base, priorityFeePerGas: tip };
      const fees = replacementFees({ gasLimit, worthWei }, old, market, bounds);
      if (!fees.ok) return;
      assert.ok(fees.maxFeePerGas * 10n > old.maxFeePerGas * 11n);
      assert.ok(fees.maxPriorityFeePerGas * 10n > old.maxPriorityFeePerGas * 11n);
      assert.ok(fees.maxPriorityFeePerGas <= fees.maxFeePerGas);
      assert.ok(fees.maxFeePerGas >= base + tip);
      assert.ok(fees.maxFeePerGas <= most);
      if (worthWei !== undefined) assert.ok(fees.maxFeePerGas * gasLimit * 10n <= worthWei);
    }),
  );
});
