import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, test } from 'node:test';
import { keptIo } from '../../base/kept-io.test-kit.ts';
import { starterFile } from '../../terms/starter.ts';
import { run } from './main.ts';

const dir = await mkdtemp(join(tmpdir(), 'tributary-import-'));
after(() => rm(dir, { recursive: true, force: true }));
const at = (name: string) => join(dir, name);
const terms = at('terms.toml');
await writeFile(terms, starterFile.replace('period = "week"', 'period = "day"'));

/** Runs `tributary import …` and keeps what it prints. */
async function imported(...args: string[]): Promise<string> {
  const { io, out } = keptIo();
  assert.equal(await run(args, io), 0);
  return out();
}

/** A file of work, imported into a book: what the program printed. */
async function work(name: string, text: string, ...more: string[]): Promise<string> {
  await writeFile(at(`${name}.csv`), text);
  return imported('--csv', at(`${name}.csv`), '--book', at(`${name}.sqlite`), ...more);
}

const shadow = async (book: string, ...more: string[]) =>
  JSON.parse(
    await imported('--shadow', '--terms', terms, '--book', at(`${book}.sqlite`), '--json', ...more),
  );

/** A database as go-livepeer keeps it, with tickets of so many wei. */
function orchestrator(
  name: string,
  tickets: readonly {
    readonly wei: bigint;
    readonly at: string;
    readonly redeemed?: string | undefined;
    readonly txHash?: string;
  }[],
): string {
  const path = at(`${name}.lpdb`);
  using database = new DatabaseSync(path);
  database.exec(`
    create table kv (key string primary key, value string, updatedAt string default current_timestamp);
    insert into kv (key, value) values ('dbVersion', '1');
    create table ticketQueue (
      createdAt datetime default current_timestamp, sender string, recipient string,
      faceValue blob, winProb blob, senderNonce integer, recipientRand blob,
      recipientRandHash string, sig blob primary key, creationRound int64,
      creationRoundBlockHash string, paramsExpirationBlock int64, redeemedAt datetime,
      txHash string);`);
  const insert = database.prepare(
    'insert into ticketQueue (createdAt, faceValue, sig, redeemedAt, txHash) values (?, ?, ?, ?, ?)',
  );
  for (const [index, { wei, at: won, redeemed, txHash }] of tickets.entries()) {
    const digits = wei.toString(16);
    const bytes = Buffer.from(digits.padStart(digits.length + (digits.length % 2), '0'), 'hex');
    const hash = txHash ?? (redeemed ? `0x${String(index).padStart(64, 'A')}` : null);
    insert.run(won, bytes, Buffer.alloc(65, index + 1), redeemed ?? null, hash);
  }
  return path;
}

test('work and tickets of another pool show what these terms would have paid, to the wei', async () => {
  const said = await work(
    'both',
    'Worker;Time;Pixels\nheron;2026-03-02T08:00:00Z;300\notter;2026-03-02 09:00:00;100\nheron;1772532000;50\n',
  );
  assert.match(said, /3 lines of work are new .* 0 were there already/);
  const tickets = orchestrator('both', [
    { wei: 10n ** 19n + 1n, at: '2026-03-02 10:00:00', redeemed: '2026-03-03 10:00:00' },
    { wei: 1_000n, at: '2026-03-03 11:00:00' },
  ]);
  const book = at('both.sqlite');
  assert.match(
    await imported('--go-livepeer', tickets, '--book', book),
    /2 winning tickets are new/,
  );
  const { epochs, totals, incomeFrom } = await shadow('both');
  assert.equal(incomeFrom, 'tickets');
  assert.deepEqual(
    epochs.map((one: { from: string; income: object }) => [one.from, one.income]),
    [
      ['2026-03-02T00:00:00.000Z', { ETH: '10000000000000000001' }],
      ['2026-03-03T00:00:00.000Z', { ETH: '1000' }],
    ],
  );
  // 10 % of each share is the pool's.
  const owed = epochs.map((one: { workers: { worker: string; owed: object }[] }) =>
    Object.fromEntries(one.workers.map(({ worker, owed: sum }) => [worker, sum])),
  );
  assert.deepEqual(owed, [
    { heron: { ETH: '6750000000000000000' }, otter: { ETH: '2250000000000000000' } },
    { heron: { ETH: '901' } },
  ]);
  const sum = (name: string) => BigInt(totals[name].ETH ?? 0);
  assert.equal(sum('income'), sum('workers') + sum('commission') + sum('carried'));
  const view = await imported('--shadow', '--terms', terms, '--book', book);
  assert.match(view, /nothing of it is paid/);
  assert.match(view, /1 +2026-03-02 00:00 +heron +300 +6\.75 ETH/);
  const csv = await imported('--terms', terms, '--book', book, '--as-csv');
  assert.match(csv, /^1,2026-03-02T00:00:00\.000Z,.*,otter,100,ETH,2250000000000000000,0$/m);
});

test('the same file again changes nothing, equal lines count as often as they are there', async () => {
  const text = 'worker,time,units\na,2026-03-02,5\na,2026-03-02,5\nb,2026-03-02,1\n';
  assert.match(await work('again', text), /3 lines of work are new/);
  assert.match(await work('again', text), /0 lines of work are new .* 3 were there already/);
  assert.match(await work('again', `${text}a,2026-03-02,5\n`), /1 lines of work are new/);
  assert.equal((await shadow('again')).epochs[0].workers[0].units, '15');
  assert.equal((await stat(at('again.sqlite'))).mode & 0o777, 0o600);
});

test('a ticket that is redeemed later is the same ticket', async () => {
  const won = { wei: 5n, at: '2026-03-02 10:00:00' };
  const first = orchestrator('early', [won]);
  const later = orchestrator('later', [{ ...won, redeemed: '2026-03-09 10:00:00' }]);
  const book = at('redeemed.sqlite');
  await imported('--go-livepeer', first, '--book', book);
  assert.match(await imported('--go-livepeer', later, '--book', book), /1 winning tickets are new/);
  assert.match(await imported('--go-livepeer', later, '--book', book), /0 winning tickets are new/);
  const policy = at('redeemed.toml');
  await writeFile(policy, starterFile.replace('= "credited"', '= "redeemed"'));
  const { epochs } = JSON.parse(await imported('--terms', policy, '--book', book, '--json'));
  assert.deepEqual(
    epochs.map(({ from, income }: { from: string; income: object }) => [from, income]),
    [['2026-03-09T00:00:00.000Z', { ETH: '5' }]],
  );
});

test('fees in the work are the income where there are no tickets', async () => {
  await work('fees', 'node,at,pixels,fee\na,2026-03-02,5,0.5\nb,2026-03-02,5,0.5\n');
  const { epochs, incomeFrom } = await shadow('fees');
  assert.equal(incomeFrom, 'fees');
  assert.deepEqual(epochs[0].workers[0].owed, { ETH: '450000000000000000' });
});

test('broken lines are named, and nothing of the file is kept', async () => {
  const broken = [
    'worker,time,units,id',
    'a,2026-03-02T00:00:00Z,5,1',
    'a,yesterday,5,2',
    'a,2026-02-31,5,3',
    'a,2026-03-02,-5,4',
    'a,2026-03-02,5',
    '<b>,2026-03-02,5,6',
    'a,"2026-03-02,5,7',
  ].join('\n');
  await assert.rejects(work('broken', broken), (error: Error & { code: string }) => {
    assert.equal(error.code, 'import_wrong');
    const wanted = [
      /line 3: the time/,
      /line 4: the time/,
      /line 5: the units/,
      /line 6: it has 3 fields, and there are 4 columns/,
      /line 7: the worker/,
      /line 8: a quote/,
    ];
    for (const pattern of wanted) assert.match(error.message, pattern);
    return true;
  });
  assert.match(await work('broken', 'a,2026-03-02,5\n'), /1 lines of work are new/);
  const refused: readonly (readonly [string, RegExp])[] = [
    ['worker,time\na,2026-03-02\n', /no column for units/],
    ['worker,units,pixels,time\na,1,1,2026-03-02\n', /Two columns hold the units/],
    ['worker,time,units\n', /holds no work/],
    ['worker,time,units,id\na,2026-03-02,5,1\na,2026-03-02,6,1\n', /id 1 is in the file twice/],
    [`worker,time,units\n${'a'.repeat(70_000)}`, /Line 2 is too long/],
  ];
  for (const [text, message] of refused) await assert.rejects(work('broken', text), { message });
  await work('id', 'worker,time,units,id\na,2026-03-02,5,1\n');
  await assert.rejects(work('id', 'worker,time,units,id\na,2026-03-02,6,1\n'), /said otherwise/);
  assert.equal((await shadow('broken')).epochs[0].workers[0].units, '5');
});

test('a first import that is refused leaves no book behind, a later one the book as it was', async () => {
  const mine = await mkdtemp(join(dir, 'first-'));
  const [book, wrong, right] = [
    join(mine, 'book.sqlite'),
    join(mine, 'wrong.csv'),
    join(mine, 'right.csv'),
  ];
  await writeFile(wrong, 'worker,time,units\na,2026-03-02,5\na,yesterday,5\n');
  await writeFile(right, 'worker,time,units\na,2026-03-02,5\n');
  const into = (...from: string[]) => imported(...from, '--book', book);
  await assert.rejects(into('--csv', wrong), /line 3/);
  await assert.rejects(into('--csv', join(mine, 'nowhere')));
  await assert.rejects(into('--go-livepeer', wrong), { code: 'input_missing' });
  assert.deepEqual((await readdir(mine)).sort(), ['right.csv', 'wrong.csv']);
  assert.match(await into('--csv', right), /1 lines of work are new/);
  await assert.rejects(into('--csv', wrong), /line 3/);
  assert.match(await into('--csv', right), /0 lines of work are new .* 1 were there/);
});

test('a database that is not what it should be is refused, and stays as it was', async () => {
  const book = at('refused.sqlite');
  const into = (path: string) => imported('--go-livepeer', path, '--book', book);
  await assert.rejects(into(at('nowhere')), { code: 'input_missing' });
  await assert.rejects(into(terms), { code: 'input_missing' });
  const good = { wei: 5n, at: '2026-03-02 10:00:00' };
  const odd = orchestrator('odd', [
    good,
    { ...good, redeemed: '2026-03-02 11:00:00', txHash: '1' },
  ]);
  await assert.rejects(into(odd), /row 2 of ticketQueue names no transaction/);
  const newer = orchestrator('newer', [good]);
  using database = new DatabaseSync(newer);
  database.exec("update kv set value = '2'");
  await assert.rejects(into(newer), /version 2; version 1 is known/);
  // Nor is another program's database taken for a book.
  await assert.rejects(imported('--csv', at('id.csv'), '--book', odd), /no shadow book/);
  await assert.rejects(shadow('refused'), { code: 'input_missing' });
});
