import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ETH, LPT } from '../../src/base/asset.ts';
import { keccak256 } from '../../src/base/keccak.ts';
import { toHex } from '../../src/proofs/bytes.ts';
import { digestOf } from '../../src/proofs/canonical.ts';
import {
  makePool,
  seededNumbers,
  type TestEpoch,
  type TestPool,
} from '../../src/proofs/epoch.test-kit.ts';
import { epochStatement, rootOf, sumLeafOf } from '../../src/proofs/epoch-proofs.ts';
import { equivocationOf } from '../../src/proofs/equivocation.ts';
import { historyLeaf } from '../../src/proofs/history.ts';
import { leafNode, privateLeafId, type SumLeaf } from '../../src/proofs/merkle-sum.ts';
import { nodeHashing as hashing } from '../../src/proofs/node-hashing.ts';
import { nodeVerifyEd25519 } from '../../src/proofs/node-signatures.ts';
import { signReceipt, testIdentity, testKey } from '../../src/proofs/receipt.test-kit.ts';
import { receiptHash, type SignedReceipt } from '../../src/proofs/receipt.ts';
import { statementBytes, statementDigest } from '../../src/proofs/statement.ts';
import { writePool } from './pool-folder.ts';

/** Where the vectors are checked in. */
export const VECTORS = join(import.meta.dirname, '../fixtures/proofs');

/** The pools of the vectors: the same whenever they are made. */
export async function vectorPools(): Promise<ReadonlyMap<'public' | 'private', TestPool>> {
  const make = (privacy: 'public' | 'private') =>
    makePool({
      epochs: 3,
      workers: 3,
      perEpoch: 2,
      assets: [ETH, LPT],
      privacy,
      random: seededNumbers(`vectors ${privacy}`),
    });
  return new Map([
    ['public', await make('public')],
    ['private', await make('private')],
  ]);
}

/** Single values, for whoever writes a verifier: every step on the way to a root and a signature. */
export function singleVectors(pool: TestPool): object {
  const [first] = [...pool.receipts.values()][0] as [SignedReceipt];
  const forked = signReceipt({ ...first.receipt, deviceMs: first.receipt.deviceMs + 1 });
  const { signed, leaves } = pool.epochs[0] as TestEpoch;
  const { head } = signed;
  const leaf = sumLeafOf(leaves.leaves[0] as TestEpoch['leaves']['leaves'][number], {
    assets: head.assets,
    hashing,
  }) as SumLeaf;
  const statement = epochStatement(head, hashing);
  const salt = new Uint8Array(32).fill(7);
  return {
    canonical: {
      text: '{"a":[1,"\\u0001é\u{1f600}"],"b":null}',
      sha256: toHex(digestOf({ b: null, a: [1, '\u0001é\u{1f600}'] }, hashing)),
    },
    receipt: {
      body: toHex(first.body),
      signature: toHex(first.signature),
      publicKey: toHex(testKey.publicKey),
      hash: toHex(receiptHash(first.body, hashing)),
      historyLeaf: toHex(historyLeaf(receiptHash(first.body, hashing), hashing)),
    },
    equivocation: toHex(equivocationOf(first, forked, nodeVerifyEd25519) as Uint8Array),
    leaf: {
      worker: leaves.leaves[0]?.worker,
      hash: toHex(leafNode(leaf, hashing).hash),
      salt: toHex(salt),
      privateId: toHex(privateLeafId(leaves.leaves[0]?.worker ?? '', salt, hashing)),
      root: toHex(rootOf(head).hash),
    },
    statement: {
      kind: statement.kind,
      version: String(statement.version),
      digest: toHex(statement.digest),
      ed25519Message: toHex(statementBytes(testIdentity, statement)),
      ed25519Signature: signed.signature,
      eip712Digest: toHex(statementDigest(testIdentity, statement, keccak256)),
    },
  };
}

/** Writes test/fixtures/proofs anew: after a format has changed, and only then. */
async function main(): Promise<void> {
  rmSync(VECTORS, { recursive: true, force: true });
  const pools = await vectorPools();
  for (const [privacy, pool] of pools) writePool(join(VECTORS, privacy), pool);
  const single = singleVectors(pools.get('public') as TestPool);
  writeFileSync(join(VECTORS, 'vectors.json'), `${JSON.stringify(single, null, 2)}\n`);
}

if (import.meta.main) await main();
