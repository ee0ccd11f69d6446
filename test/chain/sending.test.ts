import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import sql from 'sql-template-tag';
import type { Hex } from 'viem';
import { startAnvil } from '../../src/chain/anvil.ts';
import { seededChance } from '../../src/chain/fake-chain.test-kit.ts';
import type { IntentId } from '../../src/chain/journal-types.ts';
import { startLyingNode } from '../../src/chain/lying-node.test-kit.ts';
import { transactionHash } from '../../src/chain/sign-transaction.ts';
import {
  balance,
  newAccount,
  newRecipient,
  payment,
  rpc,
  type SenderOptions,
  signerOf,
  startSender,
} from '../../src/chain/transactions.test-kit.ts';
import type { Transactions } from '../../src/chain/transactions.ts';
import type { TransactionSigner } from '../../src/chain/transactions-sign.ts';
import { openDatabase } from '../../src/database/database.ts';
import { openScratch } from '../../src/database/scratch.ts';
import { eventually } from '../eventually.ts';

const CHAIN = 31_337;
const GWEI = 1_000_000_000n;
const MNEMONIC = 'test test test test test test test test test test test junk';
const scratch = await openScratch();
const { database } = scratch;
const anvil = await startAnvil({ port: 0, blockTime: 0, chainId: CHAIN, mnemonic: MNEMONIC });
const { url } = anvil;
const node = await startLyingNode(url);
after(async () => {
  await node.close();
  await anvil.stop();
  await scratch[Symbol.asyncDispose]();
});

const nonceOf = async (address: Hex) =>
  Number(await rpc<Hex>(url, 'eth_getTransactionCount', address, 'latest'));
const quantity = (value: bigint): Hex => `0x${value.toString(16)}`;
const nextBaseFee = (wei: bigint) => rpc(url, 'anvil_setNextBlockBaseFeePerGas', quantity(wei));
const automine = (on: boolean) => rpc(url, 'evm_setAutomine', on);
const isAt = (transactions: Transactions, id: IntentId, state: string) => () =>
  transactions.progress(id)?.state === state;

/** Where a node stops, and how it is made to stay there until then. */
const stops: readonly {
  readonly point: string;
  readonly state: string;
  readonly options?: Partial<SenderOptions>;
  readonly before?: () => unknown;
  readonly after?: () => unknown;
}[] = [
  {
    point: 'was wanted',
    state: 'intended',
    options: { signing: { signTransaction: () => new Promise(() => {}) } },
  },
  {
    point: 'was signed and stored',
    state: 'signed',
    before: () => {
      node.lie = async ({ method }, honest) =>
        method === 'eth_sendRawTransaction' ? 'hang_up' : honest();
    },
    after: () => {
      node.lie = undefined;
    },
  },
  {
    point: 'was sent',
    state: 'broadcast',
    before: () => automine(false),
    after: async () => {
      await automine(true);
      await rpc(url, 'evm_mine');
    },
  },
  {
    point: 'was in a block',
    state: 'included',
    options: { finality: { depth: 3 } },
    after: () => rpc(url, 'anvil_mine', '0x3'),
  },
];

for (const { point, state, options, before, after: release } of stops) {
  test(`a restart after a transaction ${point} does it once`, async (t) => {
    t.after(async () => {
      node.lie = undefined;
      await automine(true);
    });
    const account = await newAccount(url, CHAIN);
    const to = newRecipient();
    const intent = payment('restart', to);
    await before?.();
    const sender = { database, urls: [node.url], account };
    {
      await using stopped = await startSender({ ...sender, ...options });
      await stopped.transactions.submit(intent);
      await eventually(`it ${point}`, isAt(stopped.transactions, intent.id, state));
    }
    await release?.();
    const { transactions } = await startSender({ ...sender, finality: { depth: 0 } }, t);
    const entry = await transactions.settled(intent.id);
    assert.equal(entry.state, 'final');
    assert.equal(await balance(url, to), 1n);
    assert.equal(await nonceOf(account.address), 1);
  });
}

test('when gas is above the ceiling nothing is signed, and it is when gas is not', async (t) => {
  t.after(() => nextBaseFee(GWEI));
  const account = await newAccount(url, CHAIN);
  let signatures = 0;
  const counting: TransactionSigner = {
    signTransaction(...asked) {
      signatures += 1;
      return signerOf(account).signTransaction(...asked);
    },
  };
  const rules = { maxFeePerGas: 50n * GWEI };
  const options = { database, urls: [node.url], account, signing: counting, rules };
  await nextBaseFee(200n * GWEI);
  const { transactions } = await startSender(options, t);
  const intent = payment('spike', newRecipient());
  await transactions.submit(intent);
  await eventually('it is known', () => transactions.progress(intent.id) !== undefined);
  const looks = () => node.calls.get('eth_feeHistory') ?? 0;
  const seen = looks();
  await eventually('the chain is looked at again', () => looks() > seen + 2);
  assert.equal(transactions.progress(intent.id)?.state, 'intended');
  assert.equal(signatures, 0);
  await nextBaseFee(GWEI);
  assert.equal((await transactions.settled(intent.id)).state, 'final');
  assert.equal(signatures, 1);
});

test('a transaction that gas ran away from is replaced, within the ceiling', async (t) => {
  t.after(async () => {
    await automine(true);
    await nextBaseFee(GWEI);
  });
  const account = await newAccount(url, CHAIN);
  const rules = { maxFeePerGas: 20n * GWEI };
  const { transactions } = await startSender({ database, urls: [url], account, rules }, t);
  const to = newRecipient();
  const intent = payment('replaced', to);
  const fees = () => {
    const entry = transactions.progress(intent.id);
    return entry && entry.state !== 'intended'
      ? entry.attempts.map(({ maxFeePerGas }) => maxFeePerGas)
      : [];
  };
  await automine(false);
  await nextBaseFee(GWEI);
  await transactions.submit(intent);
  await eventually('it is sent', isAt(transactions, intent.id, 'broadcast'));
  assert.equal(fees().length, 1);

  await nextBaseFee(8n * GWEI);
  await eventually('it is replaced', () => fees().length === 2);
  await eventually('the other one is sent', isAt(transactions, intent.id, 'broadcast'));
  assert.ok(fees().every((fee) => fee <= 20n * GWEI));
  assert.ok((fees()[1] ?? 0n) >= 9n * GWEI);
  await rpc(url, 'evm_mine');
  const entry = await transactions.settled(intent.id);
  assert.equal(entry.state, 'final');
  assert.equal(await balance(url, to), 1n);
  assert.equal(await nonceOf(account.address), 1);
  const receipt = await rpc<{ effectiveGasPrice: Hex; gasUsed: Hex }>(
    ...([
      url,
      'eth_getTransactionReceipt',
      entry.state === 'final' && entry.inclusion.hash,
    ] as const),
  );
  const cost = BigInt(receipt.effectiveGasPrice) * BigInt(receipt.gasUsed);
  assert.equal(await transactions.gasSpent(), cost);
});

test('lost, swallowed and foreign transactions leave no gap and nothing undone', async (t) => {
  const account = await newAccount(url, CHAIN);
  const chance = seededChance(7);
  const told = { lost: 0, swallowed: 0 };
  node.lie = async ({ method, params }, honest) => {
    if (method !== 'eth_sendRawTransaction') return honest();
    const roll = chance();
    if (roll < 0.15) await honest();
    if (roll < 0.3) {
      told.lost += 1;
      return 'hang_up';
    }
    if (roll >= 0.35) return honest();
    told.swallowed += 1;
    return { result: transactionHash(params[0] as Hex) };
  };
  t.after(() => {
    node.lie = undefined;
  });
  const rules = { resendMs: 100 };
  const { transactions } = await startSender({ database, urls: [node.url], account, rules }, t);
  const to = newRecipient();
  const foreign = newRecipient();
  const intents = Array.from({ length: 40 }, (_, n) => payment(`gap:${n}`, to));
  let foreigners = 0;
  for (const [n, intent] of intents.entries()) {
    await transactions.submit(intent);
    if (n % 8 === 7 && (await sendForeign(account, foreign))) foreigners += 1;
    if (n % 10 === 9) await transactions.settled(intent.id);
  }
  const entries = await Promise.all(intents.map(({ id }) => transactions.settled(id)));
  assert.deepEqual(new Set(entries.map(({ state }) => state)), new Set(['final']));
  assert.equal(await balance(url, to), 40n);
  assert.equal(await balance(url, foreign), BigInt(foreigners));
  assert.ok(foreigners > 0 && told.lost > 5 && told.swallowed > 0);
  const nonces = entries.flatMap((entry) => (entry.state === 'final' ? [entry.nonce] : []));
  assert.equal(new Set(nonces).size, 40);
});

test('two nodes on one database do everything once, and one goes on without the other', async (t) => {
  const account = await newAccount(url, CHAIN);
  const other = await openDatabase({ url: database.url });
  t.after(() => other.close());
  const to = newRecipient();
  const first = await startSender({ database, urls: [url], account });
  const second = await startSender({ database: other, urls: [url], account }, t);
  const heard = new Set<string>();
  second.transactions.onSettled(({ intent }) => heard.add(intent.id));
  const intents = Array.from({ length: 20 }, (_, n) => payment(`two:${n}`, to));
  const half = intents.slice(0, 10);
  await Promise.all(
    half.map(({ id }, n) =>
      (n % 2 ? first : second).transactions.submit(half[n] ?? payment(id, to)),
    ),
  );
  const settledOn = ({ transactions }: typeof first) =>
    Promise.all(half.map(({ id }) => transactions.settled(id)));
  assert.deepEqual(await settledOn(first), await settledOn(second));
  assert.equal(await balance(url, to), 10n);
  const drivers = [first, second].filter(({ transactions }) => transactions.status.driving);
  assert.equal(drivers.length, 1);
  await eventually('both hear of all', () => half.every(({ id }) => heard.has(id)));

  await Promise.all(intents.slice(10).map((intent) => second.transactions.submit(intent)));
  await first[Symbol.asyncDispose]();
  for (const { id } of intents) await second.transactions.settled(id);
  assert.equal(second.transactions.status.driving, true);
  assert.equal(await balance(url, to), 20n);
  assert.equal(await nonceOf(account.address), 20);
});

test('two nodes that both believe to be the one still do everything once', async (t) => {
  const account = await newAccount(url, CHAIN);
  const other = await openDatabase({ url: database.url });
  t.after(() => other.close());
  const to = newRecipient();
  const first = await startSender({ database, urls: [url], account }, t);
  const second = await startSender({ database: other, urls: [url], account }, t);
  const intents = Array.from({ length: 30 }, (_, n) => payment(`both:${n}`, to));
  for (const [n, intent] of intents.entries()) {
    await (n % 2 ? first : second).transactions.submit(intent);
    // Whoever looks next takes the lead from the other, which does not know.
    await database.query(sql`
      update chain_account set driver = null, driven_until = null
      where account = ${Buffer.from(account.address.slice(2), 'hex')}`);
  }
  for (const { id } of intents) await first.transactions.settled(id);
  assert.equal(await balance(url, to), 30n);
  assert.equal(await nonceOf(account.address), 30);
});

test('what is withdrawn in time is not done, on whichever node', async (t) => {
  const account = await newAccount(url, CHAIN);
  const to = newRecipient();
  const never: TransactionSigner = { signTransaction: () => new Promise(() => {}) };
  const driving = await startSender({ database, urls: [url], account, signing: never }, t);
  await eventually('it drives', () => driving.transactions.status.driving);
  const idle = await startSender({ database, urls: [url], account }, t);
  const [one, two] = [payment('withdrawn:1', to), payment('withdrawn:2', to)];
  for (const intent of [one, two]) await driving.transactions.submit(intent);
  await eventually('it is known', isAt(driving.transactions, one.id, 'intended'));
  await driving.transactions.withdraw(one.id);
  await idle.transactions.withdraw(two.id);
  for (const { id } of [one, two]) {
    const entry = await driving.transactions.settled(id);
    assert.deepEqual([entry.state, 'reason' in entry && entry.reason], ['failed', 'withdrawn']);
  }
  await eventually('nothing is left', () => driving.transactions.status.open === 0);
  assert.equal(await nonceOf(account.address), 0);
});

test('what the signer refuses fails, and what it signs wrongly is not sent', async (t) => {
  const account = await newAccount(url, CHAIN);
  let wrong = 0;
  const signing: TransactionSigner = {
    async signTransaction(address, tx) {
      if (tx.value === 7n) return { ok: false, reason: 'refused', text: 'not in the policy' };
      if (wrong >= 2) return signerOf(account).signTransaction(address, tx);
      wrong += 1;
      return signerOf(account).signTransaction(address, { ...tx, to: newRecipient() });
    },
  };
  const { transactions } = await startSender({ database, urls: [url], account, signing }, t);
  const to = newRecipient();
  const [refused, twisted] = [payment('refused', to, { value: 7n }), payment('twisted', to)];
  await transactions.submit(refused);
  await transactions.submit(twisted);
  const entry = await transactions.settled(refused.id);
  assert.deepEqual([entry.state, 'reason' in entry && entry.reason], ['failed', 'refused']);
  assert.equal((await transactions.settled(twisted.id)).state, 'final');
  assert.equal(wrong, 2);
  assert.equal(await balance(url, to), 1n);
});

test('an account without money says so, and goes on when it has some', async (t) => {
  const account = await newAccount(url, CHAIN);
  await rpc(url, 'anvil_setBalance', account.address, '0x0');
  const { transactions, metrics } = await startSender({ database, urls: [url], account }, t);
  const intent = payment('poor', newRecipient());
  await transactions.submit(intent);
  await eventually('it says so', () => transactions.status.outOfFunds);
  assert.match(await metrics.text(), /tributary_chain_out_of_funds 1/);
  await rpc(url, 'anvil_setBalance', account.address, quantity(10n ** 18n));
  assert.equal((await transactions.settled(intent.id)).state, 'final');
  assert.equal(transactions.status.outOfFunds, false);
});

/** A transaction that the owner of the account sends from elsewhere; false when it came too late. */
async function sendForeign(
  account: Awaited<ReturnType<typeof newAccount>>,
  to: Hex,
): Promise<boolean> {
  const nonce = await nonceOf(account.address);
  const signed = await signerOf(account).signTransaction(account.address, {
    ...{ chainId: CHAIN, nonce, to, value: 1n, data: '0x', gasLimit: 30_000n },
    ...{ maxFeePerGas: 100n * GWEI, maxPriorityFeePerGas: GWEI },
  });
  assert.ok(signed.ok);
  return rpc(url, 'eth_sendRawTransaction', signed.raw).then(
    () => true,
    () => false,
  );
}
