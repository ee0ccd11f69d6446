import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { IndexFile } from '../proofs/files.ts';
import { anchorData } from './anchor.ts';
import { writeAnchors } from './anchors.ts';
import { checkAnchors, parseAnchors } from './verify-anchors.ts';
import type { ChainTransaction, VerifyChain } from './verify-types.ts';

const ACCOUNT = `0x${'ab'.repeat(20)}`;
const HASH = `0x${'cd'.repeat(32)}`;
const DIGEST = '07'.repeat(32);
const index = {
  account: ACCOUNT,
  epochs: [{ epoch: 3n, digest: DIGEST }],
} as unknown as IndexFile;
const sent: ChainTransaction = {
  from: ACCOUNT,
  to: ACCOUNT,
  value: 0n,
  input: anchorData(3n, new Uint8Array(32).fill(7)),
  block: 10n,
  succeeded: true,
  gasWei: 1n,
  logs: [],
};

const check = (found: ChainTransaction | undefined, text?: string) =>
  checkAnchors(
    { files: { read: async () => text ?? writeAnchors([{ epoch: 3n, transaction: HASH }]) } },
    index,
    { transaction: async () => found, finalBlock: async () => 10n } as unknown as VerifyChain,
  );

test('an anchor holds the record that is published, and nothing else does', async () => {
  assert.equal(await check(sent), 3n);
  const bad: readonly (readonly [Partial<ChainTransaction> | undefined, RegExp])[] = [
    [undefined, /not final on the chain/],
    [{ block: 11n }, /not final on the chain/],
    [{ succeeded: false }, /not final on the chain/],
    [{ from: `0x${'ee'.repeat(20)}` }, /the account of the pool did not send/],
    [{ input: anchorData(4n, new Uint8Array(32).fill(7)) }, /names another record/],
    [{ input: anchorData(3n, new Uint8Array(32).fill(8)) }, /names another record/],
  ];
  for (const [change, text] of bad) {
    await assert.rejects(check(change && { ...sent, ...change }), text);
  }
  const other = writeAnchors([{ epoch: 4n, transaction: HASH }]);
  await assert.rejects(check(sent, other), /the index does not name it/);
});

test('a list of anchors is read as it was written, or not at all', async () => {
  const anchors = [{ epoch: 12n, transaction: HASH }];
  assert.deepEqual(parseAnchors(writeAnchors(anchors)), anchors);
  for (const text of ['', '[]', '{}', 'null', writeAnchors(anchors).replace('12', '-1')]) {
    assert.equal(parseAnchors(text), undefined);
  }
  await assert.rejects(check(sent, '{}'), /is no list of anchors/);
});
