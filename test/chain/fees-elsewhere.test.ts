import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import sql from 'sql-template-tag';
import { ETH } from '../../src/base/asset.ts';
import { FakeClock } from '../../src/base/clock.ts';
import { quiet } from '../../src/base/log.ts';
import { createMetrics } from '../../src/base/metrics.ts';
import { openScratch } from '../../src/database/scratch.ts';
import { account as named } from '../../src/ledger/accounts.ts';
import { addressBytes } from '../../src/ledger/income.ts';
import { balanceOf, linesOf } from '../../src/ledger/postings-store.ts';
import { startIncome } from '../../src/ledger/recognise.ts';
import { correctBooks } from '../../src/payouts/correct.ts';
import { createFeesOnChain } from '../../src/payouts/fees-on-chain.ts';
import { recoverTickets } from '../../src/payouts/recover-income.ts';
import { watchBooks } from '../../src/payouts/watch.ts';
import { eventually } from '../eventually.ts';
import { startPaying } from './payouts-kit.ts';
import { LPT, startProtocol } from './protocol.ts';
import { FACE, redemptions } from './redeem-kit.ts';

const scratch = await openScratch();
const { database } = scratch;
const protocol = await startProtocol({ roundLength: 200 });
const { devnet, reader } = protocol;
after(async () => {
  await devnet.stop();
  await scratch[Symbol.asyncDispose]();
});
const kit = redemptions(protocol);
const orchestrator = protocol.of('orchestrator');
const anvil = (method: string, ...params: unknown[]) => reader.request({ method, params } as never);

// Three of four LPT are a delegator's, who has that part of half of the fees.
await protocol.bond('orchestrator', 'orchestrator', 1_000n * LPT);
await protocol.send('orchestrator', {
  contract: 'BondingManager',
  fn: 'transcoder',
  args: [100_000n, 500_000n],
});
await protocol.bond('delegator', 'orchestrator', 3_000n * LPT);
await protocol.nextRound();
await protocol.send('gateway', {
  contract: 'TicketBroker',
  fn: 'fundDeposit',
  value: 10n ** 18n,
});

/** A pool that redeems nothing itself, since gas is too dear for it. */
async function startPool(t: Parameters<typeof startPaying>[0], isPruned = () => false) {
  const node = await kit.startNode({ database, rules: { gasPriceMax: 1n } });
  const { chain, providers, terms } = await startPaying(t, { database, devnet });
  const real = createFeesOnChain({ providers, contracts: node.contracts, orchestrator });
  const fees: typeof real = {
    ...real,
    async inBlock(block) {
      if (isPruned()) throw new Error('missing trie node');
      return real.inBlock(block);
    },
  };
  const parts = { database, chain, fees, treasury: [], terms: async () => terms };
  const clock = new FakeClock();
  const watch = watchBooks({ ...parts, clock, log: quiet, metrics: createMetrics() });
  const income = startIncome({
    ...{ database, clock, log: quiet },
    policyOf: async () => 'credited',
    treasury: [],
    bondingManager: addressBytes(node.contracts.bondingManager),
  });
  let ended: PromiseLike<void> | undefined;
  const end = () => (ended ??= node[Symbol.asyncDispose]());
  t.after(async () => {
    await watch.close();
    await income.close();
    await end();
  });
  await watch.begin();
  const { ticketBroker: broker } = node.contracts;
  return {
    ...{ parts, clock, watch, end },
    recover: () => recoverTickets({ database, providers, broker }, orchestrator),
    /** Waits until tickets that others redeemed are in the books. */
    async settled(...ids: readonly string[]) {
      await eventually('they count as redeemed', async () => {
        await node.redeeming.run();
        const { rows } = await database.query(sql`
          select from winning_ticket where state = 'redeemed'
            and encode(hash, 'hex') = any(${ids}::text[])`);
        return rows.length === ids.length;
      });
      await income.recognise();
    },
    /** What of fees still differs after two looks. */
    async differences() {
      await watch.look();
      await watch.look();
      return watch.differences().filter(({ about }) => about === `bonding_fees ${ETH}`);
    },
  };
}

const booked = (name: 'bonding_fees' | 'delegators') => balanceOf(database, named(name), ETH);

test('of tickets that strangers redeem, the part of delegators is booked as of those of the pool', async (t) => {
  const pool = await startPool(t);
  const [known, lost] = [await kit.winner(), await kit.winner()];
  await kit.store(database, known);
  const before = { block: await reader.getBlockNumber(), fees: await kit.fees() };
  // Both in one block; of one of them the books know nothing.
  await anvil('evm_setAutomine', false);
  const redeemed = [kit.redeemBy('delegator', known), kit.redeemBy('delegator2', lost)];
  await eventually('both are sent', async () => {
    const { pending } = (await anvil('txpool_status')) as { pending: string };
    return BigInt(pending) === 2n;
  });
  await anvil('evm_mine');
  await anvil('evm_setAutomine', true);
  await Promise.all(redeemed);
  assert.equal(await reader.getBlockNumber(), before.block + 1n);
  const reached = (await kit.fees()) - before.fees;
  assert.ok(reached < (2n * FACE * 63n) / 100n, `${reached}: five of eight parts`);

  await pool.settled(known.id);
  const [found] = await pool.differences();
  assert.match(found?.text ?? '', /bonding_fees holds/);
  assert.equal(await booked('delegators'), (2n * FACE - reached) / 2n, 'its half');
  await pool.end();

  // As in books that came out of a backup: they saw no block since.
  await database.query(sql`delete from chain_block where number > ${before.block}`);
  assert.equal((await pool.recover())?.redeemed, 1n);
  assert.deepEqual(await pool.differences(), []);
  assert.equal(await booked('delegators'), 2n * FACE - reached);
  assert.equal(await booked('bonding_fees'), reached);
  await pool.recover();
  await pool.watch.look();
  assert.equal(await booked('delegators'), 2n * FACE - reached, 'once');
});

test('what no node can tell of it any more is said, corrected, and not booked again later', async (t) => {
  let isPruned = true;
  const pool = await startPool(t, () => isPruned);
  const fees = await kit.fees();
  const [shared, held] = [await booked('delegators'), await booked('bonding_fees')];
  const ticket = await kit.winner();
  await kit.store(database, ticket);
  await kit.redeemBy('delegator2', ticket);
  const kept = FACE - ((await kit.fees()) - fees);
  assert.ok(kept > 0n);
  await pool.settled(ticket.id);

  const [found, ...more] = await pool.differences();
  assert.deepEqual(more, []);
  const lines = found?.lines.join('\n') ?? '';
  assert.match(lines, /transaction 0x[0-9a-f]{64} in block \d+ redeemed tickets; what of them/);
  assert.match(lines, /tributary ledger correct --account bonding_fees --asset ETH --less 0\.\d+/);
  await correctBooks(
    pool.parts,
    { account: 'bonding_fees', asset: ETH, amount: -kept, reason: 'the share of delegators' },
    pool.clock.now(),
  );
  assert.deepEqual(await pool.differences(), []);
  const corrected = (await linesOf(database, { account: 'bonding_fees', asset: ETH })).length;

  isPruned = false;
  assert.deepEqual(await pool.differences(), []);
  assert.equal(
    (await linesOf(database, { account: 'bonding_fees', asset: ETH })).length,
    corrected,
  );
  assert.equal(await booked('delegators'), shared);
  assert.equal(await booked('bonding_fees'), held + FACE - kept);

  // The next one is measured again.
  const next = await kit.winner();
  await kit.store(database, next);
  await kit.redeemBy('delegator2', next);
  await pool.settled(next.id);
  assert.deepEqual(await pool.differences(), []);
  assert.ok((await booked('delegators')) > shared);
});
