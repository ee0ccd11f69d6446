import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { noteRecovered } from './record-store.ts';
import { edit, publishedPool } from './verify.test-kit.ts';

const pool = await publishedPool();
const { books } = pool;
after(() => pool[Symbol.asyncDispose]());
const worker = await books.enrol();
await books.publish('');
await pool.close();

/** Works, earns and closes; out of books that were recovered, where that is said. */
async function epoch(amount: bigint): Promise<Map<string, string>> {
  await books.work(worker, 100n, 7n);
  await books.earn(amount, { transaction: pool.redeemed(amount) });
  await pool.close();
  return pool.files();
}

type Head = { head: { recovered?: number; dust: Record<string, string> } };

/** The same pool, as it would have published its last epoch otherwise. */
async function otherwise(
  honest: Map<string, string>,
  number: bigint,
  change: (file: Head) => void,
) {
  const files = new Map(honest);
  edit<Head>(files, `epoch-${number}/epoch.json`, change);
  await pool.reseal(files, number);
  return files;
}

const verify = (files: Map<string, string>, kept: ReadonlyMap<string, string>) =>
  pool.verify(worker, { files, kept: { read: async (path) => kept.get(path) } });

test('a record of an epoch that was kept cannot be replaced without a word', async () => {
  const honest = await epoch(1_000n);
  assert.ok((await verify(honest, honest)).ok);
  // Another signed record of epoch 2: no field of it is wrong, only that there are two.
  const kept = await otherwise(honest, 2n, ({ head }) => {
    head.recovered = 1;
  });
  const verdict = await verify(honest, kept);
  assert.ok(!verdict.ok);
  assert.equal(verdict.fault, 'epoch_replaced');
  assert.match(verdict.text, /the pool signed both/);
  // What somebody else signed is no evidence.
  const forged = new Map(honest);
  edit<Head>(forged, 'epoch-2/epoch.json', ({ head }) => {
    head.recovered = 1;
  });
  assert.ok((await verify(honest, forged)).ok);
});

test('a record out of recovered books says so, and may replace one that credits no more', async () => {
  const before = await pool.files();
  const { closesAt } = JSON.parse(before.get('epoch-2/epoch.json') ?? '').head as {
    closesAt: number;
  };
  const corrected = (at: number) =>
    otherwise(before, 2n, ({ head }) => {
      head.recovered = at;
    });
  const good = await verify(await corrected(closesAt + 5), before);
  assert.ok(good.ok, good.ok ? '' : good.text);
  assert.match(good.notes.join('\n'), /books of epoch 2 back from a backup at .*credits no less/s);
  const alone = await pool.verify(worker, { files: await corrected(closesAt + 5) });
  assert.ok(alone.ok);
  assert.match(alone.notes.join('\n'), /another record of it may have been published before/);
  // What was signed after the books were recovered does not get better by saying so.
  const late = await verify(await corrected(closesAt - 1), before);
  assert.equal(late.ok ? 'ok' : late.fault, 'epoch_replaced');

  const files = await corrected(closesAt + 5);
  const kept = new Map(before);
  edit<{ leaves: { amounts: Record<string, { cumulative: string }> }[] }>(
    kept,
    'epoch-2/leaves.json',
    ({ leaves }) => {
      for (const { amounts } of leaves)
        for (const one of Object.values(amounts)) one.cumulative += '0';
    },
  );
  const less = await verify(files, kept);
  assert.ok(!less.ok);
  assert.match(less.text, /credits \w+ 9000 ETH in all, and the one that replaced it 900/);
});

test('the record of an epoch whose books were recovered says when', async () => {
  await noteRecovered(books.database, 3n);
  const files = await epoch(500n);
  const { head } = JSON.parse(files.get('epoch-3/epoch.json') ?? '') as Head;
  assert.ok((head.recovered ?? 0) > 0);
  const next = await epoch(500n);
  const { head: after } = JSON.parse(next.get('epoch-4/epoch.json') ?? '') as Head;
  assert.equal(after.recovered, undefined);
});
