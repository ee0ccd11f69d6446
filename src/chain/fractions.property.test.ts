import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { part, partOfRatio, ratio, scales } from './fractions.ts';

const scale = fc.constantFrom(...Object.values(scales));
/** More than all LPT and all ether that will ever be, in 10^-18. */
const amount = fc.bigInt({ min: 0n, max: 10n ** 30n });
const positive = fc.bigInt({ min: 1n, max: 10n ** 30n });

test('a share of an amount is never more than the amount, and the shares of all never more than it', () => {
  fc.assert(
    fc.property(
      amount,
      fc.array(positive, { minLength: 1, maxLength: 8 }),
      scale,
      (of, parts, s) => {
        const whole = parts.reduce((sum, one) => sum + one, 0n);
        const paid = parts.reduce((sum, one) => sum + partOfRatio(of, one, whole, s), 0n);
        assert.ok(paid <= of);
      },
    ),
  );
});

test('rounding loses less than one part of the scale and one unit', () => {
  fc.assert(
    fc.property(amount, positive, positive, scale, (of, a, b, s) => {
      const [numerator, denominator] = a < b ? [a, b] : [b, a];
      const exact = (of * numerator) / denominator;
      const got = partOfRatio(of, numerator, denominator, s);
      assert.ok(got <= exact);
      assert.ok(exact - got <= of / s + 1n);
    }),
  );
});

test('more of the numerator is never less of the amount', () => {
  fc.assert(
    fc.property(amount, positive, positive, positive, scale, (of, n, more, d, s) => {
      assert.ok(partOfRatio(of, n, d, s) <= partOfRatio(of, n + more, d, s));
    }),
  );
});

test('the whole of an amount is the amount, and nothing of it is nothing', () => {
  fc.assert(
    fc.property(amount, positive, scale, (of, d, s) => {
      assert.equal(partOfRatio(of, d, d, s), of);
      assert.equal(part(of, s, s), of);
      assert.equal(partOfRatio(of, 0n, d, s), 0n);
    }),
  );
});

test('a share of nothing is refused, as the contracts do', () => {
  assert.throws(() => ratio(1n, 0n, scales.precise), RangeError);
});
