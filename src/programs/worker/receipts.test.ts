import assert from 'node:assert/strict';
import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { TributaryError } from '../../base/errors.ts';
import { nodeHashing } from '../../proofs/node-hashing.ts';
import { nodeEd25519, nodeVerifyEd25519 } from '../../proofs/node-signatures.ts';
import { signReceipt, workerReceipts } from '../../proofs/receipt.test-kit.ts';
import {
  joinSigned,
  type Receipt,
  SIGNED_RECEIPT_BYTES,
  type SignedReceipt,
} from '../../proofs/receipt.ts';
import { readReceiptsFile } from '../../proofs/receipts-file.ts';
import { run as runWorker } from './main.ts';
import { createReceiptKeeper, RECEIPT_HEADER } from './receipts.ts';
import { openReceiptStore } from './receipts-store.ts';

const answer = ({ body, signature }: SignedReceipt) => ({
  [RECEIPT_HEADER]: Buffer.from(joinSigned(body, signature)).toString('base64'),
});
const keeperIn = (dir: string) =>
  createReceiptKeeper({
    store: openReceiptStore(dir),
    hashing: nodeHashing,
    verifyEd25519: nodeVerifyEd25519,
  });
const changed = ({ receipt }: SignedReceipt, change: Partial<Receipt>) =>
  signReceipt({ ...receipt, ...change });
const at = (chain: readonly SignedReceipt[], place: number) => chain[place] as SignedReceipt;

function folder(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'tributary-receipts-'));
  t.after(() => rmSync(dir, { recursive: true }));
  return join(dir, 'kept');
}

test('receipts are kept by epoch, as whoever verifies reads them', (t) => {
  const dir = folder(t);
  const chain = workerReceipts(25);
  const keeper = keeperIn(dir);
  for (const receipt of chain) assert.equal(keeper.take(answer(receipt)), undefined);
  assert.deepEqual(keeper.figures, { kept: 25, missing: 0 });
  const names = readdirSync(dir).sort();
  assert.deepEqual(
    names,
    [1, 2, 3].map((epoch) => `abcdefghij-${epoch}.receipts`),
  );
  const read = readReceiptsFile(readFileSync(join(dir, 'abcdefghij-2.receipts')));
  assert.deepEqual(
    read.ok && read.receipts.map(({ receipt }) => receipt),
    chain.slice(10, 20).map(({ receipt }) => receipt),
  );
  assert.equal(statSync(dir).mode & 0o777, 0o700);
  assert.equal(statSync(join(dir, names[0] as string)).mode & 0o777, 0o600);
});

test('answers may overtake each other, and a restart goes on where the folder ends', (t) => {
  const dir = folder(t);
  const chain = workerReceipts(12);
  const before = keeperIn(dir);
  for (const place of [0, 2, 1, 4, 3])
    assert.equal(before.take(answer(at(chain, place))), undefined);
  const after = keeperIn(dir);
  for (const place of [5, 7, 6, 8, 9, 10, 11]) {
    assert.equal(after.take(answer(at(chain, place))), undefined);
  }
  assert.deepEqual(after.figures, { kept: 7, missing: 0 });
  assert.equal(before.take({}), undefined, 'a stock orchestrator sends none');
});

test('a receipt that never comes is told, and how many are missing', (t) => {
  const keeper = keeperIn(folder(t));
  const chain = workerReceipts(80);
  const told = chain.toSpliced(4, 2).map((receipt) => keeper.take(answer(receipt)));
  assert.deepEqual(
    told.filter((text) => text !== undefined),
    ['2 receipts are missing before number 7'],
  );
  assert.deepEqual(keeper.figures, { kept: 78, missing: 2 });
});

test('what is wrong with a receipt is told in words', (t) => {
  const chain = workerReceipts(6);
  const third = at(chain, 2);
  const taken = (wrong: SignedReceipt) => {
    const keeper = keeperIn(folder(t));
    for (const receipt of chain.slice(0, 2)) keeper.take(answer(receipt));
    return keeper.take(answer(wrong));
  };
  const key = nodeEd25519(new Uint8Array(32).fill(5));
  assert.equal(taken(third), undefined);
  assert.match(taken({ ...third, signature: new Uint8Array(64) }) ?? '', /wrong signature/);
  assert.match(taken(changed(third, { epochUnits: 1n })) ?? '', /3 adds up the units/);
  assert.match(taken(changed(third, { amount: 1n })) ?? '', /3 has another amount/);
  assert.match(taken(changed(third, { previous: new Uint8Array(32) })) ?? '', /forked or changed/);
  assert.match(taken(changed(third, { worker: 'aaaaaaaaaa' })) ?? '', /for another worker/);
  assert.match(taken(changed(third, { chainId: 1n })) ?? '', /of another pool/);
  assert.match(taken(changed(at(chain, 1), { units: 0n })) ?? '', /two different receipts/);
  const other = signReceipt({ ...third.receipt, key: key.publicKey }, key);
  assert.match(taken(other) ?? '', /signed by a new key/);
  const keeper = keeperIn(folder(t));
  assert.match(keeper.take({ [RECEIPT_HEADER]: 'AAAA' }) ?? '', /no receipt/);
  assert.match(keeper.take({ [RECEIPT_HEADER]: '!'.repeat(2_000) }) ?? '', /no receipt/);
});

test('a folder with a gap is filled from where it begins, and nothing is there twice', (t) => {
  const dir = folder(t);
  const chain = workerReceipts(12);
  const before = keeperIn(dir);
  for (const place of [0, 1, 4, 5]) before.take(answer(at(chain, place)));
  const keeper = keeperIn(dir);
  assert.equal(keeper.resume('abcdefghij'), 3n);
  assert.equal(keeper.hasGap, true);
  // An answer comes while they are fetched, and once more with them.
  assert.equal(keeper.take(answer(at(chain, 8))), undefined);
  for (const receipt of chain.slice(2, 10)) assert.equal(keeper.give(receipt), undefined);
  assert.equal(keeper.settle(), undefined);
  assert.equal(keeper.hasGap, false);
  assert.equal(keeper.take(answer(at(chain, 8))), undefined);
  assert.equal(keeper.take(answer(at(chain, 10))), undefined);
  assert.deepEqual(keeper.figures, { kept: 7, missing: 0 });
  const sequences = readdirSync(dir).flatMap((name) => {
    const read = readReceiptsFile(readFileSync(join(dir, name)));
    return read.ok ? read.receipts.map(({ receipt }) => receipt.sequence) : [];
  });
  assert.deepEqual(
    sequences.toSorted((a, b) => Number(a - b)),
    Array.from({ length: 11 }, (_, index) => BigInt(index + 1)),
  );
  const forged = changed(at(chain, 11), { previous: new Uint8Array(32) });
  assert.match(keeper.give(forged) ?? '', /forked or changed/);
});

test('a disk that takes nothing is told, and the work goes on', (t) => {
  const dir = folder(t);
  const [first] = workerReceipts(1) as [SignedReceipt];
  keeperIn(dir).take(answer(first));
  const beneath = keeperIn(join(dir, 'abcdefghij-1.receipts'));
  assert.match(beneath.take(answer(first)) ?? '', /^receipts cannot be kept: /);
});

test('what a crash left half written is cut off', (t) => {
  const dir = folder(t);
  const chain = workerReceipts(3);
  keeperIn(dir).take(answer(at(chain, 0)));
  const file = join(dir, 'abcdefghij-1.receipts');
  appendFileSync(file, joinSigned(at(chain, 1).body, new Uint8Array(3)));
  const keeper = keeperIn(dir);
  keeper.take(answer(at(chain, 1)));
  assert.equal(readFileSync(file).length, 2 * SIGNED_RECEIPT_BYTES);
});

test('a folder that cannot keep receipts is said before a worker takes work', async (t) => {
  const file = folder(t);
  writeFileSync(file, '');
  const stream = { write: () => true };
  const io = { stdout: stream, stderr: stream, env: {}, isTty: false, columns: 80 };
  // A card that is not there ends the command, too, but later.
  const args = ['join', '--orch-addr', '127.0.0.1:9', '--credential', 'x', '--device', 'nvidia:99'];
  await assert.rejects(runWorker([...args, '--receipts', file], io), (error: TributaryError) => {
    assert.equal(error.code, 'receipts_unwritable', error.message);
    return /proof of what the pool owes you, cannot be kept in .*kept: EEXIST/.test(error.message);
  });
});
