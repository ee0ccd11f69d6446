import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { keccak256 } from '../../src/base/keccak.ts';
import { edit, publishedPool } from '../../src/epochs/verify.test-kit.ts';
import { type EpochVerdict, verifyOneEpoch } from '../../src/epochs/verify-one.ts';
import type { VerifyFault } from '../../src/epochs/verify-types.ts';
import { nodeHashing } from '../../src/proofs/node-hashing.ts';
import { nodeVerifyEd25519 } from '../../src/proofs/node-signatures.ts';
import { recover } from '../../src/protocol/signature.ts';
import { pureCrypto } from '../../web/browser/pure-crypto.ts';

const pool = await publishedPool();
after(() => pool[Symbol.asyncDispose]());
const heron = await pool.books.enrol();
const otter = await pool.books.enrol();
for (const units of [300n, 50n, 40n]) {
  await pool.books.work(heron, units, 7n);
  await pool.books.work(otter, 10n, 7n);
  await pool.books.earn(1_000n, { transaction: pool.redeemed(1_000n) });
  await pool.close();
}
const honest = await pool.files();

const counted = { hashes: 0 };
/** What Node computes with, and what a browser does. */
const ways = {
  node: { hashing: nodeHashing, verifyEd25519: nodeVerifyEd25519, keccak256, recover },
  browser: pureCrypto(counted),
};

/** Checks an epoch in both ways, which have to say the same. */
async function check(epoch: bigint, files: ReadonlyMap<string, string>): Promise<EpochVerdict> {
  const read = async (path: string) => files.get(path);
  const verdicts = Object.values(ways).map((crypto) =>
    verifyOneEpoch(epoch, { files: { read }, chain: undefined, ...crypto }),
  );
  const [node, browser] = await Promise.all(verdicts);
  assert.deepEqual(browser, node);
  return node as EpochVerdict;
}

test('each epoch of an honest pool holds, in Node and as a browser computes it', async () => {
  for (const epoch of [1n, 2n, 3n]) {
    const verdict = await check(epoch, honest);
    assert.ok(verdict.ok, verdict.ok ? '' : verdict.text);
    assert.equal(verdict.steps.length, 9);
    assert.match(verdict.steps.join('\n'), /the lines of 2 workers come to the published root/);
    assert.match(verdict.notes.join(), /on the chain are not looked at/);
  }
  assert.ok(counted.hashes > 20, `${counted.hashes} hashes`);
});

/** What somebody did to the files, and how it is found in epoch 2. */
const tamperings: readonly (readonly [
  VerifyFault,
  string,
  (files: Map<string, string>) => void,
])[] = [
  ['file_missing', 'leaves.json is not there', (files) => files.delete('epoch-2/leaves.json')],
  [
    'input_differs',
    'not what the record of the epoch names',
    (files) => edit<Units>(files, 'epoch-2/input.json', more),
  ],
  [
    'leaf_differs',
    'and the settlement comes to',
    (files) =>
      edit<{ leaves: { units: string }[] }>(files, 'epoch-2/leaves.json', ({ leaves }) => {
        for (const leaf of leaves) leaf.units = '7';
      }),
  ],
  [
    'epoch_signature_wrong',
    'has a wrong signature',
    (files) =>
      edit<{ head: { leaves: number } }>(files, 'epoch-2/epoch.json', ({ head }) => {
        head.leaves += 1;
      }),
  ],
  [
    'epoch_chain_broken',
    'the index names another record than epoch-1/epoch.json',
    (files) =>
      edit<{ head: { leaves: number } }>(files, 'epoch-1/epoch.json', ({ head }) => {
        head.leaves += 1;
      }),
  ],
  [
    'key_not_endorsed',
    'is not signed by the account',
    (files) =>
      edit<{ keys: { endorsement: string }[] }>(files, 'index.json', ({ keys }) => {
        for (const key of keys) key.endorsement = '0'.repeat(130);
      }),
  ],
  [
    'history_rewritten',
    'history',
    (files) =>
      edit<{ after: { root: string } }>(files, 'epoch-2/history.json', (file) => {
        file.after.root = 'ab'.repeat(32);
      }),
  ],
];
interface Units {
  readonly workers: { units: string }[];
}
function more({ workers }: Units): void {
  for (const worker of workers) worker.units = `${worker.units}0`;
}

for (const [fault, text, tamper] of tamperings) {
  test(`what was changed afterwards is found and named: ${fault}`, async () => {
    const files = new Map(honest);
    tamper(files);
    const verdict = await check(2n, files);
    assert.ok(!verdict.ok);
    assert.equal(verdict.fault, fault);
    assert.match(verdict.text, new RegExp(text));
  });
}

test('an epoch that is not published is not said to hold', async () => {
  const verdict = await check(9n, honest);
  assert.ok(!verdict.ok && /does not name epoch 9/.test(verdict.text));
});
