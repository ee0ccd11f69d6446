import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import sql, { raw } from 'sql-template-tag';
import type { Hex } from 'viem';
import { exactAmount } from '../../src/base/amounts.ts';
import { assetId, ETH, LPT } from '../../src/base/asset.ts';
import { systemClock } from '../../src/base/clock.ts';
import {
  balance,
  newAccount,
  newRecipient,
  rpc,
  signerOf,
  startSender,
  type TestAccount,
} from '../../src/chain/transactions.test-kit.ts';
import type { TransactionSigner } from '../../src/chain/transactions-sign.ts';
import { restoreBackup, writeBackup } from '../../src/database/backup.ts';
import { type Database, openDatabase } from '../../src/database/database.ts';
import { openScratch } from '../../src/database/scratch.ts';
import { ownReward } from '../../src/duties/own-reward.ts';
import { finalPayouts } from '../../src/epochs/published-payouts.ts';
import { account as named } from '../../src/ledger/accounts.ts';
import { rewardReceived } from '../../src/ledger/postings.ts';
import { balanceOf, linesOf, post } from '../../src/ledger/postings-store.ts';
import type { Recipient } from '../../src/payouts/plan-types.ts';
import { chainAgainstLedger, setApart } from '../../src/payouts/reconcile-chain.ts';
import { recoverAccounts } from '../../src/payouts/recover-chain.ts';
import { readSolvency } from '../../src/payouts/solvency.ts';
import { eventually } from '../eventually.ts';
import { callContract, deploy, startPaying, USDC } from './payouts-kit.ts';
import { NO_HINT, startProtocol, LPT as UNIT } from './protocol.ts';

const scratch = await openScratch();
const protocol = await startProtocol();
const { devnet } = protocol;
const dir = await mkdtemp(join(tmpdir(), 'tributary-recover-'));
const open: Database[] = [];
after(async () => {
  for (const database of open) await database.close();
  await devnet.stop();
  await scratch[Symbol.asyncDispose]();
  await rm(dir, { recursive: true, force: true });
});
const MILLI = 10n ** 15n;
let databases = 0;

/** The URL of a database without tables, and a way to open it. */
async function newDatabase() {
  const name = `pool_${++databases}`;
  await scratch.database.query(sql`create database ${raw(name)}`);
  const url = scratch.database.url.replace('/tributary?', `/${name}?`);
  return {
    url,
    async open() {
      const database = await openDatabase({ url });
      open.push(database);
      await database.migrate();
      return database;
    },
  };
}

/** Recovers a restored database from the chain alone. */
async function recover(
  t: Parameters<typeof startSender>[1],
  database: Database,
  account: TestAccount,
  tokens: Readonly<Record<string, Recipient>> = {},
  paidAfter: Parameters<typeof recoverAccounts>[0]['paidAfter'] = { listed: [], addresses: [] },
) {
  const sender = await startSender(
    { database, urls: [devnet.url], account: await newAccount(devnet.url, devnet.chainId) },
    t,
  );
  const assets = {
    [ETH]: { kind: 'native', decimals: 18 },
    ...Object.fromEntries(
      Object.entries(tokens).map(([name, address]) => [
        assetId(name),
        { kind: 'erc20', address, decimals: name === LPT ? 18 : 6 },
      ]),
    ),
  } as Parameters<typeof recoverAccounts>[0]['assets'];
  const { BondingManager: bondingManager, LivepeerToken: token } = devnet.addresses;
  const { providers } = sender;
  const parts = { database, providers, assets, bondingManager, token, paidAfter };
  const { chainId, address } = account;
  return recoverAccounts(parts, [{ chainId, address }]);
}

const countOf = async (account: TestAccount) =>
  Number(await rpc<Hex>(devnet.url, 'eth_getTransactionCount', account.address, 'latest'));

test('a payout that was wanted in the backup and sent after it is not sent again', async (t) => {
  const source = await newDatabase();
  const account = await newAccount(devnet.url, devnet.chainId);
  const mayGo = Promise.withResolvers<void>();
  const database = await source.open();
  const asked = Promise.withResolvers<void>();
  const own = signerOf(account);
  const signing = (): TransactionSigner => ({
    ...own,
    async signTransaction(...args) {
      asked.resolve();
      await mayGo.promise;
      return own.signTransaction(...args);
    },
  });
  const pool = await startPaying(t, { database, devnet, account, signing });
  const to = newRecipient();
  const worker = await pool.owe('one', { ETH: 30n * MILLI }, to);
  const { digest } = await pool.payouts.preview('now');
  await pool.payouts.run(digest, 'test');
  await asked.promise;
  const file = join(dir, 'wanted.backup');
  await writeBackup(source.url, file);
  mayGo.resolve();
  await pool.quiet();
  await pool.payouts.close();
  assert.equal(await balance(devnet.url, to), 30n * MILLI);

  const target = await newDatabase();
  await restoreBackup(target.url, file);
  const copy = await target.open();
  const found = await recover(t, copy, account);
  assert.deepEqual(
    found.map(({ as }) => as),
    ['adopted'],
  );
  assert.deepEqual(await recover(t, copy, account), [], 'it is found once');
  const again = await startPaying(t, { database: copy, devnet, account });
  await again.quiet();
  assert.deepEqual(await again.ends(digest), { one: 'final' });
  assert.equal(await balanceOf(copy, named('worker', worker), ETH), 0n);
  assert.equal(await balance(devnet.url, to), 30n * MILLI, 'once');
  assert.equal(await countOf(account), 1);
  assert.ok(await again.booksAreRight());
});

test('payouts of which a backup knows nothing are found on the chain, and not made again', async (t) => {
  const source = await newDatabase();
  const account = await newAccount(devnet.url, devnet.chainId);
  const token = await deploy(devnet, 'HostileToken', 3);
  await callContract(devnet, 'HostileToken', token, 'mint', account.address, 10n ** 9n);
  const database = await source.open();
  const pool = await startPaying(t, { database, devnet, account, token });
  const people = ['a', 'b', 'c'].map((name) => ({ name, to: newRecipient() }));
  for (const { name, to } of people) {
    await rpc(devnet.url, 'anvil_setBalance', to, '0x1');
    await pool.owe(name, { ETH: 10n * MILLI }, to);
  }
  const dollars = newRecipient();
  await pool.owe('d', { USDC: 700n }, dollars);
  const file = join(dir, 'unknown.backup');
  await writeBackup(source.url, file);
  // After the backup: a batch of ether, a token alone, and something that is no payout.
  await pool.pay();
  const stranger = newRecipient();
  const id = 'test:elsewhere' as Parameters<typeof pool.transactions.fate>[0];
  await pool.transactions.submit({
    ...{ id, to: stranger, value: 5n, data: '0x', gasLimit: 21_000n, worthWei: undefined },
  });
  await pool.transactions.settled(id);
  await pool.payouts.close();

  const target = await newDatabase();
  await restoreBackup(target.url, file);
  const copy = await target.open();
  const found = await recover(t, copy, account, { USDC: token });
  assert.deepEqual(
    found.map(({ as, lines }) => [as, lines.length]),
    [
      ['booked', 3],
      ['booked', 1],
      ['booked', 1],
    ],
  );
  const again = await startPaying(t, { database: copy, devnet, account, token });
  const { plan } = await again.payouts.preview('now');
  assert.deepEqual(plan.batches, []);
  const { rows } = await copy.query<{ left: bigint }>(sql`
    select coalesce(sum(abs(balance)), 0) as left from account_balance
    where starts_with(account, 'worker:')`);
  assert.deepEqual(rows, [{ left: 0n }], 'all that was owed is paid, in the books as on the chain');
  for (const { to } of people) assert.equal(await balance(devnet.url, to), 10n * MILLI + 1n);
  assert.equal(await balanceOf(copy, named('external'), USDC), 0n);
  assert.equal(await countOf(account), 3);
  assert.ok(await again.booksAreRight());
});

test('a payment is booked for whom it was, also at an address that is shared or newer than the backup', async (t) => {
  const source = await newDatabase();
  const account = await newAccount(devnet.url, devnet.chainId);
  const database = await source.open();
  const pool = await startPaying(t, { database, devnet, account });
  const [shared, fresh, listed] = [newRecipient(), newRecipient(), newRecipient()];
  for (const to of [shared, fresh, listed]) await rpc(devnet.url, 'anvil_setBalance', to, '0x1');
  const ids = {
    first: await pool.owe('first', { ETH: 10n * MILLI }, shared),
    second: await pool.owe('second', { ETH: 20n * MILLI }, shared),
    moved: await pool.owe('moved', { ETH: 30n * MILLI }, newRecipient()),
    again: await pool.owe('again', { ETH: 40n * MILLI }, newRecipient()),
  };
  const file = join(dir, 'shared.backup');
  await writeBackup(source.url, file);
  // After the backup two move to other addresses; one of them moves on later.
  for (const [id, to] of [
    [ids.moved, fresh],
    [ids.again, listed],
  ] as const) {
    await database.query(
      sql`update worker set payout_address = ${Buffer.from(to.slice(2), 'hex')} where id = ${id}`,
    );
  }
  await pool.pay();
  await pool.payouts.close();
  const list = await finalPayouts(database).since(undefined);
  assert.equal(list.length, 4);

  const target = await newDatabase();
  await restoreBackup(target.url, file);
  const copy = await target.open();
  await recover(
    t,
    copy,
    account,
    {},
    {
      listed: list.filter(({ worker }) => worker === ids.again),
      addresses: [{ worker: ids.moved, address: fresh }],
    },
  );
  for (const [name, id] of Object.entries(ids)) {
    assert.equal(await balanceOf(copy, named('worker', id), ETH), 0n, name);
  }
  assert.equal(await balanceOf(copy, named('external'), ETH), 0n);
});

test("what a backup does not know of the operator's stake is set apart; other LPT that left is not", async (t) => {
  const { chainId, addresses } = devnet;
  const token = addresses.LivepeerToken.toLowerCase() as Recipient;
  const key = devnet.accounts.find(({ name }) => name === 'node')?.privateKey as Hex;
  const account = { chainId, address: protocol.of('node').toLowerCase() as Hex, key };
  await protocol.nextRound();
  const source = await newDatabase();
  const database = await source.open();
  const pool = await startPaying(t, { database, devnet, account });
  const terms = {
    ...pool.terms,
    assets: { ...pool.terms.assets, [LPT]: { kind: 'erc20', address: token, decimals: 18 } },
  } as typeof pool.terms;
  const treasury = [account.address];
  const partsOf = (of: Database, { chain }: typeof pool) =>
    ({ database: of, chain, terms: async () => terms, treasury }) as const;
  await setApart(partsOf(database, pool), systemClock.now());
  // Of what the stake has, the books know so much.
  const reward = { at: systemClock.now(), epoch: 1n, transaction: '0xaa', amount: 30n * UNIT };
  await database.transact((tx) => post(tx, rewardReceived(reward)));
  const file = join(dir, 'stake.backup');
  await writeBackup(source.url, file);
  await pool.payouts.close();

  // After the backup: stake, and back, and LPT that the pool's account and somebody else sent.
  await protocol.bond('node', 'node', 300n * UNIT);
  const manager = { contract: 'BondingManager' } as const;
  await protocol.nextRound();
  await protocol.send('node', { ...manager, fn: 'unbond', args: [100n * UNIT] });
  await protocol.nextRound(7);
  await protocol.send('node', { ...manager, fn: 'withdrawStake', args: [0n] });
  await protocol.send('node', { ...manager, fn: 'rewardWithHint', args: [...NO_HINT] });
  const { BondingManager: bondingManager } = addresses;
  const rewarded = await ownReward(
    { providers: pool.providers, bondingManager, orchestrator: account.address },
    await protocol.reader.getBlockNumber(),
  );
  assert.ok(rewarded > 0n);
  const sent = { contract: 'LivepeerToken', fn: 'transfer' } as const;
  await protocol.send('node', { ...sent, args: [newRecipient(), 7n * UNIT] });
  await protocol.send('delegator', { ...sent, args: [account.address, 2n * UNIT] });

  const target = await newDatabase();
  await restoreBackup(target.url, file);
  const copy = await target.open();
  const said = (await recover(t, copy, account, { LPT: token })).flatMap(({ lines }) => lines);
  assert.ok(said.includes('bonded 300 LPT'), said.join('; '));
  assert.ok(said.includes('withdrew 100 LPT of stake'));
  assert.ok(said.includes(`brought ${exactAmount(rewarded)} LPT of rewards to the stake`));
  assert.equal(await balanceOf(copy, named('income'), LPT), -30n * UNIT - rewarded);
  // As when it was cut off before it noted how far it looked.
  await recover(t, copy, account, { LPT: token });
  const { rows } = await copy.query<{ before: bigint }>(
    sql`select before from books_agreed where what = ${`treasury ${LPT}`}`,
  );
  assert.deepEqual(rows, [{ before: 49_770n * UNIT }]);
  const lines = await linesOf(copy, { account: 'treasury', asset: LPT });
  assert.deepEqual(
    lines.map(({ kind, amount }) => [kind, amount]),
    [
      ['stake_moved', 30n * UNIT],
      ['correction', -7n * UNIT],
    ],
  );
  const figures = await readSolvency(copy, terms.assets);
  const { bonding, onHand } = figures.find(({ asset }) => asset === LPT) ?? {};
  assert.deepEqual({ bonding, onHand }, { bonding: rewarded, onHand: 23n * UNIT + rewarded });
  const again = await startPaying(t, { database: copy, devnet, account });
  const found = await chainAgainstLedger(partsOf(copy, again));
  assert.deepEqual(
    found?.differences.map(({ about, lines: why }) => [about, why.at(-1)]),
    [['treasury LPT', 'The chain has 2 LPT more than was booked.']],
  );
  assert.ok(await again.booksAreRight());
});

test('who got a token for what it was owed in ether waits until somebody has looked', async (t) => {
  const source = await newDatabase();
  const database = await source.open();
  const pool = await startPaying(t, { database, devnet });
  await pool.owe('one', { ETH: 10n * MILLI }, newRecipient());
  const worker = await pool.owe('one', { ETH: 1n });
  // As recovering books it: paid in dollars, by a rate that nobody knows any more.
  await database.transact(async (tx) => {
    await post(tx, {
      cause: 'recovered:test',
      kind: 'correction',
      at: systemClock.now(),
      entries: [
        { account: named('worker', worker), asset: USDC, amount: 30n },
        { account: named('treasury'), asset: USDC, amount: -30n },
      ],
    });
  });
  const { plan } = await pool.payouts.preview('now');
  assert.deepEqual(plan.batches, []);
  assert.deepEqual(
    plan.held.map(({ reason, detail }) => [reason, detail]),
    [['got_too_much', 'USDC']],
  );
  await eventually('nothing goes out', async () => (await pool.payouts.openBatches()).length === 0);
});
