import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { TestPool } from '../../src/proofs/epoch.test-kit.ts';
import { filesOf } from '../../src/proofs/epoch-files.test-kit.ts';
import { signReceipt } from '../../src/proofs/receipt.test-kit.ts';
import type { Receipt, SignedReceipt } from '../../src/proofs/receipt.ts';
import { receiptsFile } from './pool-folder.ts';
import { hasPython, VERIFIER, verify } from './python-verifier.ts';
import { singleVectors, VECTORS, vectorPools } from './write-vectors.ts';

const pools = await vectorPools();
const open = pools.get('public') as TestPool;
const directory = mkdtempSync(join(tmpdir(), 'tributary-proofs-'));
after(() => rmSync(directory, { recursive: true }));

test('the vectors are those that the program makes', () => {
  for (const [privacy, pool] of pools) {
    const folder = join(VECTORS, privacy);
    for (const [path, text] of filesOf(pool)) {
      assert.equal(readFileSync(join(folder, path), 'utf8'), text, path);
    }
    for (const [worker, receipts] of pool.receipts) {
      const file = new Uint8Array(readFileSync(`${folder}.${worker}.receipts`));
      assert.deepEqual(file, receiptsFile(receipts), worker);
    }
  }
  const single = JSON.parse(readFileSync(join(VECTORS, 'vectors.json'), 'utf8'));
  assert.deepEqual(single, JSON.parse(JSON.stringify(singleVectors(open))));
});

test('the second verifier is short enough to be read before it is believed', () => {
  const lines = readFileSync(VERIFIER, 'utf8').trimEnd().split('\n');
  assert.ok(lines.length <= 250, `${lines.length} lines`);
  const imports = lines.filter((line) => /^(?:import|from) /.test(line));
  assert.deepEqual(imports, ['import hashlib, json, os, re, struct, sys']);
});

test('the second verifier agrees on the vectors', (t) => {
  if (!hasPython(t)) return;
  for (const privacy of pools.keys()) {
    const receipts = readdirSync(VECTORS).filter((name) => name.startsWith(`${privacy}.`));
    const paths = receipts.map((name) => join(VECTORS, name));
    const run = verify([join(VECTORS, privacy), ...paths]);
    assert.deepEqual(run, { code: 0, text: 'OK: 3 epochs, 9 leaves, 18 receipts' });
  }
});

test('the second verifier finds what was done to receipts', (t) => {
  if (!hasPython(t)) return;
  const [worker, chain] = [...open.receipts][0] as [string, readonly SignedReceipt[]];
  const [second, third, fourth, last] = [1, 2, 3, 5].map((at) => chain[at]) as [
    SignedReceipt,
    SignedReceipt,
    SignedReceipt,
    SignedReceipt,
  ];
  const changed = ({ receipt }: SignedReceipt, change: Partial<Receipt>) =>
    signReceipt({ ...receipt, ...change });
  const forked = changed(second, { deviceMs: 1 });
  const unitsMore = changed(third, { units: third.receipt.units + 1n });
  const unchained = changed(fourth, { previous: new Uint8Array(32) });
  const rewritten = changed(last, { deviceMs: 1 });
  const unsigned = { ...last, signature: second.signature };
  const cases: readonly (readonly [readonly SignedReceipt[], RegExp])[] = [
    [chain.toSpliced(2, 1), /receipt 4 does not follow/],
    [chain.toReversed(), /^OK: 3 epochs, 9 leaves, 6 receipts$/],
    [[...chain, second], /^OK: 3 epochs, 9 leaves, 6 receipts$/],
    [[...chain, forked], /receipt 2 does not follow/],
    [chain.with(2, unitsMore), /receipt 3 adds up wrongly/],
    [chain.with(3, unchained), /receipt 4 does not name/],
    [chain.with(-1, unsigned), /signature of the last receipt is wrong/],
    [chain.slice(0, 3), /epoch 2 counts other receipts or units/],
    [chain.with(-1, rewritten), /epoch 3 counts other receipts/],
    [chain.slice(2), /^OK: 3 epochs, 9 leaves, 4 receipts$/],
  ];
  for (const [receipts, expected] of cases) {
    const file = join(directory, `${worker}.receipts`);
    writeFileSync(file, receiptsFile(receipts));
    assert.match(verify([join(VECTORS, 'public'), file]).text, expected);
  }
});
