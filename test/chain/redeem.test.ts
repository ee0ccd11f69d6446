import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import sql from 'sql-template-tag';
import { FakeClock, systemClock } from '../../src/base/clock.ts';
import { quiet } from '../../src/base/log.ts';
import { mineBlocks } from '../../src/chain/devnet.ts';
import type { Providers } from '../../src/chain/providers.ts';
import type { TransactionSigner } from '../../src/chain/transactions-sign.ts';
import { type Database, openDatabase } from '../../src/database/database.ts';
import { openScratch } from '../../src/database/scratch.ts';
import { followPending } from '../../src/duties/redeem-pending.ts';
import { eventually } from '../eventually.ts';
import { LPT, type Protocol, startProtocol } from './protocol.ts';
import { FACE, redemptions } from './redeem-kit.ts';

const ETH = 10n ** 18n;
const scratch = await openScratch();
const { database } = scratch;
let protocol: Protocol;
let kit: ReturnType<typeof redemptions>;

before(async () => {
  protocol = await startProtocol({ roundLength: 200 });
  kit = redemptions(protocol);
  await protocol.bond('orchestrator', 'orchestrator', 1_000n * LPT);
  await protocol.nextRound();
  for (const gateway of ['gateway', 'gateway2'] as const) await fund(gateway, 100n * ETH, ETH);
});
after(async () => {
  await protocol?.devnet.stop();
  await scratch[Symbol.asyncDispose]();
});
beforeEach(() => setBaseFee(10n ** 9n));

test('a winning ticket becomes money on chain, to the wei', async () => {
  await using node = await kit.startNode({ database });
  const [deposit, fees] = [await kit.deposit(), await kit.fees()];
  const winner = await kit.winner({ faceValue: FACE + 7n });
  await kit.store(database, winner);
  await node.redeeming.run();
  await settled(winner.id);

  assert.equal(await kit.isUsed(winner.id), true);
  assert.equal(deposit - (await kit.deposit()), FACE + 7n);
  assert.equal((await kit.fees()) - fees, FACE + 7n);
  assert.deepEqual(await stateOf(winner.id), ['redeemed', FACE + 7n, 1, null]);
  const { redeemed, redeemedWei, won, queued } = node.redeeming.status();
  assert.deepEqual([won, queued, redeemed, redeemedWei], [1n, 0n, 1n, FACE + 7n]);
  assert.ok((await node.transactions.gasSpent()) > 0n);
  const text = await node.metrics.text();
  assert.match(text, /tributary_duties_tickets_ended_total\{how="redeemed"\} 1/);
});

test('many tickets share transactions, and each is paid what it is worth', async () => {
  await using node = await kit.startNode({ database });
  const [deposit, fees] = [await kit.deposit(), await kit.fees()];
  const winners = await Promise.all(
    Array.from({ length: 23 }, (_, at) => kit.winner({ faceValue: FACE + BigInt(at) })),
  );
  const total = 23n * FACE + 253n;
  await kit.store(database, ...winners);
  await node.redeeming.run();
  await settled(...winners.map(({ id }) => id));

  assert.equal(deposit - (await kit.deposit()), total);
  assert.equal((await kit.fees()) - fees, total);
  const paid = await Promise.all(winners.map(async ({ id }) => (await stateOf(id))[1]));
  assert.deepEqual(
    paid,
    winners.map(({ ticket }) => ticket.faceValue),
  );
  const { rows } = await database.query<{ count: bigint }>(sql`
    select count(distinct transaction) as count from winning_ticket
    where hash = any(${winners.map(({ id }) => Buffer.from(id, 'hex'))}::bytea[])`);
  assert.ok((rows[0]?.count ?? 0n) <= 3n);
});

test('gas above the ceiling waits, and the ticket is redeemed when gas is cheap again', async () => {
  await using node = await kit.startNode({ database, rules: { gasPriceMax: 3n * 10n ** 9n } });
  await setBaseFee(5n * 10n ** 9n);
  await seenByWatch(node);
  const winner = await kit.winner({ faceValue: 10n * FACE });
  await kit.store(database, winner);
  await node.redeeming.run();
  assert.deepEqual(await stateOf(winner.id), ['queued', null, 0, null]);
  assert.match(await node.metrics.text(), /waiting\{reason="gas_above_ceiling"\} 1/);

  await setBaseFee(10n ** 9n);
  await settled(winner.id);
  assert.equal((await stateOf(winner.id))[0], 'redeemed');
});

test('a ticket whose parameters are still offered keeps its number to itself', async () => {
  await using node = await kit.startNode({ database });
  const height = await protocol.reader.getBlockNumber();
  const winner = await kit.winner({ expirationBlock: height + 5n });
  await kit.store(database, winner);
  await seenByWatch(node);
  await node.redeeming.run();
  assert.deepEqual(await stateOf(winner.id), ['queued', null, 0, null]);
  await mineBlocks(protocol.reader, 5);
  await settled(winner.id);
  assert.equal((await stateOf(winner.id))[0], 'redeemed');
});

test('a sender that is short is waited for, and holds up nobody else', async () => {
  await using node = await kit.startNode({ database });
  const [rich, poor] = [await kit.winner(), await kit.winner({ from: 'delegator' })];
  await kit.store(database, poor, rich);
  await node.redeeming.run();
  await settled(rich.id);
  await node.redeeming.run();
  assert.deepEqual(await stateOf(poor.id), ['queued', null, 0, null]);
  assert.equal(await kit.isUsed(poor.id), false);
  await fund('delegator', FACE, 0n);
  await settled(poor.id);
  assert.deepEqual(await stateOf(poor.id), ['redeemed', FACE, 1, null]);
});

test('what no contract takes is written off, each with its reason', async () => {
  const lost = {
    reverted: await kit.winner({ badSignature: true }),
    no_block_hash: await kit.winner({ creationRoundBlockHash: new Uint8Array(32) }),
    worthless: await kit.winner({ faceValue: 0n }),
    already_used: await kit.winner(),
  };
  await kit.redeemBy('delegator2', lost.already_used);
  await mineBlocks(protocol.reader, 1);
  await using node = await kit.startNode({ database, follower: 'late' });
  await kit.store(database, ...Object.values(lost));
  await node.redeeming.run();
  await node.redeeming.run();
  await settled(...Object.values(lost).map(({ id }) => id));
  for (const [reason, { id }] of Object.entries(lost)) {
    assert.deepEqual(await stateOf(id), ['written_off', null, 0, reason]);
  }
  await node.redeeming.run();
  assert.equal(node.redeeming.status().writtenOff.already_used, 1n);
});

test('a ticket that somebody else redeems while we wait counts as redeemed', async () => {
  await using node = await kit.startNode({ database, rules: { gasPriceMax: 1n } });
  const winner = await kit.winner();
  await kit.store(database, winner);
  await node.redeeming.run();
  assert.equal((await stateOf(winner.id))[0], 'queued');
  await kit.redeemBy('delegator2', winner);
  await settled(winner.id);
  assert.deepEqual(await stateOf(winner.id), ['redeemed', FACE, 0, null]);
});

test('two nodes on one database redeem each ticket once', async () => {
  const other = await openDatabase({ url: database.url });
  try {
    await using here = await kit.startNode({ database });
    await using there = await kit.startNode({
      database: other,
      account: 'delegator2',
      follower: 'redeemer',
    });
    const deposit = await kit.deposit();
    const winners = await Promise.all(Array.from({ length: 12 }, () => kit.winner()));
    await kit.store(database, ...winners);
    await Promise.all([here.redeeming.run(), there.redeeming.run()]);
    await settled(...winners.map(({ id }) => id));
    assert.equal(deposit - (await kit.deposit()), 12n * FACE);
    for (const { id } of winners) assert.deepEqual(await stateOf(id), ['redeemed', FACE, 1, null]);
  } finally {
    await other.close();
  }
});

test('a redemption that a reorganisation takes back is brought back, and counts when it is final', async (t) => {
  // What the tests before this one took as final is so for a more careful node, too.
  await mineBlocks(protocol.reader, 6);
  await using node = await kit.startNode({ database, finality: { depth: 5 } });
  const winner = await kit.winner();
  const pending = () => node.redeeming.pendingOf(winner.ticket.sender);
  // What a pool knows that leaves redeeming to this node.
  const beside = followPending({ database, watch: node.watch, clock: systemClock, log: quiet });
  t.after(() => beside.close());
  await kit.store(database, winner);
  await node.redeeming.run();
  await eventually('it is in a block', () => kit.isUsed(winner.id));
  await eventually('it is paid for', () => pending() === 0n);
  assert.equal((await stateOf(winner.id))[0], 'redeeming');

  await ask('evm_setAutomine', false);
  try {
    await ask('anvil_reorg', 2, []);
    assert.equal(await kit.isUsed(winner.id), false);
    await eventually('it is under way again', () => pending() === FACE);
    await eventually('all know it', () => beside.pendingOf(winner.ticket.sender) === FACE);
    assert.equal((await stateOf(winner.id))[0], 'redeeming');
  } finally {
    await ask('evm_setAutomine', true);
  }
  await eventually('it is in a block again', async () => {
    await mineBlocks(protocol.reader, 1);
    return kit.isUsed(winner.id);
  });
  await mineBlocks(protocol.reader, 5);
  await settled(winner.id);
  assert.deepEqual(await stateOf(winner.id), ['redeemed', FACE, 1, null]);
  assert.equal(await kit.timesPaid(winner), 1);
});

test('tickets that a redeemer left behind for good are redeemed by another account', async () => {
  const winners = await Promise.all([kit.winner(), kit.winner()]);
  const refusing: TransactionSigner = {
    signTransaction: async () => ({ ok: false, reason: 'unavailable', text: 'it is gone' }),
  };
  {
    await using gone = await kit.startNode({
      database,
      account: 'rewardCaller',
      wrapSigner: () => refusing,
    });
    await kit.store(database, ...winners);
    await gone.redeeming.run();
  }
  const states = async () => Promise.all(winners.map(async ({ id }) => (await stateOf(id))[0]));
  assert.deepEqual(await states(), ['redeeming', 'redeeming']);
  const clock = new FakeClock();
  await using node = await kit.startNode({ database, clock });
  await node.redeeming.run();
  clock.advance(9 * 60_000);
  await node.redeeming.run();
  assert.deepEqual(await states(), ['redeeming', 'redeeming']);
  clock.advance(60_000);
  await node.redeeming.run();
  await settled(...winners.map(({ id }) => id));
  for (const { id } of winners) assert.deepEqual(await stateOf(id), ['redeemed', FACE, 2, null]);
});

test('what was claimed and could not be sent in time is written off, and not sent any more', async () => {
  await using node = await kit.startNode({
    database,
    account: 'orchestrator2',
    wrapSigner: () => ({
      signTransaction: async () => ({ ok: false, reason: 'unavailable', text: 'it is away' }),
    }),
  });
  const winner = await kit.winner();
  await kit.store(database, winner);
  await node.redeeming.run();
  assert.equal((await stateOf(winner.id))[0], 'redeeming');
  await protocol.nextRound(2);
  await settled(winner.id);
  assert.deepEqual(await stateOf(winner.id), ['written_off', null, 1, 'expired']);
  await eventually('nothing is left to send', () => node.transactions.status.open === 0);
});

test('one of three providers that lies loses no ticket, and what all must say waits', async () => {
  const { url } = protocol.devnet;
  const lies = new Map<string, unknown>([
    // Rich, redeemable, in the highest round: whatever is asked.
    ['eth_call', `0x${'f'.repeat(256)}`],
    ['eth_getTransactionReceipt', { logs: 'none' }],
    ['eth_getBlockByNumber', null],
  ]);
  await using node = await kit.startNode({
    database,
    urls: [url, url, url],
    wrapRedeeming: (providers) => lying(providers, lies),
  });
  const [winner, poor] = [await kit.winner(), await kit.winner({ from: 'delegator2' })];
  await kit.store(database, winner, poor);
  await node.redeeming.run();
  await settled(winner.id);
  assert.deepEqual(await stateOf(winner.id), ['redeemed', FACE, 1, null]);
  assert.deepEqual(await stateOf(poor.id), ['queued', null, 0, null]);

  // No receipt, no money, every call reverted.
  const [one, other] = [await kit.winner(), await kit.winner()];
  lies.set('eth_getTransactionReceipt', null);
  lies.set('eth_call', `0x${'0'.repeat(256)}`);
  await kit.store(database, one, other);
  await node.redeeming.run();
  await eventually('both are paid on chain', async () => {
    return (await kit.isUsed(one.id)) && (await kit.isUsed(other.id));
  });
  await eventually('what became of it is not agreed', () =>
    node.redeeming.run().then(
      () => false,
      (error) => error.code === 'rpc_unavailable',
    ),
  );
  assert.equal((await stateOf(one.id))[0], 'redeeming');
  lies.clear();
  await node.redeeming.run();
  assert.deepEqual(await stateOf(one.id), ['redeemed', FACE, 1, null]);
  assert.deepEqual(await stateOf(other.id), ['redeemed', FACE, 1, null]);
  await protocol.send('delegator2', {
    contract: 'TicketBroker',
    fn: 'fundDeposit',
    value: FACE,
  });
  await settled(poor.id);
});

test('a sender that took everything back is written off in the last round, an old ticket after it', async () => {
  const gone = await kit.winner({ from: 'gateway2' });
  const late = await kit.winner({ expirationBlock: 10n ** 6n });
  await kit.store(database, gone, late);
  await protocol.send('gateway2', { contract: 'TicketBroker', fn: 'unlock' });
  {
    await using node = await kit.startNode({ database, rules: { gasPriceMax: 1n } });
    // It may withdraw two rounds later; the ticket lapses then, too.
    await protocol.nextRound();
    await seenByWatch(node);
    await node.redeeming.run();
    assert.equal((await stateOf(late.id))[0], 'queued');
    await protocol.nextRound();
    await settled(gone.id, late.id);
    assert.deepEqual(await stateOf(late.id), ['written_off', null, 0, 'expired']);
    assert.deepEqual(await stateOf(gone.id), ['written_off', null, 0, 'expired']);
  }
  await using node = await kit.startNode({ database });
  const unlocked = await kit.winner({ from: 'gateway2' });
  await kit.store(database, unlocked);
  await node.redeeming.run();
  assert.deepEqual(await stateOf(unlocked.id), ['queued', null, 0, null]);
  await protocol.nextRound();
  await settled(unlocked.id);
  assert.deepEqual(await stateOf(unlocked.id), ['written_off', null, 0, 'sender_unlocked']);
});

function ask(method: string, ...params: readonly unknown[]): Promise<unknown> {
  return protocol.reader.request({ method, params } as never);
}

/** The last provider says what `lies` has. */
function lying(providers: Providers, lies: ReadonlyMap<string, unknown>): Providers {
  return {
    ...providers,
    async requestAll<T>(method: string, params: readonly unknown[]) {
      const answers = await providers.requestAll<T>(method, params);
      const last = answers.at(-1);
      if (!lies.has(method) || !last) return answers;
      const lie = { label: last.label, ok: true, value: lies.get(method) as T } as const;
      return [...answers.slice(0, -1), lie];
    },
  };
}

function fund(from: 'gateway' | 'gateway2' | 'delegator', deposit: bigint, reserve: bigint) {
  const call = { contract: 'TicketBroker', fn: 'fundDepositAndReserve' } as const;
  return protocol.send(from, { ...call, args: [deposit, reserve], value: deposit + reserve });
}

/** Blocks ask for this much per gas from now on; one more block makes it known. */
async function setBaseFee(wei: bigint): Promise<void> {
  const params = [`0x${wei.toString(16)}`];
  await protocol.reader.request({ method: 'anvil_setNextBlockBaseFeePerGas', params } as never);
  await mineBlocks(protocol.reader, 1);
}

async function seenByWatch(node: Awaited<ReturnType<typeof kit.startNode>>): Promise<void> {
  const height = await protocol.reader.getBlockNumber();
  await eventually('the newest block is seen', () => (node.watch.current()?.block ?? 0n) >= height);
}

type TicketState = [state: string, paid: bigint | null, tries: number, reason: string | null];

async function stateOf(id: string, from: Database = database): Promise<TicketState> {
  const { rows } = await from.query<{
    state: string;
    paid: bigint | null;
    tries: number;
    reason: string | null;
  }>(sql`select state, paid, tries, reason from winning_ticket
    where hash = ${Buffer.from(id, 'hex')}`);
  const [row] = rows;
  if (!row) throw new Error('this ticket is not there');
  return [row.state, row.paid, row.tries, row.reason];
}

async function settled(...ids: readonly string[]): Promise<void> {
  await eventually('the tickets are settled', async () => {
    const states = await Promise.all(ids.map((id) => stateOf(id)));
    return states.every(([state]) => state === 'redeemed' || state === 'written_off');
  });
}
