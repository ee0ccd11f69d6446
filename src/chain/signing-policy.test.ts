import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Hex } from 'viem';
import { TributaryError } from '../base/errors.ts';
import {
  at,
  call,
  ETH,
  friend,
  LPT,
  NOBODY,
  node,
  orchestrator,
  redeemer,
  rewardCaller,
  stranger,
  testPolicy,
  unsigned,
} from './signing.test-kit.ts';
import { judge, nothing, type Spent, sumOf } from './signing-policy.ts';
import { openSums } from './signing-sums.ts';

const unspent: Spent = { others: nothing, sameNonce: nothing };
const HOUR_MS = 3_600_000;

type Call = { readonly to: Hex; readonly data: Hex; readonly value?: bigint };

function verdict(account: Hex, work: Call, spent = unspent) {
  const result = judge(testPolicy(), { account, tx: unsigned(work), spent });
  return result.ok ? 'ok' : result.reason;
}

test('every duty of a pool is signed by the account that has its role', () => {
  const duties: readonly (readonly [Call, readonly Hex[]])[] = [
    [call.bonding('bond', [5n * LPT, orchestrator]), [node]],
    [call.bonding('unbond', [5n * LPT]), [node]],
    [call.bonding('rebond', [1n]), [node]],
    [call.bonding('rebondFromUnbonded', [orchestrator, 1n]), [node]],
    [call.bonding('withdrawStake', [1n]), [node]],
    [call.bonding('transcoder', [100_000n, 50_000n]), [node]],
    [call.bonding('reward', []), [node]],
    [call.bonding('rewardForTranscoder', [orchestrator]), [node, rewardCaller]],
    [call.bonding('setRewardCaller', [rewardCaller]), [node]],
    [call.bonding('setRewardCaller', [NOBODY]), [node]],
    [call.bonding('withdrawFees', [orchestrator, ETH]), [node]],
    [call.bonding('withdrawFees', [friend, ETH]), [node]],
    [call.redeem(orchestrator), [node, redeemer]],
    [call.redeemBatch([orchestrator, orchestrator]), [node, redeemer]],
    [call.initializeRound(), [node, redeemer, rewardCaller]],
    [call.serviceUri('https://pool.example:8935'), [node]],
    [call.token('approve', at('BondingManager'), 100n * LPT), [node]],
    [call.token('transfer', friend, 100n * LPT), [node]],
    [{ to: friend, data: '0x', value: ETH }, [node]],
  ];
  for (const [work, allowed] of duties) {
    for (const account of [node, redeemer, rewardCaller]) {
      const expected = allowed.includes(account) ? 'ok' : 'role';
      assert.equal(verdict(account, work), expected, `${work.data.slice(0, 10)} by ${account}`);
    }
  }
});

test('every account may use up a nonce of its own by sending itself nothing', () => {
  for (const account of [node, redeemer, rewardCaller]) {
    assert.equal(verdict(account, { to: account, data: '0x' }), 'ok');
    assert.equal(verdict(account, { to: account, data: '0x', value: 1n }), 'recipient');
    assert.equal(verdict(account, { to: account, data: '0x00' }), 'contract');
  }
  assert.equal(verdict(redeemer, { to: node, data: '0x' }), 'recipient');
});

test('what names somebody else is refused', () => {
  assert.equal(verdict(node, call.bonding('bond', [LPT, stranger])), 'orchestrator');
  assert.equal(verdict(node, call.redeem(stranger)), 'orchestrator');
  assert.equal(verdict(node, call.redeemBatch([orchestrator, stranger])), 'orchestrator');
  assert.equal(verdict(node, call.bonding('rewardForTranscoder', [node])), 'orchestrator');
  assert.equal(verdict(node, call.bonding('withdrawFees', [stranger, 1n])), 'recipient');
  assert.equal(verdict(node, call.bonding('setRewardCaller', [stranger])), 'recipient');
  assert.equal(verdict(node, call.bonding('setRewardCaller', [redeemer])), 'recipient');
  assert.equal(verdict(node, call.token('approve', stranger, 1n)), 'recipient');
  assert.equal(verdict(node, call.token('approve', at('TicketBroker'), 1n)), 'recipient');
  assert.equal(verdict(node, call.token('transfer', stranger, 1n)), 'recipient');
  assert.equal(verdict(node, { to: stranger, data: '0x', value: 1n }), 'recipient');
  assert.equal(verdict(stranger, call.bonding('reward', [])), 'account');
});

test('methods that are no duty, and calls with other bytes than an encoder writes, are refused', () => {
  const hints = [NOBODY, NOBODY, NOBODY, NOBODY];
  for (const work of [
    call.bonding('bondForWithHint', [1n, stranger, stranger, ...hints]),
    call.bonding('transferBond', [stranger, 1n, ...hints]),
    call.bonding('slashTranscoder', [stranger, stranger, 1n, 1n]),
    call.bonding('setController', [stranger]),
    call.broker('withdraw'),
    call.broker('unlock'),
    call.tokenFrom(node, stranger, 1n),
    call.pause(),
    { to: at('BondingManager'), data: '0x' as const },
    { to: at('BondingManager'), data: '0x12345678' as const },
  ]) {
    assert.equal(verdict(node, work), 'method', work.data.slice(0, 10));
  }
  assert.equal(verdict(node, { to: friend, data: '0x12345678' }), 'contract');
  const reward = call.bonding('reward', []);
  assert.equal(verdict(node, { ...reward, data: `${reward.data}00` }), 'arguments');
  const bond = call.bonding('bond', [LPT, orchestrator]);
  assert.equal(verdict(node, { ...bond, data: bond.data.slice(0, -2) as Hex }), 'arguments');
  // The upper bytes of an address: a contract of another compiler might look at them.
  const dirty = bond.data.replace(
    `000000${orchestrator.slice(2)}`,
    `00ff00${orchestrator.slice(2)}`,
  );
  assert.equal(verdict(node, { ...bond, data: dirty as Hex }), 'arguments');
  assert.equal(verdict(node, { ...reward, value: 1n }), 'value');
});

test('the hash of an epoch may be sent to ourselves, in one form and by the node account alone', () => {
  const anchor = (data: string, to = node) => ({ to, data: `0x${data}` as Hex });
  const good = `${Buffer.from('TRIBANC1').toString('hex')}${'0'.repeat(15)}7${'ab'.repeat(32)}`;
  assert.equal(verdict(node, anchor(good)), 'ok');
  assert.equal(verdict(node, { ...anchor(good), value: 1n }), 'contract');
  assert.equal(verdict(node, anchor(good, friend)), 'contract');
  assert.equal(verdict(redeemer, anchor(good, redeemer)), 'role');
  for (const other of [good.slice(2), `${good}00`, `00${good.slice(2)}`, good.slice(0, -2)]) {
    assert.equal(verdict(node, anchor(other)), 'contract', other);
  }
});

test('a service URI is an https address without a secret in it', () => {
  for (const uri of ['', 'http://pool.example', 'https://', 'https://a:b@pool.example', 'x']) {
    assert.equal(verdict(node, call.serviceUri(uri)), 'service_uri', uri);
  }
  assert.equal(verdict(node, call.serviceUri(`https://${'a'.repeat(300)}`)), 'service_uri');
});

test('gas has a limit, a price, a cost for each transaction and one for a day', () => {
  const tx = unsigned(call.bonding('reward', []));
  const asked = (changes: Partial<typeof tx>, spent = unspent) => {
    const result = judge(testPolicy(), { account: node, tx: { ...tx, ...changes }, spent });
    return result.ok ? 'ok' : result.reason;
  };
  assert.equal(asked({ chainId: 1 }), 'chain');
  assert.equal(asked({ gasLimit: 5_000_001n, maxFeePerGas: 1n }), 'gas_limit');
  assert.equal(asked({ maxFeePerGas: 10n ** 10n + 1n }), 'gas_price');
  assert.equal(asked({ maxPriorityFeePerGas: tx.maxFeePerGas + 1n }), 'gas_price');
  assert.equal(asked({ gasLimit: 5_000_000n, maxFeePerGas: 10n ** 10n }), 'fee_per_transaction');
  const fee = tx.gasLimit * tx.maxFeePerGas;
  const left = (wei: bigint): Spent => ({
    others: { ...nothing, fee: testPolicy().limits.feesPerDay - wei },
    sameNonce: nothing,
  });
  assert.equal(asked({}, left(fee)), 'ok');
  assert.equal(asked({}, left(fee - 1n)), 'fees_per_day');
});

test('amounts have a limit for each transaction and one for a day', () => {
  const unbond = (lpt: bigint) => call.bonding('unbond', [lpt]);
  const withdraw = (wei: bigint) => call.bonding('withdrawFees', [friend, wei]);
  assert.equal(verdict(node, unbond(100n * LPT + 1n)), 'lpt_per_transaction');
  const allowance = call.token('approve', at('BondingManager'), 100n * LPT + 1n);
  assert.equal(verdict(node, allowance), 'lpt_per_transaction');
  assert.equal(verdict(node, withdraw(ETH + 1n)), 'eth_per_transaction');
  const day: Spent = { others: { fee: 0n, eth: ETH, lpt: 200n * LPT }, sameNonce: nothing };
  assert.equal(verdict(node, unbond(50n * LPT), day), 'ok');
  assert.equal(verdict(node, unbond(50n * LPT + 1n), day), 'lpt_per_day');
  assert.equal(verdict(node, withdraw(ETH), day), 'ok');
  const full: Spent = { others: { fee: 0n, eth: 2n * ETH, lpt: 251n * LPT }, sameNonce: nothing };
  assert.equal(verdict(node, withdraw(1n), full), 'eth_per_day');
  assert.equal(verdict(node, call.bonding('reward', []), full), 'ok');
});

test('a replacement of the same nonce counts only by what it costs more', () => {
  const sums = openSums(':memory:', () => 0);
  const cost = { fee: 5n, eth: 1n, lpt: 0n };
  sums.count(node, 7, cost);
  sums.count(node, 7, { fee: 8n, eth: 0n, lpt: 0n });
  sums.count(node, 8, cost);
  sums.count(redeemer, 7, cost);
  const { others, sameNonce } = sums.spent(node, 7);
  assert.deepEqual(pick(sameNonce), { fee: 8n, eth: 1n, lpt: 0n });
  assert.deepEqual(others, { fee: 10n, eth: 2n, lpt: 0n });
});

test('what was signed is forgotten after 24 hours, and not when the clock is set back', () => {
  let now = 100 * HOUR_MS;
  const sums = openSums(':memory:', () => now);
  const total = () => pick(sums.spent(redeemer, 0).others).fee;
  sums.count(node, 1, { fee: 3n, eth: 0n, lpt: 0n });
  now += 12 * HOUR_MS;
  sums.count(node, 2, { fee: 4n, eth: 0n, lpt: 0n });
  now -= 90 * HOUR_MS;
  assert.equal(total(), 7n);
  now += 102 * HOUR_MS - 1;
  assert.equal(total(), 7n);
  now += 1;
  assert.equal(total(), 4n);
  now += 12 * HOUR_MS;
  assert.equal(total(), 0n);
});

test('sums survive a restart in a file of their own, which one signer at a time may use', (t) => {
  const file = join(folder(t), 'sums.sqlite');
  const first = openSums(file, () => 0);
  first.count(node, 1, { fee: 3n, eth: 2n ** 200n, lpt: 1n });
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.throws(() => openSums(file, () => 0), withCode('signer_in_use'));
  first.close();
  const second = openSums(file, () => 0);
  assert.deepEqual(pick(second.spent(node, 1).sameNonce), { fee: 3n, eth: 2n ** 200n, lpt: 1n });
  second.close();
  assert.equal(openSums(file, () => 25 * HOUR_MS).spent(node, 1).sameNonce.fee, 0n);
});

test('a signer whose sums are damaged signs nothing', (t) => {
  const file = join(folder(t), 'sums.sqlite');
  writeFileSync(file, 'no database at all, and long enough to be looked at as one'.repeat(20));
  assert.throws(() => openSums(file, () => 0), withCode('signer_sums_unusable'));
});

function pick({ fee, eth, lpt }: { fee: bigint; eth: bigint; lpt: bigint }) {
  return sumOf({ fee, eth, lpt }, nothing);
}

function withCode(code: string) {
  return (error: unknown) => error instanceof TributaryError && error.code === code;
}

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'signing-'));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}
