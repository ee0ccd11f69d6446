import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect as dial } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Hex } from 'viem';
import { systemClock } from '../base/clock.ts';
import { quiet } from '../base/log.ts';
import type { UnsignedTransaction } from './sign-transaction.ts';
import {
  at,
  CHAIN_ID,
  call,
  ETH,
  friend,
  LPT,
  node,
  orchestrator,
  redeemer,
  rewardCaller,
  testVault,
  unsigned,
} from './signing.test-kit.ts';
import { connectSigner } from './signing.ts';
import { serveSigner } from './signing-server.ts';
import { encodeRequest, FRAME_BYTES_MAX } from './signing-wire.ts';

const OFF_POLICY = 1_000;
/** After so many of them one that the policy allows. */
const BETWEEN = 20;

type Work = { readonly to: Hex; readonly data: Hex; readonly value?: bigint };

interface Asked {
  readonly account: Hex;
  readonly tx: UnsignedTransaction;
}

/** What is sent: a request that the client makes, or bytes that it never would. */
type OffPolicy =
  | { readonly as: 'transaction'; readonly asked: Asked }
  | { readonly as: 'bytes'; readonly bytes: Uint8Array };

const hexOf = (bytes: Uint8Array): Hex => `0x${Buffer.from(bytes).toString('hex')}`;
const anyAddress = fc.uint8Array({ minLength: 20, maxLength: 20 }).map(hexOf);
/** Nobody that the policy knows: a random address is one of its dozen with chance 2^-156. */
const elsewhere = anyAddress;
const nonce = fc.nat();

/** Calls that the policy allows to the node account. */
const allowed: fc.Arbitrary<Work> = fc.oneof(
  fc.constant(call.bonding('reward', [])),
  fc.constant(call.initializeRound()),
  fc.constant(call.redeem(orchestrator)),
  fc.bigInt(1n, LPT).map((lpt) => call.bonding('bond', [lpt, orchestrator])),
  fc.constant(call.token('approve', at('BondingManager'), LPT)),
  fc
    .integer({ min: 1, max: 65_535 })
    .map((port) => call.serviceUri(`https://pool.example:${port}`)),
);
const asNode = (work: fc.Arbitrary<Work>, changes: fc.Arbitrary<Partial<UnsignedTransaction>>) =>
  fc.record({ work, changes, nonce }).map(({ work, changes, nonce }) => ({
    account: node,
    tx: unsigned({ ...work, nonce, ...changes }),
  }));
const nothingElse = fc.constant({});
const above = (limit: bigint) => fc.bigInt(limit + 1n, 2n ** 256n - 1n);

/** Each kind of misuse, by name, so that a failure says which one passed. */
const misuses: Readonly<Record<string, fc.Arbitrary<Asked>>> = {
  'other contract': asNode(
    allowed,
    elsewhere.map((to) => ({ to })),
  ),
  'another contract of the protocol': asNode(
    fc.constant(call.bonding('reward', [])),
    fc
      .constantFrom(at('TicketBroker'), at('LivepeerToken'), at('RoundsManager'))
      .map((to) => ({ to })),
  ),
  'other method': asNode(
    fc.record({
      to: fc.constantFrom(at('BondingManager'), at('TicketBroker'), at('LivepeerToken')),
      data: fc.uint8Array({ minLength: 0, maxLength: 300 }).map(hexOf),
    }),
    nothingElse,
  ),
  'a method that is no duty': asNode(
    fc.oneof(
      elsewhere.map((to) => call.tokenFrom(node, to, 1n)),
      elsewhere.map((to) => call.bonding('setController', [to])),
      fc
        .constantFrom('fundDeposit' as const, 'unlock' as const, 'withdraw' as const)
        .map(call.broker),
    ),
    nothingElse,
  ),
  'bytes to spare': asNode(
    fc
      .record({ work: allowed, more: fc.uint8Array({ minLength: 1, maxLength: 64 }) })
      .map(({ work, more }) => ({ ...work, data: `${work.data}${hexOf(more).slice(2)}` as Hex })),
    nothingElse,
  ),
  'other recipient': asNode(
    fc.oneof(
      elsewhere.map((to) => call.token('transfer', to, 1n)),
      elsewhere.map((to) => call.token('approve', to, 1n)),
      elsewhere.map((to) => call.bonding('withdrawFees', [to, 1n])),
      elsewhere.map((to) => call.bonding('bond', [1n, to])),
      elsewhere.map((to) => call.bonding('setRewardCaller', [to])),
      elsewhere.map((to) => call.redeem(to)),
      elsewhere.map((to) => call.redeemBatch([orchestrator, to, orchestrator])),
      elsewhere.map((to) => ({ to, data: '0x' as const, value: 1n })),
    ),
    nothingElse,
  ),
  'value with a call': asNode(
    allowed,
    above(0n).map((value) => ({ value })),
  ),
  'too much LPT': asNode(
    fc.oneof(
      above(100n * LPT).map((lpt) => call.bonding('bond', [lpt, orchestrator])),
      above(100n * LPT).map((lpt) => call.bonding('unbond', [lpt])),
      above(100n * LPT).map((lpt) => call.token('approve', at('BondingManager'), lpt)),
      above(100n * LPT).map((lpt) => call.token('transfer', friend, lpt)),
    ),
    nothingElse,
  ),
  'too much ETH': asNode(
    fc.oneof(
      above(ETH).map((wei) => call.bonding('withdrawFees', [friend, wei])),
      above(ETH).map((value) => ({ to: friend, data: '0x' as const, value })),
    ),
    nothingElse,
  ),
  // The test fills the day before.
  'more than a day allows': asNode(
    fc.oneof(
      fc.bigInt(1n, ETH).map((wei) => call.bonding('withdrawFees', [friend, wei])),
      fc.bigInt(1n, ETH).map((value) => ({ to: friend, data: '0x' as const, value })),
    ),
    nothingElse,
  ),
  'other chain': asNode(
    allowed,
    fc
      .nat()
      .filter((id) => id !== CHAIN_ID)
      .map((chainId) => ({ chainId })),
  ),
  'too much gas': asNode(
    allowed,
    above(5_000_000n).map((gasLimit) => ({ gasLimit })),
  ),
  'too high a price': asNode(
    allowed,
    above(10n ** 10n).map((maxFeePerGas) => ({ maxFeePerGas })),
  ),
  'a tip above the price': asNode(
    allowed,
    above(10n ** 9n).map((maxPriorityFeePerGas) => ({ maxPriorityFeePerGas })),
  ),
  'an account that is not there': fc
    .record({ account: anyAddress, work: allowed })
    .map(({ account, work }) => ({ account, tx: unsigned(work) })),
  'a role that the account has not': fc
    .record({ account: fc.constantFrom(redeemer, rewardCaller), nonce })
    .map(({ account, nonce }) => ({
      account,
      tx: unsigned({ ...call.bonding('unbond', [1n]), nonce }),
    })),
};

/** Frames with a kind that is none, or a length that does not fit, or of a size that is refused. */
const oddBytes: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc
    .record({ kind: fc.integer({ min: 7, max: 255 }), body: fc.uint8Array({ maxLength: 300 }) })
    .map(({ kind, body }) => frame(kind, body)),
  fc
    .uint8Array({ minLength: 1, maxLength: 300 })
    .filter(({ length }) => length % 32 !== 0)
    .map((body) => frame(1, body)),
  fc.uint8Array({ minLength: 33, maxLength: 300 }).map((body) => frame(2, body)),
  fc.uint8Array({ minLength: 1, maxLength: 40 }).map((body) => frame(5, body)),
  fc.uint8Array({ maxLength: 183 }).map((body) => frame(4, body)),
  // A Ping that could mean something elsewhere: 32 bytes that are no nonce of the signer.
  fc
    .uint8Array({ minLength: 32, maxLength: 32 })
    .map((value) => encodeRequest(1, { kind: 'ping', value })),
  fc.integer({ min: FRAME_BYTES_MAX + 1, max: 0xffff_ffff }).map((length) => {
    const bytes = Buffer.alloc(9);
    bytes.writeUInt32BE(length, 0);
    return bytes;
  }),
);

const offPolicy: fc.Arbitrary<OffPolicy> = fc.oneof(
  ...Object.values(misuses).map((misuse) =>
    misuse.map((asked) => ({ as: 'transaction' as const, asked })),
  ),
  ...[0, 1, 2].map(() => oddBytes.map((bytes) => ({ as: 'bytes' as const, bytes }))),
);

test('a thousand requests against the policy are refused and counted, and those within it pass', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'signing-'));
  t.after(() => rmSync(dir, { recursive: true }));
  const socket = join(dir, 'signer', 's');
  const server = await serveSigner(
    { socket },
    { vault: testVault(), clock: systemClock, log: quiet },
  );
  t.after(() => server.close());
  const signing = await connectSigner({ socket }, { clock: systemClock, log: quiet });
  t.after(() => signing.close());

  const withdraw = call.bonding('withdrawFees', [friend, ETH]);
  for (const nonce of [2 ** 33, 2 ** 33 + 1]) {
    assert.ok((await signing.signTransaction(node, unsigned({ ...withdraw, nonce }))).ok);
  }
  let signed = 2;
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(offPolicy, async (misuse) => {
      if (misuse.as === 'bytes') {
        assert.equal(await answerTo(socket, misuse.bytes), REFUSED);
      } else {
        const { account, tx } = misuse.asked;
        assert.equal((await signing.signTransaction(account, tx)).ok, false);
      }
      refused++;
      if (refused % BETWEEN === 0) {
        const tx = unsigned({ ...call.bonding('reward', []), nonce: 2 ** 34 + refused });
        assert.ok((await signing.signTransaction(node, tx)).ok);
        signed++;
      }
      assert.deepEqual(await signing.figures(), { signed, refused });
    }),
    { numRuns: OFF_POLICY, endOnFailure: true },
  );
  assert.equal(refused, OFF_POLICY);
});

for (const [name, misuse] of Object.entries(misuses)) {
  test(`refused by the policy whatever else it says: ${name}`, () => {
    const vault = testVault();
    const fill = unsigned({ ...call.bonding('withdrawFees', [friend, ETH]), nonce: 2 ** 33 });
    for (const nonce of [2 ** 33, 2 ** 33 + 1]) {
      vault.answer({ kind: 'transaction', account: node, tx: { ...fill, nonce } });
    }
    fc.assert(
      fc.property(misuse, ({ account, tx }) => {
        assert.equal(vault.answer({ kind: 'transaction', account, tx }).kind, 'refused');
      }),
    );
  });
}

/** The kind of an answer that refuses. */
const REFUSED = 130;

function frame(kind: number, body: Uint8Array): Uint8Array {
  const bytes = Buffer.alloc(9 + body.length);
  bytes.writeUInt32BE(5 + body.length, 0);
  bytes.writeUInt32BE(1, 4);
  bytes[8] = kind;
  bytes.set(body, 9);
  return bytes;
}

/** The kind of the first answer after the hello. */
async function answerTo(socket: string, bytes: Uint8Array): Promise<number> {
  const client = dial(socket);
  client.write(bytes);
  let heard = Buffer.alloc(0);
  for await (const chunk of client) {
    heard = Buffer.concat([heard, chunk as Buffer]);
    const hello = heard.readUInt32BE(0) + 4;
    if (heard.length >= hello + 9) return heard[hello + 8] as number;
  }
  throw new Error('no answer');
}
