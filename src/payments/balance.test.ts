import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { instant } from '../base/clock.ts';
import { pixels, wei } from '../base/money.ts';
import {
  admit,
  BALANCE_IDLE_MS,
  type Balance,
  balanceIdle,
  credit,
  emptyBalance,
  fee,
  remaining,
  settle,
  ticketsNeeded,
  unpaid,
} from './balance.ts';
import { add, compare, multiply, rational, subtract, ZERO } from './rational.ts';

const now = instant(1_700_000_000_000);
const price = rational(1000n, 3n);
const ticketEv = wei(8_000n);
const rule = {
  price,
  ticketEv,
  estimate: rational(5_000n),
  unpaidElsewhere: ZERO,
  unpaidMax: wei(10_000n),
};
const paid = (amount: bigint): Balance =>
  credit(emptyBalance(now), { amount: rational(amount), price }, now);

test('a fee is counted pixels times price, to the last fraction', () => {
  assert.deepEqual(fee(pixels(1n), price), rational(1000n, 3n));
  assert.deepEqual(fee(pixels(3n), price), rational(1000n));
  assert.deepEqual(fee(pixels(640n * 360n * 60n), rational(0n)), ZERO);
});

test('work starts with the credit of one ticket and not with less, and free work always', () => {
  assert.equal(admit(paid(8_000n), rule, now).ok, true);
  const poor = admit(paid(7_999n), rule, now);
  assert.deepEqual(poor, {
    ok: false,
    reason: 'insufficient_balance',
    text: 'Insufficient balance',
  });
  const debt = settle(paid(8_000n), { hold: ZERO, fee: rational(9_000n) }, now);
  assert.equal(admit(debt, rule, now).ok, false);
  assert.equal(admit(emptyBalance(now), { ...rule, price: ZERO }, now).ok, true);
});

test('a sender cannot have more work under way than its credit and the cap allow', () => {
  let balance = paid(8_000n);
  const started: boolean[] = [];
  for (let i = 0; i < 5; i++) {
    const admission = admit(balance, rule, now);
    started.push(admission.ok);
    if (admission.ok) balance = admission.balance;
  }
  // 8,000 paid and 10,000 owed at most: three times 5,000.
  assert.deepEqual(started, [true, true, true, false, false]);
  assert.deepEqual(unpaid(balance), rational(7_000n));
  const elsewhere = { ...rule, unpaidElsewhere: rational(10_000n), estimate: rational(9_000n) };
  const refused = admit(paid(8_000n), elsewhere, now);
  assert.equal(!refused.ok && refused.text, 'OrchestratorBusy');
});

test('the first price of a session stays its price', () => {
  const later = credit(paid(1n), { amount: rational(1n), price: rational(5n) }, now);
  assert.deepEqual(later.fixedPrice, price);
});

test('a balance is forgotten when idle, never with work under way', () => {
  const later = instant(now + BALANCE_IDLE_MS);
  assert.equal(balanceIdle(paid(1n), instant(later - 1)), false);
  assert.equal(balanceIdle(paid(1n), later), true);
  const admission = admit(paid(8_000n), rule, now);
  assert.ok(admission.ok);
  assert.equal(balanceIdle(admission.balance, later), false);
});

test('amounts are never negative, and no more is given back than was held', () => {
  const less = rational(-1n);
  assert.throws(() => credit(paid(1n), { amount: less, price }, now), RangeError);
  assert.throws(() => settle(paid(1n), { hold: ZERO, fee: less }, now), RangeError);
  assert.throws(() => settle(paid(1n), { hold: rational(1n), fee: ZERO }, now), RangeError);
  assert.throws(() => admit(paid(8_000n), { ...rule, estimate: less }, now), RangeError);
});

test('credit is neither made nor lost: what remains is the sum of what came in and went out', () => {
  const amounts = fc
    .tuple(fc.bigInt({ min: 0n, max: 10n ** 20n }), fc.bigInt({ min: 1n, max: 2n ** 64n }))
    .map(([over, under]) => rational(over, under));
  const step = fc.record({
    kind: fc.constantFrom('credit' as const, 'start' as const, 'settle' as const),
    amount: amounts,
    count: fc.bigInt({ min: 0n, max: 10n ** 9n }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      let balance = emptyBalance(now);
      let came = ZERO;
      let went = ZERO;
      const holds: (typeof ZERO)[] = [];
      for (const { kind, amount, count } of steps) {
        if (kind === 'credit') {
          balance = credit(balance, { amount, price }, now);
          came = add(came, amount);
        } else if (kind === 'start') {
          const before = remaining(balance);
          const admission = admit(balance, { ...rule, estimate: amount }, now);
          if (!admission.ok) continue;
          assert.equal(compare(before, rational(ticketEv)) >= 0, true);
          assert.equal(compare(unpaid(admission.balance), rational(rule.unpaidMax)) <= 0, true);
          balance = admission.balance;
          holds.push(admission.hold);
        } else {
          const hold = holds.shift();
          if (!hold) continue;
          const cost = fee(pixels(count), price);
          balance = settle(balance, { hold, fee: cost }, now);
          went = add(went, cost);
        }
        assert.deepEqual(remaining(balance), subtract(came, went));
        assert.deepEqual(balance.held, holds.reduce(add, ZERO));
      }
    }),
    { numRuns: 100 },
  );
});

test('the tickets that a gateway adds are just enough', () => {
  const amounts = fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }).map((n) => rational(n, 7n));
  const evs = fc.bigInt({ min: 1n, max: 10n ** 13n }).map((n) => rational(n, 3n));
  fc.assert(
    fc.property(amounts, amounts, evs, (minCredit, existing, ev) => {
      const count = ticketsNeeded({ minCredit, existing, ticketEv: ev });
      const after = (tickets: bigint) => add(existing, multiply(ev, rational(tickets)));
      assert.equal(compare(after(count), minCredit) >= 0, true);
      if (count > 0n) assert.equal(compare(after(count - 1n), minCredit) < 0, true);
    }),
    { numRuns: 200 },
  );
});
