import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { serveAdmin } from '../../src/api/admin.ts';
import { apiOf, workersListed } from '../../src/api/api.test-kit.ts';
import { ledgerRoutes } from '../../src/api/ledger-routes.ts';
import { ETH, LPT } from '../../src/base/asset.ts';
import { instant } from '../../src/base/clock.ts';
import { quiet } from '../../src/base/log.ts';
import { createMetrics } from '../../src/base/metrics.ts';
import { openScratch } from '../../src/database/scratch.ts';
import { account } from '../../src/ledger/accounts.ts';
import { createBooks } from '../../src/ledger/books.ts';
import {
  feesWithdrawn,
  type Posting,
  rewardReceived,
  ticketsCredited,
  ticketWon,
} from '../../src/ledger/postings.ts';
import { post } from '../../src/ledger/postings-store.ts';
import { run } from '../../src/programs/ledger/main.ts';
import { csv } from '../../src/programs/ledger/views.ts';

const AT = instant(1_700_000_000_000);
const seen = { at: AT, epoch: 1n };
const E = 10n ** 18n;
const WORKER = 'abcdefghij';

const scratch = await openScratch();
const { database } = scratch;
const admin = await serveAdmin(
  {
    api: apiOf(
      [
        ...ledgerRoutes({ books: createBooks(database) }),
        workersListed(() => [{ id: WORKER, name: 'heron' }]),
      ],
      { token: 'the-token' },
    ),
    metrics: createMetrics(),
    ready: async () => undefined,
    log: quiet,
  },
  { host: '127.0.0.1', port: 0, tokenChosen: false },
);
after(async () => {
  await admin.close();
  await scratch[Symbol.asyncDispose]();
});

const book = (...postings: readonly Posting[]) =>
  database.transact(async (tx) => {
    for (const posting of postings) await post(tx, posting);
  });

async function command(...args: readonly string[]) {
  let out = '';
  const io = {
    stdout: {
      write: (text: string) => {
        out += text;
      },
    },
    stderr: { write: () => {} },
    env: { TRIBUTARY_ADMIN_TOKEN: 'the-token' },
    isTty: false,
    columns: 80,
  };
  const at = ['--admin-url', `http://127.0.0.1:${admin.port}`];
  const code = await run([...args, ...at], io);
  return { code, out };
}

test('before anything is earned the books say so', async () => {
  assert.match((await command('accounts')).out, /Nothing is in the books/);
  assert.match((await command('lines')).out, /No entry is like that/);
  const { code, out } = await command('balance');
  assert.equal(code, 0);
  assert.match(out, /^OK: 0 balances/);
});

test('an operator sees what the pool has and what it owes, and that both are the same', async () => {
  const owed: Posting = {
    cause: 'epoch:1',
    kind: 'epoch',
    ...seen,
    entries: [
      { account: account('income'), asset: ETH, amount: 5n * E },
      { account: account('worker', WORKER), asset: ETH, amount: -4n * E - 1n },
      { account: account('commission'), asset: ETH, amount: -E + 1n },
    ],
  };
  await book(
    ticketsCredited({ ...seen, total: 5n * E, added: 5n * E, recognised: 5n * E }),
    ticketWon({ ...seen, ticket: 'aa', face: 8n * E }),
    feesWithdrawn({ ...seen, transaction: '0xbb', amount: 3n * E, to: 'treasury' }),
    rewardReceived({ ...seen, transaction: '0xcc', amount: 2n * E }),
    owed,
  );
  const { out } = await command('accounts', '--asset', 'ETH');
  assert.match(out, /ETH: the pool has/);
  assert.match(out, /tickets_won +8\n/);
  assert.match(out, /luck +-3\n/);
  assert.match(out, /worker:heron +4\.000000000000000001\n/);
  assert.match(out, /commission +0\.999999999999999999\n/);
  assert.equal(out.match(/together +5\n/g)?.length, 2);
  assert.doesNotMatch(out, /LPT/);
  const [code, said] = Object.values(await command('balance'));
  assert.deepEqual(
    [code, said],
    [0, 'OK: 9 balances are the sums of their entries, and together they are 0.\n'],
  );
});

test('lines say when, by which event, how much and what was left, for people and for sheets', async () => {
  const name = `worker:${WORKER}`;
  const { out } = await command('lines', '--account', name);
  assert.equal((await command('lines', '--account', 'worker:heron')).out, out);
  assert.match(
    out,
    /^worker:heron, ETH\n.*\n2023-11-14 22:13 +epoch:1 +4\.000000000000000001 +4\.0/,
  );
  const sheet = await command('lines', '--account', 'worker:', '--csv');
  const [head, row] = sheet.out.split('\r\n');
  assert.equal(head, 'cursor,at,epoch,account,asset,kind,cause,amount,balance,note');
  assert.match(row ?? '', /,1,worker:abcdefghij,ETH,epoch,epoch:1,-4000000000000000001,-40/);
  const json = JSON.parse((await command('lines', '--asset', 'LPT', '--json')).out);
  assert.deepEqual(
    json.map((line: Record<string, unknown>) => [line.account, line.amount]),
    [
      ['bonding_rewards', String(2n * E)],
      ['income', String(-2n * E)],
    ],
  );
  const none = await command('lines', '--epoch', '2', '--json');
  assert.equal(none.out, '[]\n');
});

test('more lines than one answer holds are all there, once and in order', async () => {
  const entries = Array.from({ length: 1_200 }, (_, index) => [
    { account: account('external'), asset: LPT, amount: BigInt(index + 1) },
    { account: account('treasury'), asset: LPT, amount: -BigInt(index + 1) },
  ]).flat();
  await book({ cause: 'import:1', kind: 'import', ...seen, entries });
  const { out } = await command('lines', '--account', 'treasury', '--asset', 'LPT', '--json');
  const amounts = (JSON.parse(out) as { amount: string }[]).map(({ amount }) => Number(amount));
  assert.deepEqual(
    amounts,
    Array.from({ length: 1_200 }, (_, index) => -(index + 1)),
  );
});

test('what is asked wrongly is refused in words, and a sheet runs no formula of a note', async () => {
  await assert.rejects(command('lines', '--account', 'nobody'), { code: 'setting_invalid' });
  await assert.rejects(command('accounts', '--asset', 'eth'), { code: 'setting_invalid' });
  await assert.rejects(command('accounts', '--json', '--csv'), { code: 'setting_invalid' });
  await assert.rejects(command('sums'), { code: 'command_unknown' });
  assert.equal(csv([['=1+1', 'a "b"', '-5', '-x', 'a,b']]), `'=1+1,"a ""b""",-5,'-x,"a,b"`);
});
