import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { fromBinary } from '@bufbuild/protobuf';
import { keccak256 } from '../../src/base/keccak.ts';
import { mineBlocks } from '../../src/chain/devnet.ts';
import { openScratch, type Scratch } from '../../src/database/scratch.ts';
import { compare, multiply, type Rational, rational } from '../../src/payments/rational.ts';
import { balanceSession, loadBalance } from '../../src/payments/store.ts';
import { type OrchestratorInfo, OrchestratorInfoSchema } from '../../src/protocol/gen/lp_rpc_pb.ts';
import type { Payment } from '../../src/protocol/payment.ts';
import { checksumAddress } from '../../src/protocol/signature.ts';
import { resultSignedBy } from '../../src/protocol/transcode-result.ts';
import { eventually } from '../eventually.ts';
import { stampedSource } from '../fixtures/renditions.ts';
import { type PayingGateway, startPayingGateway } from '../paying-gateway.ts';
import {
  startChainPool,
  startFundedGateway,
  startTestChain,
  type TestChain,
} from '../start-chain-pool.ts';
import type { TestPool } from '../start-pool.ts';
import { joinStock } from '../start-pool-with-worker.ts';

// One chain, one database and one pool with a worker for all tests; each has sessions of its own.
const cleanups: (() => void | Promise<void>)[] = [];
const whole = { after: (run: () => void | Promise<void>) => void cleanups.push(run) };
after(async () => {
  for (const run of cleanups.toReversed()) await run();
});
let chain: TestChain;
let scratch: Scratch;
let pool: TestPool;
let gateway: PayingGateway;
let source: Buffer;
let info: OrchestratorInfo;

before(async () => {
  chain = await startTestChain(whole, { roundLength: 400 });
  scratch = await openScratch();
  whole.after(async () => scratch[Symbol.asyncDispose]());
  pool = await startNode();
  await joinStock(whole, pool);
  gateway = await startFundedGateway(whole, chain, pool);
});
beforeEach(async () => {
  source = await stampedSource();
  info = await gateway.session();
});

function startNode(flags: readonly string[] = []): Promise<TestPool> {
  const shared = [`--database-url=${scratch.database.url}`, '--reward=off', ...flags];
  return startChainPool(whole, chain, shared);
}

function balanceOf(session: OrchestratorInfo | string, of = gateway) {
  const id = typeof session === 'string' ? session : (session.authToken?.sessionId ?? '');
  return loadBalance(scratch.database, { sender: of.address, session: balanceSession(id) });
}

/** Wei that so many tickets are worth. */
const worth = (tickets: number): Rational =>
  multiply(gateway.ticketEv(info), rational(BigInt(tickets)));

function assertSame(actual: Rational | undefined, wanted: Rational): void {
  assert.ok(actual && compare(actual, wanted) === 0, `${actual?.numerator}/${actual?.denominator}`);
}

test('a segment is paid for: the tickets are credited, the counted pixels debited, to the last wei', async () => {
  const reply = await gateway.submit(info, source, { tickets: 2 });
  assert.equal(reply.status, 200, reply.text);
  const result = reply.result?.result;
  assert.ok(result?.kind === 'done');
  assert.ok(compare(rational(info.priceInfo?.pricePerUnit ?? 0n), rational(1010n)) === 0);

  const stored = await balanceOf(info);
  assertSame(stored?.credited, worth(2));
  const pixels = result.renditions.reduce((sum, each) => sum + each.pixels, 0n);
  assert.ok(pixels > 0n);
  assertSame(stored?.debited, rational(pixels * 1010n));
  assertSame(stored?.fixedPrice, rational(1010n));
});

test('the result is signed by the account that the discovery answer names', async () => {
  const reply = await gateway.submit(info, source, { tickets: 2 });
  const result = reply.result?.result;
  assert.ok(result?.kind === 'done');
  const hashes = await Promise.all(
    result.renditions.map(async ({ url }) => keccak256((await gateway.download(url)).body)),
  );
  assert.ok(resultSignedBy(info.address, hashes, result.sig));
  assert.equal(checksumAddress(info.address), chain.of('orchestrator'));
});

test('the reply carries parameters that pay the next segment, at the price of the first', async () => {
  const first = await gateway.submit(info, source, { tickets: 1 });
  assert.equal(first.status, 200, first.text);
  const next = first.result?.info;
  assert.ok(next?.ticketParams && next.authToken);
  assert.deepEqual(next.authToken, info.authToken);
  assert.notDeepEqual(next.ticketParams.seed, info.ticketParams?.seed);
  const second = await gateway.submit(next, await stampedSource(), { tickets: 1 });
  assert.equal(second.status, 200, second.text);
  const stored = await balanceOf(info);
  assertSame(stored?.credited, worth(2));
});

test('a payment without tickets is enough while credit remains, and says nothing about the price', async () => {
  assert.equal((await gateway.submit(info, source, { tickets: 20 })).status, 200);
  const free = (payment: Payment): Payment => ({
    ...payment,
    expectedPrice: { pricePerUnit: 0n, pixelsPerUnit: 1n },
  });
  const reply = await gateway.submit(info, await stampedSource(), { tickets: 0, mutate: free });
  assert.equal(reply.status, 200, reply.text);
  const stored = await balanceOf(info);
  assertSame(stored?.debited, rational(2n * pixelsOf(reply) * 1010n));
});

test('without credit there is no work', async () => {
  const refused = await gateway.submit(info, source, { tickets: 0 });
  assert.deepEqual([refused.status, refused.text], [400, 'Insufficient balance']);
});

/** What changes about a payment of one ticket, and what the gateway then reads. */
type Change = readonly [what: string, change: (payment: Payment) => Payment | string, text: RegExp];

const other = (bytes: Uint8Array | undefined) =>
  Uint8Array.from(bytes ?? [], (byte, at) => (at === 0 ? byte ^ 1 : byte));
const params =
  (change: (before: NonNullable<Payment['ticketParams']>) => object) =>
  (payment: Payment): Payment => ({
    ...payment,
    ticketParams: payment.ticketParams && {
      ...payment.ticketParams,
      ...change(payment.ticketParams),
    },
  });
const RAND = /^invalid recipientRand for ticket recipientRandHash$/;
const changes: readonly Change[] = [
  ['face value', params(({ faceValue }) => ({ faceValue: other(faceValue) })), RAND],
  ['win probability', params(({ winProb }) => ({ winProb: other(winProb) })), RAND],
  ['rand hash', params((p) => ({ recipientRandHash: other(p.recipientRandHash) })), RAND],
  ['seed', params(({ seed }) => ({ seed: other(seed) })), RAND],
  [
    'expiry',
    params((p) => ({ expirationBlock: Buffer.concat([p.expirationBlock, Buffer.of(0)]) })),
    RAND,
  ],
  [
    'recipient',
    params(({ recipient }) => ({ recipient: other(recipient) })),
    /^orchestrator 0x[0-9a-fA-F]{40} is inactive in round \d+, cannot process payments$/,
  ],
  [
    'creation round',
    ({ expiration, ...payment }) => ({
      ...payment,
      expiration: expiration && { ...expiration, creationRound: expiration.creationRound - 1n },
    }),
    RAND,
  ],
  [
    'block hash',
    ({ expiration, ...payment }) => ({
      ...payment,
      expiration: expiration && {
        ...expiration,
        creationRoundBlockHash: other(expiration.creationRoundBlockHash),
      },
    }),
    RAND,
  ],
  ['expiration parameters left out', (payment) => ({ ...payment, expiration: undefined }), RAND],
  [
    'price',
    (payment) => ({ ...payment, expectedPrice: { pricePerUnit: 2020n, pixelsPerUnit: 1n } }),
    RAND,
  ],
  [
    'price per no pixels',
    (payment) => ({ ...payment, expectedPrice: { pricePerUnit: 1010n, pixelsPerUnit: 0n } }),
    /^invalid expected price sent with payment err="pixels per unit is 0"$/,
  ],
  [
    'no price',
    (payment) => ({ ...payment, expectedPrice: undefined }),
    /^invalid expected price sent with payment err="expected price is nil"$/,
  ],
  [
    'nonce',
    (payment) => ({ ...payment, tickets: payment.tickets.map(({ sig }) => ({ nonce: 77, sig })) }),
    /^invalid ticket signature$/,
  ],
  [
    'signature',
    (payment) => ({
      ...payment,
      tickets: payment.tickets.map(({ nonce, sig }) => ({ nonce, sig: other(sig) })),
    }),
    /^invalid ticket signature$/,
  ],
];
for (const [what, mutate, text] of changes) {
  test(`a ticket with another ${what} is refused and worth nothing`, async () => {
    const refused = await gateway.submit(info, source, { tickets: 1, mutate });
    assert.equal(refused.status, 400);
    assert.match(refused.text, text);
    assert.equal(await balanceOf(info), undefined);
  });
}

test('the same price in other terms is the same price', async () => {
  const mutate = (payment: Payment): Payment => ({
    ...payment,
    expectedPrice: { pricePerUnit: 20_200n, pixelsPerUnit: 20n },
  });
  const reply = await gateway.submit(info, source, { tickets: 1, mutate });
  assert.equal(reply.status, 200, reply.text);
});

test('tickets of one gateway are worth nothing in the name of another', async () => {
  const mutate = (payment: Payment): Payment => ({ ...payment, sender: other(payment.sender) });
  const refused = await gateway.submit(info, source, { tickets: 1, mutate });
  assert.deepEqual([refused.status, refused.text], [403, 'ErrSegSig']);
});

test('what is no payment at all is refused with 402 before anything else', async () => {
  const broken = async (header: string) => gateway.submit(info, source, { mutate: () => header });
  const base64 = await broken('%%%');
  assert.equal(base64.status, 402);
  assert.match(base64.text, /^base64 decode error: /);
  const protobuf = await broken(Buffer.from([0xff, 0xff, 0xff]).toString('base64'));
  assert.equal(protobuf.status, 402);
  assert.match(protobuf.text, /^protobuf unmarshal error: /);
  const none = await broken('');
  assert.deepEqual([none.status, none.text], [403, 'ErrSegSig']);
});

test('of a hundred tickets with a bad one those before it count, and none after it', async () => {
  const mutate = (payment: Payment): Payment => ({
    ...payment,
    tickets: payment.tickets.map(({ nonce, sig }, at) => ({
      nonce,
      sig: at === 40 ? other(sig) : sig,
    })),
  });
  const refused = await gateway.submit(info, source, { tickets: 100, mutate });
  assert.deepEqual([refused.status, refused.text], [400, 'invalid ticket signature']);
  assertSame((await balanceOf(info))?.credited, worth(40));
});

test('the 601st ticket of the same parameters is refused', async () => {
  assert.equal((await gateway.pay(info, { tickets: 600 })).status, 200);
  const refused = await gateway.pay(info, { tickets: 1 });
  assert.equal(refused.status, 400);
  assert.match(
    refused.text,
    /^invalid ticket senderNonce: too many values sender=0x\S+ nonce=601$/,
  );
});

test('a ticket counts once: not again here, on another node, or after a restart', async () => {
  const nonces = [1, 2, 3];
  const seen = /^invalid ticket senderNonce: already seen sender=0x\S+ nonce=3$/;
  assert.equal((await gateway.submit(info, source, { nonces })).status, 200);
  const again = await gateway.submit(info, source, { nonces });
  assert.equal(again.status, 400);
  assert.match(again.text, seen);

  const node = await startNode();
  const enrolment = await node.enrol('beside');
  await joinStock(whole, node, { enrolment });
  const beside = startPayingGateway(whole, { port: node.port, key: chain.key('gateway') });
  const elsewhere = await beside.submit(info, source, { nonces });
  assert.equal(elsewhere.status, 400);
  assert.match(elsewhere.text, seen);

  await node.restart();
  await joinStock(whole, node, { enrolment });
  const later = await beside.submit(info, source, { nonces });
  assert.equal(later.status, 400);
  assert.match(later.text, seen);
  assertSame((await balanceOf(info))?.credited, worth(3));
  // And what was not seen before the restart is worth as much after it.
  assert.equal((await beside.submit(info, source, { nonces: [4] })).status, 200);
  assertSame((await balanceOf(info))?.credited, worth(4));
  await node.stop();
});

test('a payment without work counts for the manifest that it names', async () => {
  const manifestId = Buffer.from(`manifest-${info.authToken?.sessionId}`);
  const paid = await gateway.pay(info, { tickets: 5, segment: { manifestId } });
  assert.equal(paid.status, 200, paid.text);
  assert.deepEqual(paid.info?.authToken, info.authToken);
  assert.notDeepEqual(paid.info?.ticketParams?.seed, info.ticketParams?.seed);
  assertSame((await balanceOf(manifestId.toString()))?.credited, worth(5));
  assert.equal(await balanceOf(info), undefined);
});

test('parameters are refreshed at the price that a session keeps, and for no other session', async () => {
  const refresh = async (body: string) => {
    const reply = await gateway.raw({ ':path': '/refresh-payment' }, Buffer.from(body));
    return { status: reply.status, json: JSON.parse(reply.body.toString()) };
  };
  const sender = checksumAddress(gateway.address);
  const id = info.authToken?.sessionId;
  const ask = (manifest: string | undefined) =>
    refresh(JSON.stringify({ sender, manifest_id: manifest }));
  const early = await ask(id);
  assert.deepEqual(early, {
    status: 409,
    json: { error: { message: 'fixed price not found for session' } },
  });
  assert.equal((await gateway.submit(info, source, { tickets: 1 })).status, 200);
  const { status, json } = await ask(id);
  assert.equal(status, 200);
  assert.deepEqual(
    [json.orchestrator, json.manifest_id, json.payment_url],
    [pool.serviceUri, id, `${pool.serviceUri}/payment`],
  );
  const fresh = fromBinary(OrchestratorInfoSchema, Buffer.from(json.payment_params, 'base64'));
  assert.equal(fresh.priceInfo?.pricePerUnit, 1010n);
  const paid = await gateway.submit(fresh, await stampedSource(), { tickets: 1 });
  assert.equal(paid.status, 200, paid.text);

  const bad = async (body: string) => (await refresh(body)).json.error.message;
  assert.equal((await refresh('{')).status, 400);
  assert.equal(await bad('{"sender":"0x12","manifest_id":"m"}'), 'invalid sender');
  assert.equal(await bad(JSON.stringify({ sender, manifest_id: ' ' })), 'missing manifest_id');
});

test('expired tickets are refused, and used up', async () => {
  await mineBlocks(chain.reader, 41);
  await eventually('the pool saw the blocks', async () => {
    const fresh = (await gateway.session()).ticketParams?.expirationBlock ?? new Uint8Array(0);
    return Buffer.from(fresh).readUIntBE(0, fresh.length) >= expiry(info) + 40;
  });
  for (const text of [/^TicketParams expired$/, /already seen/]) {
    const refused = await gateway.submit(info, source, { nonces: [1] });
    assert.equal(refused.status, 400);
    assert.match(refused.text, text);
  }
  assert.equal(await balanceOf(info), undefined);
});

test('a gateway without money is offered nothing', async (t) => {
  const poor = startPayingGateway(t, { port: pool.port, key: chain.key('delegator') });
  const reply = await poor.getOrchestrator();
  assert.deepEqual(reply, { ok: false, code: 2, text: 'insufficient sender reserve' });
});

test('a gateway that is about to take its money back is refused', async (t) => {
  const leaving = await startFundedGateway(t, chain, pool, 'gateway2');
  const session = await leaving.session();
  await leaving.unlock();
  const text = `deposit and reserve for sender ${checksumAddress(leaving.address)} is set to unlock soon`;
  // The unlock period is two rounds, so that the next round is soon enough.
  await chain.nextRound();
  await eventually('the pool saw the unlock and the round', async () => {
    const refused = await leaving.submit(session, await stampedSource(), { tickets: 1 });
    assert.equal(refused.status, 400);
    return refused.text === text;
  });
});

function expiry({ ticketParams }: OrchestratorInfo): number {
  const block = Buffer.from(ticketParams?.expirationBlock ?? []);
  return block.readUIntBE(0, block.length);
}

function pixelsOf({ result }: { result?: { result: { kind: string } } }): bigint {
  const done = result?.result as { renditions?: readonly { pixels: bigint }[] } | undefined;
  return (done?.renditions ?? []).reduce((sum, { pixels }) => sum + pixels, 0n);
}
