import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Clock } from '../../base/clock.ts';
import { LADDER } from './checks.ts';
import { type Child, createChildren, failureOf, lineOf } from './children.ts';
import { connectPool, type Enrolled, type PoolApi } from './pool-api.ts';

/** Names of the workers. */
const WORKERS = ['heron', 'otter'] as const;
/** A worker measures its device first; a busy machine takes its time. */
const JOIN_MS_MAX = 90_000;
const JOIN_POLL_MS = 200;
const ANY_PORT = '127.0.0.1:0';

/** The processes of the demo. */
export interface Cast extends AsyncDisposable {
  readonly api: PoolApi;
  readonly pool: Child;
  /** Folder for what is needed only while the demo runs. */
  readonly scratch: string;
  /** SIGKILL for the process of a worker. */
  kill(worker: string): void;
  /** Starts a killed worker again. */
  restart(worker: string): void;
  /** Resolves when every worker is connected. */
  joined(): Promise<void>;
  /** A gateway that streams the file in real time. */
  stream(options: {
    readonly input: string;
    readonly output: string;
    readonly seconds: number | undefined;
  }): Child;
}

/** Starts a pool and its workers as real processes. Throws `demo_failed` with their last words. */
export async function startCast(options: {
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
    const dataDir = join(scratch, 'pool');
    const pool = children.start('pool', [
      ...['pool', '--data-dir', dataDir, '--log-level', 'warn'],
      ...['--service-addr', ANY_PORT, '--listen', ANY_PORT, '--admin-addr', ANY_PORT],
    ]);
    const ready = await lineOf(pool, /^READY service=(\S+) admin=(\S+)$/);
    const [, service, admin] = ready as unknown as [string, string, string];
    const api = await connectPool({ url: admin, dataDir });

    const enrolled = new Map<string, Enrolled>();
    const running = new Map<string, Child>();
    const startWorker = (name: string) => {
      const join = enrolled.get(name)?.join ?? '';
      const args = [
        'worker',
        'join',
        '--device',
        'cpu',
        '--max-sessions',
        '4',
        '--log-level',
        'warn',
      ];
      // In the environment, not among the arguments: those every user of the machine can read.
      running.set(name, children.start(`worker ${name}`, args, { TRIBUTARY_JOIN: join }));
    };
    for (const name of WORKERS) enrolled.set(name, await api.enrol(name));
    for (const name of WORKERS) startWorker(name);

    return {
      api,
      pool,
      scratch,
      kill: (worker) => running.get(worker)?.kill(),
      restart: startWorker,
      async joined() {
        const until = clock.now() + JOIN_MS_MAX;
        for (;;) {
          const { workers } = await api.status();
          if (workers.every(({ connections }) => connections > 0)) return;
          for (const child of [pool, ...running.values()]) {
            if (!child.running || clock.now() > until) throw await failureOf(child);
          }
          await new Promise<void>((resolve) => clock.after(JOIN_POLL_MS, resolve));
        }
      },
      stream: ({ input, output, seconds }) =>
        children.start('gateway', [
          ...['gateway', 'push', '--live', '--json', '--orchestrator', service],
          ...['--input', input, '--output', output, '--profiles', LADDER.join(',')],
          ...(seconds === undefined ? [] : ['--seconds', String(seconds)]),
        ]),
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}
