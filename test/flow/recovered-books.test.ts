import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import fc from 'fast-check';
import sql, { raw } from 'sql-template-tag';
import {
  encodeEventTopics,
  encodeFunctionData,
  type Hex,
  keccak256,
  pad,
  parseAbi,
  parseTransaction,
  toHex,
} from 'viem';
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts';
import { LPT } from '../../src/base/asset.ts';
import { FakeClock, instant } from '../../src/base/clock.ts';
import type { WorkerId } from '../../src/base/ids.ts';
import { quiet } from '../../src/base/log.ts';
import { bondingManagerAbi } from '../../src/chain/abi/bonding-manager.ts';
import { addIntent } from '../../src/chain/journal-store.ts';
import type { IntentId } from '../../src/chain/journal-types.ts';
import type { Providers } from '../../src/chain/providers.ts';
import { type Database, openDatabase } from '../../src/database/database.ts';
import { openScratch } from '../../src/database/scratch.ts';
import { bringIncome, recogniseRewards } from '../../src/epochs/adopt-income.ts';
import { account as named } from '../../src/ledger/accounts.ts';
import { openEpoch, switchEpoch } from '../../src/ledger/epoch-store.ts';
import { addressBytes } from '../../src/ledger/income.ts';
import { epochSettled } from '../../src/ledger/postings.ts';
import { balanceOf, balancesOf, post, wrongBalances } from '../../src/ledger/postings-store.ts';
import { startIncome } from '../../src/ledger/recognise.ts';
import type { ReconcileParts } from '../../src/payouts/reconcile.ts';
import { recoverAccounts } from '../../src/payouts/recover-chain.ts';
import { bookStakeMoved } from '../../src/payouts/stake-moved.ts';
import type { StakeOnChain } from '../../src/payouts/stake-on-chain.ts';
import type { EpochInput, Settlement } from '../../src/terms/settle-types.ts';
import { addWorker } from '../../src/workers/store.ts';

// One history of LPT, twice: in books that lost nothing, and in books that came out of a backup, were
// recovered from the chain and took over the epochs that the others had published. Some rewards are
// called by an account that is not the pool's.

const CHAIN = 31_337;
/** Of the orchestrator, and of who pays. */
const OWN = privateKeyToAccount(generatePrivateKey());
const PAYER = privateKeyToAccount(generatePrivateKey());
const STRANGER = privateKeyToAccount(generatePrivateKey());
const ACCOUNTS = [PAYER, OWN].map(({ address }) => ({
  chainId: CHAIN,
  address: address.toLowerCase() as Hex,
}));
const addressOf = (byte: string) => `0x${byte.repeat(20)}` as const;
const [MANAGER, TOKEN, PAYEE] = [addressOf('b0'), addressOf('70'), addressOf('aa')];
const WORKER = 'abcdefghij' as WorkerId;
const HELD_BEFORE = 100n;
const STAKED_BEFORE = 500n;
const transferAbi = parseAbi([
  'event Transfer(address indexed from, address indexed to, uint256 value)',
  'function transfer(address to, uint256 value)',
]);

const scratch = await openScratch();
const clock = new FakeClock();
const open: Database[] = [];
after(async () => {
  for (const database of open) await database.close();
  await scratch[Symbol.asyncDispose]();
});

async function openNamed(name: string): Promise<Database> {
  const database = await openDatabase({
    url: scratch.database.url.replace('/tributary?', `/${name}?`),
  });
  open.push(database);
  return database;
}

await scratch.database.query(sql`create database empty`);
const empty = await openNamed('empty');
await empty.migrate();
await empty.close();

let databases = 0;
async function newBooks(): Promise<Database> {
  const name = `books_${++databases}`;
  await scratch.database.query(sql`create database ${raw(name)} template empty`);
  const database = await openNamed(name);
  await database.transact(async (tx) => {
    const payoutAddress = PAYEE as Parameters<typeof addWorker>[1]['payoutAddress'];
    await addWorker(tx, { id: WORKER, name: 'heron', payoutAddress });
    for (const { address } of ACCOUNTS) {
      await tx.query(sql`insert into chain_account (chain_id, account)
        values (${CHAIN}, ${Buffer.from(address.slice(2), 'hex')})`);
    }
    await tx.query(sql`insert into books_agreed (what, before, begun_block, block, at)
      values (${`treasury ${LPT}`}, ${HELD_BEFORE}, 0, 0, now())`);
  });
  return database;
}

type Kind = 'reward' | 'strange' | 'bond' | 'withdraw' | 'pay';
const SIGNERS = { reward: OWN, strange: STRANGER, bond: OWN, withdraw: OWN, pay: PAYER } as const;

/** A transaction, in the block behind the one before. */
interface Made {
  readonly from: Hex;
  readonly nonce: number;
  readonly kind: Kind;
  readonly amount: bigint;
  readonly hash: Hex;
  readonly raw: Hex;
  readonly to: Hex;
  readonly data: Hex;
  /** What the whole stake was behind it. */
  readonly stake: bigint;
}

const blockOf = (place: number) => BigInt(place) + 1n;
const lptOf = ({ kind, amount }: Made) => (kind === 'withdraw' ? amount : -amount);

async function sign(
  history: readonly Made[],
  kind: Kind,
  amount: bigint,
): Promise<Omit<Made, 'stake'>> {
  const abi = bondingManagerAbi;
  const call = {
    reward: () => encodeFunctionData({ abi, functionName: 'reward' }),
    strange: () =>
      encodeFunctionData({ abi, functionName: 'rewardForTranscoder', args: [OWN.address] }),
    bond: () => encodeFunctionData({ abi, functionName: 'bond', args: [amount, OWN.address] }),
    withdraw: () => encodeFunctionData({ abi, functionName: 'withdrawStake', args: [1n] }),
    pay: () =>
      encodeFunctionData({ abi: transferAbi, functionName: 'transfer', args: [PAYEE, amount] }),
  };
  const signer = SIGNERS[kind];
  const from = signer.address.toLowerCase() as Hex;
  const nonce = history.filter((one) => one.from === from).length;
  const what = { to: kind === 'pay' ? TOKEN : MANAGER, data: call[kind]() };
  const fees = { gas: 100_000n, maxFeePerGas: 1n, maxPriorityFeePerGas: 1n };
  const unsigned = { ...what, ...fees, nonce, chainId: CHAIN, type: 'eip1559' } as const;
  const bytes = await signer.signTransaction(unsigned);
  return { ...what, from, nonce, kind, amount, raw: bytes, hash: keccak256(bytes) };
}

const intentOf = (made: Made, place: number) =>
  `${made.kind === 'pay' ? 'payout' : made.kind}:${place}` as IntentId;

/** Nodes that saw all of a history. */
function nodes(history: readonly Made[]): Providers {
  const last = BigInt(history.length);
  const at = (block: unknown) => (block === 'latest' ? last : BigInt(block as Hex));
  const placeOf = (hash: unknown) => history.findIndex((one) => one.hash === hash);
  const shown = (place: number) => {
    const one = history[place];
    if (!one) return null;
    const { r, s, yParity, ...tx } = parseTransaction(one.raw) as Record<string, unknown>;
    const numbers = Object.entries({ ...tx, nonce: one.nonce, value: 0n }).map(([name, value]) =>
      typeof value === 'bigint' || typeof value === 'number' ? [name, toHex(value)] : [name, value],
    );
    const more = { accessList: [], blockNumber: toHex(blockOf(place)), from: one.from };
    return {
      ...Object.fromEntries(numbers),
      ...more,
      hash: one.hash,
      type: '0x2',
      input: one.data,
      r,
      s,
      v: toHex(yParity as number),
      yParity: toHex(yParity as number),
    };
  };
  const logsOf = ({ kind, amount }: Made) => {
    if (kind === 'reward' || kind === 'strange') {
      const args = { transcoder: OWN.address };
      const topics = encodeEventTopics({ abi: bondingManagerAbi, eventName: 'Reward', args });
      return [{ address: MANAGER, topics, data: pad('0x01') }];
    }
    const [from, to] = {
      bond: [OWN.address, MANAGER],
      withdraw: [MANAGER, OWN.address],
      pay: [PAYER.address, PAYEE],
    }[kind] as [Hex, Hex];
    const topics = encodeEventTopics({
      abi: transferAbi,
      eventName: 'Transfer',
      args: { from, to },
    });
    return [{ address: TOKEN, topics, data: pad(toHex(amount)) }];
  };
  function answer(method: string, [first, second]: readonly unknown[]): unknown {
    switch (method) {
      case 'eth_getTransactionCount':
        return toHex(
          history.filter(({ from }, place) => from === first && blockOf(place) <= at(second))
            .length,
        );
      case 'eth_getBlockByNumber': {
        const number = at(first);
        const timestamp = toHex(1_700_000_000n + number);
        const place = Number(number) - 1;
        return { number: toHex(number), timestamp, transactions: place < 0 ? [] : [shown(place)] };
      }
      case 'eth_getTransactionByHash':
        return shown(placeOf(first));
      case 'eth_getTransactionReceipt': {
        const place = placeOf(first);
        const one = history[place];
        if (!one) return null;
        const numbers = { blockNumber: toHex(blockOf(place)), transactionIndex: '0x0' };
        const cost = { gasUsed: '0x0', effectiveGasPrice: '0x0', status: '0x1' };
        return {
          transactionHash: one.hash,
          blockHash: pad(numbers.blockNumber),
          ...numbers,
          ...cost,
          logs: logsOf(one),
        };
      }
      case 'eth_getLogs':
        return [];
      case 'eth_call': {
        const number = Number(at(second));
        return pad(toHex(number === 0 ? STAKED_BEFORE : (history[number - 1]?.stake ?? 0n)));
      }
      default:
        throw new Error(method);
    }
  }
  const request = async (method: string, params: readonly unknown[]) => answer(method, params);
  return {
    chainId: CHAIN,
    request,
    requestAll: async (method: string, params: readonly unknown[]) => [
      { ok: true, label: 'one', value: answer(method, params) },
    ],
  } as unknown as Providers;
}

/** The stake as its contract tells of it: also of what the pool itself did. */
function stakeIn(history: readonly Made[]): StakeOnChain {
  const told = {
    reward: 'rewarded',
    strange: 'rewarded',
    bond: 'bonded',
    withdraw: 'withdrawn',
    pay: undefined,
  } as const;
  const stake: Omit<StakeOnChain, 'held'> = {
    finalBlock: async () => BigInt(history.length),
    timeOf: async (block) => instant(Number(1_700_000_000n + block) * 1_000),
    gasOf: async () => 0n,
    reward: async (block) => history[Number(block) - 1]?.amount ?? 0n,
    lptMoved: async (hash) => lptOf(history.find((one) => one.hash === hash) as Made),
    async events({ after, until }) {
      return history.flatMap(({ kind, hash: transaction }, index) => {
        const [block, is] = [blockOf(index), told[kind]];
        if (!is || block <= after || block > until) return [];
        return [{ transaction, block, place: 0n, is, text: '' }];
      });
    },
  };
  return stake as StakeOnChain;
}

/** A pool as far as its LPT goes. */
async function startBooks(historyOf: () => readonly Made[]) {
  const database = await newBooks();
  const made = (hash: string) => historyOf().find((one) => one.hash === hash) as Made;
  const income = startIncome({
    ...{ database, clock, log: quiet },
    policyOf: async () => 'credited',
    treasury: ACCOUNTS.map(({ address }) => addressBytes(address)),
    bondingManager: addressBytes(MANAGER),
    rewardOf: async (hash) => made(hash).amount,
    lptMoved: async (hash) => lptOf(made(hash)),
  });

  async function wanted(one: Made, place: number): Promise<void> {
    const { to, data } = one;
    const intent = { to, data, value: 0n, gasLimit: 1n, worthWei: undefined };
    await database.transact((tx) =>
      addIntent(tx, { chainId: CHAIN, address: one.from }, { ...intent, id: intentOf(one, place) }),
    );
  }

  /** The journal has it for good; what it says is posted by {@link income}. */
  async function ended(one: Made, place: number): Promise<void> {
    const [hash, account] = [one.hash, one.from].map((text) => Buffer.from(text.slice(2), 'hex'));
    await database.transact(async (tx) => {
      await tx.query(sql`
        insert into chain_nonce (chain_id, account, nonce, intent)
        select chain_id, account, ${one.nonce}, number from chain_intent where id = ${intentOf(one, place)}
        on conflict do nothing`);
      await tx.query(sql`
        insert into chain_transaction (hash, chain_id, account, nonce, kind, raw, max_fee_per_gas,
          max_priority_fee_per_gas, signed_at)
        values (${hash}, ${CHAIN}, ${account}, ${one.nonce}, 'work', '', 1, 1, now())
        on conflict do nothing`);
      await tx.query(sql`
        update chain_intent set state = 'final', hash = ${hash}, block = ${blockOf(place)},
          succeeded = true where id = ${intentOf(one, place)}`);
    });
    if (one.kind !== 'pay') return;
    const entries = [
      { account: named('worker', WORKER), asset: LPT, amount: one.amount },
      { account: named('treasury'), asset: LPT, amount: -one.amount },
    ];
    const cause = `payout:${place}:paid`;
    await database.transact((tx) =>
      post(tx, { cause, kind: 'payout_paid', at: clock.now(), entries }),
    );
  }

  async function settle(input: EpochInput, settlement: Settlement): Promise<void> {
    const at = instant(clock.now());
    await database.transact(async (tx) => {
      await switchEpoch(tx, { number: input.epoch, at, nextTermsVersion: 0 });
      await bringIncome(tx, input, at);
      await post(tx, epochSettled(input, settlement, at));
    });
  }

  /** As a running pool looks at the chain each minute. */
  async function look(): Promise<void> {
    const parts = { database, stake: stakeIn(historyOf()) } as unknown as ReconcileParts;
    assert.equal(await bookStakeMoved(parts, clock.now()), undefined);
  }
  await look();

  return {
    database,
    income,
    look,
    wanted,
    ended,
    settle,
    held: (name: 'treasury' | 'bonding_rewards' | 'income') =>
      balanceOf(database, named(name), LPT),
    async setApart(): Promise<bigint> {
      const { rows } = await database.query<{ before: bigint }>(
        sql`select before from books_agreed where what = ${`treasury ${LPT}`}`,
      );
      return rows[0]?.before ?? 0n;
    },
    async sheet() {
      const balances = await balancesOf(database);
      const kept = balances.filter(({ balance }) => balance !== 0n);
      return {
        setApart: await this.setApart(),
        epoch: (await openEpoch(database)).number,
        ...Object.fromEntries(
          kept.map(({ account, asset, balance }) => [`${account} ${asset}`, balance]),
        ),
      };
    },
  };
}

/** All that counts as income goes to the worker and to the pool, by halves. */
function settled(epoch: bigint, amount: bigint) {
  const settlement = {
    ...{ epoch, heldBack: [], lines: [], released: {}, penalties: {}, toReserve: {} },
    ...{ fromReserve: {}, shortfall: {}, issued: {}, dust: {} },
    owed: { [WORKER]: { [LPT]: amount / 2n } },
    commission: { [LPT]: amount - amount / 2n },
  } as unknown as Settlement;
  const line = { kind: 'reward', asset: LPT, amount, transactions: [] };
  const input = {
    ...{ epoch, termsVersion: 0, carried: {}, workers: [{ worker: WORKER }] },
    income: amount === 0n ? {} : { [LPT]: amount },
    incomeLines: amount === 0n ? [] : [line],
  } as unknown as EpochInput;
  return { input, settlement };
}

const R: [Kind, bigint] = ['reward', 40n];
const S: [Kind, bigint] = ['strange', 30n];
const step = fc.tuple(
  fc.constantFrom('reward', 'reward', 'strange', 'bond', 'withdraw', 'pay', 'close'),
  fc.bigInt(1n, 100n),
);
const histories = fc.record({
  before: fc.array(step, { maxLength: 4 }),
  after: fc.array(step, { minLength: 3, maxLength: 8 }),
  /** What the backup had of the first transaction after it. */
  first: fc.constantFrom('unknown', 'wanted', 'unposted'),
});

test('books that were lost and recovered are those of a pool that lost nothing', async () => {
  await fc.assert(
    fc.asyncProperty(histories, async (given) => {
      const history: Made[] = [];
      const whole = await startBooks(() => history);
      const lost = await startBooks(() => history);
      const published: ReturnType<typeof settled>[] = [];
      let first: number | undefined;
      let inStake = STAKED_BEFORE;
      let inAccount = HELD_BEFORE;
      const all = [
        ...given.before.map((one) => [...one, true] as const),
        ...given.after.map((one) => [...one, false] as const),
      ];
      for (const [kind, percent, isKnown] of all) {
        if (kind === 'close') {
          const { number } = await openEpoch(whole.database);
          const epoch = settled(number, -(await whole.held('income')));
          await whole.settle(epoch.input, epoch.settlement);
          if (isKnown) await lost.settle(epoch.input, epoch.settlement);
          else published.push(epoch);
          continue;
        }
        const place = history.length;
        const amount = {
          reward: percent,
          strange: percent,
          bond: (inAccount * percent) / 100n,
          withdraw: (inStake * percent) / 100n,
          pay: (inAccount * percent) / 400n,
        }[kind];
        const change = {
          reward: [0n, amount],
          strange: [0n, amount],
          bond: [-amount, amount],
          withdraw: [amount, -amount],
          pay: [-amount, 0n],
        }[kind] as [bigint, bigint];
        inAccount += change[0];
        inStake += change[1];
        // Nothing goes through the journal for nothing.
        if (amount === 0n) continue;
        const made = { stake: inStake, ...(await sign(history, kind, amount)) };
        history.push(made);
        const isOwn = kind !== 'strange';
        const isFirst = isOwn && !isKnown && first === undefined;
        if (isFirst) first = place;
        for (const books of [whole, ...(isKnown ? [lost] : [])]) {
          if (isOwn) {
            await books.wanted(made, place);
            await books.ended(made, place);
          }
          await books.look();
          await books.income.recognise();
        }
        const isKept = isFirst && (given.first === 'wanted' || given.first === 'unposted');
        if (isKept) await lost.wanted(made, place);
        if (isFirst && given.first === 'unposted') await lost.ended(made, place);
        assert.equal((await whole.held('treasury')) + (await whole.setApart()), inAccount);
      }

      const providers = nodes(history);
      const assets = { [LPT]: { kind: 'erc20', address: TOKEN, decimals: 18 } } as never;
      const parts = {
        database: lost.database,
        providers,
        assets,
        bondingManager: MANAGER,
        token: TOKEN,
        stake: { orchestrator: OWN.address, onChain: stakeIn(history) },
        paidAfter: { listed: [], addresses: [] },
      };
      // The first time it is cut off before any epoch is taken over.
      await recoverAccounts(parts, ACCOUNTS);
      assert.deepEqual(
        await recoverAccounts(parts, ACCOUNTS).then((found) =>
          found.filter(({ as }) => as === 'adopted'),
        ),
        [],
      );
      for (const { input, settlement } of published) await lost.settle(input, settlement);
      await lost.database.transact((tx) => recogniseRewards(tx, clock));
      // And the pool runs: its journal has for good what it had wanted.
      if (first !== undefined && given.first === 'wanted') {
        await lost.ended(history[first] as Made, first);
      }
      await lost.look();
      await lost.income.recognise();
      assert.deepEqual(await lost.sheet(), await whole.sheet());
      assert.deepEqual(await wrongBalances(lost.database), []);
      for (const books of [whole, lost]) {
        await books.income.close();
        await books.database.close();
      }
    }),
    {
      numRuns: 12,
      examples: [
        // Withdrawn before the epoch of the reward is taken over; and a reward of none.
        [{ before: [], after: [R, ['withdraw', 30n], ['close', 0n], R], first: 'unknown' }],
        [{ before: [], after: [R, ['close', 0n], ['bond', 90n]], first: 'unposted' }],
        // A stranger's reward in an epoch that is taken over, withdrawn behind it.
        [{ before: [R], after: [S, ['close', 0n], ['withdraw', 30n], S], first: 'unknown' }],
      ],
    },
  );
});
