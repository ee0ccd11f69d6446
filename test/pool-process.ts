import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { adminOf, type Cleanup, type Enrolment, type TestPool } from './start-pool.ts';
import { startTributary, type TributaryProcess } from './tributary-process.ts';

/** A pool as an operator runs it: `bin/tributary pool` in a process of its own. */
export interface PoolProcess extends TestPool {
  /** Where it publishes its proofs: `http://127.0.0.1:PORT`. */
  readonly publicUrl: string;
  /** The process that runs now, or ran last. */
  readonly process: TributaryProcess;
  /** SIGKILL; resolves when it is gone. Its PostgreSQL may live on. */
  kill(): Promise<void>;
  /** Starts it again with the same data directory and port. */
  start(): Promise<void>;
}

/**
 * Starts one and waits for its READY line. `restart` kills it first, `drain` is SIGTERM. In a data
 * directory of its own, unless there is one already; `env` is added to its environment, and
 * `startProgram` may start another `tributary` than ours.
 */
export async function startPoolProcess(
  t: Cleanup,
  flags: readonly string[] = [],
  existing?: string,
  env: Readonly<Record<string, string>> = {},
  startProgram: typeof startTributary = startTributary,
): Promise<PoolProcess> {
  const dataDir = existing ?? (await mkdtemp(join(tmpdir(), 'tributary-test-')));
  const running: TributaryProcess[] = [];
  let port = 0;
  let urls = { service: '', admin: '', http: '' };
  let enrolled = 0;
  const current = () => running.at(-1) as TributaryProcess;

  async function start(): Promise<void> {
    const own = `127.0.0.1:${port}`;
    const places = [`--data-dir=${dataDir}`, `--service-addr=${own}`, `--listen=${own}`];
    // Each cleans up after itself; this one's directory goes after all of them.
    running.push(
      startProgram(
        held,
        ['pool', ...places, '--admin-addr=127.0.0.1:0', '--http-addr=127.0.0.1:0', ...flags],
        env,
      ),
    );
    const ready = /^READY service=(\S+) admin=(\S+) http=(\S+)$/;
    const [, service = '', admin = '', http = ''] = await current().line(ready);
    urls = { service, admin, http };
    port = Number(new URL(service).port);
  }

  const cleanups: (() => void | Promise<void>)[] = [];
  const held: Cleanup = { after: (run) => void cleanups.push(run) };
  t.after(async () => {
    // SIGTERM lets the pool stop the PostgreSQL that it started.
    const { child, exited } = current();
    child.kill('SIGTERM');
    child.kill('SIGTERM');
    await exited;
    for (const run of cleanups) await run();
    await rm(dataDir, { recursive: true, force: true, maxRetries: 10 });
  });
  await start();

  const pool: PoolProcess = {
    get process() {
      return current();
    },
    get serviceUri() {
      return urls.service;
    },
    get adminUrl() {
      return urls.admin;
    },
    get publicUrl() {
      return urls.http;
    },
    get port() {
      return port;
    },
    dataDir,
    admin: adminOf(dataDir, () => urls.admin),
    enrol: (name = `worker-${++enrolled}`) =>
      pool.admin<Enrolment>('POST', '/api/v1/workers', { name }),
    async drain() {
      current().child.kill('SIGTERM');
      await current().exited;
    },
    stop: () => pool.kill(),
    async kill() {
      current().child.kill('SIGKILL');
      await current().exited;
    },
    start,
    async restart() {
      await pool.kill();
      await start();
    },
  };
  return pool;
}
