import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, test } from 'node:test';
import fc from 'fast-check';
import sql from 'sql-template-tag';
import { ETH, LPT } from '../base/asset.ts';
import { FakeClock, instant } from '../base/clock.ts';
import { quiet } from '../base/log.ts';
import { type Wei, wei } from '../base/money.ts';
import { openScratch } from '../database/scratch.ts';
import type { Transaction } from '../database/transaction.ts';
import { type Ticket, ticketHash } from '../payments/ticket.ts';
import { endWinner, insertWinners } from '../payments/winners-store.ts';
import { switchEpoch } from './epoch-store.ts';
import type { IncomePolicy } from './income.ts';
import { incomeMark } from './income-store.ts';
import { balancesOf, linesOf, wrongBalances } from './postings-store.ts';
import { type IncomeParts, startIncome } from './recognise.ts';

const WIN_PROB_MAX = 2n ** 256n - 1n;
const TREASURY = Uint8Array.from(randomBytes(20));
const BONDING_MANAGER = Uint8Array.from(randomBytes(20));
const GATEWAY = Uint8Array.from(randomBytes(20));

const scratch = await openScratch();
const { database } = scratch;
const clock = new FakeClock();
after(() => scratch[Symbol.asyncDispose]());

/** By version of the terms, as epochs name it. */
const policies: IncomePolicy[] = ['credited', 'redeemed', 'credited'];
let rewards: ((transaction: string) => Promise<bigint>) | undefined;
/** LPT that transactions brought to the treasury; the chain tells of no other. */
const brought = new Map<string, bigint>();
const parts: IncomeParts = {
  database,
  clock,
  log: quiet,
  policyOf: async (version) => policies[version] as IncomePolicy,
  treasury: [TREASURY],
  bondingManager: BONDING_MANAGER,
  rewardOf: (transaction) => rewards?.(transaction) ?? Promise.reject(new Error('nobody tells')),
  async lptMoved(transaction) {
    const amount = brought.get(transaction);
    if (amount === undefined) throw new Error('nobody tells');
    return amount;
  },
};
const income = startIncome(parts);
after(() => income.close());

const write = <T>(run: (tx: Transaction) => Promise<T>) => database.transact(run);

/** A gateway's tickets of that expected value, in wei and fractions of it. */
const credit = (overWinProb: bigint) =>
  write((tx) =>
    tx.query(sql`
      insert into payment_total as t (sender, tickets, refused, credited)
      values (${Buffer.from(GATEWAY)}, 1, 0, ${overWinProb})
      on conflict (sender) do update set credited = t.credited + excluded.credited`),
  );

let nonce = 0;
async function win(face: bigint): Promise<string> {
  nonce += 1;
  const ticket: Ticket = {
    recipient: TREASURY,
    sender: GATEWAY,
    faceValue: wei(face),
    winProb: 1n,
    nonce,
    recipientRandHash: Uint8Array.from(randomBytes(32)),
    creationRound: 1n,
    creationRoundBlockHash: new Uint8Array(32),
  };
  const winner = {
    ticket,
    sig: new Uint8Array(65),
    recipientRand: new Uint8Array(32),
    expirationBlock: 9n,
  };
  await write((tx) => insertWinners(tx, [winner as Parameters<typeof insertWinners>[1][number]]));
  return Buffer.from(ticketHash(ticket)).toString('hex');
}

const redeem = (ticket: string, paid: bigint) =>
  write((tx) =>
    endWinner(tx, ticket, { state: 'redeemed', transaction: randomBytes(32), paid: paid as Wei }),
  );

/** A final transaction of an account, with what it cost. */
async function transacted(options: {
  readonly intent: string;
  readonly from?: Uint8Array;
  readonly to?: Uint8Array;
  readonly value?: bigint;
  readonly calldata?: string;
  readonly gas: bigint;
}): Promise<string> {
  const { intent, from = TREASURY, to = GATEWAY, value = 0n, calldata = '', gas } = options;
  const hash = randomBytes(32);
  await write(async (tx) => {
    await tx.query(sql`insert into chain_account (chain_id, account) values (1, ${Buffer.from(from)})
      on conflict do nothing`);
    await tx.query(sql`
      with i as (
        insert into chain_intent (chain_id, account, id, recipient, value, calldata, gas_limit)
        values (1, ${Buffer.from(from)}, ${intent}, ${Buffer.from(to)}, ${value},
          ${Buffer.from(calldata, 'hex')}, 1) returning number)
      insert into chain_nonce (chain_id, account, nonce, intent)
      select 1, ${Buffer.from(from)}, number, number from i`);
    await tx.query(sql`
      insert into chain_transaction (hash, chain_id, account, nonce, kind, raw, max_fee_per_gas,
        max_priority_fee_per_gas, signed_at)
      select ${hash}, 1, account, number, 'work', '', 1, 1, now() from chain_intent
      where id = ${intent}`);
    await tx.query(sql`update chain_intent set state = 'final', hash = ${hash}, block = 7,
      succeeded = true where id = ${intent}`);
    await tx.query(sql`insert into chain_gas (hash, wei) values (${hash}, ${gas})`);
  });
  return hash.toString('hex');
}

async function sheet(): Promise<Record<string, bigint>> {
  const held = await balancesOf(database);
  return Object.fromEntries(
    held
      .filter(({ balance }) => balance !== 0n)
      .map(({ account, asset, balance }) => [
        asset === ETH ? account : `${account} ${asset}`,
        balance,
      ]),
  );
}

async function nextEpoch(number: bigint, nextTermsVersion: number): Promise<void> {
  await write((tx) => switchEpoch(tx, { number, at: instant(clock.now()), nextTermsVersion }));
}

test('what tickets are worth is income at once, what they win is luck: credited, won, redeemed', async () => {
  // Ten wei and a half: the half is posted once there is another one.
  await credit((WIN_PROB_MAX * 21n) / 2n);
  await income.recognise();
  assert.deepEqual(await sheet(), { income: -10n, luck: 10n });
  await credit(WIN_PROB_MAX / 2n + 1n);
  await income.recognise();
  await income.recognise();
  assert.deepEqual(await sheet(), { income: -11n, luck: 11n });

  const ticket = await win(100n);
  await income.recognise();
  assert.deepEqual(await sheet(), { income: -11n, luck: -89n, tickets_won: 100n });
  // The gateway had less than the face value.
  await redeem(ticket, 90n);
  await income.recognise();
  assert.deepEqual(await sheet(), {
    income: -11n,
    luck: -89n,
    bonding_fees: 90n,
    written_off: 10n,
  });
});

test("fees come home, gas is spent, a reward is received and a transfer is the operator's", async () => {
  const withdraw = selector('withdrawFees(address,uint256)');
  const word = (hex: string) => hex.padStart(64, '0');
  const toUs = word(Buffer.from(TREASURY).toString('hex'));
  await transacted({
    intent: 'withdraw-fees:1',
    to: BONDING_MANAGER,
    calldata: withdraw + toUs + word(50n.toString(16)),
    gas: 3n,
  });
  await transacted({
    intent: 'withdraw-fees:2',
    to: BONDING_MANAGER,
    calldata: withdraw + word(Buffer.from(GATEWAY).toString('hex')) + word(5n.toString(16)),
    gas: 1n,
  });
  await transacted({ intent: 'transfer:1', value: 20n, gas: 1n });
  await transacted({ intent: 'payout:1', value: 9n, gas: 1n });
  await transacted({ intent: 'redeem:1', from: GATEWAY, gas: 2n });
  const reward = await transacted({
    intent: 'reward:1',
    to: BONDING_MANAGER,
    calldata: selector('reward()'),
    gas: 0n,
  });
  const before = { income: -11n, luck: -89n, written_off: 10n };
  const after = { ...before, bonding_fees: 35n, gas: 8n, treasury: 24n, external: 23n };
  await income.recognise();
  assert.deepEqual(await sheet(), after);
  // The chain tells of the reward later; what waits for it waits alone.
  await income.recognise();
  assert.deepEqual(await sheet(), after);
  clock.advance(60_000);
  rewards = async (transaction) => (transaction === `0x${reward}` ? 1_000n : 0n);
  await income.recognise();
  assert.deepEqual(await sheet(), {
    ...after,
    'income LPT': -1_000n,
    'bonding_rewards LPT': 1_000n,
  });
  const lines = await linesOf(database, { account: 'income', asset: LPT });
  assert.deepEqual(lines[0]?.facts, { transaction: `0x${reward}` });
});

test('income by redemption counts from what was counted before, and back again without a gap', async () => {
  const before = await sheet();
  const change = async () => {
    const now = await sheet();
    const names = [
      'income',
      'income_pending',
      'luck',
      'bonding_fees',
      'written_off',
      'tickets_won',
    ];
    return Object.fromEntries(
      names.flatMap((name) => {
        const by = (now[name] ?? 0n) - (before[name] ?? 0n);
        return by === 0n ? [] : [[name, by]];
      }),
    );
  };
  await nextEpoch(1n, 1);
  await credit(WIN_PROB_MAX * 200n);
  await income.recognise();
  // 11 were income when they were credited and 90 were redeemed: 79 of them are more than that.
  assert.deepEqual(await change(), { luck: 200n, income: -79n, income_pending: -121n });
  await redeem(await win(30n), 30n);
  await income.recognise();
  assert.deepEqual(await change(), {
    luck: 170n,
    bonding_fees: 30n,
    income: -109n,
    income_pending: -91n,
  });
  const lost = await win(40n);
  await write((tx) => endWinner(tx, lost, { state: 'written_off', reason: 'expired' }));
  await income.recognise();
  assert.deepEqual(await change(), {
    luck: 130n,
    bonding_fees: 30n,
    written_off: 40n,
    income: -109n,
    income_pending: -91n,
  });
  await nextEpoch(2n, 2);
  await income.recognise();
  assert.deepEqual(await change(), {
    luck: 130n,
    bonding_fees: 30n,
    written_off: 40n,
    income: -200n,
  });
});

test('however many nodes post and however often, everything is in the books once', async () => {
  const { expected, redeemed } = await incomeMark(database);
  const faces = fc.array(fc.bigInt(1n, 10n ** 20n), { minLength: 1, maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(faces, fc.bigInt(0n, 10n ** 20n), async (won, worth) => {
      const mark = await incomeMark(database);
      await credit(worth * WIN_PROB_MAX);
      const tickets = await Promise.all(won.map(win));
      await Promise.all([income.recognise(), income.recognise()]);
      await Promise.all([
        ...tickets.map((ticket, index) => redeem(ticket, (won[index] as bigint) / 2n)),
        income.recognise(),
      ]);
      await Promise.all([income.recognise(), income.recognise()]);
      const now = await incomeMark(database);
      assert.equal(now.expected - mark.expected, worth);
      assert.equal(
        now.redeemed - mark.redeemed,
        won.reduce((sum, face) => sum + face / 2n, 0n),
      );
    }),
    { numRuns: 15 },
  );
  const held = await sheet();
  const now = await incomeMark(database);
  assert.equal(held.income, -now.recognised);
  assert.equal(held.tickets_won, undefined);
  assert.equal((held.bonding_fees ?? 0n) + 55n, now.redeemed);
  assert.ok(now.expected > expected && now.redeemed > redeemed);
  assert.deepEqual(await wrongBalances(database), []);
});

let actions = 0;
/** A final transaction of the pool that brought LPT to the treasury, or (less than 0) took it. */
async function moved(signature: string, amount: bigint): Promise<string> {
  actions += 1;
  const calldata = selector(signature);
  const to = BONDING_MANAGER;
  const hash = await transacted({ intent: `action:${actions}`, to, calldata, gas: 0n });
  brought.set(`0x${hash}`, amount);
  await income.recognise();
  return hash;
}
const bond = (amount: bigint) => moved('bond(uint256,address)', -amount);
const withdraw = (amount: bigint) => moved('withdrawStake(uint256)', amount);
const send = (amount: bigint) => moved('transfer(address,uint256)', -amount);

async function setApart(): Promise<bigint | undefined> {
  const { rows } = await database.query<{ before: bigint }>(
    sql`select before from books_agreed where what = 'treasury LPT'`,
  );
  return rows[0]?.before;
}

test("the operator's own LPT turns into stake and back; rewards come out of it first", async () => {
  const before = await sheet();
  /** What is set apart, and what the books have in the treasury, in the stake, and put in or taken out. */
  const stands = async (...expected: readonly (bigint | undefined)[]) => {
    const now = await sheet();
    const lpt = (name: string) => now[`${name} LPT`] ?? 0n;
    assert.deepEqual(
      [await setApart(), lpt('treasury'), lpt('bonding_rewards'), lpt('external')],
      expected,
    );
  };
  await stands(undefined, 0n, 1_000n, 0n);
  // Nobody has looked yet: the first look takes the account as it is then.
  await bond(5n);
  await stands(undefined, 0n, 1_000n, 0n);
  assert.deepEqual(await sheet(), before);
  await withdraw(50n);
  await stands(undefined, 0n, 950n, 50n);
  // Transactions of these tests are in block 7.
  await database.query(sql`insert into books_agreed (what, before, begun_block, block, at)
    values ('treasury LPT', 100, 7, 7, now())`);
  await bond(5n);
  await stands(100n, 0n, 950n, 50n);
  await withdraw(10n);
  await stands(90n, 10n, 940n, 50n);
  await database.query(sql`update books_agreed set begun_block = 6`);
  await bond(60n);
  await income.recognise();
  await stands(30n, 10n, 940n, 50n);
  await withdraw(950n);
  await stands(40n, 950n, 0n, 50n);
  // There and back again nothing is lost, and nothing stands twice.
  await bond(950n);
  await stands(0n, 40n, 910n, 50n);
  await withdraw(950n);
  await stands(40n, 950n, 0n, 50n);

  const last = await send(70n);
  await stands(0n, 920n, 0n, 80n);
  // The accounts had more than anybody knew: that was no stake of the books.
  await bond(1_000n);
  await stands(0n, -80n, 920n, 160n);
  const lines = await linesOf(database, { account: 'external', asset: LPT });
  assert.equal(lines[1]?.cause, `sent:0x${last}`);
  assert.deepEqual(await wrongBalances(database), []);
});

test('whatever becomes stake and back, the books have what the account has, and no more stake than there is', async () => {
  await database.query(sql`update books_agreed set before = before + 1000`);
  const held = async (name: string) => (await sheet())[`${name} LPT`] ?? 0n;
  let inAccount = (await held('treasury')) + ((await setApart()) ?? 0n);
  let inStake = (await held('bonding_rewards')) + 500n;
  const part = (of: bigint, percent: bigint) => (of * percent) / 100n;
  const step = fc.tuple(fc.constantFrom('reward', 'bond', 'withdraw', 'send'), fc.bigInt(0n, 100n));
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
      for (const [what, percent] of steps) {
        const ofAccount = part(inAccount, percent);
        const ofStake = part(inStake, percent);
        if (what === 'reward') {
          rewards = async () => percent;
          await moved('reward()', 0n);
          inStake += percent;
        } else if (what === 'withdraw') {
          await withdraw(ofStake);
          [inAccount, inStake] = [inAccount + ofStake, inStake - ofStake];
        } else if (what === 'bond') {
          await bond(ofAccount);
          [inAccount, inStake] = [inAccount - ofAccount, inStake + ofAccount];
        } else {
          await send(ofAccount);
          inAccount -= ofAccount;
        }
        assert.equal((await held('treasury')) + ((await setApart()) ?? 0n), inAccount);
        const claimed = await held('bonding_rewards');
        assert.ok(claimed >= 0n && claimed <= inStake, `${claimed} of ${inStake}`);
      }
    }),
    { numRuns: 15 },
  );
  assert.deepEqual(await wrongBalances(database), []);
});

test('a node that runs posts every few seconds', async () => {
  const own = startIncome(parts);
  const { expected } = await incomeMark(database);
  await credit(7n * WIN_PROB_MAX);
  clock.advance(5_000);
  await own.close();
  assert.equal((await incomeMark(database)).expected, expected + 7n);
});

function selector(signature: string): string {
  return SELECTORS[signature] as string;
}
/** As `cast sig` prints them. */
const SELECTORS: Record<string, string> = {
  'withdrawFees(address,uint256)': 'ad3b1b47',
  'reward()': '228cb733',
  'bond(uint256,address)': 'b78d27dc',
  'withdrawStake(uint256)': '25d5971f',
  'transfer(address,uint256)': 'a9059cbb',
};
