import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { mineBlocks } from '../../src/chain/devnet.ts';
import { run } from '../../src/cli.ts';
import { openScratch, type Scratch } from '../../src/database/scratch.ts';
import { compare, multiply, rational } from '../../src/payments/rational.ts';
import { balanceSession, loadBalance } from '../../src/payments/store.ts';
import { claimWinners, insertWinners } from '../../src/payments/winners-store.ts';
import type { PriceView } from '../../src/programs/prices/views.ts';
import { Capability, DEFAULT_BITS } from '../../src/protocol/capabilities.ts';
import {
  type OrchestratorInfo,
  OrchestratorInfoSchema,
  OrchestratorRequestSchema,
} from '../../src/protocol/gen/lp_rpc_pb.ts';
import {
  checksumAddress,
  orchestratorRequestMessage,
  signMessage,
} from '../../src/protocol/signature.ts';
import { redemptions } from '../chain/redeem-kit.ts';
import { eventually } from '../eventually.ts';
import { stampedSource } from '../fixtures/renditions.ts';
import { type PayingGateway, startPayingGateway } from '../paying-gateway.ts';
import { startChainPool, startTestChain, type TestChain } from '../start-chain-pool.ts';
import type { Cleanup, TestPool } from '../start-pool.ts';
import { joinStock } from '../start-pool-with-worker.ts';
import { framed } from '../stock-transcoder.ts';

// One chain, one database and one funded gateway; each test has a pool with terms of its own.
const cleanups: (() => void | Promise<void>)[] = [];
const whole = { after: (run: () => void | Promise<void>) => void cleanups.push(run) };
after(async () => {
  for (const run of cleanups.toReversed()) await run();
});
let chain: TestChain;
let scratch: Scratch;

before(async () => {
  chain = await startTestChain(whole, { roundLength: 400 });
  scratch = await openScratch();
  whole.after(async () => scratch[Symbol.asyncDispose]());
  const { url, addresses } = chain.devnet;
  const key = chain.key('gateway');
  const funding = startPayingGateway(whole, { port: 1, key, chain: { url, addresses } });
  await funding.fund({ deposit: 50n * 10n ** 18n, reserve: 50n * 10n ** 18n });
});

function startPool(t: Cleanup, flags: readonly string[] = []): Promise<TestPool> {
  const shared = [`--database-url=${scratch.database.url}`, '--reward=off', ...flags];
  return startChainPool(t, chain, shared);
}

/** The gateway with the money, towards a pool that has seen it. */
async function gatewayOf(t: Cleanup, pool: TestPool): Promise<PayingGateway> {
  const gateway = startPayingGateway(t, { port: pool.port, key: chain.key('gateway') });
  await eventually('the pool saw the chain', async () => (await gateway.getOrchestrator()).ok);
  return gateway;
}

const everybody = { weiPerUnit: '2500', settings: '1000wei', setAt: undefined };

let joined = 0;
/** A worker that is nobody's in the database yet. */
async function join(t: Cleanup, pool: TestPool, options: Parameters<typeof joinStock>[2] = {}) {
  joined += 1;
  const enrolment = await pool.enrol(`of-pool-${joined}`);
  return joinStock(t, pool, { enrolment, ...options });
}

function balanceOf(gateway: PayingGateway, info: OrchestratorInfo) {
  const session = balanceSession(info.authToken?.sessionId ?? '');
  return loadBalance(scratch.database, { sender: gateway.address, session });
}

test('a session keeps its price over a restart that doubles prices; a new one pays the new', async (t) => {
  const before = await startPool(t, ['--price=1000wei']);
  const first = await join(t, before);
  const gateway = await gatewayOf(t, before);
  const info = await gateway.session();
  const paid = await gateway.submit(info, await stampedSource(), { tickets: 1 });
  assert.equal(paid.status, 200, paid.text);
  first.transcoder.kill();
  await before.stop();

  const later = await startPool(t, ['--price=2000wei']);
  await join(t, later);
  const again = await gatewayOf(t, later);
  // The parameters that came with the last reply before the restart still pay.
  const next = paid.result?.info as OrchestratorInfo;
  const goesOn = await again.submit(next, await stampedSource(), { tickets: 1 });
  assert.equal(goesOn.status, 200, goesOn.text);
  assert.equal(goesOn.result?.info?.priceInfo?.pricePerUnit, 1010n);
  const stored = await balanceOf(again, info);
  assert.ok(stored && compare(stored.credited, multiply(again.ticketEv(info), rational(2n))) === 0);
  assert.equal((await again.session()).priceInfo?.pricePerUnit, 2020n);
});

test('a price that is set while the pool runs holds for new sessions, on all nodes and after a restart', async (t) => {
  const flags = ['--price=1000wei', `--price-per-gateway=${own}`, '--no-auto-adjust-price'];
  const [pool, beside] = [await startPool(t, flags), await startPool(t, flags)];
  await join(t, pool);
  await join(t, beside);
  const gateway = await gatewayOf(t, pool);
  const info = await gateway.session();
  const paid = await gateway.submit(info, await stampedSource(), { tickets: 1 });
  assert.equal(paid.status, 200, paid.text);

  const [shown, ...others] = await typed(pool, 'set', '2500wei');
  assert.deepEqual({ ...shown, setAt: undefined }, { ...everybody, price: '2500wei' });
  assert.match(shown?.setAt ?? '', /^\d{4}-/);
  assert.equal(others.length, 1, 'the price of the settings for one gateway and capability');
  // What runs goes on at its price, new sessions begin at the new one; here and on the other node.
  const goesOn = await gateway.submit(paid.result?.info ?? info, await stampedSource());
  assert.equal(goesOn.result?.info?.priceInfo?.pricePerUnit, 1000n);
  assert.equal((await gateway.session()).priceInfo?.pricePerUnit, 2500n);
  const other = await gatewayOf(t, beside);
  await eventually(
    'the other node asks it, too',
    async () => (await other.session()).priceInfo?.pricePerUnit === 2500n,
  );

  const id = checksumAddress(gateway.address);
  const special = ['--gateway', id, '--pipeline', 'text-to-image', '--model', 'a/b'];
  assert.equal(await askedFor(gateway, 'a/b'), 40n, 'of the settings');
  await typed(pool, 'set', '77wei', ...special);
  assert.equal(await askedFor(gateway, 'a/b'), 77n);
  await typed(pool, 'set', '3000wei', '--gateway', id);
  assert.equal((await gateway.session()).priceInfo?.pricePerUnit, 3000n);

  await pool.restart();
  await join(t, pool);
  const again = await gatewayOf(t, pool);
  assert.equal((await again.session()).priceInfo?.pricePerUnit, 3000n);
  assert.equal(await askedFor(again, 'a/b'), 77n);
  const list = await typed(pool, 'show');
  assert.deepEqual(
    list.map(({ gateway: of, pipeline, price, settings }) => [of, pipeline, price, settings]),
    [
      [undefined, undefined, '2500wei', '1000wei'],
      [id, undefined, '3000wei', undefined],
      [id, 'text-to-image', '77wei', '40wei'],
    ],
  );
  await typed(pool, 'reset', ...special);
  await typed(pool, 'reset', '--gateway', id);
  await typed(pool, 'reset');
  assert.equal(await askedFor(again, 'a/b'), 40n);
  assert.equal((await again.session()).priceInfo?.pricePerUnit, 1000n);
});

test('a price that cannot be asked is refused, and what is asked stays', async (t) => {
  const pool = await startPool(t);
  const refusals: readonly (readonly [readonly string[], RegExp])[] = [
    [['set', '5USD'], /\(price_feed_failed\)/],
    [['set', 'cheap'], /\(setting_invalid\)/],
    [['set', '5wei', '--gateway', '0x12'], /gateway must be an address/],
    [['set', '5wei', '--pipeline', 'none'], /no such pipeline/],
    [['set', '5wei', '--model', 'm'], /--model needs --pipeline/],
    [['reset'], /\(price_not_set\)/],
  ];
  for (const [args, text] of refusals) {
    const { code, err } = await type(pool, ...args);
    assert.notEqual(code, 0, args.join(' '));
    assert.match(err, text, args.join(' '));
  }
  const { out } = await type(pool, 'show');
  assert.match(out, /every gateway +video +1000wei +settings/);
});

/** For one gateway and capability, in the settings. */
const own = JSON.stringify({
  gateways: [
    {
      ethaddress: '0x9965507D1a55bcC2695C58ba16FB37d819B0A4dc',
      pipeline: 'text-to-image',
      model_id: 'a/b',
      priceperunit: 40,
    },
  ],
});

/** `tributary prices …` as its operator types it. */
async function type(pool: TestPool, ...args: readonly string[]) {
  const said = { out: '', err: '' };
  const stream = (name: keyof typeof said) => ({
    write(text: string) {
      said[name] += text;
      return true;
    },
  });
  const code = await run(['prices', ...args, '--data-dir', pool.dataDir], {
    ...{ stdout: stream('out'), stderr: stream('err') },
    ...{ env: {}, isTty: false, columns: 80 },
  });
  return { code, ...said };
}

async function typed(pool: TestPool, ...args: readonly string[]): Promise<readonly PriceView[]> {
  const { code, out, err } = await type(pool, ...args, '--json');
  assert.equal(code, 0, err);
  return JSON.parse(out);
}

/** What a gateway is asked for one model of text-to-image. */
async function askedFor(gateway: PayingGateway, model: string): Promise<bigint | undefined> {
  const request = create(OrchestratorRequestSchema, {
    address: gateway.address,
    sig: signMessage(chain.key('gateway'), orchestratorRequestMessage(gateway.address)),
    capabilities: {
      bitstring: [DEFAULT_BITS],
      constraints: { PerCapability: { [Capability.TextToImage]: { models: { [model]: {} } } } },
    },
  });
  const { body } = await gateway.raw(
    {
      ':path': '/net.Orchestrator/GetOrchestrator',
      'content-type': 'application/grpc',
      te: 'trailers',
    },
    framed(toBinary(OrchestratorRequestSchema, request)),
  );
  return fromBinary(OrchestratorInfoSchema, body.subarray(5)).priceInfo?.pricePerUnit;
}

test('work that fails costs nothing', async (t) => {
  const pool = await startPool(t);
  await join(t, pool, {
    answer: async () => ({ kind: 'error', text: 'TranscoderInvalidVideo' }),
  });
  const gateway = await gatewayOf(t, pool);
  const info = await gateway.session();
  const failed = await gateway.submit(info, await stampedSource(), { tickets: 2 });
  assert.equal(failed.status, 200, failed.text);
  assert.equal(failed.result?.result.kind, 'failed');
  const stored = await balanceOf(gateway, info);
  assert.ok(stored && stored.debited.numerator === 0n);
  assert.ok(compare(stored.credited, multiply(gateway.ticketEv(info), rational(2n))) === 0);
});

test('a body that is not what its header says costs nothing and holds nothing', async (t) => {
  const pool = await startPool(t, ['--max-unpaid=0']);
  await join(t, pool);
  const gateway = await gatewayOf(t, pool);
  const info = await gateway.session();
  const hash = new Uint8Array(32).fill(7);
  const refused = await gateway.submit(info, await stampedSource(), {
    tickets: 2,
    segment: { hash },
  });
  assert.deepEqual([refused.status, refused.text], [403, 'Forbidden']);
  // The credit is there for the next try, all of it.
  const retried = await gateway.submit(info, await stampedSource(), { tickets: 0 });
  assert.equal(retried.status, 200, retried.text);
});

test('what a gateway would owe is capped: beyond it the pool is busy for it', async (t) => {
  const pool = await startPool(t, ['--max-unpaid=0', '--price=100000wei']);
  await join(t, pool);
  const gateway = await gatewayOf(t, pool);
  const info = await gateway.session();
  const busy = await gateway.submit(info, await stampedSource(), { tickets: 1 });
  assert.deepEqual([busy.status, busy.text], [503, 'OrchestratorBusy']);
  const enough = await gateway.submit(info, await stampedSource(), { tickets: 90 });
  assert.equal(enough.status, 200, enough.text);
});

test('no work on a balance below zero', async (t) => {
  const pool = await startPool(t, ['--price=100000wei']);
  await join(t, pool);
  const gateway = await gatewayOf(t, pool);
  const info = await gateway.session();
  const onCredit = await gateway.submit(info, await stampedSource(), { tickets: 1 });
  assert.equal(onCredit.status, 200, onCredit.text);
  const refused = await gateway.submit(info, await stampedSource(), { tickets: 0 });
  assert.deepEqual([refused.status, refused.text], [400, 'Insufficient balance']);
});

test('a pool that leaves redeeming to another program knows what is under way', async (t) => {
  const pool = await startPool(t, ['--redeemer=off']);
  await join(t, pool);
  const poor = startPayingGateway(t, {
    port: pool.port,
    key: chain.key('gateway2'),
    chain: { url: chain.devnet.url, addresses: chain.devnet.addresses },
  });
  const reserve = 10n ** 16n;
  await poor.fund({ deposit: 1n, reserve });
  await eventually('the pool saw the money', async () => (await poor.getOrchestrator()).ok);
  const faceValue = async () => {
    const { faceValue: bytes } = (await poor.session()).ticketParams ?? {};
    return BigInt(`0x${Buffer.from(bytes ?? []).toString('hex')}`);
  };
  const full = await faceValue();
  assert.equal(full, reserve, 'the pool of the chain is ours alone, and so is the reserve');

  // What the program that redeems has claimed; the pool looks with each block.
  const { database } = scratch;
  const winner = await redemptions(chain).winner({ from: 'gateway2', faceValue: 10n ** 15n });
  await database.transact((tx) => insertWinners(tx, [winner]));
  await database.transact((tx) => claimWinners(tx, [winner.id], new Uint8Array(20)));
  await mineBlocks(chain.reader, 1);
  await eventually('less is promised', async () => (await faceValue()) === full - 10n ** 15n);
});

test('no transaction pays more for gas than --max-gas-price', async (t) => {
  const gwei = 10n ** 9n;
  const baseFee = async (fee: bigint) => {
    const params = [`0x${fee.toString(16)}`];
    await chain.reader.request({ method: 'anvil_setNextBlockBaseFeePerGas', params } as never);
    await mineBlocks(chain.reader, 1);
  };
  t.after(() => baseFee(gwei));
  const pool = await startPool(t, ['--max-gas-price=3']);
  const address = chain.of('orchestrator');
  const sent = () => chain.reader.getTransactionCount({ address });
  const before = await sent();
  await baseFee(5n * gwei);
  await pool.admin('POST', '/api/v1/chain/submit', { do: 'reward' });
  for (let blocks = 0; blocks < 3; blocks += 1) {
    await baseFee(5n * gwei);
    const { openTransactions } = await pool.admin<{ openTransactions: number }>(
      ...(['GET', '/api/v1/chain/status'] as const),
    );
    assert.equal(openTransactions, 1);
    assert.equal(await sent(), before);
  }
  await baseFee(gwei);
  await eventually('it is sent', async () => (await sent()) === before + 1);
  const isOurs = ({ from }: { from: string }) => from.toLowerCase() === address.toLowerCase();
  // A count may be told before the block in which it grew, and another block may come behind that.
  const rewards = async () => {
    const head = await chain.reader.getBlockNumber();
    const blocks = await Promise.all(
      [0n, 1n, 2n, 3n].map((back) =>
        chain.reader.getBlock({ blockNumber: head - back, includeTransactions: true }),
      ),
    );
    return blocks.flatMap(({ transactions }) => transactions).filter(isOurs);
  };
  await eventually('it is in a block', async () => (await rewards()).length > 0);
  const [reward] = await rewards();
  assert.ok(reward?.maxFeePerGas !== undefined && reward.maxFeePerGas <= 3n * gwei);
});

test('the webhook of discovery lets in, keeps out and sets prices', async (t) => {
  const answers = new Map<string, { status: number; body: string }>();
  const asked: string[] = [];
  const server = createServer((request, response) => {
    request.setEncoding('utf8');
    let body = '';
    request.on('data', (piece: string) => {
      body += piece;
    });
    request.on('end', () => {
      const { id } = JSON.parse(body) as { id: string };
      asked.push(id);
      const answer = answers.get(id) ?? { status: 403, body: 'not on the list' };
      response.writeHead(answer.status).end(answer.body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => void server.close());
  const { port } = server.address() as AddressInfo;

  const pool = await startPool(t, [`--auth-webhook-url=http://127.0.0.1:${port}/ask`]);
  await join(t, pool);
  const gateway = startPayingGateway(t, { port: pool.port, key: chain.key('gateway') });
  const id = checksumAddress(gateway.address);
  assert.deepEqual(await gateway.getOrchestrator(), {
    ok: false,
    code: 2,
    text: 'authentication failed: not on the list',
  });
  assert.deepEqual(asked, [id]);

  answers.set(id, { status: 200, body: '{"priceInfo":{"pricePerUnit":77,"pixelsPerUnit":2}}' });
  await eventually('it is let in', async () => (await gateway.getOrchestrator()).ok);
  const info = await gateway.session();
  assert.deepEqual([info.priceInfo?.pricePerUnit, info.priceInfo?.pixelsPerUnit], [77n, 2n]);
  const paid = await gateway.submit(info, await stampedSource(), { tickets: 1 });
  assert.equal(paid.status, 200, paid.text);
  const stored = await balanceOf(gateway, info);
  assert.ok(stored?.fixedPrice && compare(stored.fixedPrice, rational(77n, 2n)) === 0);
});

test('a webhook that is away or talks nonsense keeps everybody out', async (t) => {
  const server = createServer((_, response) => response.end('nonsense'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const pool = await startPool(t, [`--auth-webhook-url=http://127.0.0.1:${port}/ask`]);
  await join(t, pool);
  const gateway = startPayingGateway(t, { port: pool.port, key: chain.key('gateway') });
  const text = async () => {
    const reply = await gateway.getOrchestrator();
    return reply.ok ? 'let in' : reply.text;
  };
  assert.equal(await text(), 'authentication failed: the answer has no valid price');
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  assert.equal(await text(), 'authentication failed: the authentication service does not answer');
});
