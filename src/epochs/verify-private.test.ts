import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ETH } from '../base/asset.ts';
import { edit, publishedPool } from './verify.test-kit.ts';
import type { VerifyFault } from './verify-types.ts';

const WALLET = `0x${'a1'.repeat(20)}`;

test('a private pool shows each worker its own leaf, and is found out as well', async () => {
  await using pool = await publishedPool();
  const heron = await pool.books.enrol();
  const kite = await pool.books.enrol();
  await pool.books.work(heron, 50n, 7n);
  await pool.books.earn(300n, { transaction: pool.redeemed(300n) });
  await pool.books.publish('privacy = "private"\n[income]\nrecognised = "redeemed"');
  await pool.close();
  await pool.books.work(kite, 20n, 7n);
  await pool.books.work(heron, 30n, 7n);
  // Four leaves: wherever a worker's own is, its path has two siblings.
  for (const units of [5n, 6n]) await pool.books.work(await pool.books.enrol(), units, 7n);
  await pool.books.earn(700n, { transaction: pool.redeemed(700n) });
  const epoch = await pool.close();
  const third = pool.sent(WALLET, 100n);
  pool.pay({ worker: heron, asset: ETH, amount: 100n, to: WALLET, transaction: third });
  const now = await pool.files();
  const all = await pool.receiptsOf(heron);
  const good = await pool.verify(heron, { files: now, receipts: all });
  assert.ok(good.ok, good.ok ? '' : good.text);
  assert.deepEqual(
    [good.epochs.at(-1)?.recomputed, good.epochs.at(-1)?.paid],
    [false, { ETH: 100n }],
  );
  assert.ok((await pool.verify(kite, { files: now, receipts: await pool.receiptsOf(kite) })).ok);

  const path = `epoch-${epoch}/paths/${heron}.json`;
  type PathFile = {
    leaf: { units: string; amounts: Record<string, { epoch: string; cumulative: string }> };
    siblings: { hash: string; units: string }[];
  };
  const cases: readonly (readonly [VerifyFault, RegExp, (file: PathFile) => void])[] = [
    [
      'sibling_swapped',
      /a sibling stands on the wrong side/,
      ({ siblings }) => void siblings.reverse(),
    ],
    [
      'sum_overflow',
      /the sums of the path overflow 16 bytes/,
      ({ siblings: [sibling] }) =>
        Object.assign(sibling as object, { units: String(2n ** 128n - 1n) }),
    ],
    [
      'root_differs',
      /does not lead to the published root/,
      ({ siblings: [sibling] }) => Object.assign(sibling as object, { hash: 'ab'.repeat(32) }),
    ],
    ['units_differ', /come to 30 units, the pool counts 29/, ({ leaf }) => (leaf.units = '29')],
  ];
  for (const [fault, text, change] of cases) {
    const files = new Map(now);
    edit<PathFile>(files, path, change);
    const verdict = await pool.verify(heron, { files, receipts: all });
    assert.ok(!verdict.ok);
    assert.match(verdict.text, text);
    assert.equal(verdict.fault, fault);
  }
  const missing = new Map(now);
  missing.delete(path);
  const verdict = await pool.verify(heron, { files: missing });
  assert.ok(!verdict.ok && verdict.fault === 'leaf_differs', 'who was there is there');
});
