import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { wei } from '../base/money.ts';
import { bigEndian, readBigEndian, word } from './big-endian.ts';
import { chooseFaceValue, txCostMultiplier, winProbability } from './face-value.ts';
import { compare, divide, rational, subtract } from './rational.ts';
import { expectedValue, WIN_PROB_MAX } from './ticket.ts';
import { creationRoundOf } from './ticket-params.ts';

const evs = fc.bigInt({ min: 1n, max: 10n ** 15n }).map(wei);
const faceValues = fc.bigInt({ min: 1n, max: 10n ** 20n }).map(wei);

test('the win probability of a face value gives back the expected value, a hair above', () => {
  fc.assert(
    fc.property(evs, faceValues, (ev, faceValue) => {
      fc.pre(faceValue >= ev);
      const worth = expectedValue({ faceValue, winProb: winProbability(faceValue, ev) });
      const excess = divide(subtract(worth, rational(ev)), rational(ev));
      assert.equal(excess.numerator >= 0n, true);
      // The rounding up is by less than one unit of the win probability per wei.
      assert.equal(compare(excess, rational(faceValue, WIN_PROB_MAX)) <= 0, true);
    }),
  );
});

test('a chosen face value is worth a ticket, pays its redemption, and the sender can honour it', () => {
  const amounts = fc.bigInt({ min: 0n, max: 10n ** 19n });
  fc.assert(
    fc.property(evs, amounts, amounts, amounts, (ticketEv, gas, float, limit) => {
      const gasPrice = wei(gas / 10n ** 7n);
      const rule = {
        ticketEv,
        redeemGas: 1_200_000n,
        gasPrice,
        txCostMultiplier: 100n,
        maxFloat: float - 10n ** 18n,
        maxFaceValue: wei(limit),
      };
      const chosen = chooseFaceValue(rule);
      if (!chosen.ok) return;
      const { faceValue } = chosen;
      assert.equal(faceValue >= ticketEv && faceValue <= rule.maxFloat, true);
      assert.equal(limit === 0n || faceValue <= limit, true);
      const txCost = rule.redeemGas * gasPrice;
      const average = rule.redeemGas * 3_000_000_000n;
      assert.equal(faceValue >= txCost || faceValue >= average, true);
      const multiplier = txCostMultiplier(faceValue, txCost);
      assert.equal(compare(multiplier, rational(faceValue, txCost || 1n)) <= 0, true);
    }),
  );
});

test('integers travel in their shortest bytes and come back from any', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: WIN_PROB_MAX }), fc.nat(8), (value, zeros) => {
      const bytes = bigEndian(value);
      assert.notEqual(bytes[0], 0);
      assert.equal(readBigEndian(Buffer.concat([Buffer.alloc(zeros), bytes])), value);
      assert.equal(readBigEndian(word(value)), value);
      assert.equal(word(value).length, 32);
    }),
  );
  assert.throws(() => word(WIN_PROB_MAX + 1n), RangeError);
  assert.throws(() => word(-1n), RangeError);
  assert.throws(() => bigEndian(-1n), RangeError);
});

test('tickets name the round before when the chain saw no block hash for this one', () => {
  const previousBlockHash = Buffer.alloc(32, 1);
  const blockHash = Buffer.alloc(32, 2);
  assert.deepEqual(creationRoundOf({ lastInitialized: 7n, blockHash, previousBlockHash }), {
    creationRound: 7n,
    creationRoundBlockHash: blockHash,
  });
  const zero = { lastInitialized: 7n, blockHash: new Uint8Array(32), previousBlockHash };
  assert.deepEqual(creationRoundOf(zero), {
    creationRound: 6n,
    creationRoundBlockHash: previousBlockHash,
  });
});
