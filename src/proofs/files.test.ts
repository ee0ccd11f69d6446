import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assetId, ETH } from '../base/asset.ts';
import { type PayoutsFile, parsePayouts, parseTerms, type TermsFile, writeFile } from './files.ts';

const payout: PayoutsFile['payouts'][number] = {
  id: '0193-1',
  worker: 'abcdefghij',
  asset: ETH,
  amount: 10n ** 30n,
  at: 1_800_000_000_000,
  to: `0x${'ab'.repeat(20)}`,
  transaction: `0x${'cd'.repeat(32)}`,
};
const payouts = (...list: PayoutsFile['payouts']): PayoutsFile => ({
  format: 'tributary-payouts-1',
  epoch: 7n,
  payouts: list,
});
const faultOf = (text: string) => {
  const parsed = parsePayouts(text);
  return parsed.ok ? 'ok' : parsed.text;
};

test('payouts come back as they were, on chain and by bank', () => {
  const { to: _to, transaction: _transaction, ...rest } = payout;
  const byBank = { ...rest, id: '0193-2', worker: 'ef'.repeat(32), reference: 'Invoice 12' };
  const file = payouts(payout, byBank);
  assert.deepEqual(parsePayouts(writeFile(file)), { ok: true, file });
});

test('what is wrong with a file is named with its place', () => {
  assert.match(faultOf(writeFile(payouts(payout, payout))), /the payout 0193-1 is twice/);
  const tooMuch = writeFile(payouts({ ...payout, amount: 2n ** 128n }));
  assert.match(faultOf(tooMuch), /payouts\[0\]\.amount must be below/);
  const other = writeFile(payouts({ ...payout, asset: assetId('ETH'), worker: 'Somebody' }));
  assert.match(faultOf(other), /payouts\[0\]\.worker must be a worker/);
  assert.match(faultOf(writeFile(payouts(payout)).replace('"epoch"', '"epochs"')), /must be/);
  assert.equal(faultOf(`${writeFile(payouts(payout))} `), 'the file is not canonical JSON');
});

test('terms are an envelope around whatever their own reader takes', () => {
  const file: TermsFile = {
    format: 'tributary-terms-1',
    version: 2,
    terms: { name: 'Pool', model: { kind: 'proportional', by: 'units' } },
    key: '12'.repeat(32),
    signature: '34'.repeat(64),
  };
  assert.deepEqual(parseTerms(writeFile(file)), { ok: true, file });
  const long = parseTerms(' '.repeat(1024 * 1024 + 1));
  assert.deepEqual(long, { ok: false, text: 'the file is longer than 1048576 characters' });
});
