import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeFunctionData, type Hex } from 'viem';
import { livepeerTokenAbi } from './abi/livepeer-token.ts';
import {
  CREATOR,
  DISPERSE,
  deployDisperseData,
  disperseEtherData,
  disperseTokenData,
} from './disperse.ts';
import { at, ETH, node, stranger, testPolicy, unsigned } from './signing.test-kit.ts';
import { judge, nothing, type Spent } from './signing-policy.ts';
import { openSums } from './signing-sums.ts';

const encodeTransfer = (to: Hex, amount: bigint) =>
  encodeFunctionData({ abi: livepeerTokenAbi, functionName: 'transfer', args: [to, amount] });
const encodeApprove = (spender: Hex, amount: bigint) =>
  encodeFunctionData({ abi: livepeerTokenAbi, functionName: 'approve', args: [spender, amount] });
const PAYER: Hex = `0x${'7a'.repeat(20)}`;
const TOKEN: Hex = `0x${'70'.repeat(20)}`;
const BATCH: Hex = `0x${'00'.repeat(32)}`;
const unspent: Spent = { others: nothing, sameNonce: nothing };
const payoutTokens = new Map([[TOKEN, { perTransaction: 100n, perDay: 150n }]]);

function verdict(work: { to: Hex; data: Hex; value?: bigint }, spent = unspent, account = PAYER) {
  const policy = testPolicy();
  const accounts = [...policy.accounts, { address: PAYER, roles: ['payout'] as const }];
  const result = judge(
    { ...policy, accounts, payoutTokens },
    { account, tx: unsigned(work), spent },
  );
  return result.ok ? 'ok' : result.reason;
}

const shares = (amount: bigint) => [
  { to: stranger, amount },
  { to: node, amount },
];

test('an account for payouts pays anybody, alone and in batches, in ETH and known tokens', () => {
  assert.equal(verdict({ to: stranger, data: '0x', value: ETH }), 'ok');
  const batch = disperseEtherData(BATCH, shares(5n));
  assert.equal(verdict({ to: DISPERSE, data: batch, value: 10n }), 'ok');
  assert.equal(verdict({ to: DISPERSE, data: batch, value: 11n }), 'value');
  assert.equal(verdict({ to: TOKEN, data: encodeTransfer(stranger, 100n) }), 'ok');
  assert.equal(verdict({ to: DISPERSE, data: disperseTokenData(BATCH, TOKEN, shares(50n)) }), 'ok');
  assert.equal(verdict({ to: TOKEN, data: encodeApprove(DISPERSE, 2n ** 256n - 1n) }), 'ok');
  assert.equal(verdict({ to: CREATOR, data: deployDisperseData }), 'ok');
});

test('it does nothing else, and no other account pays', () => {
  assert.equal(verdict({ to: TOKEN, data: encodeApprove(stranger, 1n) }), 'method');
  assert.equal(verdict({ to: stranger, data: encodeTransfer(stranger, 1n) }), 'contract');
  assert.equal(verdict({ to: CREATOR, data: '0x00' }), 'method');
  const other = disperseTokenData(BATCH, stranger, shares(1n));
  assert.equal(verdict({ to: DISPERSE, data: other }), 'contract');
  assert.notEqual(verdict({ to: at('BondingManager'), data: '0x', value: 1n }), 'ok');
  assert.notEqual(verdict({ to: stranger, data: '0x', value: 1n }, unspent, node), 'ok');
  assert.notEqual(verdict({ to: TOKEN, data: encodeTransfer(stranger, 1n) }, unspent, node), 'ok');
});

test('each token has a limit for a transaction and for a day, also after a restart', () => {
  assert.equal(
    verdict({ to: TOKEN, data: encodeTransfer(stranger, 101n) }),
    'token_per_transaction',
  );
  const sums = openSums(':memory:', () => 1_000);
  const spending = { fee: 1n, eth: 0n, lpt: 0n, tokens: { [TOKEN]: 100n } };
  assert.equal(sums.count(PAYER, 0, spending), true);
  const later = sums.spent(PAYER, 1);
  assert.deepEqual(later.others.tokens, { [TOKEN]: 100n });
  assert.equal(verdict({ to: TOKEN, data: encodeTransfer(stranger, 51n) }, later), 'token_per_day');
  assert.equal(verdict({ to: TOKEN, data: encodeTransfer(stranger, 50n) }, later), 'ok');
  // Another transaction of the same nonce replaces it.
  const same = sums.spent(PAYER, 0);
  assert.equal(verdict({ to: TOKEN, data: encodeTransfer(stranger, 100n) }, same), 'ok');
  sums.close();
});
