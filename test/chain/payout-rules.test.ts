import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import sql from 'sql-template-tag';
import type { Hex } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { ETH } from '../../src/base/asset.ts';
import { devnetClients, startDevnet } from '../../src/chain/devnet.ts';
import { balance, newRecipient } from '../../src/chain/transactions.test-kit.ts';
import { openScratch } from '../../src/database/scratch.ts';
import { account } from '../../src/ledger/accounts.ts';
import { addressBytes } from '../../src/ledger/income.ts';
import { post } from '../../src/ledger/postings-store.ts';
import { startIncome } from '../../src/ledger/recognise.ts';
import { bookDeposits, readDeposits } from '../../src/payouts/funding.ts';
import type { Recipient } from '../../src/payouts/plan-types.ts';
import { reconcile } from '../../src/payouts/reconcile.ts';
import { eventually } from '../eventually.ts';
import { createTravellingClock, type TravellingClock } from '../travelling-clock.ts';
import { callContract, deploy, startPaying, USDC } from './payouts-kit.ts';

const scratch = await openScratch();
const { database } = scratch;
const devnet = await startDevnet();
const { reader, wallet } = devnetClients(devnet.url);
const operator = wallet(privateKeyToAccount(devnet.accounts[7]?.privateKey as Hex));
after(async () => {
  await devnet.stop();
  await scratch[Symbol.asyncDispose]();
});
const MILLI = 10n ** 15n;
const DAY_MS = 86_400_000;
const SETTLED = 90_000;

/** A clock at noon: in the first hour of a day a turn waits for the epoch that ends at midnight. */
function startAtNoon(): TravellingClock {
  const clock = createTravellingClock();
  const noon = Math.floor(clock.now() / DAY_MS + 1) * DAY_MS + DAY_MS / 2;
  clock.leap(noon - clock.now());
  return clock;
}

const arrived = (to: Recipient, wei: bigint) =>
  eventually('it arrived', async () => (await balance(devnet.url, to)) === wei, SETTLED);

test('by its schedule a pool pays once a day, without being asked', async (t) => {
  const clock = startAtNoon();
  const payouts = { every: 'day' } as const;
  const pool = await startPaying(t, {
    ...{ database, devnet, clock, payouts },
    rules: { automatic: true },
  });
  const to = newRecipient();
  // A new pool never paid: its first look takes the turn of today, with nobody to pay.
  await eventually('today is done', async () => {
    const { rows } = await database.query(sql`select from payout_plan where run_at is not null`);
    return rows.length > 0;
  });
  await pool.owe('daily', { ETH: 3n * MILLI }, to);
  const { plan } = await pool.payouts.preview('schedule');
  assert.deepEqual(pool.held(plan), { daily: 'not_due' });
  clock.leap(DAY_MS);
  await arrived(to, 3n * MILLI);
  await pool.quiet();
  await pool.owe('daily', { ETH: 4n * MILLI });
  clock.leap(DAY_MS);
  await arrived(to, 7n * MILLI);
  await pool.quiet();
  assert.ok(await pool.booksAreRight());
});

test('what the schedule wants and two people must approve goes out once they have', async (t) => {
  const clock = startAtNoon();
  clock.leap(10 * DAY_MS);
  const pool = await startPaying(t, {
    ...{ database, devnet, clock },
    payouts: { every: 'day' },
    rules: { automatic: true, approveAbove: { ETH: MILLI } as Record<never, bigint> },
  });
  const to = newRecipient();
  await pool.owe('large', { ETH: 5n * MILLI }, to);
  clock.leap(DAY_MS);
  // A look that began before the leap made one that is a day old.
  const wanted = async () => {
    const { rows } = await database.query<{ digest: string }>(sql`
      select encode(digest, 'hex') as digest from payout_plan
      where run_at is null and plan like '%large-%' and previewed_at > ${new Date(clock.now() - 3_600_000)}`);
    return rows[0]?.digest;
  };
  await eventually('it is shown', async () => (await wanted()) !== undefined);
  const digest = (await wanted()) as string;
  for (const name of ['ida', 'jon']) {
    assert.equal(await balance(devnet.url, to), 0n);
    const { token } = await pool.payouts.addApprover(name);
    await pool.payouts.approve(digest, token);
  }
  clock.leap(10_000);
  await arrived(to, 5n * MILLI);
  await pool.quiet();
});

test('an address that the operator changes counts after 48 hours, unless it is stopped', async (t) => {
  const clock = startAtNoon();
  const pool = await startPaying(t, { database, devnet, clock });
  const [before, stopped, later] = [newRecipient(), newRecipient(), newRecipient()];
  const worker = await pool.owe('moving', { ETH: MILLI }, before);
  await pool.payouts.changeAddressAsOperator(worker, stopped);
  await pool.payouts.stopAddressChange(worker);
  const change = await pool.payouts.changeAddressAsOperator(worker, later);
  assert.equal(change.state, 'waiting');
  clock.leap(47 * 3_600_000);
  await pool.pay();
  assert.equal(await balance(devnet.url, before), MILLI, 'until then it is the old one');
  clock.leap(3_600_000);
  await pool.owe('moving', { ETH: 2n * MILLI });
  await pool.pay();
  assert.equal(await balance(devnet.url, later), 2n * MILLI);
  assert.equal(await balance(devnet.url, stopped), 0n);
});

test('while the source of a rate is down its workers wait, and others do not', async (t) => {
  const token = await deploy(devnet, 'HostileToken', 3);
  const conversion = { from: ETH, to: USDC, ageMinutesMax: 60 };
  const nowhere = newRecipient();
  const pool = await startPaying(t, {
    ...{ database, devnet, token },
    payouts: { conversions: [{ ...conversion, source: `chainlink:${nowhere}` }] },
  });
  const dollars = await pool.owe('dollars', { ETH: MILLI }, newRecipient());
  await pool.payouts.choose(dollars, { asset: USDC });
  const to = newRecipient();
  await pool.owe('ether', { ETH: 2n * MILLI }, to);
  const { plan, ends } = await pool.pay();
  assert.deepEqual(pool.held(plan), { dollars: 'rate_unavailable' });
  assert.deepEqual(ends, { ether: 'final' });
  assert.equal(await pool.owed('dollars'), MILLI);
});

test('one who asks is paid alone, and the turn of the others stays', async (t) => {
  const clock = startAtNoon();
  clock.leap(400 * DAY_MS);
  const payouts = { every: 'day', onDemand: true } as const;
  const pool = await startPaying(t, { database, devnet, clock, payouts });
  const [asking, other] = [newRecipient(), newRecipient()];
  const worker = await pool.owe('asking', { ETH: MILLI }, asking);
  await pool.owe('other', { ETH: 2n * MILLI }, other);
  const { digest, plan } = await pool.payouts.preview({ worker });
  assert.deepEqual(pool.held(plan), { other: 'not_asked' });
  await pool.payouts.run(digest, 'test');
  await pool.quiet();
  const due = await pool.payouts.preview('schedule');
  assert.deepEqual(pool.held(due.plan), {});
  await pool.payouts.run(due.digest, 'test');
  await arrived(other, 2n * MILLI);
  await pool.quiet();
});

test('who waits for a rate when the day comes is paid once there is one, and nobody else is', async (t) => {
  const token = await deploy(devnet, 'HostileToken', 3);
  const clock = startAtNoon();
  clock.leap(800 * DAY_MS);
  const conversion = { from: ETH, to: USDC, source: 'manual', ageMinutesMax: 60 };
  const pool = await startPaying(t, {
    ...{ database, devnet, token, clock },
    payouts: { every: 'month', conversions: [conversion] },
    rules: { automatic: true },
  });
  await callContract(devnet, 'HostileToken', token, 'mint', pool.chain.account, 10n ** 9n);
  const [ether, dollars] = [newRecipient(), newRecipient()];
  const late = await pool.owe('dollars', { ETH: MILLI }, dollars);
  await pool.payouts.choose(late, { asset: USDC });
  await pool.owe('ether', { ETH: 2n * MILLI }, ether);
  clock.leap(31 * DAY_MS);
  await arrived(ether, 2n * MILLI);
  await pool.quiet();
  assert.equal(await pool.owed('dollars'), MILLI);
  await pool.owe('ether', { ETH: MILLI });
  const rate = { numerator: 3_000n * 10n ** 6n, denominator: 10n ** 18n, note: 'test' };
  await pool.payouts.setRate({ from: ETH, to: USDC, ...rate });
  clock.leap(10_000);
  await eventually('it is paid', async () => (await pool.owed('dollars')) === 0n, SETTLED);
  await pool.quiet();
  assert.equal(await pool.owed('ether'), MILLI, 'its turn was, and is not yet again');
});

test('a pool that has less than it owes pays nobody until money is put in and booked', async (t) => {
  const pool = await startPaying(t, { database, devnet });
  const to = newRecipient();
  await pool.owe('patient', { ETH: 6n * MILLI }, to);
  const treasury = [pool.chain.account];
  // What the operator took out leaves the books with less than is owed.
  const missing = MILLI;
  await database.transact(async (tx) => {
    const { rows } = await tx.query<{ held: bigint }>(sql`
      select coalesce(sum(balance), 0) as held from account_balance
      where asset = 'ETH' and (account = 'treasury' or starts_with(account, 'worker:'))`);
    const amount = (rows[0]?.held ?? 0n) + missing;
    await post(tx, {
      cause: `test:out:${to}`,
      kind: 'moved_out',
      at: pool.now(),
      entries: [
        { account: account('external'), asset: ETH, amount },
        { account: account('treasury'), asset: ETH, amount: -amount },
      ],
    });
  });
  const shown = await pool.payouts.preview('now');
  assert.deepEqual(
    shown.plan.held.map(({ reason, detail }) => [reason, detail]),
    [['paused', 'insolvent']],
  );

  const assets = async () => pool.terms.assets;
  const deposit = { providers: pool.providers, treasury, assets };
  const hash = await operator.sendTransaction({ to: pool.chain.account, value: missing });
  await reader.waitForTransactionReceipt({ hash });
  const found = await readDeposits(deposit, hash);
  assert.deepEqual(
    found.map(({ asset, amount }) => ({ asset, amount })),
    [{ asset: ETH, amount: missing }],
  );
  assert.deepEqual(await bookDeposits(database, hash, found, pool.now()), found);
  assert.deepEqual(await bookDeposits(database, hash, found, pool.now()), [], 'once');
  assert.deepEqual((await pool.pay()).ends, { patient: 'final' });
  assert.equal(await balance(devnet.url, to), 6n * MILLI);

  // Neither what the pool sent, nor what went elsewhere, nor a hash of nothing.
  const { rows } = await database.query<{ hash: Buffer }>(sql`
    select hash from chain_transaction where account = ${Buffer.from(pool.chain.account.slice(2), 'hex')}`);
  const elsewhere = await operator.sendTransaction({ to: newRecipient(), value: 1n });
  await reader.waitForTransactionReceipt({ hash: elsewhere });
  for (const bad of [`0x${rows[0]?.hash.toString('hex')}`, elsewhere, `0x${'1'.repeat(64)}`, 'x']) {
    await assert.rejects(readDeposits(deposit, bad), { code: 'funding_refused' });
  }
});

test('books that differ from the chain are shown with what causes it, until it is booked', async (t) => {
  const pool = await startPaying(t, { database, devnet });
  const treasury = [pool.chain.account];
  const held = await balance(devnet.url, pool.chain.account);
  const { rows } = await database.query<{ held: bigint }>(sql`
    select coalesce(sum(balance), 0) as held from account_balance
    where asset = 'ETH' and account = 'treasury'`);
  const correction = held - (rows[0]?.held ?? 0n);
  await database.transact((tx) =>
    post(tx, {
      cause: 'test:beginning',
      kind: 'import',
      at: pool.now(),
      entries: [
        { account: account('treasury'), asset: ETH, amount: correction },
        { account: account('external'), asset: ETH, amount: -correction },
      ],
    }),
  );
  const compare = () =>
    reconcile({ database, chain: pool.chain, terms: async () => pool.terms, treasury });
  const ofChain = async () => (await compare()).differences.filter(({ what }) => what === 'chain');
  assert.deepEqual(await ofChain(), []);

  const id = 'test:by-hand' as Parameters<typeof pool.transactions.fate>[0];
  await pool.transactions.submit({
    ...{ id, to: newRecipient(), value: 7n, data: '0x', gasLimit: 21_000n, worthWei: undefined },
  });
  await pool.transactions.settled(id);
  const [difference] = await ofChain();
  assert.match(
    difference?.text ?? '',
    /^treasury holds [\d.]+ ETH by the ledger, [\d.]+ ETH on chain$/,
  );
  const text = difference?.lines.join('\n') ?? '';
  assert.match(
    text,
    /\(test:by-hand\) moved 7 wei, cost [1-9]\d* wei of gas, and is in no posting/,
  );
  assert.match(text, /^The chain has 0\.\d+ ETH less than was booked\.$/m);

  const { BondingManager } = devnet.addresses;
  const income = startIncome({
    database,
    clock: startAtNoon(),
    log: pool.log,
    policyOf: async () => 'credited',
    treasury: treasury.map(addressBytes),
    bondingManager: addressBytes(BondingManager),
  });
  t.after(() => income.close());
  await income.recognise();
  assert.deepEqual(await ofChain(), [], 'what is booked is no difference');
});
