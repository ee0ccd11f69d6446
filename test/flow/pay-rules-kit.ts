import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Hex, parseEther } from 'viem';
import { type PrivateKeyAccount, privateKeyToAccount } from 'viem/accounts';
import type { AssetId } from '../../src/base/asset.ts';
import { parseHex } from '../../src/base/bytes.ts';
import { instant } from '../../src/base/clock.ts';
import { devnetClients } from '../../src/chain/devnet.ts';
import { storeKey } from '../../src/chain/keystore.ts';
import { balance, newAccount, newRecipient } from '../../src/chain/transactions.test-kit.ts';
import { type Database, openDatabase } from '../../src/database/database.ts';
import { openScratch } from '../../src/database/scratch.ts';
import { account } from '../../src/ledger/accounts.ts';
import { post } from '../../src/ledger/postings-store.ts';
import { eventually } from '../eventually.ts';
import { type PoolProcess, startPoolProcess } from '../pool-process.ts';
import { createProcessClock } from '../process-clock.ts';
import { startTestChain, type TestChain } from '../start-chain-pool.ts';
import type { Cleanup, Enrolment } from '../start-pool.ts';
import { startTributary } from '../tributary-process.ts';

export const MINUTE_MS = 60_000;
export const DAY_MS = 86_400_000;

/** What a command printed, and how it ended. */
export interface Said {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** A pool as it is run, whose days a test makes pass. */
export interface RulePool {
  readonly pool: PoolProcess;
  readonly chain: TestChain;
  readonly database: Database;
  /** The account that pays. */
  readonly payer: PrivateKeyAccount;
  readonly token: Hex;
  /** Where files of the test are. */
  readonly dir: string;
  /** Milliseconds since 1970, as the pool has it. */
  now(): number;
  /** Lets time pass; what was due on the way has begun when it resolves. */
  leap(ms: number): Promise<void>;
  /** Runs `tributary …` beside the pool. */
  said(...args: readonly string[]): Promise<Said>;
  /** The same, of a command that goes well: what it printed. */
  run(...args: readonly string[]): Promise<string>;
  /** The same, of one that is refused: why. */
  refused(...args: readonly string[]): Promise<string>;
  enrol(name: string): Promise<Enrolment & { readonly address: Hex }>;
  /** The books owe a worker so much more. */
  owe(worker: string, wei: bigint): Promise<void>;
  /** Money comes from outside; its transaction. */
  send(from: PrivateKeyAccount, to: Hex, wei: bigint): Promise<Hex>;
  /** The same with LPT, in base units. */
  sendLpt(from: PrivateKeyAccount, to: Hex, units: bigint): Promise<Hex>;
  /** Puts ether into the account that pays, and has it booked. */
  fund(ether: string): Promise<void>;
  /** The same with the token, in base units. */
  fundDollars(units: bigint): Promise<void>;
  /** Publishes terms for the epoch after this one, and lets it begin. */
  promise(payouts: string): Promise<void>;
  /** Waits until a payout of so much has come to a state. */
  ended(units: bigint, asset: string, state: string): Promise<void>;
  /** Waits until an address has so much; time stands still meanwhile. */
  arrived(address: Hex, wei: bigint): Promise<void>;
  /** The titles of what people were told, the newest first. */
  notices(): Promise<readonly string[]>;
  metric(line: RegExp): Promise<boolean>;
  readonly outsider: PrivateKeyAccount;
}

/** Starts it: with payouts by schedule, two people above 5 ETH, and a signer that sends 8 at most. */
export async function startRulePool(t: Cleanup): Promise<RulePool> {
  const chain = await startTestChain(t, { roundLength: 400 });
  const { url, chainId, addresses } = chain.devnet;
  const dir = await mkdtemp(join(tmpdir(), 'tributary-rules-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  const key = await newAccount(url, chainId);
  const payer = privateKeyToAccount(key.key);
  const cost = { n: 2, r: 8, p: 1 };
  const stored = await storeKey({
    dir,
    key: parseHex(key.key) as Uint8Array,
    password: 'secret',
    cost,
  });
  const scratch = await openScratch();
  t.after(async () => scratch[Symbol.asyncDispose]());
  const database = await openDatabase({ url: scratch.database.url });
  t.after(() => database.close());
  const token = addresses.UsdToken.toLowerCase() as Hex;
  const policy = join(dir, 'signer.toml');
  await writeFile(policy, `payout-tokens = ["${token}=1000000000/1500000000"]\nmax-eth = "8"\n`);
  const clock = await createProcessClock(t);
  const flags = [
    ...[...chain.flags(), '--price=1000wei', '--auto-adjust-price=false', '--reward=false'],
    ...[`--payout-keystore=${stored.file}`, '--payout-gas-money=1', `--signer-policy=${policy}`],
    ...['--automatic-payouts', `--approve-payouts-above=ETH=${parseEther('5')}`],
    `--database-url=${scratch.database.url}`,
  ];
  const pool = await startPoolProcess(t, flags, undefined, clock.env);
  const { wallet, reader } = devnetClients(url);
  const outsider = privateKeyToAccount(chain.devnet.accounts[7]?.privateKey as Hex);
  let ahead = 0;

  async function said(...args: readonly string[]): Promise<Said> {
    const process = startTributary(t, [...args, '--data-dir', pool.dataDir]);
    const code = await process.exited;
    return { code, ...process.printed };
  }
  const rules: RulePool = {
    ...{ pool, chain, database, payer, token, dir, outsider, said },
    now: () => Date.now() + ahead,
    async leap(ms) {
      ahead += ms;
      await clock.leap(ms);
    },
    async run(...args) {
      const { code, out, err } = await said(...args);
      assert.equal(code, 0, `${args.join(' ')}: ${out}${err}`);
      return out;
    },
    async refused(...args) {
      const { code, out, err } = await said(...args);
      assert.notEqual(code, 0, `${args.join(' ')}: ${out}`);
      return err.replaceAll(/\s+/g, ' ');
    },
    async enrol(name) {
      const address = newRecipient();
      const body = { name, payoutAddress: address };
      return { ...(await pool.admin<Enrolment>('POST', '/api/v1/workers', body)), address };
    },
    async owe(worker, wei) {
      const asset = 'ETH' as AssetId;
      await database.transact((tx) =>
        post(tx, {
          ...{ cause: `test:${randomUUID()}`, kind: 'import', at: instant(rules.now()) },
          entries: [
            { account: account('commission'), asset, amount: wei },
            { account: account('worker', worker), asset, amount: -wei },
          ],
        }),
      );
    },
    async send(from, to, value) {
      const hash = await wallet(from).sendTransaction({ to, value });
      await reader.waitForTransactionReceipt({ hash });
      return hash;
    },
    async sendLpt(from, to, units) {
      const hash = await wallet(from).writeContract({
        address: addresses.LivepeerToken,
        abi: chain.devnet.abis.LivepeerToken,
        functionName: 'transfer',
        args: [to, units],
      });
      await reader.waitForTransactionReceipt({ hash });
      return hash;
    },
    async fund(ether) {
      const hash = await rules.send(outsider, payer.address, parseEther(ether));
      assert.match(await rules.run('payouts', 'funded', hash), / ETH booked/);
    },
    async fundDollars(units) {
      const hash = await wallet(outsider).writeContract({
        address: token,
        abi: chain.devnet.abis.UsdToken,
        functionName: 'mint',
        args: [payer.address, units],
      });
      await reader.waitForTransactionReceipt({ hash });
      assert.match(await rules.run('payouts', 'funded', hash), /USDC booked/);
    },
    async promise(payouts) {
      const file = `name = "Rule pool"
commission = "10%"
[epoch]
period = "week"
[model]
kind = "proportional"
by = "units"
[assets.USDC]
kind = "erc20"
address = "${token}"
decimals = 6
[assets.EUR]
kind = "fiat"
decimals = 2
[disputes]
open-days = 14
answer-days = 2
decide-days = 2
[payouts]
${payouts}`;
      await pool.admin('POST', '/api/v1/terms', { file, startsAtEpoch: 'next' });
      await pool.admin('POST', '/api/v1/epochs/close');
    },
    async ended(units, asset, state) {
      await eventually(`${units} ${asset} is ${state}`, async () => {
        const { newest } = await pool.admin<{
          newest: { amount: string; asset: string; state: string }[];
        }>('GET', '/api/v1/payouts/status');
        return newest.some(
          (one) => BigInt(one.amount) === units && one.asset === asset && one.state === state,
        );
      });
    },
    arrived: (address, wei) =>
      eventually(`${wei} arrived`, async () => (await balance(url, address)) === wei),
    async notices() {
      const { items } = await pool.admin<{ items: readonly { title: string }[] }>(
        'GET',
        '/api/v1/notices/all',
      );
      return items.map(({ title }) => title);
    },
    async metric(line) {
      return line.test(await (await fetch(`${pool.adminUrl}/metrics`)).text());
    },
  };
  return rules;
}
