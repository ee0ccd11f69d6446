import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import sql, { raw } from 'sql-template-tag';
import type { Hex } from 'viem';
import { assetId, ETH } from '../../src/base/asset.ts';
import { systemClock } from '../../src/base/clock.ts';
import { startDevnet } from '../../src/chain/devnet.ts';
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
import { account as named } from '../../src/ledger/accounts.ts';
import { balanceOf, post } from '../../src/ledger/postings-store.ts';
import type { Recipient } from '../../src/payouts/plan-types.ts';
import { recoverAccount } from '../../src/payouts/recover-chain.ts';
import { eventually } from '../eventually.ts';
import { callContract, deploy, startPaying, USDC } from './payouts-kit.ts';

const scratch = await openScratch();
const devnet = await startDevnet();
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
  token?: Recipient,
) {
  const sender = await startSender(
    { database, urls: [devnet.url], account: await newAccount(devnet.url, devnet.chainId) },
    t,
  );
  const assets = {
    [ETH]: { kind: 'native', decimals: 18 },
    ...(token ? { [assetId('USDC')]: { kind: 'erc20', address: token, decimals: 6 } } : {}),
  } as Parameters<typeof recoverAccount>[0]['assets'];
  const { BondingManager: bondingManager } = devnet.addresses;
  const parts = { database, providers: sender.providers, assets, bondingManager };
  const { chainId, address } = account;
  return recoverAccount(parts, { chainId, address });
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
  const found = await recover(t, copy, account, token);
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
