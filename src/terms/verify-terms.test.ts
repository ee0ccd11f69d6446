import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hex } from '../base/bytes.ts';
import { keccak256 } from '../base/keccak.ts';
import { writeFile } from '../proofs/files.ts';
import { nodeHashing } from '../proofs/node-hashing.ts';
import { nodeEd25519, nodeVerifyEd25519 } from '../proofs/node-signatures.ts';
import { type PoolIdentity, statementBytes, statementDigest } from '../proofs/statement.ts';
import { addressOf, recover, signDigest } from '../protocol/signature.ts';
import { fileSchema, type TermsDocument } from './document.ts';
import { readTermsFile } from './file.ts';
import { termsStatement, writePublished } from './published.ts';
import { starterFile } from './starter.ts';
import { verifyTerms } from './verify-terms.ts';

const tools = {
  hashing: nodeHashing,
  keccak256,
  recover,
  verifyEd25519: nodeVerifyEd25519,
};
const account = new Uint8Array(32).fill(9);
const onChain: PoolIdentity = { pool: addressOf(account), chainId: 42_161n };
const offChain: PoolIdentity = { pool: new Uint8Array(20), chainId: 0n };
const key = nodeEd25519(new Uint8Array(32).fill(4));
const address = `0x${hex(onChain.pool)}`;

const read = readTermsFile(starterFile);
const file = read.ok ? read.file : fileSchema.parse({});
const document: TermsDocument = { ...file, version: 3, 'starts-at-epoch': 12 };
const statement = termsStatement(document, nodeHashing);

function indexOf(identity: PoolIdentity): string {
  return writeFile({
    format: 'tributary-proofs-1',
    pool: `0x${hex(identity.pool)}`,
    chainId: identity.chainId,
    keys: [{ version: 1n, key: hex(key.publicKey) }],
    epochs: [],
  });
}

const byAccount = writePublished(document, {
  accountSignature: hex(signDigest(account, statementDigest(onChain, statement, keccak256))),
});
const byKey = writePublished(document, {
  key: hex(key.publicKey),
  signature: hex(key.sign(statementBytes(offChain, statement))),
});

/** What is wrong with terms under an index; undefined when nothing is. */
function complaint(terms: string, identity: PoolIdentity, pool?: string): string | undefined {
  const verified = verifyTerms({ terms, index: indexOf(identity), pool }, tools);
  return verified.ok ? undefined : verified.text;
}

test('terms that the account of the pool has signed are its terms', () => {
  assert.equal(complaint(byAccount, onChain), undefined);
  assert.equal(complaint(byAccount, onChain, address), undefined);
});

test('off chain, a receipt key of the pool signs', () => {
  assert.equal(complaint(byKey, offChain), undefined);
});

test('terms that were changed, or that somebody else signed, are refused', () => {
  const cheaper = byAccount.replace('"10%"', '"5%"');
  assert.match(
    complaint(cheaper, onChain) ?? '',
    /the terms were changed, or somebody else signed/,
  );
  const other = { ...onChain, pool: addressOf(new Uint8Array(32).fill(8)) };
  assert.match(complaint(byAccount, other) ?? '', /the signature is not that of 0x/);
  assert.match(complaint(byAccount, { ...onChain, chainId: 1n }) ?? '', /somebody else signed/);
  assert.match(complaint(byKey.replace('"10%"', '"5%"'), offChain) ?? '', /terms were changed/);
});

test('a signature of the wrong kind, or of a key that is not the pool’s, is not enough', () => {
  assert.match(complaint(byKey, onChain) ?? '', /account of the pool has not signed/);
  assert.match(complaint(byAccount, offChain) ?? '', /no key has signed/);
  const stranger = nodeEd25519(new Uint8Array(32).fill(5));
  const strange = writePublished(document, {
    key: hex(stranger.publicKey),
    signature: hex(stranger.sign(statementBytes(offChain, statement))),
  });
  assert.match(complaint(strange, offChain) ?? '', /the key that signed is none of the pool/);
});

test('the index of another pool is no index', () => {
  assert.match(
    complaint(byAccount, onChain, `0x${'11'.repeat(20)}`) ?? '',
    /^the index is that of 0x[0-9a-f]{40}, not of 0x1111/,
  );
  const verified = verifyTerms({ terms: byAccount, index: '{}' }, tools);
  assert.match(verified.ok ? '' : verified.text, /^the index cannot be read/);
});
