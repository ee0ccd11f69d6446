import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import fc from 'fast-check';
import sql, { type Sql } from 'sql-template-tag';
import { assetId, ETH, LPT } from '../base/asset.ts';
import { instant } from '../base/clock.ts';
import { openScratch } from '../database/scratch.ts';
import type { EpochInput, Settlement } from '../terms/settle-types.ts';
import { type AccountName, account, parseAccountName } from './accounts.ts';
import {
  epochSettled,
  feesWithdrawn,
  gasSpent,
  movedOut,
  type Posting,
  rewardReceived,
  ticketRedeemed,
  ticketsCredited,
  ticketWon,
  ticketWrittenOff,
} from './postings.ts';
import { balanceOf, balancesOf, linesOf, post, wrongBalances } from './postings-store.ts';

const AT = instant(1_700_000_000_000);
const POINTS = assetId('POINTS');
const seen = { at: AT, epoch: 1n };
const scratch = await openScratch();
const { database } = scratch;
after(() => scratch[Symbol.asyncDispose]());

const book = (...postings: readonly Posting[]) =>
  database.transact(async (tx) => {
    const done = [];
    for (const posting of postings) done.push(await post(tx, posting));
    return done;
  });
const run = (...statements: readonly Sql[]) =>
  database.transact(async (tx) => {
    for (const statement of statements) await tx.query(statement);
  });

/** What all accounts hold that hold anything: ETH by name, other assets behind it. */
async function sheet(): Promise<Record<string, bigint>> {
  const held = (await balancesOf(database)).filter(({ balance }) => balance !== 0n);
  return Object.fromEntries(
    held.map((one) => [
      one.asset === ETH ? one.account : `${one.account} ${one.asset}`,
      one.balance,
    ]),
  );
}

const ada = 'adaaaaaaaa';
const bob = 'bobbbbbbbb';

const input: EpochInput = {
  epoch: 1n,
  opensAt: 0,
  closesAt: 1,
  termsVersion: 1,
  income: { [ETH]: 90n, [LPT]: 8n },
  incomeLines: [
    { kind: 'tickets_credited', asset: ETH, amount: 100n, transactions: [] },
    { kind: 'gas', asset: ETH, amount: -10n, transactions: [] },
    { kind: 'reward', asset: LPT, amount: 8n, transactions: [] },
  ],
  carried: {},
  workers: [],
};
const settlement: Settlement = {
  epoch: 1n,
  lines: [],
  owed: { [ada]: { [ETH]: 50n, [LPT]: 8n, [POINTS]: 5n }, [bob]: { [ETH]: 20n } },
  heldBack: [{ worker: bob, asset: ETH, amount: 7n, releaseEpoch: 2n }],
  released: {},
  commission: { [ETH]: 12n },
  penalties: { [ETH]: 1n },
  toReserve: { [ETH]: 3n },
  fromReserve: { [ETH]: 4n },
  shortfall: {},
  issued: { [POINTS]: 5n },
  dust: { [ETH]: 1n },
};

test('the books of an epoch: events, one after the other, and what the accounts hold then', async () => {
  const steps: readonly [Posting, Record<string, bigint>][] = [
    [
      ticketsCredited({ ...seen, total: 100n, added: 100n, recognised: 100n }),
      { luck: 100n, income: -100n },
    ],
    [
      ticketWon({ ...seen, ticket: 'aa', face: 150n }),
      { luck: -50n, income: -100n, tickets_won: 150n },
    ],
    [
      ticketRedeemed({
        ...seen,
        ticket: 'aa',
        face: 150n,
        paid: 140n,
        recognised: 0n,
        transaction: '0xaa',
      }),
      { luck: -50n, income: -100n, bonding_fees: 140n, written_off: 10n },
    ],
    [
      feesWithdrawn({ ...seen, transaction: '0xbb', amount: 140n, to: 'treasury' }),
      { luck: -50n, income: -100n, treasury: 140n, written_off: 10n },
    ],
    [
      gasSpent({ ...seen, transaction: '0xbb', wei: 30n, from: 'treasury', intent: 'x' }),
      { luck: -50n, income: -100n, treasury: 110n, written_off: 10n, gas: 30n },
    ],
    [
      rewardReceived({ ...seen, transaction: '0xcc', amount: 8n }),
      {
        luck: -50n,
        income: -100n,
        treasury: 110n,
        written_off: 10n,
        gas: 30n,
        'income LPT': -8n,
        'bonding_rewards LPT': 8n,
      },
    ],
    [
      epochSettled(input, settlement, AT),
      {
        luck: -50n,
        treasury: 110n,
        written_off: 10n,
        gas: 20n,
        reserve: 1n,
        commission: -12n,
        penalties: -1n,
        dust: -1n,
        [`worker:${ada}`]: -50n,
        [`worker:${bob}`]: -20n,
        [`holdback:${bob}`]: -7n,
        'bonding_rewards LPT': 8n,
        [`worker:${ada} LPT`]: -8n,
        [`worker:${ada} POINTS`]: -5n,
        'issued POINTS': 5n,
      },
    ],
  ];
  for (const [posting, expected] of steps) {
    assert.deepEqual(await book(posting), ['posted']);
    assert.deepEqual(await sheet(), expected, posting.cause);
  }
  assert.deepEqual(
    await book(...steps.map(([posting]) => posting)),
    steps.map(() => 'known'),
  );
  assert.deepEqual(await sheet(), steps.at(-1)?.[1]);
});

test('what was held back comes free, and dust of before is carried on', async () => {
  const second = epochSettled(
    {
      ...input,
      epoch: 2n,
      income: {},
      incomeLines: [],
      carried: { [ETH]: 1n },
      workers: [
        { worker: bob, releases: [{ epoch: 1n, asset: ETH, amount: 7n }] },
      ] as unknown as EpochInput['workers'],
    },
    {
      ...settlement,
      epoch: 2n,
      owed: { [bob]: { [ETH]: 7n } },
      heldBack: [],
      released: { [ETH]: 7n },
      commission: {},
      penalties: {},
      toReserve: {},
      fromReserve: {},
      issued: {},
      dust: { [ETH]: 1n },
    },
    AT,
  );
  await run(sql`update epoch set state = 'closing', ended_at = now()`);
  await run(sql`insert into epoch (number) values (2)`);
  assert.deepEqual(await book(second), ['posted']);
  assert.equal(await balanceOf(database, account('worker', bob), ETH), -27n);
  assert.equal(await balanceOf(database, account('holdback', bob), ETH), 0n);
  assert.equal(await balanceOf(database, account('dust'), ETH), -1n);
});

test('a settlement that does not add up is not posted', () => {
  const wrong = { ...settlement, commission: { [ETH]: 13n } };
  assert.throws(() => epochSettled(input, wrong, AT), /epoch:1 is out by -1 ETH/);
});

test('one cause is one event: another one under it is a defect, not a silence', async () => {
  const won = ticketWon({ ...seen, ticket: 'cc', face: 5n });
  assert.deepEqual(await book(won, won), ['posted', 'known']);
  await assert.rejects(book(ticketWon({ ...seen, ticket: 'cc', face: 6n })), { code: 'internal' });
  assert.deepEqual(await book({ ...won, cause: 'nothing', entries: [] }), ['known']);
  await book(ticketWrittenOff({ ...seen, ticket: 'cc', face: 5n, reason: 'expired' }));
});

test("many that post at once get in each other's way for no longer than a moment", async () => {
  const before = await balanceOf(database, account('treasury'), ETH);
  const moves = Array.from({ length: 60 }, (_, index) =>
    movedOut({ ...seen, cause: `out:${index % 40}`, asset: ETH, amount: BigInt(1 + (index % 40)) }),
  );
  const done = await Promise.all(moves.map((one) => book(one)));
  assert.equal(done.flat().filter((outcome) => outcome === 'posted').length, 40);
  assert.equal(before - (await balanceOf(database, account('treasury'), ETH)), 820n);
  const out = await linesOf(database, { kind: 'moved_out' });
  const numbers = out.map(({ posting }) => posting);
  assert.deepEqual(
    numbers,
    [...numbers].sort((a, b) => (a < b ? -1 : 1)),
  );
});

test('whatever is posted, accounts sum to zero by asset and running balances are right', async () => {
  const names: readonly AccountName[] = [
    account('treasury'),
    account('reserve'),
    account('worker', ada),
    account('in_flight', 'p-1'),
  ];
  const amounts = fc.bigInt(-(2n ** 127n), 2n ** 127n).filter((value) => value !== 0n);
  const entry = fc.record({
    account: fc.constantFrom(...names),
    asset: fc.constantFrom(ETH, LPT),
    amount: amounts,
  });
  let number = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(entry, { minLength: 1, maxLength: 6 }), async (entries) => {
      const balancing = entries.map((one) => ({
        ...one,
        account: account('external'),
        amount: -one.amount,
      }));
      const cause = `random:${++number}`;
      const posting = { cause, kind: 'correction', at: AT, entries: [...entries, ...balancing] };
      assert.deepEqual(await book(posting as Posting), ['posted']);
    }),
    { numRuns: 50 },
  );
  const held = await balancesOf(database);
  for (const asset of [ETH, LPT, POINTS]) {
    const of = held.filter((one) => one.asset === asset);
    assert.equal(
      of.reduce((sum, { balance }) => sum + balance, 0n),
      0n,
    );
  }
  assert.deepEqual(await wrongBalances(database), []);
});

test('lines of an account are read page by page, with the event and what it left', async () => {
  const filter = { account: account('worker', ada), asset: ETH };
  const all = await linesOf(database, filter);
  const paged = [];
  let after: { posting: bigint; line: number } | undefined;
  for (;;) {
    const page = await linesOf(database, { ...filter, limit: 3, ...(after && { after }) });
    if (page.length === 0) break;
    paged.push(...page);
    after = page.at(-1);
  }
  assert.deepEqual(paged, all);
  assert.deepEqual(
    [all[0]?.cause, all[0]?.kind, all[0]?.amount, all[0]?.balance],
    ['epoch:1', 'epoch', -50n, -50n],
  );
  let balance = 0n;
  for (const line of all) {
    balance += line.amount;
    assert.equal(line.balance, balance);
  }
  const workers = await balancesOf(database, { account: 'worker:', asset: ETH });
  assert.deepEqual(
    workers.map((one) => one.account),
    [`worker:${ada}`, `worker:${bob}`],
  );
});

test('the database itself refuses what does not sum to zero, and to change what is posted', async () => {
  const posting = (cause: string) =>
    sql`insert into posting (cause, kind, at) values (${cause}, 'correction', now())`;
  const entry = (line: number, amount: string, asset = 'ETH') => sql`
    insert into entry (posting, line, account, asset, amount)
    select max(number), ${line}::integer, 'treasury', ${asset}, ${amount}::numeric from posting`;
  const refused: readonly [readonly Sql[], RegExp][] = [
    [[posting('x')], /without entries/],
    [[posting('x'), entry(1, '5')], /do not sum to zero/],
    // Not even what is made good later in the transaction.
    [[sql`set constraints all immediate`, posting('x')], /without entries/],
    [
      [
        posting('x'),
        sql`insert into entry (posting, line, account, asset, amount)
          select number, line, 'treasury', asset, amount from posting,
          (values (1, 'ETH', 1), (2, 'LPT', -1)) as e (line, asset, amount) where cause = 'x'`,
      ],
      /do not sum to zero/,
    ],
    [[posting('x'), entry(1, '0.5')], /(amount|balance)_check/],
    [[posting('x'), entry(1, '0')], /(amount|balance)_check/],
    [[posting('x'), entry(1, 'NaN')], /(amount|balance)_check/],
    [[posting('x'), entry(1, String(2n ** 128n))], /(amount|balance)_check/],
    [[posting('epoch:1')], /posting_cause_key/],
    [
      [
        sql`insert into entry (posting, line, account, asset, amount)
          select number, line, 'treasury', 'ETH', amount from posting,
          (values (98, 1), (99, -1)) as e (line, amount) where cause = 'epoch:1'`,
      ],
      /complete when it is committed/,
    ],
    [[sql`update posting set kind = 'gas'`], /what is posted stays/],
    [[sql`delete from posting`], /what is posted stays/],
    [[sql`truncate posting cascade`], /what is posted stays/],
    [[sql`update entry set amount = 1`], /what is posted stays/],
    [[sql`delete from entry`], /what is posted stays/],
    [[sql`truncate entry`], /what is posted stays/],
    [[sql`update account_balance set balance = 0`], /by entries only/],
    [[sql`insert into account_balance values ('income', 'USDC', 5, 1)`], /by entries only/],
    [[sql`delete from account_balance`], /by entries only/],
    [[sql`truncate account_balance`], /by entries only/],
  ];
  for (const [statements, why] of refused) {
    await assert.rejects(run(...statements), why, String(statements.at(-1)?.sql));
  }
  assert.deepEqual(await wrongBalances(database), []);
});

test('there is an account for each owner that has one, and no others', () => {
  assert.equal(parseAccountName('worker:abcdefghij'), 'worker:abcdefghij');
  assert.equal(parseAccountName('income'), 'income');
  for (const text of ['worker', 'worker:', 'income:x', 'nothing', 'worker:a:b', 'worker:a b']) {
    assert.equal(parseAccountName(text), undefined, text);
  }
  assert.throws(() => account('worker', 'a b'), RangeError);
});
