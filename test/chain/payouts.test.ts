import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { Hex } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { devnetClients, startDevnet } from '../../src/chain/devnet.ts';
import { startLyingNode } from '../../src/chain/lying-node.test-kit.ts';
import { transactionHash } from '../../src/chain/sign-transaction.ts';
import { balance, newRecipient, rpc } from '../../src/chain/transactions.test-kit.ts';
import { openScratch } from '../../src/database/scratch.ts';
import type { Recipient } from '../../src/payouts/plan-types.ts';
import { callContract, deploy, startPaying, USDC } from './payouts-kit.ts';

const scratch = await openScratch();
const { database } = scratch;
const devnet = await startDevnet();
const { reader } = devnetClients(devnet.url);
const node = await startLyingNode(devnet.url);
after(async () => {
  await node.close();
  await devnet.stop();
  await scratch[Symbol.asyncDispose]();
});
const MILLI = 10n ** 15n;

/** An address that somebody used before, with a wei. */
async function usedRecipient(): Promise<Recipient> {
  const address = newRecipient();
  await rpc(devnet.url, 'anvil_setBalance', address, '0x1');
  return address;
}

const tokenBalance = (token: Recipient, of: Recipient) =>
  reader.readContract({
    address: token,
    abi: devnet.abis.UsdToken,
    functionName: 'balanceOf',
    args: [of],
  });

/** A token with a manner of its own, and a pool that has a thousand of it. */
async function startWithToken(t: Parameters<typeof startPaying>[0], manner: number) {
  const token = await deploy(devnet, 'HostileToken', manner);
  const pool = await startPaying(t, { database, devnet, token });
  await callContract(devnet, 'HostileToken', token, 'mint', pool.chain.account, 10n ** 9n);
  return { token, pool };
}

test('ETH reaches a new account, a contract wallet, and nobody who refuses it', async (t) => {
  const pool = await startPaying(t, { database, devnet });
  const plain = newRecipient();
  const wallet = await deploy(devnet, 'ContractWallet', plain);
  const rejecting = await deploy(devnet, 'RejectingRecipient');
  await pool.owe('plain', { ETH: 20n * MILLI }, plain);
  await pool.owe('wallet', { ETH: 21n * MILLI }, wallet);
  await pool.owe('rejecting', { ETH: 22n * MILLI }, rejecting);
  await pool.owe('burner', { ETH: 23n * MILLI }, await deploy(devnet, 'GasBurner'));
  await pool.owe('zero', { ETH: 24n * MILLI }, `0x${'0'.repeat(40)}`);
  await pool.owe('own', { ETH: 25n * MILLI }, pool.chain.account);

  const { plan, ends } = await pool.pay();
  assert.deepEqual(ends, { plain: 'final', wallet: 'final' });
  assert.deepEqual(pool.held(plan), {
    rejecting: 'rejected_by_recipient',
    burner: 'rejected_by_recipient',
    zero: 'zero_address',
    own: 'own_address',
  });
  assert.equal(await balance(devnet.url, plain), 20n * MILLI);
  assert.equal(await balance(devnet.url, wallet), 21n * MILLI);
  assert.equal(await pool.owed('plain'), 0n);
  assert.equal(await pool.owed('rejecting'), 22n * MILLI);
  assert.ok(await pool.booksAreRight());
});

test('in a batch, one that refuses at the last moment keeps its credit and stops nobody', async (t) => {
  const pool = await startPaying(t, { database, devnet });
  const turning = await deploy(devnet, 'RejectingRecipient');
  await callContract(devnet, 'RejectingRecipient', turning, 'accept', true);
  const people = [await usedRecipient(), await usedRecipient(), await usedRecipient()];
  for (const [index, address] of people.entries()) {
    await pool.owe(`p${index}`, { ETH: MILLI * BigInt(index + 1) }, address);
  }
  await pool.owe('turning', { ETH: 5n * MILLI }, turning);
  const { digest, plan } = await pool.payouts.preview('now');
  assert.deepEqual(
    plan.batches.map(({ method, shares }) => [method, shares.length]),
    [['disperse_eth', 4]],
  );
  await callContract(devnet, 'RejectingRecipient', turning, 'accept', false);
  await pool.payouts.run(digest, 'test');
  await pool.quiet();
  assert.deepEqual(await pool.ends(digest), {
    p0: 'final',
    p1: 'final',
    p2: 'final',
    turning: 'failed: rejected_by_recipient',
  });
  assert.equal(await pool.owed('turning'), 5n * MILLI);
  assert.equal(await balance(devnet.url, people[2] as Hex), 3n * MILLI + 1n);
  assert.ok(await pool.booksAreRight());
});

test('an ERC-20 goes out alone and in batches, and what a token answers is not needed', async (t) => {
  const { token, pool } = await startWithToken(t, 3);
  const one = newRecipient();
  await pool.owe('one', { USDC: 70n }, one);
  assert.deepEqual((await pool.pay()).ends, { one: 'final' });
  assert.equal(await tokenBalance(token, one), 70n);
  const people = [newRecipient(), newRecipient(), newRecipient()];
  for (const [index, address] of people.entries()) {
    await pool.owe(`t${index}`, { USDC: 100n + BigInt(index) }, address);
  }
  const { plan, ends } = await pool.pay();
  assert.equal(plan.batches[0]?.method, 'disperse_erc20');
  assert.deepEqual(ends, { t0: 'final', t1: 'final', t2: 'final' });
  assert.equal(await tokenBalance(token, people[2] as Recipient), 102n);
  assert.ok(await pool.booksAreRight());
});

test('a token that answers false, or lists an account, is found before anything is sent', async (t) => {
  const { pool } = await startWithToken(t, 0);
  await pool.owe('false', { USDC: 70n }, newRecipient());
  assert.deepEqual(pool.held((await pool.payouts.preview('now')).plan), {
    false: 'token_returned_false',
  });
  await pool.payouts.close();
  await pool.forget();
  const listed = newRecipient();
  const other = await startWithToken(t, 1);
  await callContract(devnet, 'HostileToken', other.token, 'list', listed, true);
  await other.pool.owe('listed', { USDC: 70n }, listed);
  await other.pool.owe('fine', { USDC: 71n }, newRecipient());
  const { plan, ends } = await other.pool.pay();
  assert.deepEqual(other.pool.held(plan), { listed: 'refused_by_token' });
  assert.deepEqual(ends, { fine: 'final' });
});

test('an account that is listed between preview and run keeps its credit', async (t) => {
  const { token, pool } = await startWithToken(t, 1);
  const people = [newRecipient(), newRecipient(), newRecipient()];
  for (const [index, to] of people.entries()) await pool.owe(`l${index}`, { USDC: 10n }, to);
  const { digest } = await pool.payouts.preview('now');
  await callContract(devnet, 'HostileToken', token, 'list', people[1], true);
  await pool.payouts.run(digest, 'test');
  await pool.quiet();
  assert.deepEqual(await pool.ends(digest), {
    l0: 'final',
    l1: 'failed: refused_by_token',
    l2: 'final',
  });
  assert.equal(await pool.owed('l1', USDC), 10n);
});

test('a token that takes a fee is paid once, said to be short, and not paid in again', async (t) => {
  const { token, pool } = await startWithToken(t, 2);
  const to = newRecipient();
  await pool.owe('short', { USDC: 1_000n }, to);
  const { ends } = await pool.pay();
  assert.deepEqual(ends, { short: 'final' });
  assert.equal(await tokenBalance(token, to), 990n);
  assert.equal((await pool.payouts.payouts({ newest: 1 }))[0]?.state.state, 'final');
  const [payout] = await pool.payouts.payouts({ newest: 1 });
  assert.equal(payout?.state.state === 'final' && payout.state.received, 990n);
  assert.equal(await pool.owed('short', USDC), 0n);
  await pool.owe('short', { USDC: 50n });
  assert.deepEqual(pool.held((await pool.payouts.preview('now')).plan), { short: 'paused' });
  await pool.payouts.resume(USDC);
  assert.deepEqual(pool.held((await pool.payouts.preview('now')).plan), {});
  assert.ok(await pool.booksAreRight());
});

test('a token that says yes and moves nothing is not believed, and not paid again', async (t) => {
  const { pool } = await startWithToken(t, 4);
  await pool.owe('lied', { USDC: 70n }, newRecipient());
  assert.deepEqual((await pool.pay()).ends, { lied: 'failed: token_returned_false' });
  for (const name of ['u0', 'u1', 'u2']) await pool.owe(name, { USDC: 7n }, newRecipient());
  await pool.owe('lied', { USDC: 1n });
  const { digest } = await pool.payouts.preview('now');
  await pool.payouts.run(digest, 'test');
  await pool.quiet();
  const ends = await pool.ends(digest);
  assert.deepEqual(new Set(Object.values(ends)), new Set(['unproven']));
  assert.equal(await pool.owed('u0', USDC), 0n);
  for (const { id } of await pool.payouts.payouts({ newest: 4 })) {
    await pool.payouts.resolve(id, false);
  }
  assert.equal(await pool.owed('u0', USDC), 7n);
  assert.ok(await pool.booksAreRight());
  await pool.payouts.resume(USDC);
});

test('a plan runs once, and not after anything changed', async (t) => {
  const pool = await startPaying(t, { database, devnet });
  const to = newRecipient();
  await pool.owe('once', { ETH: 3n * MILLI }, to);
  const first = await pool.payouts.preview('now');
  await pool.owe('once', { ETH: MILLI });
  await assert.rejects(pool.payouts.run(first.digest, 'test'), { code: 'payout_plan_changed' });
  const second = await pool.payouts.preview('now');
  const outcomes = await Promise.allSettled([
    pool.payouts.run(second.digest, 'a'),
    pool.payouts.run(second.digest, 'b'),
  ]);
  assert.deepEqual(outcomes.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
  await pool.quiet();
  assert.equal(await balance(devnet.url, to), 4n * MILLI);
  await assert.rejects(pool.payouts.run('00'.repeat(32), 'test'), { code: 'payout_plan_unknown' });
});

test('above an amount two people say yes, each with a token of their own', async (t) => {
  const pool = await startPaying(t, {
    database,
    devnet,
    rules: { approveAbove: { ETH: 2n * MILLI } as Record<never, bigint> },
  });
  await pool.owe('much', { ETH: 3n * MILLI }, newRecipient());
  const { digest, approvalsNeeded } = await pool.payouts.preview('now');
  assert.equal(approvalsNeeded, 2);
  const ada = await pool.payouts.addApprover('ada');
  const bob = await pool.payouts.addApprover('bob');
  const eve = await pool.payouts.addApprover('eve');
  await assert.rejects(pool.payouts.run(digest, 'x'), { code: 'payout_not_approved' });
  await pool.payouts.approve(digest, ada.token);
  await pool.payouts.approve(digest, ada.token);
  await assert.rejects(pool.payouts.run(digest, 'x'), { code: 'payout_not_approved' });
  await assert.rejects(pool.payouts.approve(digest, eve.token), {
    code: 'payout_approver_unknown',
  });
  assert.deepEqual((await pool.payouts.approve(digest, bob.token)).by, ['ada', 'bob']);
  await pool.payouts.run(digest, 'x');
  await pool.quiet();
  assert.deepEqual(await pool.ends(digest), { much: 'final' });
});

test('a contract wallet and a key move a worker to another address, both by signature', async (t) => {
  const pool = await startPaying(t, { database, devnet });
  const owner = privateKeyToAccount(devnet.accounts[3]?.privateKey as Hex);
  const next = privateKeyToAccount(devnet.accounts[4]?.privateKey as Hex);
  const wallet = await deploy(devnet, 'ContractWallet', owner.address);
  await pool.owe('moving', { ETH: MILLI }, wallet);
  const id = await pool.owe('moving', { ETH: MILLI });
  const { text, expiresAt } = await pool.payouts.addressText(id, next.address);
  const oldSignature = await owner.signMessage({ message: text });
  const newSignature = await next.signMessage({ message: text });
  const signed = { expiresAt, oldSignature, newSignature };
  const wrong = { ...signed, oldSignature: newSignature };
  await assert.rejects(pool.payouts.changeAddress(id, next.address, wrong), {
    code: 'payout_address_refused',
  });
  const changed = await pool.payouts.changeAddress(id, next.address, signed);
  assert.equal(changed.state, 'effective');
  assert.equal((await pool.payouts.choicesOf(id)).address, next.address.toLowerCase());
  // The same signatures are good for nothing any more.
  await assert.rejects(pool.payouts.changeAddress(id, next.address, signed), {
    code: 'payout_address_refused',
  });
  for (const bad of [`0x${'0'.repeat(40)}`, pool.chain.account, '0x12']) {
    await assert.rejects(pool.payouts.changeAddressAsOperator(id, bad), {
      code: 'payout_address_refused',
    });
  }
  const asked = await pool.payouts.changeAddressAsOperator(id, newRecipient());
  assert.equal(asked.state, 'waiting');
  assert.equal(asked.effectiveAt - asked.askedAt, 48 * 3_600_000);
});

const lies = {
  'takes it and does not answer': async (honest: () => Promise<unknown>) => {
    await honest();
    return 'hang_up' as const;
  },
  'takes it twice': async (honest: () => Promise<{ result: unknown } | { error: object }>) => {
    const said = await honest();
    await honest();
    return said;
  },
  'says another hash': async (honest: () => Promise<unknown>) => {
    await honest();
    return { result: `0x${'12'.repeat(32)}` };
  },
  'says it took it, and did not': async (_: unknown, raw: Hex) => ({
    result: transactionHash(raw),
  }),
};

for (const [what, lie] of Object.entries(lies)) {
  test(`a payout is paid once by a node that ${what}`, async (t) => {
    const pool = await startPaying(t, { database, devnet, urls: [node.url] });
    const to = newRecipient();
    await pool.owe('lucky', { ETH: MILLI }, to);
    let told = 0;
    node.lie = async ({ method, params }, honest) => {
      if (method !== 'eth_sendRawTransaction' || told >= 2) return honest();
      told += 1;
      return lie(honest, params[0] as Hex);
    };
    t.after(() => {
      node.lie = undefined;
    });
    assert.deepEqual((await pool.pay()).ends, { lucky: 'final' });
    assert.ok(told > 0);
    assert.equal(await balance(devnet.url, to), MILLI);
    assert.equal(await pool.owed('lucky'), 0n);
    assert.ok(await pool.booksAreRight());
  });
}

test('a process that ends anywhere on the way pays once', async (t) => {
  const to = newRecipient();
  const pool = await startPaying(t, { database, devnet });
  await pool.owe('restarted', { ETH: MILLI }, to);
  const { digest } = await pool.payouts.preview('now');
  await pool.payouts.run(digest, 'test');
  await pool.payouts.close();
  const [first, second] = [await pool.again(t), await pool.again(t)];
  await Promise.all([first.drive(), second.drive(), first.drive()]);
  await pool.quiet();
  assert.deepEqual(await pool.ends(digest), { restarted: 'final' });
  assert.equal(await balance(devnet.url, to), MILLI);
  assert.ok(await pool.booksAreRight());
});

test('a bank file goes out once, and its confirmation is taken whole or not at all', async (t) => {
  const pool = await startPaying(t, { database, devnet });
  const euros = ['anna', 'bert', 'carl'];
  for (const [index, name] of euros.entries()) {
    const id = await pool.owe(name, { EUR: 1_000n + BigInt(index) });
    await pool.payouts.choose(id, { fiatAccount: `DE0${index}` });
  }
  const { digest, plan } = await pool.payouts.preview('now');
  assert.deepEqual(
    plan.batches.map(({ method }) => method),
    ['fiat'],
  );
  await pool.payouts.run(digest, 'test');
  await pool.payouts.drive();
  const { file, payouts } = await pool.payouts.exportFile(false);
  assert.equal(payouts, 3);
  assert.equal((await pool.payouts.exportFile(false)).payouts, 0);
  const ids = [...file.matchAll(/^([0-9a-f-]{36}),/gm)].map(([, id]) => id);
  const head = 'payout_id,status,reference\n';
  const bad = `${head}${ids[0]},paid,r0\n${ids[1]},maybe,r1\n`;
  await assert.rejects(pool.payouts.importConfirmation(bad), (error: Error) =>
    /^Line 3: /.test(error.message),
  );
  const good = `${head}${ids[0]},paid,r0\n${ids[1]},refused,r1\n${ids[2]},paid,r2\n`;
  assert.deepEqual(await pool.payouts.importConfirmation(good), {
    paid: 2,
    failed: 1,
    returned: 0,
  });
  await pool.payouts.importConfirmation(`${head}${ids[2]},returned,r3\n`);
  const ends = Object.values(await pool.ends(digest)).sort();
  assert.deepEqual(ends, ['failed: refused_by_bank', 'final', 'returned: returned_by_bank']);
  assert.ok(await pool.booksAreRight());
});
