import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import sql, { raw } from 'sql-template-tag';
import { ETH } from '../base/asset.ts';
import { hex } from '../base/bytes.ts';
import { keccak256 } from '../base/keccak.ts';
import { restoreBackup, writeBackup } from '../database/backup.ts';
import { type Database, openDatabase } from '../database/database.ts';
import { createDisputes, type DisputeParty } from '../ledger/disputes.ts';
import { keptEvents } from '../ledger/disputes-store.ts';
import { balancesOf, wrongBalances } from '../ledger/postings-store.ts';
import { nodeHashing } from '../proofs/node-hashing.ts';
import { nodeVerifyEd25519 } from '../proofs/node-signatures.ts';
import { recover } from '../protocol/signature.ts';
import { createTermsService } from '../terms/terms-service.ts';
import { adoptEpoch } from './adopt.ts';
import { openCopy } from './adopt-copy.ts';
import { openBroughtDisputes } from './adopt-disputes.ts';
import { closeNow } from './close.ts';
import { workerLines } from './read-epochs.ts';
import { filesIn, publishedPool } from './verify.test-kit.ts';

const DAY_MS = 86_400_000;
const pool = await publishedPool();
const { books } = pool;
const { clock } = books;
const opened: Database[] = [];
after(async () => {
  for (const database of opened) await database.close();
  await pool[Symbol.asyncDispose]();
});
const operator: DisputeParty = { by: 'operator' };
const text = 'My machine was there all the time.';

function disputesOf(database: Database) {
  const { terms } = books.parts;
  return createDisputes({ database, clock, hashing: nodeHashing, terms, statement: workerLines });
}

/** A database of another name, with a backup of the first in it. */
async function restored(file: string, name: string): Promise<Database> {
  await books.database.query(sql`create database ${raw(name)}`);
  const url = books.database.url.replace('/tributary?', `/${name}?`);
  await restoreBackup(url, file);
  const database = await openDatabase({ url });
  opened.push(database);
  return database;
}

/** What an operator does who has copies of both folders. */
async function recovered(
  database: Database,
  files: { readonly published: Map<string, string>; readonly kept: Map<string, string> },
) {
  const terms = createTermsService({
    ...{ database, clock, hashing: nodeHashing },
    sign: () => assert.fail('nothing is signed'),
  });
  const reading = (texts: Map<string, string>) => ({
    read: async (path: string) => texts.get(path),
  });
  const [published, kept] = [reading(files.published), reading(files.kept)];
  const told: number[] = [];
  const disputes = await openBroughtDisputes({
    ...{ database, terms, hashing: nodeHashing, statement: workerLines, published, kept },
    told: async (_, sequences) => void told.push(...sequences),
  });
  const hashes = { hashing: nodeHashing, keccak256, recover };
  const verify = {
    ...{ files: published, chain: undefined, verifyEd25519: nodeVerifyEd25519 },
    ...hashes,
  };
  const keys = new Set((await books.ledger.keys.all()).map(({ publicKey }) => hex(publicKey)));
  const parts = { database, clock, verify, kept, keys, disputes };
  const copy = await openCopy({ ...parts, identity: pool.account.identity, isPools: true });
  const first = (
    await database.query<{ number: bigint }>(sql`select max(number) as number from epoch`)
  ).rows[0]?.number as bigint;
  for (let epoch = first; epoch <= copy.last; epoch += 1n) {
    await adoptEpoch({ ...parts, terms }, epoch);
  }
  return { ...(await disputes.bringRest()), told, terms };
}

/** Without what only the chain tells: which of its accounts income came into. */
const sheet = async (database: Database) =>
  Object.fromEntries(
    (await balancesOf(database))
      .filter(({ account, balance }) => balance !== 0n && !/^(bonding_fees|luck)/.test(account))
      .map(({ account, asset, balance }) => [`${account} ${asset}`, balance]),
  );

test('whatever happens in disputes after a backup is the same in recovered books', async () => {
  const [heron, otter] = [await books.enrol(), await books.enrol()];
  const disputes = disputesOf(books.database);
  const as = (worker: typeof heron): DisputeParty => ({ by: 'worker', workers: [worker] });
  const penaltyOf = (worker: string, epoch: bigint) => `epoch-${epoch}/${worker}/3`;
  async function penalised(): Promise<bigint> {
    for (const worker of [heron, otter]) {
      await books.work(worker, 100n, 7n);
      await books.fail(worker);
    }
    await books.earn(1_000n, { transaction: pool.redeemed(1_000n) });
    return pool.close();
  }
  const dispute = async (worker: typeof heron, about: string, more: object = {}) => {
    clock.advance(1);
    return (await disputes.open(as(worker), { about, text, ...more })).dispute.id;
  };
  const upheld = (id: string, more: object = {}) => {
    clock.advance(1);
    return disputes.decide(id, { text: 'It was.', outcome: 'upheld', ...more });
  };
  await books.publish(
    '[penalties]\ngo-to = "pool"\n[[penalties.rules]]\nfor = "failed-attempts"\neach = "10%"\nat-most = "50%"',
  );
  await pool.close();
  const first = await penalised();
  const early = await dispute(heron, penaltyOf(heron, first));
  const file = join(books.dataDir, 'pool.backup');
  await writeBackup(books.database.url, file);

  // Awarded in the next epoch, refused in part, and given back since the pool was late.
  await upheld(early);
  const partly = await dispute(otter, penaltyOf(otter, first));
  await upheld(partly, { outcome: 'partly', award: { asset: 'ETH', amount: '20' } });
  const second = await penalised();
  await dispute(heron, penaltyOf(heron, second));
  const lost = await dispute(otter, `epoch-${second + 1n}/${otter}/receipt/one`);
  const withdrawn = await dispute(otter, penaltyOf(otter, second));
  await disputes.withdraw(as(otter), withdrawn, { text: 'I was wrong.' });
  clock.advance(7 * DAY_MS + 10);
  assert.equal(await disputes.lapse(), 2);
  const third = await penalised();
  const newer = join(books.dataDir, 'newer.backup');
  await writeBackup(books.database.url, newer);
  // After the last epoch: one waits to be a line of the next, one for the pool, and one is refused.
  const idle = await books.enrol();
  await dispute(idle, `epoch-${third + 1n}/${idle}/receipt/one`);
  await upheld(lost, { award: { asset: 'ETH', amount: '7' } });
  const open = await dispute(heron, penaltyOf(heron, third));
  await disputes.say(operator, open, { text: 'We look at it.' });
  const refused = await dispute(otter, penaltyOf(otter, third));
  await disputes.decide(refused, { text: 'No.', outcome: 'refused' });
  const files = {
    published: await pool.files(),
    kept: await filesIn(pool.parts.recoveryDir),
  };

  const database = await restored(file, 'one');
  const { count, gaps, told, terms } = await recovered(database, files);
  const events = await keptEvents(books.database);
  assert.deepEqual([count, gaps], [events.length - 1, []]);
  assert.deepEqual(
    told,
    events.slice(1).map((_, at) => at + 2),
  );
  assert.deepEqual(await keptEvents(database), events);
  const all = async (from: Database) => disputesOf(from).list(operator);
  assert.deepEqual(await all(database), await all(books.database));
  assert.deepEqual(await sheet(database), await sheet(books.database));

  // And so they go on: the award that waited is a line of the next statement, once.
  clock.advance(10);
  await disputesOf(database).decide(open, { text: 'Yes.', outcome: 'upheld' });
  await upheld(open);
  const { number } = await closeNow({ ...books.parts, database, terms });
  assert.equal(await pool.close(), number);
  for (const worker of [heron, otter]) {
    const [mine, theirs] = [
      await workerLines(database, number, worker),
      await workerLines(books.database, number, worker),
    ];
    assert.ok('lines' in mine && 'lines' in theirs);
    assert.deepEqual(mine.lines, theirs.lines);
    assert.deepEqual(
      mine.lines.map(({ kind, asset }) => [kind, asset]),
      [['award', ETH]],
    );
  }
  assert.deepEqual(await sheet(database), await sheet(books.database));
  assert.deepEqual(await wrongBalances(database), []);

  // Without the file what no epoch needs is named, and what one needs is in the way.
  const without = { ...files, kept: new Map<string, string>() };
  const { gaps: missing } = await recovered(await restored(newer, 'two'), without);
  assert.equal(missing.length, 1);
  const where = `^6 events of disputes after .* event 11 \\(dispute [a-z2-7]+, opened on`;
  assert.match(missing[0] ?? '', new RegExp(where));
  const needed = new RegExp(`Epoch ${second} cannot .* event 2 \\(dispute ${early}, decided on`);
  await assert.rejects(recovered(await restored(file, 'three'), without), {
    code: 'recovery_differs',
    message: needed,
  });
});
