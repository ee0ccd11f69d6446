import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import sql, { raw } from 'sql-template-tag';
import { newAccount } from '../../src/chain/transactions.test-kit.ts';
import { openDatabase } from '../../src/database/database.ts';
import { openScratch } from '../../src/database/scratch.ts';
import { winnerTotals } from '../../src/payments/winners-store.ts';
import { LPT, startProtocol } from '../chain/protocol.ts';
import { FACE, redemptions, type StopAt, startNode } from '../chain/redeem-kit.ts';
import { eventually } from '../eventually.ts';

const PROGRAM = fileURLToPath(new URL('./redeem-program.ts', import.meta.url));
const STOPS: readonly StopAt[] = [
  'won',
  'claimed',
  'signed',
  'stored',
  'broadcast',
  'marking',
  'marked',
];
const TICKETS = 3;

const scratch = await openScratch();
const protocol = await startProtocol({ roundLength: 200 });
const kit = redemptions(protocol);
const children = new Set<ChildProcess>();
after(async () => {
  for (const child of children) child.kill('SIGKILL');
  await protocol.devnet.stop();
  await scratch[Symbol.asyncDispose]();
});
const chain = {
  url: protocol.devnet.url,
  controller: protocol.devnet.addresses.Controller,
  recipient: protocol.of('orchestrator'),
};
await protocol.bond('orchestrator', 'orchestrator', 1_000n * LPT);
await protocol.nextRound();
await protocol.send('gateway', {
  contract: 'TicketBroker',
  fn: 'fundDeposit',
  value: 10n ** 18n,
});

test('a redeemer that is killed at any point leaves every ticket redeemed once', async () => {
  const [deposit, fees] = [await kit.deposit(), await kit.fees()];
  const paid = await Promise.all(STOPS.map(killedAndRecovered));
  const total = BigInt(STOPS.length * TICKETS) * FACE;
  assert.deepEqual(
    paid,
    STOPS.map(() => BigInt(TICKETS) * FACE),
  );
  assert.equal(deposit - (await kit.deposit()), total);
  assert.equal((await kit.fees()) - fees, total);
});

test('a redemption that a killed process was told of, and had not stored, is told again', async () => {
  await scratch.database.query(sql`create database stop_told`);
  const databaseUrl = scratch.database.url.replace('/tributary?', '/stop_told?');
  const database = await openDatabase({ url: databaseUrl });
  try {
    await database.migrate();
    const account = await newAccount(chain.url, protocol.devnet.chainId);
    // Its parameters are still good, so that nobody here redeems it.
    const winner = await kit.winner({ expirationBlock: 2n ** 40n });
    await kit.store(database, winner);
    // The follower's place exists before, so that the block of the redemption is behind it.
    const before = await startNode(chain, account.key, account.address, { database });
    await before[Symbol.asyncDispose]();
    await runUntil('told', { ...chain, ...account, databaseUrl }, () =>
      kit.redeemBy('delegator2', winner),
    );
    await using node = await startNode(chain, account.key, account.address, { database });
    await eventually('it counts as paid, and not as lost', async () => {
      await node.redeeming.run();
      return node.redeeming.status().redeemed === 1n;
    });
    assert.equal(node.redeeming.status().redeemedWei, FACE);
    assert.deepEqual(node.redeeming.status().writtenOff, {});
  } finally {
    await database.close();
  }
});

/** Kills a process there; what the next one's books say that the tickets brought. */
async function killedAndRecovered(stopAt: StopAt): Promise<bigint> {
  await scratch.database.query(sql`create database ${raw(`stop_${stopAt}`)}`);
  const url = scratch.database.url.replace('/tributary?', `/stop_${stopAt}?`);
  const database = await openDatabase({ url });
  try {
    await database.migrate();
    const account = await newAccount(chain.url, protocol.devnet.chainId);
    const winners = await Promise.all(Array.from({ length: TICKETS }, () => kit.winner()));
    await kit.store(database, ...winners);
    await runUntil(stopAt, { ...chain, ...account, databaseUrl: url });

    await using node = await startNode(chain, account.key, account.address, { database });
    await eventually(`all of ${stopAt} is redeemed`, async () => {
      await node.redeeming.run();
      return node.redeeming.status().redeemed === BigInt(TICKETS);
    });
    for (const winner of winners) assert.equal(await kit.timesPaid(winner), 1, stopAt);
    const { rows } = await database.query<{ count: bigint }>(sql`
      select count(*) from chain_intent where succeeded`);
    assert.equal(rows[0]?.count, 1n, stopAt);
    return (await winnerTotals(database)).redeemedWei;
  } finally {
    await database.close();
  }
}

async function runUntil(
  stopAt: StopAt,
  what: Readonly<Record<string, unknown>>,
  meanwhile: () => Promise<unknown> = async () => {},
): Promise<void> {
  const child = spawn(process.execPath, [PROGRAM, JSON.stringify({ ...what, stopAt })], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.add(child);
  const exited = once(child, 'close');
  const said = once(createInterface({ input: child.stdout }), 'line');
  await meanwhile();
  const [line] = await Promise.race([said, exited]);
  assert.equal(line, 'stopped', stopAt);
  child.kill('SIGKILL');
  await exited;
}
