import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generatePrivateKey, privateKeyToAddress } from 'viem/accounts';
import type { Clock } from '../../base/clock.ts';
import { tookTooLong } from './busy.ts';
import { type DemoChain, startChain } from './chain.ts';
import { LADDER } from './checks.ts';
import { type Child, createChildren, failureOf, lineOf, WITH_PARENT } from './children.ts';
import { fetchReceipts } from './lost-receipts.ts';
import { type ChainStatus, connectPool, type Enrolled, type PoolApi } from './pool-api.ts';

/** Names of the workers. */
const WORKERS = ['heron', 'otter'] as const;
/** A worker measures its device first; a busy machine takes its time. */
const READY_MS_MAX = 90_000;
const READY_POLL_MS = 200;
const ANY_PORT = '127.0.0.1:0';
/** LPT, of the 50,000 that the chain gives each account. */
const BOND_LPT = 1_000;

/**
 * What the demo's pool promises. Pay in what has arrived on chain never waits for luck, and a quarter of
 * the LPT rewards shows a second asset.
 */
const TERMS = `name = "Demo pool"
commission = "10%"
[epoch]
period = "day"
[income]
recognised = "redeemed"
[model]
kind = "proportional"
[rewards]
share = "25%"
[payouts]
every = "day"
on-demand = true
assets = ["ETH", "LPT"]
thresholds = { ETH = "0.001", LPT = "0.1" }
`;

/** An account of a worker's owner, on the demo's own chain. */
export interface Wallet {
  readonly address: string;
  readonly key: string;
}

/** The processes of the demo. */
export interface Cast extends AsyncDisposable {
  readonly api: PoolApi;
  readonly pool: Child;
  readonly chain: DemoChain;
  /** Folder for what is needed only while the demo runs. */
  readonly scratch: string;
  /** SIGKILL for the process of a worker. */
  kill(worker: string): void;
  /** Starts a killed worker again. */
  restart(worker: string): void;
  /** Where the pages are. */
  readonly publicUrl: string;
  /** Whose pay a worker gets. */
  walletOf(worker: string): Wallet;
  /** Publishes what the pool promises, and lets it rule from now on. */
  promised(): Promise<void>;
  /** Resolves when every worker is connected. */
  joined(): Promise<void>;
  /** Bonds and registers the orchestrator, and waits for the round in which it is active. */
  activated(): Promise<ChainStatus>;
  /** A gateway that streams the file in real time. */
  stream(options: {
    readonly input: string;
    readonly output: string;
    readonly seconds: number | undefined;
  }): Child;
  /** Runs `tributary ARGS` as the operator would, beside the pool. */
  operator(name: string, args: readonly string[]): Child;
  /** A worker's owner gets missed receipts and checks the pay; prints JSON. */
  verify(worker: string): Promise<Child>;
}

/**
 * Starts a chain, a pool and its workers as real processes. Throws `demo_failed` with their last
 * words.
 */
export async function startCast(options: {
  /** Where the pool serves its pages, HOST:PORT; any port when left out. */
  readonly httpAddr?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
}): Promise<Cast> {
  const { clock, env } = options;
  const program = fileURLToPath(new URL('../../../bin/tributary', import.meta.url));
  const scratch = await mkdtemp(join(tmpdir(), 'tributary-demo-'));
  // PostgreSQL refuses to run as root, so it runs as another user, who must get through.
  await chmod(scratch, 0o711);
  const children = createChildren({ program, env, clock });
  const dispose = async () => {
    await children.stopAll();
    await rm(scratch, { recursive: true, force: true });
  };
  try {
    const chain = await startChain(children, scratch);
    const dataDir = join(scratch, 'pool');
    const pool = children.start('pool', [
      ...['pool', WITH_PARENT, '--data-dir', dataDir, '--log-level', 'warn', ...chain.poolArgs],
      ...['--service-addr', ANY_PORT, '--listen', ANY_PORT, '--admin-addr', ANY_PORT],
      ...['--http-addr', options.httpAddr ?? ANY_PORT],
      ...['--operator-name', 'Demo operator'],
    ]);
    const ready = await lineOf(pool, /^READY service=(\S+) admin=(\S+) http=(\S+)$/);
    const [, service, admin, published] = ready as unknown as [string, string, string, string];
    const api = await connectPool({ url: admin, dataDir });

    /** Asks until there is an answer; not for ever, and not without those who make it true. */
    const comesTrue = async <T>(
      what: string,
      needed: readonly Child[],
      ask: () => Promise<T | undefined>,
    ): Promise<T> => {
      const until = clock.now() + READY_MS_MAX;
      for (;;) {
        const answer = await ask();
        if (answer !== undefined) return answer;
        for (const child of needed) {
          if (!child.running) throw await failureOf(child);
        }
        if (clock.now() > until) throw tookTooLong(what, READY_MS_MAX);
        await new Promise<void>((resolve) => clock.after(READY_POLL_MS, resolve));
      }
    };

    const operator: Cast['operator'] = (name, args) =>
      children.start(name, [...args, '--admin-url', admin, '--data-dir', dataDir]);

    const enrolled = new Map<string, Enrolled>();
    const wallets = new Map<string, Wallet>();
    const running = new Map<string, Child>();
    const receipts = join(scratch, 'receipts');
    const startWorker = (name: string) => {
      const join = enrolled.get(name)?.join ?? '';
      const args = [
        ...['worker', 'join', WITH_PARENT, '--device', 'cpu'],
        ...['--max-sessions', '4', '--log-level', 'warn'],
        ...['--receipts', receipts],
      ];
      // In the environment, not among the arguments: those every user of the machine can read.
      running.set(name, children.start(`worker ${name}`, args, { TRIBUTARY_JOIN: join }));
    };
    for (const name of WORKERS) {
      const wallet = newWallet();
      wallets.set(name, wallet);
      enrolled.set(name, await api.enrol(name, wallet.address));
    }
    for (const name of WORKERS) startWorker(name);

    return {
      api,
      pool,
      chain,
      scratch,
      publicUrl: published,
      walletOf: (worker) => wallets.get(worker) as Wallet,
      kill: (worker) => running.get(worker)?.kill(),
      restart: startWorker,
      async promised() {
        const file = join(scratch, 'terms.toml');
        await writeFile(file, TERMS);
        const publish = ['terms', 'publish', file, '--starts-at-epoch', 'next'];
        await done(operator('publication of the terms', publish));
        // They settle epochs that have not begun, so the first one ends before there is any work.
        await done(operator('closing of the first epoch', ['epoch', 'close', '--yes']));
      },
      async joined() {
        await comesTrue('The workers did not connect', [pool, ...running.values()], async () => {
          const { workers } = await api.status();
          return workers.every(({ connections }) => connections > 0) || undefined;
        });
      },
      async activated() {
        const register = operator('registration', [
          ...['chain', 'register', '--yes'],
          ...['--bond', String(BOND_LPT), '--reward-cut', '10', '--fee-share', '50'],
          ...['--service-uri', service],
        ]);
        await done(register);
        await chain.nextRound();
        return comesTrue(
          'The orchestrator did not become active',
          [pool, chain.child],
          async () => {
            const status = await api.chain();
            return status.active && status.roundInitialized ? status : undefined;
          },
        );
      },
      stream: ({ input, output, seconds }) =>
        children.start('gateway', [
          ...['gateway', 'push', WITH_PARENT, '--live', '--json', '--orchestrator', service],
          ...['--input', input, '--output', output, '--profiles', LADDER.join(',')],
          ...(seconds === undefined ? [] : ['--seconds', String(seconds)]),
          ...chain.gatewayArgs,
        ]),
      operator,
      async verify(worker) {
        const own = enrolled.get(worker);
        if (own) await fetchReceipts(published, own, receipts);
        return children.start(`verification by ${worker}`, [
          ...['verify', '--json', '--pool', published, '--worker', worker],
          ...['--receipts', receipts, ...chain.lookArgs],
        ]);
      },
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** A wallet that nobody has used yet; what the demo pays into it is worth nothing. */
function newWallet(): Wallet {
  const key = generatePrivateKey();
  return { address: privateKeyToAddress(key), key };
}

/** Waits for a command that must succeed. Throws `demo_failed`. */
async function done(child: Child): Promise<void> {
  if ((await child.exited) !== 0) throw await failureOf(child);
}
