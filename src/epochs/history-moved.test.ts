import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import sql from 'sql-template-tag';
import { openEpoch } from '../ledger/epoch-store.ts';
import { noteReceiptHome } from '../ledger/receipts-store.ts';
import { checkInclusion } from '../proofs/history.ts';
import { nodeHashing } from '../proofs/node-hashing.ts';
import { receiptHash } from '../proofs/receipt.ts';
import { openBooks } from './epochs.test-kit.ts';
import { appendHistory, headCovering, historyOf } from './history.ts';

const books = await openBooks();
const { database } = books;
const parts = { database, hashing: nodeHashing };
after(() => books[Symbol.asyncDispose]());
const worker = await books.enrol();
const work = (jobs: number) =>
  Promise.all(Array.from({ length: jobs }, () => books.work(worker, 1n)));

/** Lets everything stored look as if it came out of a cluster that had seen many transactions. */
async function comeFromAfar(): Promise<void> {
  const far = sql`(txid::text::bigint + 1000000000)::text::xid8`;
  await database.transact(async (tx) => {
    // What was restored carries the numbers of where it was; here nobody may change them.
    await tx.query(sql`set local session_replication_role = replica`);
    await tx.query(sql`update receipt set txid = ${far}`);
    await tx.query(sql`update history_head set txid = ${far}`);
    await tx.query(sql`
      update receipt_home set cluster = 'another one' where number =
        (select max(number) from receipt_home)`);
  });
}

test('a database that stays where it is has one home', async () => {
  assert.equal(await noteReceiptHome(database), false);
});

test('in another cluster, with lower numbers of transactions, each receipt joins the history once', async () => {
  await work(5);
  assert.equal(await appendHistory(parts), 5);
  await work(3);
  await comeFromAfar();
  assert.equal(await noteReceiptHome(database), true);
  assert.equal(await noteReceiptHome(database), false, 'it is noted once');
  const { number } = await openEpoch(database);
  assert.equal(await headCovering(parts, number), undefined, 'three are missing');
  await work(4);
  assert.equal(await appendHistory(parts, 2), 7, 'old ones first, whatever their numbers say');
  assert.equal(await appendHistory(parts), 0);
  const head = await headCovering(parts, number);
  assert.equal(head?.size, 12);

  // And once more, before the history had read everything of the second.
  await work(2);
  await comeFromAfar();
  assert.equal(await noteReceiptHome(database), true);
  await work(2);
  assert.equal(await appendHistory(parts), 4);
  const now = await headCovering(parts, number);
  assert.equal(now?.size, 16);
  const { rows } = await database.query<{ body: Buffer }>(
    sql`select body from receipt order by number`,
  );
  const history = historyOf(database, 16, nodeHashing);
  const places = new Set<number>();
  for (const { body } of rows) {
    for (let index = 0; index < 16; index++) {
      const proof = await history.inclusion(index);
      const stands = { receiptHash: receiptHash(body, nodeHashing), index, size: 16, proof };
      if (checkInclusion({ ...stands, root: now.root }, nodeHashing)) places.add(index);
    }
  }
  assert.equal(places.size, 16);
});

test('where receipts came into being cannot be changed', async () => {
  await assert.rejects(database.query(sql`delete from receipt_home`), /does not change/);
  await assert.rejects(
    database.query(sql`update receipt_home set after_receipt = 0`),
    /does not change/,
  );
});
