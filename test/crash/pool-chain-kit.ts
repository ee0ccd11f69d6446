import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sql, { raw } from 'sql-template-tag';
import { hex } from '../../src/base/bytes.ts';
import { keccak256 } from '../../src/base/keccak.ts';
import { mineBlocks } from '../../src/chain/devnet.ts';
import type { Database } from '../../src/database/database.ts';
import { openScratch } from '../../src/database/scratch.ts';
import type { OrchestratorInfo } from '../../src/protocol/gen/lp_rpc_pb.ts';
import { eventually } from '../eventually.ts';
import { stampedSource } from '../fixtures/renditions.ts';
import { type PayingGateway, startPayingGateway } from '../paying-gateway.ts';
import { startTestChain, type TestChain } from '../start-chain-pool.ts';
import { adminOf, type Cleanup, type Enrolment, type TestPool } from '../start-pool.ts';
import { goodAnswer, joinStock } from '../start-pool-with-worker.ts';
import { startTributary, type TributaryProcess } from '../tributary-process.ts';
import { type CrashAt, crashEnv, crashedAt } from './crash-at.ts';
import { lastWords, openWitness } from './last-words.ts';
import { checkBooks, checkChain, noteTickets, type Truth } from './pool-chain-truth.ts';

const PRICE = 1_000n;
/** Every ticket wins, so that what the chain paid can be compared with what was sent. */
const FACE = 20_000_000_000_000_000n;
/** Parameters that are older are refused, and their tickets redeemed. */
const PARAMS_BLOCKS = 41;
const ETHER = 10n ** 18n;
/** A crash comes within seconds of a quiet machine; a pool that is still there never passes the point. */
const CRASH_MS = 240_000;

/** What a pool is given to do: segments with their tickets, or tickets alone that are redeemed. */
export type Load = 'segments' | 'redemptions';

/** A pool process on a chain, which is killed again and again. */
export interface Victim {
  /**
   * Starts the pool, gives it something to do until it dies at the point, and compares its
   * books with what everybody was told.
   */
  killedAt(at: CrashAt): Promise<void>;
  /** Starts it once more, lets it finish, and compares its books with the chain. */
  recovers(): Promise<void>;
  readonly truth: Truth;
}

/** A chain, a database server and a data directory for all lives of one pool. */
export async function startVictim(t: Cleanup, kind: Load): Promise<Victim> {
  const chain = await startTestChain(t);
  // From here on the round does not end: no ticket lapses, however often the pool is killed.
  const setRoundLength = { contract: 'RoundsManager', fn: 'setRoundLength' } as const;
  await chain.send('deployer', { ...setRoundLength, args: [1_000_000n] });
  const scratch = await openScratch();
  t.after(async () => scratch[Symbol.asyncDispose]());
  await scratch.database.query(sql`create database ${raw('victim')}`);
  const url = scratch.database.url.replace('/tributary?', '/victim?');
  const database = await openWitness(url);
  t.after(() => database.close());
  await database.migrate();
  const dataDir = await mkdtemp(join(tmpdir(), 'tributary-victim-'));
  t.after(() => rm(dataDir, { recursive: true, force: true }));
  await chain.send('gateway', {
    contract: 'TicketBroker',
    fn: 'fundDepositAndReserve',
    args: [100n * ETHER, 100n * ETHER],
    value: 200n * ETHER,
  });
  await stampedSource();
  const account = chain.of('orchestrator');
  const sentBefore = await chain.reader.getTransactionCount({ address: account });
  const truth: Truth = { sent: new Map(), tasks: [], done: new Map() };
  const enrolment: { made?: Enrolment } = {};
  let port = 0;

  function launch(env: Readonly<Record<string, string>>): TributaryProcess {
    const own = `127.0.0.1:${port}`;
    return startTributary(
      t,
      [
        ...['pool', `--data-dir=${dataDir}`, `--database-url=${url}`, ...chain.flags()],
        ...[
          `--service-addr=${own}`,
          `--listen=${own}`,
          '--admin-addr=127.0.0.1:0',
          '--http-addr=off',
        ],
        ...[`--price=${PRICE}wei`, '--auto-adjust-price=false', '--reward=false'],
        ...[`--max-face-value=${FACE}`, `--ticket-ev=${FACE - 1n}`, '--log-level=warn'],
      ],
      env,
    );
  }

  /** Undefined when it died before it was ready. */
  async function ready(process: TributaryProcess): Promise<Pool | undefined> {
    const line = process.line(/^READY service=(\S+) admin=(\S+)$/).catch(() => undefined);
    const [, service = '', adminUrl = ''] = (await line) ?? [];
    if (service === '') return undefined;
    port = Number(new URL(service).port);
    return { port, admin: adminOf(dataDir, () => adminUrl) };
  }

  /** The dead one's lead would last ten seconds more. */
  const release = () =>
    database.query(sql`update chain_account set driver = null, driven_until = null`);

  const world = { chain, truth, enrolment, database, kind };
  return {
    truth,
    async killedAt(at) {
      await release();
      const process = launch(crashEnv(at));
      const overdue = setTimeout(() => process.child.kill('SIGTERM'), CRASH_MS);
      const pool = await ready(process);
      const load = pool && startLoad({ ...world, gone: process.exited }, pool);
      await process.exited;
      clearTimeout(overdue);
      const ended = await load?.over;
      const { err } = process.printed;
      assert.ok(err.endsWith(crashedAt(at)), `${at}: ${err}\nThe load ended with ${ended}`);
      await lastWords(database);
      await checkBooks(database, truth, PRICE);
    },
    async recovers() {
      await release();
      const process = launch({});
      assert.ok(await ready(process));
      await mineBlocks(chain.reader, PARAMS_BLOCKS);
      await eventually('every ticket is redeemed', async () => {
        const { rows } = await database.query(
          sql`select from winning_ticket where state <> 'redeemed' limit 1`,
        );
        return rows.length === 0;
      });
      process.child.kill('SIGTERM');
      assert.equal(await process.exited, 0);
      const taken = await checkBooks(database, truth, PRICE);
      const transactions = await checkChain(database, chain, { taken, sent: truth.sent });
      const sentNow = await chain.reader.getTransactionCount({ address: account });
      assert.equal(sentNow - sentBefore, transactions, 'no transaction but those');
    },
  };
}

type Pool = Pick<TestPool, 'port' | 'admin'>;

interface World {
  readonly chain: TestChain;
  readonly truth: Truth;
  readonly enrolment: { made?: Enrolment };
  readonly database: Database;
  readonly kind: Load;
  /** Resolves when the pool is dead. */
  readonly gone: Promise<unknown>;
}

/** Gives it something to do until the pool is gone. */
function startLoad(world: World, pool: Pool): { readonly over: Promise<unknown> } {
  const cleanups: (() => void | Promise<void>)[] = [];
  const held: Cleanup = { after: (run) => void cleanups.push(run) };
  const { chain, truth, enrolment } = world;

  async function work(): Promise<void> {
    enrolment.made ??= await pool.admin<Enrolment>('POST', '/api/v1/workers', { name: 'worker' });
    await joinStock(held, pool as TestPool, {
      enrolment: enrolment.made,
      async answer(task, _source, self) {
        const answer = await goodAnswer(task);
        assert.ok(answer.kind === 'renditions');
        const reply = await self.post(task.taskId, answer);
        if (reply.status === 200) truth.tasks.push(task.taskId);
        return { kind: 'silence' };
      },
    });
    const gateway = startPayingGateway(held, { port: pool.port, key: chain.key('gateway') });
    await replay(truth, gateway);
    if (world.kind === 'redemptions') await pay(world, gateway);
    else await Promise.all([stream(truth, gateway), stream(truth, gateway)]);
  }

  return {
    // Ends with what was asked of a pool that died.
    over: work()
      .catch((error: unknown) => error)
      .then(async (ended) => {
        for (const run of cleanups) await run();
        return ended;
      }),
  };
}

/** Segments without end, each with two tickets. Throws when the pool is gone. */
async function stream(truth: Truth, gateway: PayingGateway): Promise<never> {
  for (;;) {
    const info = await gateway.session();
    const source = await stampedSource();
    const tell = note(truth, gateway, info);
    const reply = await gateway.submit(info, source, { nonces: NONCES });
    assert.equal(reply.status, 200, reply.text);
    tell();
    const { result } = reply.result ?? {};
    if (result?.kind !== 'done') continue;
    const counted = result.renditions.reduce((sum, { pixels }) => sum + pixels, 0n);
    truth.done.set(hex(keccak256(source)), counted);
  }
}

/** Payments without work, and the blocks after which their tickets are redeemed, a few at a time. */
async function pay({ truth, chain, database, gone }: World, gateway: PayingGateway): Promise<void> {
  let dead = false;
  void gone.then(() => {
    dead = true;
  });
  while (!dead) {
    const info = await gateway.session();
    const tell = note(truth, gateway, info);
    const { status } = await gateway.pay(info, { nonces: NONCES });
    assert.equal(status, 200);
    tell();
    await mineBlocks(chain.reader, PARAMS_BLOCKS);
    await eventually('the tickets are claimed', async () => {
      const { rows } = await database.query(
        sql`select from winning_ticket where state = 'queued' limit 1`,
      );
      return dead || rows.length === 0;
    });
  }
}
const NONCES = [1, 2];

/** The payments that were lost with the last pool come again, as a gateway may send them. */
async function replay(truth: Truth, gateway: PayingGateway): Promise<void> {
  for (const { info, tell, told } of recent.get(truth) ?? []) {
    const { status } = await gateway.pay(info, { nonces: NONCES });
    if (status !== 200) continue;
    assert.equal(told(), false, 'a ticket that was taken is not taken again');
    tell();
  }
}

interface Paid {
  readonly info: OrchestratorInfo;
  tell(): void;
  told(): boolean;
}
const recent = new WeakMap<Truth, Paid[]>();
const RECENT_MAX = 4;

/** Remembers tickets before they are sent; what it returns is called once they were taken. */
function note(truth: Truth, { address }: PayingGateway, info: OrchestratorInfo): () => void {
  const tickets = noteTickets(truth, address, { info, nonces: NONCES });
  const paid: Paid = {
    info,
    tell() {
      for (const one of tickets) one.told = true;
    },
    told: () => tickets.every(({ told }) => told),
  };
  const kept = recent.get(truth) ?? [];
  recent.set(truth, [...kept.slice(1 - RECENT_MAX), paid]);
  return paid.tell;
}
