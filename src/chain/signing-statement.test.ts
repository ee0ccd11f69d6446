import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { type Hex, verifyTypedData } from 'viem';
import { hex } from '../base/bytes.ts';
import { systemClock } from '../base/clock.ts';
import { keccak256 } from '../base/keccak.ts';
import { quiet } from '../base/log.ts';
import {
  STATEMENT_DOMAIN,
  type StatementKind,
  statementDigest,
  statementSigner,
  statementTypes,
} from '../proofs/statement.ts';
import { recover } from '../protocol/signature.ts';
import { CHAIN_ID, node, orchestrator, testPolicy, testVault } from './signing.test-kit.ts';
import { connectSigner } from './signing.ts';
import { serveSigner } from './signing-server.ts';
import {
  type AccountStatement,
  type AccountStatementKind,
  decodeStatement,
  encodeStatement,
  identityOfPolicy,
  signStatement,
} from './signing-statement.ts';

const kinds: readonly AccountStatementKind[] = [
  'receipt_key',
  'terms',
  'epoch',
  'manifest',
  'payout_key',
];
const anyStatement: fc.Arbitrary<AccountStatement> = fc.record({
  kind: fc.constantFrom(...kinds),
  version: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  digest: fc.uint8Array({ minLength: 32, maxLength: 32 }),
});

test('what the node account signs is typed data that any wallet library verifies', async (t) => {
  const signing = await connected(t);
  await fc.assert(
    fc.asyncProperty(anyStatement, async (statement) => {
      const { kind, version, digest } = statement;
      const signature = await signing.signStatement(statement);
      const typed = {
        address: node,
        domain: { ...STATEMENT_DOMAIN, chainId: CHAIN_ID, verifyingContract: orchestrator },
        types: statementTypes,
        primaryType: 'Statement',
        message: { kind, version, digest: `0x${hex(digest)}` },
        signature: `0x${hex(signature)}`,
      } as const;
      assert.equal(await verifyTypedData(typed), true);
      const later = { ...typed.message, version: version ^ 1n };
      assert.equal(await verifyTypedData({ ...typed, message: later }), false);
      const identity = identityOfPolicy(testPolicy());
      const by = { keccak256, recover };
      assert.equal(addressText(statementSigner({ identity, statement, signature }, by)), node);
      const elsewhere = { ...identity, chainId: 1n };
      const other = statementSigner({ identity: elsewhere, statement, signature }, by);
      assert.notEqual(addressText(other), node);
    }),
    { numRuns: 30 },
  );
});

test('a statement travels as its three fields and nothing else', () => {
  fc.assert(
    fc.property(anyStatement, fc.nat(255), (statement, code) => {
      const bytes = encodeStatement(statement);
      const decoded = decodeStatement(bytes);
      assert.deepEqual(
        { ...decoded, digest: [...(decoded?.digest ?? [])] },
        { ...statement, digest: [...statement.digest] },
      );
      assert.equal(decodeStatement(bytes.subarray(1)), undefined);
      const recoded = Uint8Array.from(bytes);
      recoded[0] = code;
      const isKnown = code >= 1 && code <= kinds.length;
      assert.equal(decodeStatement(recoded)?.kind, isKnown ? kinds[code - 1] : undefined);
    }),
  );
});

test('no two different statements are signed by the same bytes', () => {
  const identity = identityOfPolicy(testPolicy());
  const digest = new Uint8Array(32).fill(9);
  const all: StatementKind[] = [...kinds, 'payouts'];
  const digests = all.flatMap((kind) =>
    [1n, 2n].map((version) => hex(statementDigest(identity, { kind, version, digest }, keccak256))),
  );
  assert.equal(new Set(digests).size, digests.length);
});

test('a statement that does not fit is refused before it leaves', async (t) => {
  const signing = await connected(t);
  const digest = new Uint8Array(32);
  const wrong = [
    { kind: 'terms', version: 2n ** 64n, digest },
    { kind: 'terms', version: -1n, digest },
    { kind: 'terms', version: 1n, digest: new Uint8Array(31) },
  ] as const;
  for (const statement of wrong) await assert.rejects(signing.signStatement(statement), RangeError);
  const paid = { kind: 'payouts', version: 1n, digest } as unknown as AccountStatement;
  await assert.rejects(signing.signStatement(paid), { code: 'signer_refused' });
});

test('the signature is over the orchestrator of the policy, not over one that is asked for', () => {
  const policy = testPolicy({ orchestrator: `0x${'77'.repeat(20)}` });
  const statement = { kind: 'terms', version: 1n, digest: new Uint8Array(32) } as const;
  const key = Buffer.alloc(32, 1);
  assert.notDeepEqual(
    signStatement(key, policy, statement),
    signStatement(key, testPolicy(), statement),
  );
  assert.throws(() => identityOfPolicy({ chainId: 1, orchestrator: '0x' }), RangeError);
});

async function connected(t: TestContext) {
  const directory = mkdtempSync(join(tmpdir(), 'tributary-statement-'));
  const socket = join(directory, 'private', 'signer.sock');
  const parts = { clock: systemClock, log: quiet };
  const server = await serveSigner({ socket }, { ...parts, vault: testVault() });
  const signing = await connectSigner({ socket }, parts);
  t.after(async () => {
    await signing.close();
    await server.close();
    rmSync(directory, { recursive: true });
  });
  return signing;
}

function addressText(address: Uint8Array | undefined): Hex | undefined {
  return address && `0x${hex(address)}`;
}
