import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  adjustedPrice,
  basePrice,
  capabilityKey,
  hasMoreThanDoubled,
  inWei,
  offeredPrice,
  type PriceTable,
  parsePrice,
  priceTerms,
  weiPerUnitOf,
} from './price.ts';
import { compare, divide, multiply, ONE, rational, rationalText, ZERO } from './rational.ts';

test('prices are read as an operator writes them', () => {
  const rows: [string, string, string][] = [
    ['1000wei', '1000', 'wei'],
    ['1000', '1000', 'wei'],
    ['1000 wei', '1000', 'wei'],
    ['0.5', '1/2', 'wei'],
    ['0.05USD per 1e12 pixels', '1/20000000000000', 'USD'],
    ['0.05 usd per 1000000000000 pixels', '1/20000000000000', 'USD'],
    ['0.05USD per 1e12', '1/20000000000000', 'USD'],
    ['0.50USD', '1/2', 'USD'],
    ['12wei per pixel', '12', 'wei'],
    ['0.000001eth per 1e9 pixels', '1000', 'wei'],
    ['2e-9eth', '2000000000', 'wei'],
    ['0', '0', 'wei'],
  ];
  for (const [text, perUnit, currency] of rows) {
    const outcome = parsePrice(text);
    assert.ok(outcome.ok, text);
    assert.equal(rationalText(outcome.price.perUnit), perUnit, text);
    assert.equal(outcome.price.currency, currency, text);
  }
});

test('what is no price says so', () => {
  for (const text of [
    '',
    'wei',
    '-1wei',
    '1.wei',
    '1wei per',
    '1 wei 2',
    '1wei per 1.5 pixels',
    '1wei per pixels pixels',
    '1'.repeat(201),
    '1€',
    '1wei per -3 pixels',
  ]) {
    assert.deepEqual(parsePrice(text), { ok: false, reason: 'malformed' }, text);
  }
  assert.deepEqual(parsePrice('1wei per 0 pixels'), { ok: false, reason: 'no_units' });
});

test('a feed converts in either direction, and only for its own pair', () => {
  const feed = { description: 'ETH / USD', decimals: 8, answer: 2_000n * 10n ** 8n };
  assert.deepEqual(weiPerUnitOf('USD', feed), rational(5n * 10n ** 14n));
  const inverse = { description: 'USD/ETH', decimals: 18, answer: 5n * 10n ** 14n };
  assert.deepEqual(weiPerUnitOf('usd', inverse), rational(5n * 10n ** 14n));
  assert.equal(weiPerUnitOf('EUR', feed), undefined);
  assert.equal(weiPerUnitOf('USD', { ...feed, description: 'BTC / USD' }), undefined);
  assert.equal(weiPerUnitOf('USD', { ...feed, description: 'ETH / USD / x' }), undefined);
  assert.equal(weiPerUnitOf('USD', { ...feed, answer: 0n }), undefined);
  assert.equal(weiPerUnitOf('USD', { ...feed, answer: -1n }), undefined);
  assert.equal(weiPerUnitOf('USD', { ...feed, decimals: 1e9 }), undefined);
  const price = parsePrice('0.05USD per 1e12 pixels');
  assert.ok(price.ok);
  assert.deepEqual(inWei(price.price, weiPerUnitOf('USD', feed)), rational(25n));
  assert.equal(inWei(price.price, undefined), undefined);
});

test('a gateway or capability with its own price gets that', () => {
  const gateway = Buffer.alloc(20, 0xab);
  const other = Buffer.alloc(20, 0xcd);
  const sd = { capability: 27, model: 'stabilityai/sd-turbo' };
  const llm = { capability: 35, model: 'llama' };
  const table: PriceTable = {
    default: rational(10n),
    perGateway: new Map([['ab'.repeat(20), rational(9n)]]),
    perCapability: new Map([
      [capabilityKey(sd), rational(100n)],
      [capabilityKey(llm), rational(30n)],
    ]),
    perGatewayCapability: new Map([
      ['ab'.repeat(20), new Map([[capabilityKey(sd), rational(80n)]])],
    ]),
  };
  assert.deepEqual(basePrice(table, gateway), rational(9n));
  assert.deepEqual(basePrice(table, other), rational(10n));
  assert.deepEqual(basePrice(table, gateway, [sd, llm]), rational(110n));
  assert.deepEqual(basePrice(table, other, [sd, llm]), rational(130n));
  assert.deepEqual(basePrice(table, other, [{ capability: 1, model: 'free' }]), rational(10n));
});

test('a running session keeps its price when the operator or the feed changes it', () => {
  const question = { base: rational(50n), adjust: true, txCostMultiplier: rational(100n) };
  assert.deepEqual(offeredPrice({ ...question, fixed: rational(10n) }), rational(10n));
  assert.deepEqual(offeredPrice({ ...question, fixed: undefined }), rational(101n, 2n));
  assert.deepEqual(offeredPrice({ ...question, fixed: undefined, adjust: false }), rational(50n));
});

test('an adjusted price is at most a thousandth below what redemption costs', () => {
  const prices = fc.bigInt({ min: 1n, max: 10n ** 9n }).map((n) => rational(n, 1000n));
  const multipliers = fc
    .tuple(fc.bigInt({ min: 1n, max: 10n ** 6n }), fc.bigInt({ min: 1n, max: 10n ** 6n }))
    .map(([over, under]) => rational(over, under));
  fc.assert(
    fc.property(prices, multipliers, (base, multiplier) => {
      const exact = multiply(
        base,
        rational(multiplier.numerator + multiplier.denominator, multiplier.numerator),
      );
      const adjusted = adjustedPrice(base, multiplier);
      assert.equal(compare(adjusted, exact) <= 0, true);
      const gap = rational(
        exact.numerator * adjusted.denominator - adjusted.numerator * exact.denominator,
        exact.denominator * adjusted.denominator,
      );
      assert.equal(compare(gap, rational(1n, 1000n)) < 0, true);
      assert.equal(1000n % adjusted.denominator, 0n);
    }),
  );
  assert.deepEqual(adjustedPrice(rational(5n), ZERO), rational(5n));
});

test('a price that does not fit the wire is rounded down to whole wei', () => {
  const wide = 2n ** 80n;
  assert.deepEqual(priceTerms(rational(wide + 1n, wide)), { pricePerUnit: 1n, pixelsPerUnit: 1n });
  assert.deepEqual(priceTerms(rational(1n, wide)), { pricePerUnit: 0n, pixelsPerUnit: 1n });
  assert.deepEqual(priceTerms(rational(wide)), { pricePerUnit: 2n ** 63n - 1n, pixelsPerUnit: 1n });
});

test('gateways stop at more than twice the first price', () => {
  assert.equal(hasMoreThanDoubled(rational(5n), rational(10n)), false);
  assert.equal(hasMoreThanDoubled(rational(5n), rational(10_001n, 1000n)), true);
  assert.equal(hasMoreThanDoubled(ONE, divide(ONE, rational(2n))), false);
});
