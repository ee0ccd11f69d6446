import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import sql from 'sql-template-tag';
import { ETH, LPT } from '../base/asset.ts';
import { account } from '../ledger/accounts.ts';
import { openEpoch } from '../ledger/epoch-store.ts';
import { balanceOf, balancesOf } from '../ledger/postings-store.ts';
import { settleEpoch } from '../terms/settle.ts';
import { closeNow, endEpoch, settleEnded } from './close.ts';
import { openBooks } from './epochs.test-kit.ts';
import { readInput, writeSettlement } from './input-json.ts';
import { epochWorkers, resultOf } from './store.ts';

const books = await openBooks();
const { database, parts } = books;
after(() => books[Symbol.asyncDispose]());
const heron = await books.enrol();
const otter = await books.enrol();
const HASH = `0x${'ab'.repeat(32)}`;

const owedTo = async (worker: string) =>
  -(await balanceOf(database, account('worker', worker), ETH));

async function stored(epoch: bigint) {
  const result = await resultOf(database, epoch);
  assert.ok(result);
  return { ...result, input: readInput(result.input) };
}

test('an epoch is settled out of what was done and earned in it, and anybody can repeat it', async () => {
  await books.work(heron, 3_000n, 2n);
  await books.work(heron, 1_000n, 2n);
  await books.work(otter, 4_000n, 3n);
  await books.fail(otter);
  await books.earn(1_000n, { transaction: HASH });
  await books.earn(500n, { kind: 'tickets_credited' });
  const closed = await closeNow(parts);
  assert.equal(closed.number, 1n);
  assert.equal((await openEpoch(database)).number, 2n);

  const { input, settlement } = await stored(1n);
  assert.deepEqual(input.income, { ETH: 1_500n });
  assert.deepEqual(input.incomeLines, [
    { kind: 'tickets_redeemed', asset: ETH, amount: 1_000n, transactions: [HASH] },
    { kind: 'tickets_credited', asset: ETH, amount: 500n, transactions: [] },
  ]);
  const of = (worker: string) => input.workers.find((one) => one.worker === worker);
  assert.deepEqual(
    [of(heron)?.jobs, of(heron)?.units, of(heron)?.grossFee, of(heron)?.deviceMs],
    [2n, 4_000n, { ETH: 8_000n }, 1_000n],
  );
  assert.deepEqual([of(otter)?.failedAttempts, of(otter)?.lastSequence], [1n, 1n]);
  const terms = await parts.terms.of(input.termsVersion);
  assert.equal(writeSettlement(settleEpoch(terms, input)), settlement);
  // 10 % of 1,500 is the pool's; the rest by units.
  assert.deepEqual([await owedTo(heron), await owedTo(otter)], [675n, 675n]);
  assert.equal(await balanceOf(database, account('income'), ETH), 0n);
});

test('what comes later is of the next epoch, also while the books are being written', async () => {
  await books.earn(100n);
  await books.work(heron, 10n);
  await endEpoch(parts, 2n);
  await books.work(otter, 10n);
  await settleEnded(parts);
  await books.earn(7_000n);
  const { input } = await stored(2n);
  assert.deepEqual(input.income, { ETH: 100n });
  assert.deepEqual(
    input.workers.map(({ worker, units }) => [worker, units]).sort(),
    [
      [heron, 10n],
      [otter, 0n],
    ].sort(),
  );
  assert.deepEqual(
    (await epochWorkers(database, 2n, heron)).map(({ owed, cumulative }) => [owed, cumulative]),
    [[{ ETH: 90n }, { ETH: 765n }]],
  );
  await closeNow(parts);
  assert.deepEqual((await stored(3n)).input.income, { ETH: 7_000n });
});

test('two nodes that close at once close once', async () => {
  await books.earn(900n);
  await books.work(heron, 1n);
  const { number } = await openEpoch(database);
  const [a, b] = await Promise.all([endEpoch(parts, number), endEpoch(parts, number)]);
  assert.equal([a, b].filter((ended) => ended !== undefined).length, 1);
  const closed = await Promise.all([settleEnded(parts), settleEnded(parts)]);
  assert.deepEqual(closed.flat(), [number]);
  assert.equal((await openEpoch(database)).number, number + 1n);
  assert.deepEqual((await stored(number)).input.income, { ETH: 900n });
});

test('an epoch that ended while the one before has no books waits for its turn', async () => {
  const { number } = await openEpoch(database);
  await books.earn(11n);
  await endEpoch(parts, number);
  await books.earn(13n);
  await endEpoch(parts, number + 1n);
  assert.deepEqual(await settleEnded(parts), [number, number + 1n]);
  // The line under the first was drawn before anything of the second was settled.
  const incomes = [await stored(number), await stored(number + 1n)].map(
    ({ input }) => input.income,
  );
  assert.deepEqual(incomes, [{ ETH: 24n }, {}]);
  assert.equal(await balanceOf(database, account('income'), ETH), 0n);
});

test('gas comes out of income where the terms say so, and no income is negative', async () => {
  await books.publish('[income]\nrecognised = "redeemed"\ngas = "income"');
  await closeNow(parts);
  await books.earn(1_000n);
  await books.spendGas(300n, HASH);
  await books.work(heron, 1n);
  const first = await closeNow(parts);
  const { input } = await stored(first.number);
  assert.deepEqual(input.income, { ETH: 700n });
  assert.deepEqual(input.incomeLines.at(-1), {
    kind: 'gas',
    asset: ETH,
    amount: -300n,
    transactions: [HASH],
  });

  await books.earn(-50n, { kind: 'refund' });
  const loss = await closeNow(parts);
  assert.deepEqual((await stored(loss.number)).input.income, {});
  await books.earn(80n);
  const next = await closeNow(parts);
  assert.deepEqual((await stored(next.number)).input.income, { ETH: 30n });
  assert.equal(await balanceOf(database, account('income'), ETH), 0n);
});

test('what is held back is released when its time has come', async () => {
  await books.publish(
    '[holdback]\nshare = "50%"\nepochs = 1\n[rewards]\nshare = "100%"\n[payouts]\nassets = ["ETH", "LPT"]\nthresholds = { ETH = "0.01", LPT = "1" }',
  );
  await closeNow(parts);
  const before = await owedTo(otter);
  await books.earn(1_000n);
  await books.earn(60n, { asset: LPT, kind: 'reward', transaction: HASH });
  await books.work(otter, 1n);
  await closeNow(parts);
  const half = (await owedTo(otter)) - before;
  const held = -(await balanceOf(database, account('holdback', otter), ETH));
  assert.ok(half >= 450n && half - held <= 1n && half >= held);
  assert.equal(await balanceOf(database, account('worker', otter), LPT), -30n);
  await closeNow(parts);
  assert.equal(-(await balanceOf(database, account('holdback', otter), ETH)), 0n);
  assert.equal((await owedTo(otter)) - before, half + held);
});

test('the sum of all accounts is zero, and what an epoch came to is written once', async () => {
  const sums = Map.groupBy(await balancesOf(database), ({ asset }) => asset);
  for (const held of sums.values()) {
    assert.equal(
      held.reduce((sum, { balance }) => sum + balance, 0n),
      0n,
    );
  }
  for (const statement of [
    sql`update epoch_result set settlement = '{}'`,
    sql`delete from epoch_worker`,
    sql`update epoch_end set posting = 0`,
  ]) {
    await assert.rejects(database.query(statement), /written once/);
  }
});
