import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import sql from 'sql-template-tag';
import { openEpoch } from '../ledger/epoch-store.ts';
import { checkConsistency, checkInclusion } from '../proofs/history.ts';
import { nodeHashing } from '../proofs/node-hashing.ts';
import { receiptHash } from '../proofs/receipt.ts';
import { closeNow } from './close.ts';
import { openBooks } from './epochs.test-kit.ts';
import { appendHistory, headCovering, historyOf } from './history.ts';
import { historyPlace } from './history-store.ts';

const books = await openBooks();
const { database } = books;
const parts = { database, hashing: nodeHashing };
after(() => books[Symbol.asyncDispose]());
const worker = await books.enrol();
const work = (jobs: number) =>
  Promise.all(Array.from({ length: jobs }, () => books.work(worker, 1n)));

test('every receipt joins the history once, whoever adds it and in whatever portions', async () => {
  await work(300);
  const added = await Promise.all([appendHistory(parts, 7), appendHistory(parts, 64)]);
  assert.equal(added[0] + added[1], 300);
  const before = await headCovering(parts, 1n);
  assert.equal(before?.size, 300);

  await closeNow(books.parts);
  await work(250);
  assert.equal(await appendHistory(parts), 250);
  const now = await headCovering(parts, (await openEpoch(database)).number);
  assert.ok(before && now?.size === 550);
  const proof = await historyOf(database, 550, nodeHashing).consistency(300);
  assert.ok(checkConsistency({ before, after: now, proof }, nodeHashing));

  const old = historyOf(database, 300, nodeHashing);
  assert.deepEqual(await old.root(), before.root, 'also as of an earlier size');
  const { rows } = await database.query<{ body: Buffer }>(
    sql`select body from receipt order by txid, number`,
  );
  for (const index of [0, 255, 256, 299]) {
    const hash = receiptHash(rows[index]?.body as Buffer, nodeHashing);
    const proof = await old.inclusion(index);
    const claim = { receiptHash: hash, index, size: 300, proof, root: before.root };
    assert.ok(checkInclusion(claim, nodeHashing));
  }
});

test('a transaction that is still open holds the history back, so that nothing is left out', async () => {
  const { number } = await openEpoch(database);
  const started = Promise.withResolvers<void>();
  const finish = Promise.withResolvers<void>();
  const slow = database.transact(async (tx) => {
    await tx.query(sql`select pg_current_xact_id()`);
    started.resolve();
    await finish.promise;
  });
  await started.promise;
  await work(3);
  assert.equal(await appendHistory(parts), 0);
  assert.equal(await headCovering(parts, number), undefined);
  assert.ok(await headCovering(parts, number - 1n), 'earlier epochs are whole');
  finish.resolve();
  await slow;
  assert.equal(await appendHistory(parts), 3);
  assert.equal((await headCovering(parts, number))?.size, 553);
});

test('the database refuses to rewrite the history', async () => {
  const { size } = await historyPlace(database);
  assert.equal(size, 553);
  for (const statement of [
    sql`update history_tile set hashes = substring(hashes for 32)`,
    sql`update history_tile set hashes = set_byte(hashes, 0, 255 - get_byte(hashes, 0))`,
    sql`delete from history_tile`,
    sql`update history_head set size = 10`,
  ]) {
    await assert.rejects(database.query(statement), /never changed/);
  }
});
