import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sql, { raw } from 'sql-template-tag';
import type { Hex } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { parseHex } from '../../src/base/bytes.ts';
import { devnetClients, mineBlocks } from '../../src/chain/devnet.ts';
import { storeKey } from '../../src/chain/keystore.ts';
import { type Lie, type LyingNode, startLyingNode } from '../../src/chain/lying-node.test-kit.ts';
import { newAccount, newRecipient, rpc } from '../../src/chain/transactions.test-kit.ts';
import type { Database } from '../../src/database/database.ts';
import { openScratch } from '../../src/database/scratch.ts';
import { eventually } from '../eventually.ts';
import { stampedSource } from '../fixtures/renditions.ts';
import { startPayingGateway } from '../paying-gateway.ts';
import { startTestChain, type TestChain } from '../start-chain-pool.ts';
import { adminOf, type Cleanup, type Enrolment, type TestPool } from '../start-pool.ts';
import { goodAnswer, joinStock } from '../start-pool-with-worker.ts';
import { startTributary, type TributaryProcess } from '../tributary-process.ts';
import { type CrashAt, crashEnv, crashedAt } from './crash-at.ts';
import { lastWords, openWitness } from './last-words.ts';
import { checkPaid, checkPayBooks, type Paid, type PayTruth, watchPayments } from './pay-truth.ts';

/** Every ticket wins, so that what was earned is money soon. */
const FACE = 20_000_000_000_000_000n;
const ETHER = 10n ** 18n;
/** Base units of a token with 6 decimals. */
const DOLLAR = 10n ** 6n;
/** Three are paid in a batch, and the fourth alone when it asks. */
const WORKERS_EACH = 4;
/** A crash comes within seconds; a pool that is still there has not passed the point. */
const CRASH_MS = 120_000;

/** A pool that earns, closes epochs and pays, and is killed at it again and again. */
export interface PayVictim {
  readonly chain: TestChain;
  readonly database: Database;
  readonly truth: PayTruth;
  readonly paid: readonly Paid[];
  /** Between the pool and the chain. */
  readonly node: LyingNode;
  /**
   * Starts the pool, lets it earn and pay until it dies at the point, and looks at its books. `lie`:
   * what its node does meanwhile; `jitter`: milliseconds that its load waits between two steps.
   */
  killedAt(
    at: CrashAt,
    how?: { readonly lie?: Lie; readonly jitter?: () => number },
  ): Promise<void>;
  /** Starts it, and lets it earn, close and pay once under a lie, until everything is paid. */
  paysUnder(lie: Lie): Promise<void>;
  /** Starts it once more, pays all, compares with the chain, and lets workers verify their pay. */
  recovers(verifying: 'some' | 'all'): Promise<void>;
}

/** A pool process that answers. */
interface Pool extends Pick<TestPool, 'port' | 'admin'> {
  readonly publicUrl: string;
}

/** A chain, a database server and a data directory for all lives of one pool. */
export async function startPayVictim(t: Cleanup): Promise<PayVictim> {
  const chain = await startTestChain(t);
  const setRoundLength = { contract: 'RoundsManager', fn: 'setRoundLength' } as const;
  await chain.send('deployer', { ...setRoundLength, args: [1_000_000n] });
  const node = await startLyingNode(chain.devnet.url);
  t.after(() => node.close());
  const scratch = await openScratch();
  t.after(async () => scratch[Symbol.asyncDispose]());
  await scratch.database.query(sql`create database ${raw('victim')}`);
  const url = scratch.database.url.replace('/tributary?', '/victim?');
  const database = await openWitness(url);
  t.after(() => database.close());
  const dataDir = await mkdtemp(join(tmpdir(), 'tributary-pay-victim-'));
  t.after(() => rm(dataDir, { recursive: true, force: true }));
  await chain.send('gateway', {
    contract: 'TicketBroker',
    fn: 'fundDepositAndReserve',
    args: [400n * ETHER, 400n * ETHER],
    value: 800n * ETHER,
  });
  await stampedSource();

  const payer = await newAccount(chain.devnet.url, chain.devnet.chainId);
  const stored = await storeKey({
    dir: join(dataDir, 'payout-keys'),
    key: parseHex(payer.key) as Uint8Array,
    password: 'secret',
    cost: { n: 2, r: 8, p: 1 },
  });
  const token = chain.devnet.addresses.UsdToken.toLowerCase() as Hex;
  const policyFile = join(dataDir, 'signer.toml');
  await writeFile(policyFile, `payout-tokens = ["${token}=${10n ** 15n}/${10n ** 16n}"]\n`);
  const truth: PayTruth = { tasks: [], receipts: [] };
  let port = 0;

  function launch(env: Readonly<Record<string, string>>): TributaryProcess {
    const own = `127.0.0.1:${port}`;
    const flags = chain.flags().map((flag) => flag.replace(chain.devnet.url, node.url));
    return startTributary(
      t,
      [
        ...['pool', `--data-dir=${dataDir}`, `--database-url=${url}`, ...flags],
        ...[`--service-addr=${own}`, `--listen=${own}`],
        ...['--admin-addr=127.0.0.1:0', '--http-addr=127.0.0.1:0'],
        ...['--price=1000wei', '--auto-adjust-price=false', '--reward=false'],
        ...[`--max-face-value=${FACE}`, `--ticket-ev=${FACE - 1n}`, '--log-level=warn'],
        ...[`--payout-keystore=${stored.file}`, '--payout-gas-money=1'],
        `--signer-policy=${policyFile}`,
      ],
      env,
    );
  }

  /** Undefined when it died before it was ready. */
  async function ready(process: TributaryProcess): Promise<Pool | undefined> {
    const line = process.line(/^READY service=(\S+) admin=(\S+) http=(\S+)$/);
    const [, service = '', admin = '', http = ''] = (await line.catch(() => undefined)) ?? [];
    if (service === '') return undefined;
    port = Number(new URL(service).port);
    return { port, admin: adminOf(dataDir, () => admin), publicUrl: http };
  }

  /** The dead one's lead would last ten seconds more. */
  const release = () =>
    database.query(sql`update chain_account set driver = null, driven_until = null`);

  async function live<T>(act: (pool: Pool) => Promise<T>): Promise<T> {
    await release().catch(() => {});
    const process = launch({});
    const pool = await ready(process);
    assert.ok(pool, process.printed.err);
    const done = await act(pool);
    process.child.kill('SIGTERM');
    assert.equal(await process.exited, 0, process.printed.err);
    return done;
  }

  const made = { enrolled: [] as Enrolment[], paid: [] as Paid[] };
  await live(async (pool) => {
    await fund(pool, chain, payer.address, token);
    await promise(pool, token);
    for (let index = 0; index < 2 * WORKERS_EACH; index++) {
      const asset = index < WORKERS_EACH ? 'ETH' : 'USDC';
      const address = newRecipient();
      await rpc(chain.devnet.url, 'anvil_setBalance', address, '0x1');
      const body = { name: `worker-${index}`, payoutAddress: address };
      const enrolment = await pool.admin<Enrolment>('POST', '/api/v1/workers', body);
      const choose = `/api/v1/payouts/workers/${enrolment.id}/choose`;
      await pool.admin('POST', choose, { asset });
      made.enrolled.push(enrolment);
      made.paid.push({ worker: enrolment.id, address, asset });
    }
  });
  const watching = watchPayments(database, chain, { paid: made.paid, token });
  t.after(() => watching.stop());
  const world: World = { chain, database, truth, enrolled: made.enrolled, paid: made.paid };

  return {
    chain,
    database,
    truth,
    paid: made.paid,
    node,
    async killedAt(at, { lie, jitter = () => 0 } = {}) {
      await release();
      const process = launch(crashEnv(at));
      const overdue = setTimeout(() => process.child.kill('SIGTERM'), CRASH_MS);
      const pool = await ready(process);
      node.lie = lie;
      const load = pool && startLoad({ ...world, gone: process.exited, jitter }, pool);
      await process.exited;
      clearTimeout(overdue);
      node.lie = undefined;
      await load?.over;
      assert.ok(process.printed.err.endsWith(crashedAt(at)), `${at}: ${process.printed.err}`);
      await lastWords(database);
      await checkPayBooks(database, truth);
      watching.fine();
    },
    async paysUnder(lie) {
      await live(async (pool) => {
        const held = cleanups();
        await work({ ...world, jitter: () => 0 }, pool, held.cleanup);
        node.lie = lie;
        await pool.admin('POST', '/api/v1/epochs/close');
        await payAll(world, pool);
        node.lie = undefined;
        await held.run();
      });
      await checkPayBooks(database, truth);
      watching.fine();
    },
    async recovers(verifying) {
      await live(async (pool) => {
        await pool.admin('POST', '/api/v1/epochs/close');
        await payAll(world, pool);
        // Lists of payouts are published every half minute, and with an epoch.
        await pool.admin('POST', '/api/v1/epochs/close');
        const workers =
          verifying === 'all' ? world.paid : [0, WORKERS_EACH].map((i) => made.paid[i]);
        for (const one of workers) await verifies(t, chain, pool.publicUrl, one as Paid);
      });
      await checkPayBooks(database, truth);
      watching.fine();
      await checkPaid(database, chain, { payer: payer.address, paid: made.paid, token });
    },
  };
}

/** Puts ether and tokens into the paying account, and has that booked. */
async function fund(pool: Pool, chain: TestChain, payer: Hex, token: Hex): Promise<void> {
  const { reader, wallet } = devnetClients(chain.devnet.url);
  const sender = wallet(privateKeyToAccount(chain.devnet.accounts[6]?.privateKey as Hex));
  const ether = await sender.sendTransaction({ to: payer, value: 100n * ETHER });
  const tokens = await sender.writeContract({
    address: token,
    abi: chain.devnet.abis.UsdToken,
    functionName: 'mint',
    args: [payer, 1_000_000n * DOLLAR],
  });
  for (const hash of [ether, tokens]) {
    await reader.waitForTransactionReceipt({ hash });
    const transaction = hash;
    const book = () => pool.admin<Funded>('POST', '/api/v1/payouts/funded', { transaction });
    // The terms do not name the token yet.
    if (hash === ether) assert.equal((await book()).added[0]?.amount, String(100n * ETHER));
  }
}

interface Funded {
  readonly added: readonly { readonly asset: string; readonly amount: string }[];
}

/** Terms by which work is paid in two assets, from the next epoch on. */
async function promise(pool: Pool, token: Hex): Promise<void> {
  const file = `name = "Killed pool"
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
[payouts]
every = "week"
on-demand = true
assets = ["ETH", "USDC"]
thresholds = {}
[[payouts.conversions]]
from = "ETH"
to = "USDC"
source = "manual"
age-minutes-max = 1440
`;
  await pool.admin('POST', '/api/v1/terms', { file, startsAtEpoch: 'next' });
  await pool.admin('POST', '/api/v1/epochs/close');
  const rate = { numerator: String(3_000n * DOLLAR), denominator: String(ETHER) };
  const said = { from: 'ETH', to: 'USDC', ...rate, note: 'of the test' };
  await pool.admin('POST', '/api/v1/payouts/rate', said);
}

interface World {
  readonly chain: TestChain;
  readonly database: Database;
  readonly truth: PayTruth;
  readonly enrolled: readonly Enrolment[];
  readonly paid: readonly Paid[];
}

interface Living extends World {
  readonly jitter: () => number;
}

/** Gives it something to do until the pool is gone. */
function startLoad(
  world: Living & { readonly gone: Promise<unknown> },
  pool: Pool,
): { readonly over: Promise<void> } {
  const held = cleanups();
  let dead = false;
  void world.gone.then(() => {
    dead = true;
  });

  async function cycle(first: boolean): Promise<void> {
    // What was earned and not paid when it died is enough to begin with.
    if (!first || !(await allHaveEarned(world))) await work(world, pool, held.cleanup);
    await pause(world);
    await pool.admin('POST', '/api/v1/epochs/close');
    await pause(world);
    await pay(world, pool);
    await eventually('it is paid, or dead', async () => dead || (await noneIsOpen(world)), 30_000);
  }
  async function run(): Promise<void> {
    for (let first = true; !dead; first = false) {
      // Asked of a pool that died, or that is slow: then once more.
      await cycle(first).catch(() => new Promise((resolve) => setTimeout(resolve, 50)));
    }
  }
  return {
    over: run().then(() => held.run()),
  };
}

const pause = ({ jitter }: Living) => new Promise((resolve) => setTimeout(resolve, jitter()));

/** One segment for each worker, paid for. */
async function work(world: Living, pool: Pool, held: Cleanup): Promise<void> {
  const { chain, truth, enrolled } = world;
  const own = cleanups();
  held.after(() => own.run());
  try {
    const gateway = startPayingGateway(own.cleanup, {
      port: pool.port,
      key: chain.key('gateway'),
    });
    const source = await stampedSource();
    for (const enrolment of enrolled) {
      const worker = await joinStock(own.cleanup, pool as unknown as TestPool, {
        enrolment,
        async answer(task, _, self) {
          const answer = await goodAnswer(task);
          assert.ok(answer.kind === 'renditions');
          const reply = await self.post(task.taskId, answer);
          if (reply.status === 200) truth.tasks.push(task.taskId);
          return { kind: 'silence' };
        },
      });
      const info = await gateway.session();
      const reply = await gateway.submit(info, source, { tickets: 1 });
      truth.receipts.push(...worker.transcoder.receipts);
      assert.equal(reply.status, 200, reply.text);
      worker.transcoder.kill();
      await worker.transcoder.ended.catch(() => {});
      await pause(world);
    }
  } finally {
    await own.run();
  }
}

/** One of each asset alone, then the others, which are enough for batches. */
async function pay({ paid }: World, pool: Pool): Promise<void> {
  const alone = [paid[0], paid[WORKERS_EACH]].map((one) => ({ worker: (one as Paid).worker }));
  for (const demand of [...alone, { demand: 'now' }]) {
    const { digest, plan } = await pool.admin<Preview>('POST', '/api/v1/payouts/preview', demand);
    if (plan.batches.length > 0) await pool.admin('POST', '/api/v1/payouts/run', { digest });
  }
}

interface Preview {
  readonly digest: string;
  readonly plan: { readonly batches: readonly unknown[]; readonly held: readonly unknown[] };
}

/** Pays until nobody is owed anything. */
async function payAll(world: World, pool: Pool): Promise<void> {
  await eventually('everybody is paid', async () => {
    await eventually('nothing is on the way', () => noneIsOpen(world), 240_000);
    const { rows } = await world.database.query(sql`
      select from account_balance where starts_with(account, 'worker:') and balance <> 0 limit 1`);
    if (rows.length === 0) return true;
    await mineBlocks(world.chain.reader, 1);
    // A plan that is older than the last payment is refused, and another one made.
    await pay(world, pool).catch(() => {});
    return false;
  });
}

/** Whether each has a credit, or did something that an epoch has yet to settle. */
async function allHaveEarned({ database, paid }: World): Promise<boolean> {
  const { rows } = await database.query(sql`
    select worker from worker_epoch join epoch on number = epoch
    where state <> 'closed' and jobs > 0
    union
    select substring(account from 8) from account_balance
    where starts_with(account, 'worker:') and balance < 0`);
  return rows.length === paid.length;
}

async function noneIsOpen({ database }: World): Promise<boolean> {
  const { rows } = await database.query(
    sql`select from payout_batch where settled_at is null limit 1`,
  );
  return rows.length === 0;
}

/** Runs what its owner would, until the list of the last payouts is published. */
async function verifies(t: Cleanup, chain: TestChain, publicUrl: string, { worker }: Paid) {
  const { url, addresses } = chain.devnet;
  await eventually(`${worker} finds all that it is owed`, async () => {
    const verifier = startTributary(t, [
      ...['verify', '--pool', publicUrl, '--worker', worker],
      ...['--rpc', url, '--controller', addresses.Controller],
    ]);
    const code = await verifier.exited;
    assert.equal(code, 0, verifier.printed.out + verifier.printed.err);
    const [, owed, paid] = /\nOK: owed (\d+\.\d+) \w+, paid (\S+)/.exec(verifier.printed.out) ?? [];
    assert.ok(owed, verifier.printed.out);
    return owed === paid;
  });
}

/** Numbers that follow from a seed, for load that is another one with each. */
export function jitterOf(seed: number, msMax = 250): () => number {
  let state = seed * 2_654_435_761 + 1;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state % msMax;
  };
}

function cleanups() {
  const runs: (() => void | Promise<void>)[] = [];
  return {
    cleanup: { after: (run: () => void | Promise<void>) => void runs.push(run) } as Cleanup,
    async run() {
      for (const run of runs.splice(0).toReversed()) await run();
    },
  };
}

/** A hash of no transaction. */
export const noHash = (): Hex => `0x${randomBytes(32).toString('hex')}`;
