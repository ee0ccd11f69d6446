import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../src/base/clock.ts';
import { quiet } from '../src/base/log.ts';
import { createMetrics } from '../src/base/metrics.ts';
import { resolveSettings } from '../src/base/settings.ts';
import { type PoolBase, type RunningPool, startPool } from '../src/programs/pool/pool.ts';
import { poolCommand } from '../src/programs/pool/settings.ts';

/** A worker as the admin API enrolled it. */
export interface Enrolment {
  readonly id: string;
  readonly name: string;
  readonly credential: string;
  readonly join: string;
}

/** Who cleans up: the context of one test, or `{ after }` of node:test for a whole file. */
export interface Cleanup {
  after(run: () => void | Promise<void>): void;
}

/** A pool of a test: real database, real TLS, stopped and removed when the test ends. */
export interface TestPool {
  /** `https://127.0.0.1:PORT`. */
  readonly serviceUri: string;
  readonly port: number;
  readonly adminUrl: string;
  /** Where everybody reads what the pool publishes. */
  readonly publicUrl: string;
  readonly dataDir: string;
  /** Calls the admin API; throws with the reply when it refuses. */
  admin<T = unknown>(method: 'GET' | 'POST', path: string, body?: object): Promise<T>;
  enrol(name?: string): Promise<Enrolment>;
  drain(): Promise<void>;
  stop(): Promise<void>;
  /** Stops it and starts it again with the same data directory and port. */
  restart(): Promise<void>;
}

/**
 * Starts a pool in this process, with flags as an operator would give them; `base` replaces its
 * clock or log.
 */
export async function startTestPool(
  t: Cleanup,
  flags: readonly string[] = [],
  base: Partial<PoolBase> = {},
): Promise<TestPool> {
  const dataDir = await mkdtemp(join(tmpdir(), 'tributary-test-'));
  let enrolled = 0;
  let pool = await start(dataDir, 0, flags, base);
  const port = Number(new URL(pool.serviceUri).port);
  let running = true;
  const stop = async () => {
    if (!running) return;
    running = false;
    await pool.stop();
  };
  t.after(async () => {
    await stop();
    await rm(dataDir, { recursive: true, force: true });
  });

  const test: TestPool = {
    get serviceUri() {
      return pool.serviceUri;
    },
    get adminUrl() {
      return pool.adminUrl;
    },
    get publicUrl() {
      return pool.publicUrl ?? '';
    },
    port,
    dataDir,
    admin: adminOf(dataDir, () => pool.adminUrl),
    enrol: (name = `worker-${++enrolled}`) =>
      test.admin<Enrolment>('POST', '/api/v1/workers', { name }),
    drain: () => pool.drain(),
    stop,
    async restart() {
      await stop();
      pool = await start(dataDir, port, flags, base);
      running = true;
    },
  };
  return test;
}

/** Calls the admin API of the pool in a data directory, with the token that lies there. */
export function adminOf(dataDir: string, url: () => string): TestPool['admin'] {
  return async <T>(method: 'GET' | 'POST', path: string, body?: object) => {
    const token = (await readFile(join(dataDir, 'admin.token'), 'utf8')).trim();
    const response = await fetch(new URL(path, url()), {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return JSON.parse(text) as T;
  };
}

function start(
  dataDir: string,
  port: number,
  flags: readonly string[],
  base: Partial<PoolBase>,
): Promise<RunningPool> {
  const args = [
    `--data-dir=${dataDir}`,
    `--service-addr=127.0.0.1:${port}`,
    `--listen=127.0.0.1:${port}`,
    '--admin-addr=127.0.0.1:0',
    '--http-addr=127.0.0.1:0',
    ...flags,
  ];
  const { values } = resolveSettings(poolCommand, { args, env: {} });
  return startPool(values, {
    clock: systemClock,
    log: quiet,
    metrics: createMetrics(),
    env: {},
    durable: false,
    ...base,
  });
}
