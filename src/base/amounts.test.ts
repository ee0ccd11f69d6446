import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  exactAmount,
  exactKnown,
  parseAmount,
  parsePercent,
  showEth,
  showGwei,
  showLpt,
  showPercent,
} from './amounts.ts';

test('an amount is read to the last of 18 digits, and nothing else is an amount', () => {
  assert.equal(parseAmount('1.5'), 1_500_000_000_000_000_000n);
  assert.equal(parseAmount('0.000000000000000001'), 1n);
  assert.equal(parseAmount('0'), 0n);
  assert.equal(parseAmount(' 007 '), 7n * 10n ** 18n);
  assert.equal(parseAmount('9007199254740993.1'), 9_007_199_254_740_993_100_000_000_000_000_000n);
  for (const text of ['', '.', '1.', '.5', '-1', '+1', '1e3', '0x10', '1,5', '1 000', 'NaN']) {
    assert.equal(parseAmount(text), undefined, text);
  }
  assert.equal(parseAmount('0.0000000000000000001'), undefined, 'a 19th digit');
  assert.equal(parseAmount('9'.repeat(41)), undefined);
});

test('an amount written out reads back as itself', () => {
  const amount = fc.bigInt({ min: 0n, max: 2n ** 128n });
  fc.assert(fc.property(amount, (value) => parseAmount(exactAmount(value)) === value));
});

test('a percentage becomes parts per million exactly, up to 100', () => {
  assert.equal(parsePercent('12.5'), 125_000n);
  assert.equal(parsePercent('12.5 %'), 125_000n);
  assert.equal(parsePercent('0.0001%'), 1n);
  assert.equal(parsePercent('29.3'), 293_000n, 'where a float would say 292,999');
  assert.equal(parsePercent('100'), 1_000_000n);
  for (const text of ['100.0001', '101', '-1', '0.00001', '', '%', 'half']) {
    assert.equal(parsePercent(text), undefined, text);
  }
  assert.equal(showPercent(125_000n), '12.5 %');
  assert.equal(showPercent(1_000_000n), '100 %');
});

test('amounts are shown with four digits, cut, and never as nothing', () => {
  const shown: readonly (readonly [bigint, string])[] = [
    [0n, '0 ETH'],
    [1n, '1 wei'],
    [999_999_999n, '999999999 wei'],
    [1_234_567_891n, '1.234 gwei'],
    [99_999n * 10n ** 9n, '99,999 gwei'],
    [12_359n * 10n ** 12n, '0.01235 ETH'],
    [10n ** 18n, '1 ETH'],
    [12_345_678n * 10n ** 17n, '1,234,567 ETH'],
    [-(10n ** 17n), '-0.1 ETH'],
  ];
  for (const [amount, text] of shown) assert.equal(showEth(amount), text);
  assert.equal(showLpt(0n), '0 LPT');
  assert.equal(showLpt(1n), 'less than 0.0001 LPT');
  assert.equal(showLpt(1_500_000n * 10n ** 18n), '1,500,000 LPT');
  assert.equal(showGwei(100_000_000n), '0.1 gwei');
  assert.equal(showGwei(0n), '0 gwei');
});

test('an amount whose terms are not at hand is never shown as more than it is', () => {
  assert.equal(exactKnown(-26_542_080_000n, 'ETH'), '-0.00000002654208 ETH');
  assert.equal(exactKnown(3n * 10n ** 18n, 'LPT'), '3 LPT');
  assert.equal(exactKnown(3_000_000n, 'USDC'), '3000000 base units of USDC');
});
