import assert from 'node:assert/strict';
import { chmod, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fromHex } from '../proofs/bytes.ts';
import {
  epochStatement,
  headDigest,
  identityOf,
  rootOf,
  sumLeafOf,
  sumPathOf,
} from '../proofs/epoch-proofs.ts';
import * as files from '../proofs/files.ts';
import { checkConsistency } from '../proofs/history.ts';
import { buildSumTree, checkPath, sameSums } from '../proofs/merkle-sum.ts';
import { nodeHashing } from '../proofs/node-hashing.ts';
import { nodeVerifyEd25519 } from '../proofs/node-signatures.ts';
import { statementBytes } from '../proofs/statement.ts';
import { closeNow } from './close.ts';
import { openBooks, testAccount } from './epochs.test-kit.ts';
import { type PublishingParts, publish } from './publish.ts';
import { finalPayouts } from './published-payouts.ts';
import { recordEpochs } from './record.ts';

const account = testAccount();
const { identity } = account;
const books = await openBooks(account);
after(() => books[Symbol.asyncDispose]());
const [heron, otter] = [await books.enrol(), await books.enrol()];

const partsAt = (name: string): PublishingParts => ({
  ...books.parts,
  dir: join(books.dataDir, name),
  recoveryDir: join(books.dataDir, `${name}-recovery`),
  identity,
  sign: (...args) => books.ledger.keys.sign(...args),
  keys: () => books.ledger.keys.all(),
  account: identity.pool,
  endorse: async (statement) => account.endorse(statement),
  workers: async () => [{ worker: heron, name: 'heron', address: `0x${'11'.repeat(20)}` }],
  payouts: finalPayouts(books.database),
});
const parts = partsAt('proofs');

async function close(): Promise<bigint> {
  books.clock.advance(1_000);
  const { number } = await closeNow(books.parts);
  assert.deepEqual(await recordEpochs(parts), [number]);
  await publish(parts);
  return number;
}

const read = (path: string, dir = parts.dir) => readFile(join(dir, path), 'utf8');
async function parsed<T>(path: string, parse: (text: string) => files.Parsed<T>): Promise<T> {
  const outcome = parse(await read(path));
  assert.ok(outcome.ok, `${path}: ${outcome.ok ? '' : outcome.text}`);
  return outcome.file;
}

test('a published epoch is signed, chained, and adds up', async () => {
  await books.work(heron, 300n, 5n);
  await books.work(otter, 100n, 5n);
  await books.earn(1_000n);
  await close();
  await books.work(otter, 100n, 5n);
  await books.earn(77n);
  await close();

  const index = await parsed('index.json', files.parseIndex);
  assert.deepEqual(
    index.epochs.map(({ epoch }) => epoch),
    [1n, 2n],
  );
  let before: files.EpochHead | undefined;
  for (const { epoch, digest } of index.epochs) {
    const folder = `epoch-${epoch}`;
    const { head, key, signature } = await parsed(`${folder}/epoch.json`, files.parseSignedEpoch);
    assert.equal(headDigest(head, nodeHashing), digest);
    assert.equal(head.previous, before ? headDigest(before, nodeHashing) : '0'.repeat(64));
    const message = statementBytes(identityOf(index), epochStatement(head, nodeHashing));
    assert.ok(index.keys.some((one) => one.key === key));
    const bytes = [fromHex(key, 32), fromHex(signature, 64)] as [Uint8Array, Uint8Array];
    assert.ok(nodeVerifyEd25519(bytes[0], message, bytes[1]));

    const { leaves } = await parsed(`${folder}/leaves.json`, files.parseLeaves);
    const { assets } = head;
    const sums = leaves.map((leaf) => sumLeafOf(leaf, { assets, hashing: nodeHashing }));
    const tree = buildSumTree(sums as never, { assets: assets.length, hashing: nodeHashing });
    assert.deepEqual(tree.root.hash, rootOf(head).hash);
    assert.ok(sameSums(tree.root, rootOf(head)));

    const { proof, ...sizes } = await parsed(`${folder}/history.json`, files.parseHistory);
    const end = (at: { size: bigint; root: string }) => ({
      size: Number(at.size),
      root: fromHex(at.root, 32) as Uint8Array,
    });
    const claim = {
      before: end(sizes.before),
      after: end(sizes.after),
      proof: proof.map((hash) => fromHex(hash, 32) as Uint8Array),
    };
    assert.ok(checkConsistency(claim, nodeHashing));
    assert.deepEqual(sizes.after, head.history);
    before = head;
  }
  assert.equal(before?.history.size, 3n);
});

test('another node publishes the same files, and so does this one again', async () => {
  const tree = async (dir: string) => {
    const names = (await readdir(dir, { recursive: true, withFileTypes: true })).filter((one) =>
      one.isFile(),
    );
    const paths = names.map((one) => join(one.parentPath, one.name).slice(dir.length + 1)).sort();
    return Promise.all(paths.map(async (path) => [path, await read(path, dir)]));
  };
  const mine = await tree(parts.dir);
  const other = partsAt('other');
  await publish(other);
  assert.deepEqual(await tree(other.dir), mine);
  await publish(parts);
  assert.deepEqual(await tree(parts.dir), mine);

  // What a crash leaves behind, and what somebody broke.
  await mkdir(join(parts.dir, '.new-abc'));
  await writeFile(join(parts.dir, '.new-abc', 'epoch.json'), '{');
  await writeFile(join(parts.dir, 'epoch-1', 'epoch.json'), '{}');
  await rm(join(parts.dir, 'index.json'));
  await publish(parts);
  assert.deepEqual(await tree(parts.dir), mine);
});

test('a private pool publishes a salted leaf and its path for each worker, and no list', async () => {
  await books.publish('privacy = "private"');
  await close();
  await books.work(heron, 300n, 5n);
  const epoch = await close();
  await parsed('terms/1.json', files.parseTerms);
  const folder = `epoch-${epoch}`;
  assert.deepEqual((await readdir(join(parts.dir, folder))).sort(), [
    'epoch.json',
    'history.json',
    'paths',
    'payouts.json',
  ]);
  const { head } = await parsed(`${folder}/epoch.json`, files.parseSignedEpoch);
  for (const worker of [heron, otter]) {
    const file = await parsed(`${folder}/paths/${worker}.json`, files.parsePath);
    const leaf = sumLeafOf(file.leaf, { ...head, hashing: nodeHashing, salt: file.salt });
    const path = sumPathOf(file, head.assets);
    assert.ok(leaf && path);
    assert.deepEqual(checkPath(leaf, path, { root: rootOf(head), hashing: nodeHashing }), {
      ok: true,
    });
  }
});

test('what a private pool keeps for itself is there again at the next start, closed to others', async () => {
  const { recoveryDir } = parts;
  const kept = async () => {
    const all = await readdir(recoveryDir, { recursive: true, withFileTypes: true });
    const paths = all.filter((one) => one.isFile()).map((one) => join(one.parentPath, one.name));
    return Promise.all(paths.sort().map(async (path) => [path, await readFile(path, 'utf8')]));
  };
  const before = await kept();
  assert.equal(before.length, 4, 'workers.json, and three files of the one private epoch');
  // As of epochs that were closed before there was such a folder.
  await rm(recoveryDir, { recursive: true });
  await publish(parts);
  assert.deepEqual(await kept(), before);
  await chmod(recoveryDir, 0o755);
  await publish(parts);
  assert.equal((await stat(recoveryDir)).mode & 0o777, 0o700);
  for (const [path = ''] of await kept()) assert.equal((await stat(path)).mode & 0o777, 0o600);
});
