import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  add,
  ceil,
  compare,
  divide,
  floor,
  max,
  multiply,
  parseDecimal,
  type Rational,
  rational,
  rationalText,
  subtract,
  ZERO,
} from './rational.ts';

const wide = 2n ** 512n;
const fractions = fc
  .tuple(fc.bigInt({ min: -wide, max: wide }), fc.bigInt({ min: 1n, max: wide }))
  .map(([over, under]) => rational(over, under));
const laws = (check: (a: Rational, b: Rational, c: Rational) => void) =>
  fc.assert(fc.property(fractions, fractions, fractions, check), { numRuns: 100 });

test('fractions add and multiply without any rounding', () => {
  laws((a, b, c) => {
    assert.deepEqual(add(a, b), add(b, a));
    assert.deepEqual(add(add(a, b), c), add(a, add(b, c)));
    assert.deepEqual(multiply(a, add(b, c)), add(multiply(a, b), multiply(a, c)));
    assert.deepEqual(subtract(add(a, b), b), a);
    if (b.numerator !== 0n) assert.deepEqual(multiply(divide(a, b), b), a);
  });
});

test('fractions are ordered, and lie between their floor and ceiling', () => {
  laws((a, b) => {
    assert.equal(compare(a, b), -compare(b, a) + 0);
    assert.equal(compare(max(a, b), a) >= 0 && compare(max(a, b), b) >= 0, true);
    assert.equal(compare(rational(floor(a)), a) <= 0, true);
    assert.equal(compare(rational(ceil(a)), a) >= 0, true);
    assert.equal(ceil(a) - floor(a), a.denominator === 1n ? 0n : 1n);
  });
});

test('lowest terms are the only terms', () => {
  assert.deepEqual(rational(-6n, -4n), { numerator: 3n, denominator: 2n });
  assert.deepEqual(rational(6n, -4n), { numerator: -3n, denominator: 2n });
  assert.deepEqual(rational(0n, -7n), ZERO);
  assert.equal(rationalText(rational(6n, 4n)), '3/2');
  assert.equal(rationalText(rational(6n, 3n)), '2');
  assert.throws(() => rational(1n, 0n), RangeError);
  assert.throws(() => divide(rational(1n), ZERO), RangeError);
});

test('typed numbers are read exactly, and nothing else is a number', () => {
  const rows: [string, Rational | undefined][] = [
    ['0.05', rational(1n, 20n)],
    ['1e12', rational(10n ** 12n)],
    ['2.5E-3', rational(1n, 400n)],
    ['007', rational(7n)],
    ['', undefined],
    ['.5', undefined],
    ['5.', undefined],
    ['-1', undefined],
    ['1e99', undefined],
    ['1e-37', undefined],
    ['0x10', undefined],
    ['1_000', undefined],
    ['1'.repeat(101), undefined],
  ];
  for (const [text, value] of rows) assert.deepEqual(parseDecimal(text), value, text);
});
