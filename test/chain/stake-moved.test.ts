import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import sql from 'sql-template-tag';
import { type Hex, keccak256, toHex, zeroAddress } from 'viem';
import { LPT } from '../../src/base/asset.ts';
import { FakeClock, systemClock } from '../../src/base/clock.ts';
import { quiet } from '../../src/base/log.ts';
import { createMetrics } from '../../src/base/metrics.ts';
import { openScratch } from '../../src/database/scratch.ts';
import { account as named } from '../../src/ledger/accounts.ts';
import { rewardReceived } from '../../src/ledger/postings.ts';
import { balanceOf, linesOf, post } from '../../src/ledger/postings-store.ts';
import { correctBooks } from '../../src/payouts/correct.ts';
import type { Recipient } from '../../src/payouts/plan-types.ts';
import { createStakeOnChain } from '../../src/payouts/stake-on-chain.ts';
import { watchBooks } from '../../src/payouts/watch.ts';
import { startPaying } from './payouts-kit.ts';
import { startProtocol, LPT as UNIT } from './protocol.ts';

const scratch = await openScratch();
const { database } = scratch;
const protocol = await startProtocol();
const { devnet } = protocol;
after(async () => {
  await devnet.stop();
  await scratch[Symbol.asyncDispose]();
});

const manager = { contract: 'BondingManager' } as const;

test("stake that another wallet withdraws is booked as the pool's own; what is slashed is named, and mended", async (t) => {
  await protocol.nextRound();
  await protocol.bond('node', 'node', 300n * UNIT);
  await protocol.nextRound();
  const key = devnet.accounts.find(({ name }) => name === 'node')?.privateKey as Hex;
  const node = protocol.of('node').toLowerCase() as Recipient;
  const account = { chainId: devnet.chainId, address: node, key };
  const pool = await startPaying(t, { database, devnet, account });
  const { LivepeerToken: token, BondingManager: bondingManager } = devnet.addresses;
  const terms = {
    ...pool.terms,
    assets: { ...pool.terms.assets, [LPT]: { kind: 'erc20', address: token, decimals: 18 } },
  } as typeof pool.terms;
  const { chain, providers } = pool;
  const treasury = [node];
  const stake = createStakeOnChain({
    ...{ providers, bondingManager, token, treasury },
    orchestrator: node,
  });
  const parts = { database, chain, stake, treasury, terms: async () => terms };
  const clock = new FakeClock();
  const watch = watchBooks({ ...parts, clock, log: quiet, metrics: createMetrics() });
  t.after(() => watch.close());
  await watch.begin();

  let rewards = 0;
  const rewarded = async (amount: bigint) => {
    const transaction = `0x${String(++rewards).padStart(64, '0')}`;
    const event = { at: systemClock.now(), epoch: 1n, transaction, amount };
    await database.transact((tx) => post(tx, rewardReceived(event)));
  };
  const setApart = async () => {
    const { rows } = await database.query<{ before: bigint }>(
      sql`select before from books_agreed where what = ${`treasury ${LPT}`}`,
    );
    return rows[0]?.before ?? 0n;
  };
  const held = (name: 'treasury' | 'bonding_rewards' | 'external') =>
    balanceOf(database, named(name), LPT);
  /** What of LPT still differs after two looks. */
  const differences = async () => {
    await watch.look();
    await watch.look();
    return watch.differences().filter(({ about }) => about.endsWith(LPT));
  };

  const before = await setApart();
  // Of what the stake has, the books know so much.
  await rewarded(30n * UNIT);
  await protocol.send('node', { ...manager, fn: 'unbond', args: [100n * UNIT] });
  await protocol.nextRound(7);
  assert.deepEqual(await differences(), [], 'what unbonds is stake');
  await protocol.send('node', { ...manager, fn: 'withdrawStake', args: [0n] });
  assert.deepEqual(await differences(), []);
  assert.deepEqual(
    [await held('treasury'), await held('bonding_rewards'), (await setApart()) - before],
    [30n * UNIT, 0n, 70n * UNIT],
  );
  await protocol.bond('node', 'node', 80n * UNIT);
  assert.deepEqual(await differences(), []);
  assert.equal((await setApart()) - before, -10n * UNIT);
  const lines = await linesOf(database, { account: 'treasury', asset: LPT });
  assert.deepEqual(
    lines.map(({ kind }) => kind),
    ['stake_moved'],
  );

  await rewarded(50n * UNIT);
  assert.deepEqual(await differences(), [], 'the rest of the stake is in no book');
  // Nobody may on the live network.
  const verifier = [keccak256(toHex('Verifier')), protocol.of('deployer'), toHex(0, { size: 20 })];
  await protocol.send('deployer', {
    ...{ contract: 'Controller', fn: 'setContractInfo', args: verifier },
  });
  const slash = { ...manager, fn: 'slashTranscoder', args: [node, zeroAddress, 900_000n, 0n] };
  await protocol.send('deployer', slash);
  const [found, ...more] = await differences();
  assert.deepEqual(more, []);
  assert.equal(
    found?.text,
    'rewards in the stake are 50 LPT by the ledger, and all of the stake is 28 LPT',
  );
  assert.match(found.lines.join('\n'), /transaction 0x[0-9a-f]{64} in block \d+ slashed 252 LPT/);
  assert.match(
    found.lines.at(-1) ?? '',
    /tributary ledger correct --account bonding_rewards --asset LPT --less 22 --reason/,
  );
  await correctBooks(
    parts,
    { account: 'bonding_rewards', asset: LPT, amount: -22n * UNIT, reason: 'slashed' },
    clock.now(),
  );
  assert.deepEqual(await differences(), []);
  assert.deepEqual(
    [await held('bonding_rewards'), await held('external')],
    [28n * UNIT, 22n * UNIT],
  );
});
