import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Hex } from 'viem';
import { instant } from '../base/clock.ts';
import {
  BLOCKS_KEPT,
  type Block,
  commonHead,
  headsDiffer,
  larger,
  rangeFrom,
  readHeader,
  remember,
  smaller,
  standingOf,
} from './watch-blocks.ts';

const hash = (number: bigint, branch = 0): Hex =>
  `0x${(number * 16n + BigInt(branch) + 1n).toString(16).padStart(64, '0')}`;
const block = (number: bigint, branch = 0, parentBranch = branch): Block => ({
  number,
  hash: hash(number, branch),
  parentHash: hash(number - 1n, parentBranch),
  l1Block: number,
  at: instant(0),
  baseFeePerGas: 0n,
});
const known = [block(5n), block(9n), block(10n)];

test('a head that follows the newest block is linked, one of another branch is a fork', () => {
  assert.deepEqual(standingOf(known, block(11n)), { is: 'linked' });
  assert.deepEqual(standingOf(known, block(11n, 1)), { is: 'forked' });
  assert.deepEqual(standingOf(known, block(10n, 1, 0)), { is: 'forked' });
  assert.deepEqual(standingOf(known, block(9n, 1, 0)), { is: 'forked' });
  assert.deepEqual(standingOf(known, block(10n)), { is: 'old' });
  assert.deepEqual(standingOf(known, block(5n)), { is: 'old' });
});

test('where blocks lie between, the chain is asked for one that is known', () => {
  assert.deepEqual(standingOf(known, block(20n)), {
    ...{ is: 'unclear', ask: known[2], otherwise: 'linked' },
  });
  assert.deepEqual(standingOf(known, block(8n)), {
    ...{ is: 'unclear', ask: known[0], otherwise: 'old' },
  });
  assert.deepEqual(standingOf(known, block(3n)), { is: 'old' });
});

test('blocks are remembered for as long as they can be undone, but never fewer than some', () => {
  let near: readonly Block[] = [];
  for (let number = 1n; number <= 1_000n; number += 1n) near = remember(near, block(number));
  assert.equal(near[0]?.number, 1_000n - BLOCKS_KEPT);
  let far: readonly Block[] = [];
  for (let number = 1n; number <= 100_000n; number += 1_000n) far = remember(far, block(number));
  assert.equal(far.length, 64);
  assert.deepEqual(remember(known, block(9n, 1)), [block(5n), block(9n, 1)]);
});

test('ranges are halved down to a block and grow again', () => {
  assert.deepEqual(rangeFrom(5n, 100n, 10n), { from: 5n, to: 14n });
  assert.deepEqual(rangeFrom(95n, 100n, 10n), { from: 95n, to: 100n });
  assert.equal(rangeFrom(101n, 100n, 10n), undefined);
  assert.equal(smaller({ from: 5n, to: 14n }), 5n);
  assert.equal(smaller({ from: 5n, to: 5n }), undefined);
  assert.equal(larger(1n), 2n);
  assert.equal(larger(4_000n), 5_000n);
});

test('the head is one that all honest nodes know', () => {
  const number = (heads: readonly bigint[]) =>
    commonHead(
      heads.map((head) => block(head)),
      50n,
    )?.number;
  assert.equal(number([]), undefined);
  assert.equal(number([100n]), 100n);
  assert.equal(number([100n, 98n]), 98n);
  assert.equal(number([100n, 20n]), 100n);
  assert.equal(number([100n, 99n, 20n]), 99n);
  assert.equal(number([100n, 101n, 9_999n]), 100n);
  assert.equal(headsDiffer([block(5n), block(6n), block(5n)]), false);
  assert.equal(headsDiffer([block(5n), block(5n, 1)]), true);
});

test('a header without a hash, a number, or the L1 block where there must be one is none', () => {
  const header = {
    ...{ number: '0x10', hash: hash(16n), parentHash: hash(15n), timestamp: '0x5' },
    l1BlockNumber: '0x7',
  };
  assert.equal(readHeader(header, { arbitrum: true })?.l1Block, 7n);
  const { l1BlockNumber: _, ...plain } = header;
  assert.equal(readHeader(plain, { arbitrum: false })?.l1Block, 16n);
  assert.equal(readHeader(plain, { arbitrum: true }), undefined);
  for (const wrong of [
    null,
    { ...header, hash: `0x${'00'.repeat(32)}` },
    { ...header, hash: null },
    { ...header, number: null },
    { ...header, number: 'latest' },
    { ...header, timestamp: `0x${'f'.repeat(20)}` },
  ]) {
    assert.equal(readHeader(wrong, { arbitrum: true }), undefined);
  }
});
