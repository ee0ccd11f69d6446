import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import sql from 'sql-template-tag';
import { mineBlocks } from '../../src/chain/devnet.ts';
import { type Database, openDatabase } from '../../src/database/database.ts';
import { openScratch } from '../../src/database/scratch.ts';
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
  assert.match(await node.metrics.text(), /waiting_count\{reason="gas_above_ceiling"\} 1/);

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
