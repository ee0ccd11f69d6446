import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ETH, LPT } from '../base/asset.ts';
import { leafFault } from './check-epoch.ts';
import {
  indexOf,
  makePool,
  seededNumbers,
  signHead,
  type TestEpoch,
  type TestPool,
} from './epoch.test-kit.ts';
import { poolFault } from './epoch-files.test-kit.ts';
import type { EpochHead, FileLeaf, PathFile } from './files.ts';
import { nodeEd25519 } from './node-signatures.ts';

const pool = (privacy: 'public' | 'private', workers = 5) =>
  makePool({
    epochs: 4,
    workers,
    perEpoch: 3,
    assets: [ETH, LPT],
    privacy,
    random: seededNumbers(`${privacy} ${workers}`),
  });
const open = await pool('public');
const closed = await pool('private');

/** The pool with its third epoch changed. */
function changed(from: TestPool, change: (epoch: TestEpoch) => Partial<TestEpoch>): TestPool {
  const epoch = from.epochs[2] as TestEpoch;
  return { ...from, epochs: from.epochs.with(2, { ...epoch, ...change(epoch) }) };
}

/** A head that the pool itself signed, and names in its index. */
function resigned(from: TestPool, change: (head: EpochHead) => Partial<EpochHead>): TestPool {
  const cut = { ...from, epochs: from.epochs.slice(0, 3) };
  const other = changed(cut, ({ signed: { head } }) => ({
    signed: signHead({ ...head, ...change(head) }),
  }));
  return { ...other, index: indexOf(other.epochs.map(({ signed }) => signed.head)) };
}

const withLeaf = (change: (leaf: FileLeaf) => Partial<FileLeaf>) =>
  changed(open, ({ leaves }) => {
    const [first, ...rest] = leaves.leaves as [FileLeaf, ...FileLeaf[]];
    return { leaves: { ...leaves, leaves: [{ ...first, ...change(first) }, ...rest] } };
  });
const withPath = (change: (path: PathFile) => Partial<PathFile>) =>
  changed(closed, ({ paths: [first, ...rest] }) => ({
    paths: [{ ...(first as PathFile), ...change(first as PathFile) }, ...rest],
  }));

test('a right pool has no fault, whatever its size', async () => {
  assert.equal(poolFault(open), undefined);
  assert.equal(poolFault(closed), undefined);
  for (const workers of [0, 1, 2, 9])
    assert.equal(poolFault(await pool('public', workers)), undefined);
});

test('what is done to the head of an epoch is found and named', () => {
  const stranger = nodeEd25519(new Uint8Array(32).fill(9));
  const signedBy = (key: typeof stranger) =>
    changed(open, ({ signed }) => ({ signed: signHead(signed.head, key) }));
  const unsigned = changed(open, ({ signed }) => ({
    signed: { ...signed, head: { ...signed.head, income: { [ETH]: 1n } } },
  }));
  assert.equal(poolFault(unsigned), 'epoch 3: the signature of the head is wrong');
  assert.match(poolFault(signedBy(stranger)) ?? '', /a key that the pool does not name/);
  assert.match(poolFault(resigned(open, () => ({ chainId: 1n }))) ?? '', /another pool or chain/);
  const skipping = { ...resigned(open, () => ({ epoch: 9n })), index: open.index };
  assert.equal(poolFault(skipping), 'epoch 3: it follows epoch 2');
  const forked = resigned(open, () => ({ previous: '1'.repeat(64) }));
  assert.match(poolFault(forked) ?? '', /names another epoch before it/);
  assert.match(
    poolFault({ ...open, epochs: open.epochs.slice(1) }) ?? '',
    /epoch before it is missing/,
  );
  assert.match(poolFault(resigned(open, () => ({ closesAt: 0 }))) ?? '', /closes before it opens/);
  const stale = {
    ...open,
    index: indexOf(open.epochs.map(() => (open.epochs[0] as TestEpoch).signed.head)),
  };
  assert.match(poolFault(stale) ?? '', /out of order/);
});

test('what is done to leaves and totals is found and named', () => {
  const [root, totals] = [/another root/, /other totals than the head/];
  assert.match(poolFault(withLeaf(() => ({ lastSequence: 1n }))) ?? '', root);
  assert.match(poolFault(withLeaf(() => ({ lastReceipt: '0'.repeat(64) }))) ?? '', root);
  assert.match(poolFault(withLeaf(({ units }) => ({ units: units + 1n }))) ?? '', totals);
  assert.match(poolFault(withLeaf(() => ({ amounts: {} }))) ?? '', /other assets than the epoch/);
  const fewer = changed(open, ({ leaves }) => ({
    leaves: { ...leaves, leaves: leaves.leaves.slice(1) },
  }));
  assert.match(poolFault(fewer) ?? '', /counts another number of leaves/);
  const turned = changed(open, ({ leaves }) => ({
    leaves: { ...leaves, leaves: leaves.leaves.toReversed() },
  }));
  assert.match(poolFault(turned) ?? '', /twice in the file or out of order/);
  const input = changed(open, (epoch) => ({ input: { ...epoch.input, more: true } }));
  assert.match(poolFault(input) ?? '', /the input is not the one/);
  const total = resigned(open, ({ totals: { units, amounts } }) => ({
    totals: { units: units + 1n, amounts },
  }));
  assert.match(poolFault(total) ?? '', totals);
  const other = resigned(open, () => ({ root: '7'.repeat(64) }));
  assert.match(poolFault(other) ?? '', root);
});

test('what is done to a private path is found and named', () => {
  assert.match(poolFault(withPath(() => ({ salt: '0'.repeat(64) }))) ?? '', /does not lead to the/);
  assert.match(poolFault(withPath(() => ({ index: 1 }))) ?? '', /wrong side/);
  assert.match(poolFault(withPath(() => ({ count: 1 }))) ?? '', /another number of leaves/);
  assert.match(
    poolFault(withPath(({ siblings }) => ({ siblings: siblings.slice(1) }))) ?? '',
    /length/,
  );
  const bare = changed(closed, ({ paths }) => ({
    paths: paths.map(({ salt: _, ...rest }) => rest),
  }));
  assert.match(poolFault(bare) ?? '', /a salt where the pool is private/);
});

test('a history that was rewritten, cut or exchanged is found and named', () => {
  const wrong = (history: Partial<TestEpoch['history']>) =>
    poolFault(changed(open, (epoch) => ({ history: { ...epoch.history, ...history } }))) ?? '';
  const [second] = open.epochs.slice(1) as [TestEpoch];
  assert.match(wrong({ before: second.history.before }), /starts elsewhere/);
  assert.match(wrong({ after: second.history.after }), /ends elsewhere/);
  assert.match(wrong({ proof: [] }), /was rewritten/);
  assert.match(wrong({ epoch: 1n }), /of another epoch/);
});

test('what a worker was credited before cannot become less', () => {
  const [second, third] = [1, 2].map((at) => open.epochs[at]?.leaves.leaves[0]) as [
    FileLeaf,
    FileLeaf,
  ];
  const credited = new Map(
    open.epochs.slice(0, 2).map(({ leaves }) => [leaves.epoch, leaves.leaves[0]]),
  );
  const last = { ...second, amounts: { ...credited.get(1n)?.amounts, ...second.amounts } };
  assert.equal(leafFault(third, last), undefined);
  const amounts = Object.fromEntries(
    Object.entries(third.amounts).map(([asset, { epoch }]) => [
      asset,
      { epoch, cumulative: epoch },
    ]),
  );
  const faultOf = (change: Partial<FileLeaf>) => leafFault({ ...third, ...change }, last) ?? '';
  assert.match(faultOf({ amounts }), /was credited \d+ [A-Z]+ in all, not/);
  assert.match(faultOf({ lastSequence: 1n }), /fewer receipts than before/);
  assert.match(faultOf({ lastReceipt: last.lastReceipt }), /does not fit its number/);
  assert.match(faultOf({ lastSequence: last.lastSequence }), /does not fit its number/);
});
