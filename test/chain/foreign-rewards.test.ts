import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import sql, { raw } from 'sql-template-tag';
import { type Abi, encodeFunctionData, type Hex } from 'viem';
import { ETH, LPT } from '../../src/base/asset.ts';
import { FakeClock } from '../../src/base/clock.ts';
import { quiet } from '../../src/base/log.ts';
import { createMetrics } from '../../src/base/metrics.ts';
import { bondingManagerAbi } from '../../src/chain/abi/bonding-manager.ts';
import { type Database, openDatabase } from '../../src/database/database.ts';
import { openScratch } from '../../src/database/scratch.ts';
import { ownReward } from '../../src/duties/own-reward.ts';
import { account as named } from '../../src/ledger/accounts.ts';
import { addressBytes } from '../../src/ledger/income.ts';
import { balanceOf, linesOf } from '../../src/ledger/postings-store.ts';
import { startIncome } from '../../src/ledger/recognise.ts';
import type { Recipient } from '../../src/payouts/plan-types.ts';
import { recoverAccounts } from '../../src/payouts/recover-chain.ts';
import { createStakeOnChain, type StakeOnChain } from '../../src/payouts/stake-on-chain.ts';
import { watchBooks } from '../../src/payouts/watch.ts';
import { startPaying } from './payouts-kit.ts';
import { NO_HINT, startProtocol, LPT as UNIT } from './protocol.ts';

type Test = Parameters<typeof startPaying>[0];

const scratch = await openScratch();
const protocol = await startProtocol();
const { devnet } = protocol;
const open: Database[] = [];
after(async () => {
  for (const database of open) await database.close();
  await devnet.stop();
  await scratch[Symbol.asyncDispose]();
});

const { LivepeerToken: token, BondingManager: bondingManager } = devnet.addresses;
const node = protocol.of('node').toLowerCase() as Recipient;
const key = devnet.accounts.find(({ name }) => name === 'node')?.privateKey as Hex;
const account = { chainId: devnet.chainId, address: node, key };
const manager = { contract: 'BondingManager' } as const;
await protocol.bond('node', 'node', 300n * UNIT);
await protocol.nextRound();

let databases = 0;
async function newDatabase(): Promise<Database> {
  const name = `pool_${++databases}`;
  await scratch.database.query(sql`create database ${raw(name)}`);
  const url = scratch.database.url.replace('/tributary?', `/${name}?`);
  const database = await openDatabase({ url });
  open.push(database);
  await database.migrate();
  return database;
}

/** A pool with the account of the orchestrator, as far as its LPT goes. */
async function startPool(
  t: Test,
  change: (stake: StakeOnChain) => Partial<StakeOnChain> = () => ({}),
) {
  const database = await newDatabase();
  const pool = await startPaying(t, { database, devnet, account });
  const { chain, providers, transactions } = pool;
  const assets = {
    ...pool.terms.assets,
    [LPT]: { kind: 'erc20', address: token, decimals: 18 },
  } as typeof pool.terms.assets;
  const treasury = [node];
  const contracts = { providers, bondingManager, token };
  const real = createStakeOnChain({ ...contracts, treasury, orchestrator: node });
  const stake = { ...real, ...change(real) };
  const parts = {
    database,
    chain,
    stake,
    treasury,
    terms: async () => ({ ...pool.terms, assets }),
  };
  const watched = { ...parts, clock: new FakeClock(), log: quiet, metrics: createMetrics() };
  const watch = watchBooks(watched);
  t.after(() => watch.close());
  const rewardOf = (block: bigint) => ownReward({ ...contracts, orchestrator: node }, block);
  const income = startIncome({
    ...{ database, clock: new FakeClock(), log: quiet },
    policyOf: async () => 'credited',
    treasury: [addressBytes(node)],
    bondingManager: addressBytes(bondingManager),
    rewardOf: (_, block) => rewardOf(block),
    lptMoved: stake.lptMoved,
  });
  t.after(() => income.close());
  await watch.begin();
  return {
    ...{ database, watch, income, parts, rewardOf },
    held: (name: 'bonding_rewards' | 'treasury' | 'income') =>
      balanceOf(database, named(name), LPT),
    rewards: () => linesOf(database, { account: 'bonding_rewards', asset: LPT }),
    /** Calls reward as the pool does, and answers what it brought once it is final. */
    async reward(id: string): Promise<bigint> {
      const data = encodeFunctionData({
        abi: bondingManagerAbi,
        functionName: 'rewardWithHint',
        args: NO_HINT,
      });
      return this.send(id, bondingManager, data);
    },
    async send(id: string, to: Hex, data: Hex): Promise<bigint> {
      const intent = { to, data, value: 0n, gasLimit: 1_000_000n, worthWei: undefined };
      const named = id as Parameters<typeof transactions.fate>[0];
      await transactions.submit({ ...intent, id: named });
      const fate = await transactions.settled(named);
      assert.ok(fate.state === 'final' && fate.inclusion.succeeded);
      return rewardOf(fate.inclusion.block);
    },
    recover: () =>
      recoverAccounts(
        {
          ...{ database, assets, ...contracts, paidAfter: { listed: [], addresses: [] } },
          stake: { orchestrator: node, onChain: stake },
        },
        [account],
      ),
  };
}

/** Calls reward with the key of the account, as another program; answers where, when, and its cost. */
async function foreignReward() {
  await protocol.send('node', { ...manager, fn: 'reward' });
  const block = await protocol.reader.getBlock();
  const [hash] = block.transactions;
  const receipt = await protocol.reader.getTransactionReceipt({ hash: hash as Hex });
  const cost = receipt.gasUsed * receipt.effectiveGasPrice;
  return { block: block.number, at: Number(block.timestamp) * 1_000, cost };
}

test("a reward that another wallet calls is booked once, for what it added; the pool's own by its journal", async (t) => {
  let final: bigint | undefined;
  let isPruned = true;
  const pool = await startPool(t, (stake) => ({
    finalBlock: async () => final ?? (await stake.finalBlock()),
    async reward(block) {
      if (isPruned) throw new Error('missing trie node');
      return stake.reward(block);
    },
  }));
  await pool.watch.look();
  final = await protocol.reader.getBlockNumber();
  const { block, at, cost } = await foreignReward();
  const amount = await pool.rewardOf(block);
  assert.ok(amount > 0n);
  await pool.watch.look();
  assert.equal(await pool.held('bonding_rewards'), 0n, 'it is not final');

  // No node has the state: that is said, and what comes after it waits.
  await protocol.bond('node', 'node', 5n * UNIT);
  final = undefined;
  const waits = await pool.watch.begin();
  assert.equal(waits.length, 1);
  assert.match(
    waits[0] ?? '',
    /transaction 0x[0-9a-f]{64} in block \d+ .* is not booked.*missing trie node/,
  );
  assert.deepEqual(await pool.rewards(), []);

  isPruned = false;
  assert.deepEqual(await pool.watch.begin(), []);
  await pool.watch.look();
  assert.equal(await pool.held('income'), -amount);
  assert.deepEqual(
    (await pool.rewards()).map((line) => [line.kind, line.amount, line.at]),
    [['reward', amount, at]],
  );
  const [gas] = await linesOf(pool.database, { account: 'treasury', asset: ETH });
  assert.deepEqual([gas?.kind, gas?.amount], ['gas', -cost]);
  const differing = pool.watch.differences().filter(({ about }) => about.endsWith(LPT));
  assert.deepEqual(differing, []);

  // In the next round the pool itself does it.
  await protocol.nextRound();
  const own = await pool.reward('reward:own');
  await pool.watch.look();
  assert.equal(await pool.held('bonding_rewards'), amount, 'its journal books it');
  await pool.income.recognise();
  await pool.watch.look();
  assert.equal(await pool.held('bonding_rewards'), amount + own);
  assert.deepEqual(await pool.recover(), [], 'recovering finds nothing new');
  assert.equal(await pool.held('income'), -amount - own);
});

test('of two pools on one account each is told of the rewards that the other one called', async (t) => {
  const one = await startPool(t);
  const other = await startPool(t);
  await protocol.nextRound();
  const first = await one.reward('reward:first');
  // Its journal goes on behind what it does not know.
  const approve = { functionName: 'approve', args: [bondingManager, 1n] } as const;
  const data = encodeFunctionData({ abi: devnet.abis.LivepeerToken as Abi, ...approve });
  await other.send('test:approve', token, data);
  await protocol.nextRound();
  const second = await other.reward('reward:second');
  await protocol.nextRound();
  const { block } = await foreignReward();
  const third = await one.rewardOf(block);
  assert.ok(first > 0n && second > 0n && third > 0n);

  const found = [await one.recover(), await other.recover()].map((all) =>
    all.filter(({ lines }) => lines.some((line) => line.endsWith('of rewards to the stake'))),
  );
  assert.deepEqual(
    found.map(({ length }) => length),
    [2, 2],
  );
  for (const pool of [one, other]) {
    await pool.recover();
    await pool.income.recognise();
    await pool.watch.look();
    assert.deepEqual(
      (await pool.rewards()).map(({ amount }) => amount).toSorted((a, b) => Number(a - b)),
      [first, second, third].toSorted((a, b) => Number(a - b)),
    );
  }
});
