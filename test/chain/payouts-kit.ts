import { randomUUID } from 'node:crypto';
import type { TestContext } from 'node:test';
import sql from 'sql-template-tag';
import { type Abi, encodeDeployData, type Hex } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { type AssetId, assetId, ETH } from '../../src/base/asset.ts';
import { type Clock, instant, systemClock } from '../../src/base/clock.ts';
import { newWorkerId } from '../../src/base/ids.ts';
import { quiet } from '../../src/base/log.ts';
import { type Devnet, devnetClients } from '../../src/chain/devnet.ts';
import { compileContracts } from '../../src/chain/devnet-contracts.ts';
import { DISPERSE } from '../../src/chain/disperse.ts';
import {
  newAccount,
  startSender,
  type TestAccount,
} from '../../src/chain/transactions.test-kit.ts';
import type { TransactionSigner } from '../../src/chain/transactions-sign.ts';
import type { Database } from '../../src/database/database.ts';
import { account } from '../../src/ledger/accounts.ts';
import { balanceOf, balancesOf, post } from '../../src/ledger/postings-store.ts';
import { createPayoutChain } from '../../src/payouts/payout-chain.ts';
import { defaultPayoutRules, openPayouts, type Payouts } from '../../src/payouts/payouts.ts';
import type { Plan, Recipient } from '../../src/payouts/plan-types.ts';
import { defaultTerms, type Terms } from '../../src/terms/terms.ts';
import { eventually } from '../eventually.ts';

export const USDC: AssetId = assetId('USDC');
export const EUR: AssetId = assetId('EUR');

/** A pool that owes money, and pays it on a chain of its own. */
export type PayingPool = Awaited<ReturnType<typeof startPaying>>;

const artifacts = await compileContracts();

/** Deploys a contract from a devnet account that nobody else uses for it. */
export async function deploy(
  devnet: Devnet,
  name: string,
  ...args: readonly unknown[]
): Promise<Recipient> {
  const { reader, wallet } = devnetClients(devnet.url);
  const deployer = wallet(privateKeyToAccount(devnet.accounts[9]?.privateKey as Hex));
  const { abi, bytecode } = artifacts[name] ?? { abi: [], bytecode: '0x' };
  const data = encodeDeployData({ abi: abi as Abi, bytecode, args } as never);
  const hash = await deployer.sendTransaction({ data, gas: 5_000_000n });
  const { contractAddress } = await reader.waitForTransactionReceipt({ hash });
  return contractAddress?.toLowerCase() as Recipient;
}

/** Calls a contract from that account. */
export async function callContract(
  devnet: Devnet,
  name: string,
  address: Hex,
  functionName: string,
  ...args: readonly unknown[]
): Promise<void> {
  const { reader, wallet } = devnetClients(devnet.url);
  const caller = wallet(privateKeyToAccount(devnet.accounts[9]?.privateKey as Hex));
  const abi = artifacts[name]?.abi as Abi;
  const hash = await caller.writeContract({ address, abi, functionName, args });
  await reader.waitForTransactionReceipt({ hash });
}

/** Opens payouts over a database of the test, from an account of their own with 10 ETH. */
export async function startPaying(
  t: Pick<TestContext, 'after'>,
  options: {
    readonly database: Database;
    readonly devnet: Devnet;
    /** Another way to the chain than the devnet's own. */
    readonly urls?: readonly string[];
    readonly token?: Recipient;
    readonly clock?: Clock;
    readonly payouts?: Partial<Terms['payouts']>;
    readonly rules?: Partial<typeof defaultPayoutRules>;
    readonly signing?: (key: Hex) => TransactionSigner;
    /** The account that pays; one of its own by default. */
    readonly account?: TestAccount;
  },
) {
  const { database, devnet, token, clock = systemClock } = options;
  const paying = options.account ?? (await newAccount(devnet.url, devnet.chainId));
  const signing = options.signing ? { signing: options.signing(paying.key) } : {};
  const sender = await startSender(
    { database, urls: options.urls ?? [devnet.url], account: paying, ...signing },
    t,
  );
  const { transactions, providers } = sender;
  const chain = createPayoutChain({ providers, transactions });
  const terms: Terms = {
    ...defaultTerms,
    assets: {
      ...defaultTerms.assets,
      ...(token ? { [USDC]: { kind: 'erc20', address: token, decimals: 6 } } : {}),
      [EUR]: { kind: 'fiat', decimals: 2 },
    },
    payouts: {
      ...defaultTerms.payouts,
      assets: token ? [ETH, USDC, EUR] : [ETH, EUR],
      thresholds: {},
      feeShareMax: undefined,
      ...options.payouts,
    },
  };
  const open = (): Payouts =>
    openPayouts({
      database,
      chain,
      terms: async () => terms,
      pool: { address: `0x${'0b'.repeat(20)}`, chainId: devnet.chainId, name: 'Test pool' },
      ownAddresses: [chain.account, DISPERSE],
      rules: { ...defaultPayoutRules, pollMs: 200, ...options.rules },
      clock,
      log: quiet,
    });
  const payouts = open();
  t.after(async () => {
    await payouts.close();
    await pool.forget();
  });

  const workers = new Map<string, string>();
  const pool = {
    chain,
    providers,
    payouts,
    log: quiet,
    now: () => instant(clock.now()),
    terms,
    transactions,
    /** Enrols a worker that is owed something, which the pool has. */
    async owe(name: string, owed: Readonly<Record<string, bigint>>, address?: Recipient) {
      let id = workers.get(name);
      if (!id) {
        id = newWorkerId();
        workers.set(name, id);
        await database.query(sql`
          insert into worker (id, name, payout_address)
          values (${id}, ${`${name}-${id}`}, ${address ? Buffer.from(address.slice(2), 'hex') : null})`);
      }
      const worker = account('worker', id);
      await database.transact((tx) =>
        post(tx, {
          cause: `test:${randomUUID()}`,
          kind: 'import',
          at: instant(clock.now()),
          entries: Object.entries(owed).flatMap(([asset, amount]) => [
            { account: account('treasury'), asset: asset as AssetId, amount },
            { account: worker, asset: asset as AssetId, amount: -amount },
          ]),
        }),
      );
      return id;
    },
    /** What the books say that a worker is owed. */
    async owed(name: string, asset: AssetId = ETH) {
      return -(await balanceOf(database, account('worker', workers.get(name) ?? ''), asset));
    },
    /** Shows a plan, runs it, and waits until it has ended. Answers each worker's end by name. */
    async pay() {
      const { digest, plan } = await payouts.preview('now');
      await payouts.run(digest, 'test');
      await pool.quiet();
      return { plan, ends: await pool.ends(digest) };
    },
    /** Waits until every batch is settled, or cannot be by itself. */
    async quiet() {
      await eventually(
        'payouts are quiet',
        async () => {
          const open = await payouts.openBatches();
          return open.every((batch) =>
            batch.payouts.every(
              ({ state }) => state.state === 'unproven' || batch.method === 'fiat',
            ),
          );
        },
        90_000,
      );
    },
    async ends(digest: string) {
      const { rows } = await database.query<{
        name: string;
        state: string;
        reason: string | null;
        received: bigint | null;
      }>(sql`
        select split_part(w.name, '-', 1) as name, p.state, p.reason, p.received
        from payout p join payout_batch b on b.id = p.batch join worker w on w.id = p.worker
        where b.digest = ${Buffer.from(digest, 'hex')} order by 1`);
      return Object.fromEntries(
        rows.map(({ name, state, reason }) => [name, reason ? `${state}: ${reason}` : state]),
      );
    },
    /** Why each worker is not paid. */
    held(plan: Plan) {
      return Object.fromEntries(plan.held.map(({ name, reason }) => [name.split('-')[0], reason]));
    },
    /** Another process with the same database. */
    async again(other: Pick<TestContext, 'after'>) {
      const opened = open();
      other.after(() => opened.close());
      return opened;
    },
    /** Takes back what is owed, so that other tests find nobody waiting. */
    async forget() {
      await database.transact(async (tx) => {
        for (const { account: name, asset, balance } of await balancesOf(tx, {
          account: 'worker:',
        })) {
          if (balance === 0n) continue;
          await post(tx, {
            cause: `test:${randomUUID()}`,
            kind: 'correction',
            at: instant(clock.now()),
            entries: [
              { account: name, asset, amount: -balance },
              { account: account('treasury'), asset, amount: balance },
            ],
          });
        }
      });
    },
    /** Every account of the books sums to zero, and what is in flight is what is on its way. */
    async booksAreRight() {
      const { rows } = await database.query<{ wrong: bigint }>(sql`
        select (select count(*) from wrong_balances()) +
          (select count(*) from (select asset from account_balance group by asset having sum(balance) <> 0) as bad) +
          (select count(*) from account_balance b where starts_with(b.account, 'in_flight:') and b.balance <> 0
            and not exists (select from payout p where 'in_flight:' || p.id = b.account and p.ended_at is null)) as wrong`);
      return rows[0]?.wrong === 0n;
    },
  };
  return pool;
}
