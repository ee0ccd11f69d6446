import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import sql, { raw } from 'sql-template-tag';
import { mineBlocks } from '../../src/chain/devnet.ts';
import { type Database, openDatabase } from '../../src/database/database.ts';
import { openScratch } from '../../src/database/scratch.ts';
import type { OrchestratorInfo } from '../../src/protocol/gen/lp_rpc_pb.ts';
import { checkBooks, checkChain, noteTickets, type Truth } from '../crash/pool-chain-truth.ts';
import { eventually } from '../eventually.ts';
import { stampedSource } from '../fixtures/renditions.ts';
import { startPayingGateway } from '../paying-gateway.ts';
import { type PoolProcess, startPoolProcess } from '../pool-process.ts';
import { startTestChain } from '../start-chain-pool.ts';
import type { Cleanup } from '../start-pool.ts';
import { joinStock } from '../start-pool-with-worker.ts';

const PRICE = 1_000n;
/** Every ticket wins, so that what the chain paid tells what was taken. */
const FACE = 20_000_000_000_000_000n;
const PARAMS_BLOCKS = 41;
const ETHER = 10n ** 18n;

const cleanups: (() => void | Promise<void>)[] = [];
const t: Cleanup = { after: (run) => void cleanups.push(run) };
after(async () => {
  for (const run of cleanups.toReversed()) await run();
});

test('two nodes of one pool credit a ticket once, and one redeems when the other is killed', async () => {
  const { chain, database, nodes } = await startNodes();
  const account = chain.of('orchestrator');
  const sentBefore = await chain.reader.getTransactionCount({ address: account });
  const truth: Truth = { sent: new Map(), tasks: [], done: new Map() };
  const gateways = nodes.map(({ port }) =>
    startPayingGateway(t, { port, key: chain.key('gateway') }),
  );
  const [first, second] = gateways as [(typeof gateways)[0], (typeof gateways)[0]];

  /** Gives the same tickets to some gateways' nodes at once; returns how many were taken. */
  const pay = async (to: typeof gateways, info: OrchestratorInfo, nonces: readonly number[]) => {
    const tickets = noteTickets(truth, first.address, { info, nonces });
    const replies = await Promise.all(to.map((gateway) => gateway.pay(info, { nonces })));
    const taken = replies.filter(({ status }) => status === 200);
    if (taken.length > 0) for (const ticket of tickets) ticket.told = true;
    for (const { status, text } of replies) {
      if (status !== 200) assert.match(text, /invalid ticket senderNonce: already seen/);
    }
    return taken.length;
  };

  const info = await first.session();
  assert.equal(await pay([second], info, [1]), 1, 'a node takes what another one offered');
  for (const nonce of [2, 3, 4, 5, 6]) {
    assert.equal(await pay([first, second], info, [nonce, nonce + 100]), 1, 'once');
  }
  assert.equal(await pay([first, second], await second.session(), [1]), 1);
  assert.equal(await pay([first], info, [1]), 0, 'nor does the node that offered it take it again');

  await mineBlocks(chain.reader, PARAMS_BLOCKS);
  await redeemed(database);
  const drivers = nodes.filter(({ process }) =>
    process.printed.err.includes('chain_sending_taken'),
  );
  assert.equal(drivers.length, 1, 'one of them sends');

  const [driver] = drivers as [PoolProcess];
  const other = nodes.find((node) => node !== driver) as PoolProcess;
  const gateway = gateways[nodes.indexOf(other)] as (typeof gateways)[0];
  assert.equal(await pay([first, second], await gateway.session(), [1, 2]), 1);
  await driver.kill();
  const fresh = await gateway.session();
  const [ticket] = noteTickets(truth, gateway.address, { info: fresh, nonces: [1] });
  const reply = await gateway.submit(fresh, await stampedSource(), { nonces: [1] });
  assert.equal(reply.result?.result.kind, 'done', 'the other one goes on');
  if (ticket) ticket.told = true;
  await mineBlocks(chain.reader, PARAMS_BLOCKS);
  await redeemed(database);
  assert.match(other.process.printed.err, /chain_sending_taken/);

  const taken = await checkBooks(database, truth, PRICE);
  assert.equal(taken.size, truth.sent.size);
  const transactions = await checkChain(database, chain, { taken, sent: truth.sent });
  const sentNow = await chain.reader.getTransactionCount({ address: account });
  assert.equal(sentNow - sentBefore, transactions, 'nothing was sent twice');
});

/** Two processes with one key, one chain and one database. */
async function startNodes() {
  const chain = await startTestChain(t, { roundLength: 400 });
  await chain.send('gateway', {
    contract: 'TicketBroker',
    fn: 'fundDepositAndReserve',
    args: [50n * ETHER, 50n * ETHER],
    value: 100n * ETHER,
  });
  const scratch = await openScratch();
  t.after(async () => scratch[Symbol.asyncDispose]());
  await scratch.database.query(sql`create database ${raw('nodes')}`);
  const url = scratch.database.url.replace('/tributary?', '/nodes?');
  const flags = [
    ...chain.flags(),
    ...[`--database-url=${url}`, `--price=${PRICE}wei`, '--auto-adjust-price=false'],
    ...[`--max-face-value=${FACE}`, `--ticket-ev=${FACE - 1n}`, '--reward=false'],
  ];
  // At once, as a deployment starts them: migrations and secrets are made by one of the two.
  const nodes = await Promise.all([startPoolProcess(t, flags), startPoolProcess(t, flags)]);
  // Without a worker a node takes no gateway.
  for (const [index, node] of nodes.entries()) {
    await joinStock(t, node, { enrolment: await node.enrol(`worker-of-${index}`) });
  }
  const database = await openDatabase({ url });
  t.after(() => database.close());
  return { chain, database, nodes };
}

/** Resolves when nothing is left to redeem; a dead node's lead takes ten seconds to end. */
function redeemed(database: Database): Promise<void> {
  return eventually('every ticket is redeemed', async () => {
    const { rows } = await database.query(
      sql`select from winning_ticket where state <> 'redeemed' limit 1`,
    );
    return rows.length === 0;
  });
}
