import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { after, test } from 'node:test';
import sql from 'sql-template-tag';
import { parsePayouts } from '../proofs/files.ts';
import { closeNow } from './close.ts';
import type { ListedPayouts } from './payout-lists.ts';
import { publish } from './publish.ts';
import { finalPayouts } from './published-payouts.ts';
import { recordEpochs } from './record.ts';
import { edit, filesIn, publishedPool } from './verify.test-kit.ts';

const WALLET = `0x${'a1'.repeat(20)}`;
const pool = await publishedPool({ payouts: finalPayouts });
after(() => pool[Symbol.asyncDispose]());
const { books, parts } = pool;
const { database, clock } = books;
const heron = await books.enrol();
let listed: ListedPayouts = new Map();

const plan = 'of the test';
const digest = createHash('sha256').update(plan).digest();
await database.query(sql`
  insert into payout_plan (digest, plan, previewed_at) values (${digest}, ${plan}, now())`);
let batches = 0;

/** 100 wei that are on the chain, and final in the books since then: the payout's id. */
async function paid(at: number = clock.now()): Promise<string> {
  const [batch, id, when] = [randomUUID(), randomUUID(), new Date(at)];
  const transaction = pool.sent(WALLET, 100n);
  await database.query(sql`
    insert into payout_batch (id, digest, place, method, asset, created_at, settled_at)
    values (${batch}, ${digest}, ${batches++}, 'eth', 'ETH', ${when}, ${when})`);
  await database.query(sql`
    insert into payout (id, batch, place, worker, asset, amount, recipient, state, reference,
      received, created_at, ended_at)
    values (${id}, ${batch}, 0, ${heron}, 'ETH', 100, ${Buffer.from('a1'.repeat(20), 'hex')},
      'final', ${transaction}, 100, ${when}, ${when})`);
  await database.query(sql`
    insert into payout_line (payout, owed_asset, owed_amount) values (${id}, 'ETH', 100)`);
  return id;
}

/** Closes an epoch that owes 900 wei, as far as a process gets that dies before it publishes. */
async function closes(): Promise<void> {
  await books.work(heron, 10n, 7n);
  await books.earn(1_000n, { transaction: pool.redeemed(1_000n) });
  clock.advance(1_000);
  await closeNow(books.parts);
  await recordEpochs(parts);
  clock.advance(1_000);
}

/** Ids by epoch, as they are published. */
async function lists(): Promise<readonly (readonly string[])[]> {
  const files = await filesIn(parts.dir);
  const epochs = [...files.keys()].filter((path) => path.endsWith('/epoch.json')).length;
  return Array.from({ length: epochs }, (_, at) => {
    const parsed = parsePayouts(files.get(`epoch-${at + 1}/payouts.json`) ?? '');
    assert.ok(parsed.ok);
    return parsed.file.payouts.map(({ id }) => id);
  });
}

/** By the files as they are. */
async function verifiedSum(): Promise<bigint | undefined> {
  const verdict = await pool.verify(heron, { files: await filesIn(parts.dir) });
  assert.ok(verdict.ok, verdict.ok ? '' : verdict.text);
  return verdict.paid['ETH' as keyof typeof verdict.paid];
}

const payouts: string[] = [];

test('each payout is listed once, however often the pool died before it published', async () => {
  await books.publish('[income]\nrecognised = "redeemed"');
  for (let epoch = 1; epoch <= 6; epoch++) {
    await closes();
    // Final before the list is written, and after.
    payouts.push(await paid());
    clock.advance(1_000);
    if (epoch === 2) await publish(parts, listed);
    payouts.push(await paid());
    // What a process knew dies with it.
    listed = new Map();
  }
  await publish(parts, listed);
  const inTwos = payouts.flatMap((id, at) => (at % 2 === 0 ? [[id, payouts[at + 1]]] : []));
  assert.deepEqual(await lists(), inTwos);
  assert.equal(await verifiedSum(), 1_200n);
});

test('a payout that was stored late is listed with its epoch, and one that came back nowhere', async () => {
  await publish(parts, listed);
  const [first = []] = await lists();
  clock.advance(1);
  const closing = clock.now();
  for (let epoch = 7; epoch <= 9; epoch++) {
    await closes();
    await publish(parts, listed);
  }
  // Another node took its time over three closings, or its clock is behind.
  const late = await paid(closing);
  await database.query(sql`
    update payout set state = 'returned', reason = 'sent_back' where id = ${first[0]}`);
  await publish(parts, listed);
  const now = await lists();
  assert.deepEqual([now[0], now[5]?.at(-1)], [[first[1]], late]);
  const rest = payouts.filter((id) => id !== first[0]);
  assert.deepEqual(now.flat().sort(), [...rest, late].sort());
  assert.equal(await verifiedSum(), 1_200n);

  // Before any epoch had closed, by a clock that is behind.
  const early = await paid(0);
  await publish(parts, listed);
  assert.deepEqual((await lists())[0], [early, first[1]]);
});

test('a payout that two epochs list is found, and so is a payment under two names', async () => {
  interface List {
    payouts: { id: string }[];
  }
  const honest = await filesIn(parts.dir);
  const [again] = (JSON.parse(honest.get('epoch-3/payouts.json') as string) as List).payouts;
  assert.ok(again);
  const twice = async (id: string) => {
    const files = new Map(honest);
    edit<List>(files, 'epoch-9/payouts.json', (file) => file.payouts.push({ ...again, id }));
    const verdict = await pool.verify(heron, { files });
    return verdict.ok ? 'ok' : [verdict.fault, verdict.epoch, verdict.text];
  };
  const named = `the payout ${again.id} is listed twice, with epochs 3 and 9`;
  assert.deepEqual(await twice(again.id), ['payout_repeated', 9n, named]);
  const [fault, epoch, text] = await twice(randomUUID());
  assert.deepEqual([fault, epoch], ['payment_short', 9n]);
  assert.match(String(text), /^200 ETH are listed as paid, and the transaction 0x\w+ moved 100 to/);
});
