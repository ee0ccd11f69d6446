import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { toHex } from './bytes.ts';
import { nodeHashing } from './node-hashing.ts';
import { anyReceipt } from './receipt.test-kit.ts';
import {
  amountFor,
  decodeReceipt,
  encodeReceipt,
  joinSigned,
  RECEIPT_BYTES,
  RECEIPT_LAYOUT,
  type Receipt,
  receiptHash,
  SIGNED_RECEIPT_BYTES,
  splitSigned,
} from './receipt.ts';

const one = fc.sample(anyReceipt, { seed: 1, numRuns: 1 })[0] as Receipt;

test('every receipt comes back from its bytes as it was', () => {
  fc.assert(
    fc.property(anyReceipt, (receipt) => {
      const body = encodeReceipt(receipt);
      assert.equal(body.length, RECEIPT_BYTES);
      assert.deepEqual(decodeReceipt(body), receipt);
    }),
  );
});

test('whatever reads as a receipt has no other bytes', () => {
  const spoiled = fc.record({
    receipt: anyReceipt,
    at: fc.nat(RECEIPT_BYTES - 1),
    byte: fc.nat(255),
  });
  fc.assert(
    fc.property(spoiled, ({ receipt, at, byte }) => {
      const body = encodeReceipt(receipt);
      body[at] = byte;
      const read = decodeReceipt(body);
      if (read) assert.deepEqual(encodeReceipt(read), body);
    }),
    { numRuns: 2_000 },
  );
});

test('any byte of a receipt that changes, changes its hash', () => {
  const body = encodeReceipt(one);
  const hash = toHex(receiptHash(body, nodeHashing));
  for (let at = 0; at < body.length; at += 1) {
    const changed = body.slice();
    changed[at] = (changed[at] as number) ^ 1;
    assert.notEqual(toHex(receiptHash(changed, nodeHashing)), hash);
  }
});

test('the fields of a receipt lie one after the other and fill it', () => {
  let end = 0;
  for (const [offset, length] of Object.values(RECEIPT_LAYOUT)) {
    assert.equal(offset, end);
    end = offset + length;
  }
  assert.equal(end, RECEIPT_BYTES);
});

test('a receipt that does not fit its place is refused, by the field', () => {
  const wrong: readonly (readonly [string, object])[] = [
    ['pool', { pool: new Uint8Array(19) }],
    ['chainId', { chainId: -1n }],
    ['worker', { worker: 'short' }],
    ['sequence', { sequence: 2n ** 64n }],
    ['kind', { kind: 65_536 }],
    ['units', { units: 2n ** 128n }],
    ['asset', { basis: 'none', asset: 'ETH' }],
    ['asset', { basis: 'terms_rate', asset: 'lower' }],
    ['basis', { basis: 'another', asset: 'ETH' }],
    ['priceDenominator', { priceDenominator: 0n }],
    ['deviceMs', { deviceMs: 1.5 }],
    ['at', { at: 2 ** 53 }],
  ];
  for (const [field, change] of wrong) {
    const receipt = { ...one, ...change };
    assert.throws(() => encodeReceipt(receipt), new RegExp(`^RangeError: the receipt's ${field} `));
  }
});

test('a receipt and its signature travel as one piece of fixed length', () => {
  const body = encodeReceipt(one);
  const signed = joinSigned(body, new Uint8Array(64).fill(7));
  assert.equal(signed.length, SIGNED_RECEIPT_BYTES);
  const split = splitSigned(signed);
  assert.deepEqual(split?.receipt, one);
  assert.deepEqual(split?.signature, new Uint8Array(64).fill(7));
  assert.equal(splitSigned(signed.subarray(1)), undefined);
});

test('an amount is rounded down once', () => {
  assert.equal(amountFor(10n, { priceNumerator: 2n, priceDenominator: 3n }), 6n);
});
