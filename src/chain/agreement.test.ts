import assert from 'node:assert/strict';
import { test } from 'node:test';
import { agree, type Reading } from './agreement.ts';

const rules = { chainId: 42161, headLagMax: 20n };
const honest: Reading = {
  chainId: 42161,
  head: 1_000n,
  blockHash: '0xb1',
  finalHash: '0xf1',
  view: { latestNonce: 8, finalNonce: 7, baseFeePerGas: 10n, priorityFeePerGas: 0n },
  receipts: [{ hash: '0xa1', block: 990n, succeeded: true, final: false }],
};
const fee = (baseFeePerGas: bigint): Reading => ({
  ...honest,
  view: { ...honest.view, baseFeePerGas },
});

test('providers that say the same make one view, whose fees are those in the middle', () => {
  const readings = [fee(12n), fee(10_000_000n), { ...fee(11n), head: 990n }];
  const agreed = agree(readings, rules);
  assert.deepEqual(agreed, { ok: true, view: fee(12n).view, receipts: honest.receipts });
  assert.equal(agree([fee(5_000_000n), fee(10n)], rules).ok, true);
  const two = agree([fee(5_000_000n), fee(10n)], rules);
  assert.equal(two.ok && two.view.baseFeePerGas, 10n);
});

test('each lie has its name, whichever provider tells it', () => {
  const [receipt] = honest.receipts;
  assert.ok(receipt);
  const lies: readonly (readonly [string, Reading])[] = [
    ['wrong_chain', { ...honest, chainId: 1 }],
    ['head_lag', { ...honest, head: 979n }],
    ['head_lag', { ...honest, head: 1_021n }],
    ['block_differs', { ...honest, blockHash: '0xb2' }],
    ['block_differs', { ...honest, finalHash: '0xf2' }],
    ['nonce_differs', { ...honest, view: { ...honest.view, latestNonce: 9 } }],
    ['nonce_differs', { ...honest, view: { ...honest.view, finalNonce: 6 } }],
    ['receipt_differs', { ...honest, receipts: [] }],
    ['receipt_differs', { ...honest, receipts: [{ ...receipt, succeeded: false }] }],
    ['receipt_differs', { ...honest, receipts: [{ ...receipt, block: 991n }] }],
    ['receipt_differs', { ...honest, receipts: [receipt, { ...receipt, hash: '0xa2' }] }],
  ];
  for (const [reason, lie] of lies) {
    assert.deepEqual(agree([honest, lie], rules), { ok: false, reason });
    assert.deepEqual(agree([lie, honest, honest], rules), { ok: false, reason });
  }
  assert.deepEqual(agree([], rules), { ok: false, reason: 'no_provider' });
  assert.deepEqual(agree([{ ...honest, chainId: 1 }], rules), { ok: false, reason: 'wrong_chain' });
});
