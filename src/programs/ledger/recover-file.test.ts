import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import sql from 'sql-template-tag';
import { assetId, ETH } from '../../base/asset.ts';
import { newWorkerId } from '../../base/ids.ts';
import { openScratch } from '../../database/scratch.ts';
import { finalPayouts } from '../../epochs/published-payouts.ts';
import { account } from '../../ledger/accounts.ts';
import { balanceOf, wrongBalances } from '../../ledger/postings-store.ts';
import { bookByFile } from '../../payouts/recover-file.ts';
import { defaultTerms } from '../../terms/terms.ts';

const scratch = await openScratch();
const { database } = scratch;
after(() => scratch[Symbol.asyncDispose]());
const EUR = assetId('EUR');
const assets = { ...defaultTerms.assets, [EUR]: { kind: 'fiat', decimals: 2 } } as const;

test('what a bank paid after the backup is in the books again, once, and listed as it was', async () => {
  const worker = newWorkerId();
  await database.query(sql`insert into worker (id, name) values (${worker}, 'heron')`);
  const listed = [
    { id: 'one', worker, asset: EUR, amount: 1_250n, at: 1_700_000_000_000, reference: 'SEPA 1' },
    {
      ...{ id: 'two', worker, asset: EUR, amount: 300n, at: 1_700_000_000_001 },
      ...{ reference: 'SEPA 2', for: [{ asset: ETH, amount: 7n }] },
    },
  ];
  const onChain = { id: 'three', worker, asset: ETH, amount: 9n, at: 1, transaction: '0xaa' };
  const said = await bookByFile(database, [...listed, onChain], assets);
  assert.equal(said.length, 2);
  assert.match(said[0] ?? '', /was paid 12\.5 EUR by file after the backup \(SEPA 1\)/);
  await bookByFile(database, listed, assets);
  assert.equal(await balanceOf(database, account('worker', worker), EUR), 1_250n);
  assert.equal(await balanceOf(database, account('worker', worker), ETH), 7n);
  assert.equal(await balanceOf(database, account('treasury'), ETH), 0n);
  assert.deepEqual(await wrongBalances(database), []);
  assert.deepEqual(await finalPayouts(database).since(undefined), listed);
});
