import assert from 'node:assert/strict';
import { generateKeyPairSync, sign as signEd25519 } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { instant } from '../base/clock.ts';
import { keccak256 } from '../base/keccak.ts';
import { toHex } from '../proofs/bytes.ts';
import { type CanonicalValue, canonicalJson, digestOf } from '../proofs/canonical.ts';
import { nodeHashing } from '../proofs/node-hashing.ts';
import { nodeVerifyEd25519 } from '../proofs/node-signatures.ts';
import { type PoolIdentity, statementBytes, statementDigest } from '../proofs/statement.ts';
import { addressOf, recover, signDigest } from '../protocol/signature.ts';
import { defaultDocument } from '../terms/default-document.ts';
import type { TermsDocument } from '../terms/document.ts';
import { readTerms } from '../terms/read.ts';
import { defaultTerms } from '../terms/terms.ts';
import { MANIFEST_PATH, manifestUrl } from './manifest.ts';
import { createManifestPublisher, type ManifestFacts } from './publisher.ts';
import { readManifest } from './signed.ts';
import { verifyManifest } from './verify-manifest.ts';

const NOW = Date.parse('2026-12-03T12:00:00.000Z');
const DAY_MS = 86_400_000;
const tools = { hashing: nodeHashing, keccak256, recover, verifyEd25519: nodeVerifyEd25519 };

const key = Buffer.alloc(32, 7);
const orchestrator = addressOf(key);
const onChain: PoolIdentity = { pool: orchestrator, chainId: 42_161n };
const offChain: PoolIdentity = { pool: new Uint8Array(20), chainId: 0n };
const receiptKey = generateKeyPairSync('ed25519');
const receiptPublic = Buffer.from(
  receiptKey.publicKey.export({ format: 'jwk' }).x ?? '',
  'base64url',
);

function facts(identity: PoolIdentity, more: Partial<ManifestFacts> = {}): ManifestFacts {
  return {
    pool: {
      name: 'Rivermouth',
      url: 'https://pool.example/',
      serviceUri: 'https://pool.example:8935',
      chainId: String(identity.chainId),
      ...(identity.chainId === 0n
        ? {}
        : { orchestrator: `0x${toHex(identity.pool)}`, account: `0x${toHex(identity.pool)}` }),
    },
    terms: termsOf(defaultDocument),
    proofs: { format: 'tributary-proofs-1', url: 'https://pool.example/proofs/' },
    operator: { name: 'Ada', contact: 'ada@pool.example' },
    joining: { outsideGpus: true },
    software: { name: 'tributary', version: '0.1.0' },
    ...more,
  };
}

function termsOf(document: TermsDocument): ManifestFacts['terms'] {
  const value = JSON.parse(JSON.stringify(document));
  return { version: document.version, digest: toHex(digestOf(value, nodeHashing)), document };
}

/** A publisher whose facts and clock the test moves. */
function publisher(identity: PoolIdentity, start = facts(identity)) {
  const state = { facts: start, now: NOW, signatures: 0 };
  const { current } = createManifestPublisher({
    clock: { now: () => instant(state.now), after: () => ({ cancel() {} }) } as never,
    hashing: nodeHashing,
    facts: async () => state.facts,
    async sign(statement) {
      state.signatures += 1;
      if (identity.chainId !== 0n) {
        const digest = statementDigest(identity, statement, keccak256);
        return { accountSignature: toHex(signDigest(key, digest)) };
      }
      const signed = signEd25519(null, statementBytes(identity, statement), receiptKey.privateKey);
      return { key: toHex(receiptPublic), signature: toHex(signed) };
    },
  });
  return { current, state };
}

const check = (text: string, more: object = {}) =>
  verifyManifest({ text, now: NOW, ...more }, tools);
const faultOf = (text: string, more: object = {}) => {
  const verdict = check(text, more);
  return verdict.ok ? 'none' : verdict.fault;
};

/** The same file with something changed, in canonical form all the same. */
function changed(text: string, change: (file: Record<string, unknown>) => void): string {
  const file = JSON.parse(text) as Record<string, unknown>;
  change(file);
  return canonicalJson(file as CanonicalValue);
}

test('the terms that a pool begins with are the same as a document', () => {
  assert.deepEqual(readTerms(defaultDocument), { ...defaultTerms, version: 0 });
});

for (const identity of [onChain, offChain]) {
  const where = identity.chainId === 0n ? 'off chain' : 'on chain';

  test(`a manifest that the pool signed is taken ${where}`, async () => {
    const text = await publisher(identity).current();
    const verdict = check(text, { at: new URL(`https://pool.example${MANIFEST_PATH}`) });
    assert.ok(verdict.ok, verdict.ok ? '' : verdict.text);
    assert.match(verdict.signedBy, identity.chainId === 0n ? /^receipt key/ : /^account 0x/);
    assert.equal(verdict.manifest.pool.name, 'Rivermouth');
  });

  test(`whatever is changed in a manifest, the signature shows it ${where}`, async () => {
    const text = await publisher(identity).current();
    const places = ['name', 'url', 'serviceUri'] as const;
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...places),
        fc.stringMatching(/^[a-z]{1,12}$/),
        async (place, other) => {
          const value = place === 'name' ? other : `https://${other}.example/`;
          const forged = changed(text, (file) => {
            (file.manifest as { pool: Record<string, string> }).pool[place] = value;
          });
          assert.equal(faultOf(forged), 'signature_wrong');
        },
      ),
      { numRuns: 20 },
    );
  });
}

test('what is written reads as what it was, in one text only', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.stringMatching(/^[\p{L}\p{N}<>&"' .-]{1,60}$/u),
      fc.stringMatching(/^\P{C}{1,100}$/u),
      async (name, contact) => {
        fc.pre(name.isWellFormed() && contact.isWellFormed());
        const given = facts(onChain, { operator: { name, contact } });
        const text = await publisher(onChain, given).current();
        const decoded = readManifest(text, nodeHashing);
        assert.ok(decoded.ok, decoded.ok ? '' : decoded.text);
        assert.deepEqual(decoded.read.manifest.operator, { name, contact });
        assert.equal(canonicalJson(JSON.parse(text)), text);
        assert.equal(readManifest(` ${text}`, nodeHashing).ok, false);
        assert.equal(
          readManifest(JSON.stringify(JSON.parse(text), null, 1), nodeHashing).ok,
          false,
        );
      },
    ),
    { numRuns: 50 },
  );
});

test('a member that nobody here knows is signed with the rest', async () => {
  const given = { ...facts(onChain), extension: { colour: 'green' } } as ManifestFacts;
  const text = await publisher(onChain, given).current();
  assert.equal(faultOf(text), 'none');
  assert.equal(faultOf(text.replace('green', 'brown')), 'signature_wrong');
});

test('each thing that can be wrong is said as what it is', async () => {
  const text = await publisher(onChain).current();
  const other = `0x${'ab'.repeat(20)}`;
  assert.equal(faultOf('<html>'), 'unreadable');
  assert.equal(faultOf(`[${'['.repeat(100_000)}`), 'unreadable');
  assert.equal(faultOf(text, { now: NOW + 8 * DAY_MS }), 'expired');
  assert.equal(faultOf(text, { now: NOW - DAY_MS }), 'not_yet');
  assert.equal(faultOf(text, { at: new URL('https://elsewhere.example/x') }), 'elsewhere');
  assert.equal(faultOf(text, { pool: other }), 'other_pool');
  assert.equal(faultOf(changed(text, (file) => delete file.accountSignature)), 'unsigned');
  const stranger = changed(text, (file) => {
    (file.manifest as { pool: Record<string, string> }).pool.account = other;
  });
  assert.equal(faultOf(stranger), 'signature_wrong');
});

test('terms that are not those of their digest are not taken, though the account signed them', async () => {
  const terms = {
    ...termsOf(defaultDocument),
    document: { ...defaultDocument, commission: '90%' },
  };
  const text = await publisher(onChain, facts(onChain, { terms })).current();
  assert.equal(faultOf(text), 'terms_changed');
});

test('markup and hidden signs: the first is text like any other, the second is refused', async () => {
  const named = (name: string) =>
    publisher(onChain, facts(onChain, { operator: { name } })).current();
  assert.equal(faultOf(await named('<script>alert(1)</script>')), 'none');
  assert.equal(faultOf(await named('good\u202egnp.exe')), 'unreadable');
  assert.equal(faultOf(await named('two\nlines')), 'unreadable');
  assert.equal(faultOf(await named('x'.repeat(101))), 'unreadable');
});

test('a manifest is signed anew when something changed, and once a day', async () => {
  const { current, state } = publisher(onChain);
  const first = await current();
  state.now += 60_000;
  assert.equal(await current(), first);
  assert.equal(state.signatures, 1);
  state.facts = facts(onChain, { joining: { outsideGpus: false } });
  const second = await current();
  assert.equal(state.signatures, 2);
  assert.equal(check(second, { now: state.now }).ok, true);
  state.now += DAY_MS;
  const third = await current();
  assert.notEqual(third, second);
  assert.equal(state.signatures, 3);
  await Promise.all([current(), current()]);
  assert.equal(state.signatures, 3);
});

test('a pool is found by its address or by that of its manifest', () => {
  const whole = `https://pool.example${MANIFEST_PATH}`;
  assert.equal(manifestUrl('https://pool.example')?.href, whole);
  assert.equal(manifestUrl('https://pool.example/terms/3')?.href, whole);
  assert.equal(manifestUrl(whole)?.href, whole);
  assert.equal(manifestUrl('file:///etc/passwd'), undefined);
});
