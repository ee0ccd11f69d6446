import { mkdtemp, realpath, rm, stat, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { makeDataDir } from '../base/data-dir.ts';
import { messageOf, TributaryError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { createBackOff } from './back-off.ts';
import { lockDataDir } from './data-dir-lock.ts';
import { chooseAccount } from './embedded-account.ts';
import { findBinaries } from './embedded-binaries.ts';
import { initCluster, type Server, startServer, stopOrphan } from './embedded-server.ts';

/** `sun_path` holds 104 bytes on macOS, 108 on Linux, with `/.s.PGSQL.5432` and a final NUL. */
const SOCKET_DIR_CHARS_MAX = 104 - '/.s.PGSQL.5432'.length - 1;
/** A server that ran this long did not die of how it was started. */
const STEADY_MS = 60_000;
const USER = 'tributary';

/** A PostgreSQL that belongs to this process. */
export interface Embedded {
  /** Connection string; over a socket that only the owner of the data directory can reach. */
  readonly url: string;
  /** The process id of the server that runs now. */
  readonly pid: () => number | undefined;
  /** Stops the server and gives the data directory back. */
  stop(): Promise<void>;
}

/**
 * Starts PostgreSQL on `<dataDir>/database`, making the cluster at the first start. Recovers from
 * whatever a killed pool left; starts the server again when it dies. Throws
 * `data_directory_unusable`, `data_directory_in_use` or `database_embedded_failed`.
 */
export async function startEmbedded(options: {
  dataDir: string;
  log: Log;
  /** Default: true. False is for what need not outlive the machine: nothing waits for the disk. */
  durable?: boolean;
}): Promise<Embedded> {
  const { log, durable = true } = options;
  const started = performance.now();
  await makeDataDir(options.dataDir, 0o700);
  const dataDir = await realpath(options.dataDir);
  const lock = lockDataDir(dataDir);
  let socketDir: SocketDir | undefined;
  try {
    const clusterDir = join(dataDir, 'database');
    const account = await chooseAccount(clusterDir);
    const binaries = await findBinaries(account);
    await stopOrphan(clusterDir, log);
    const place = {
      binaries,
      account,
      clusterDir,
      logFile: join(dataDir, 'database.log'),
      durable,
    };
    await initCluster({ ...place, user: USER });
    socketDir = await reachableSocketDir(clusterDir);
    const url = urlAt(socketDir.path);
    const server = await supervise(() => startServer(place), log);
    try {
      await createDatabase(url);
    } catch (error) {
      await server.stop();
      throw error;
    }
    log.info('database_started', { ms: Math.round(performance.now() - started) });
    return {
      url,
      pid: server.pid,
      async stop() {
        await server.stop();
        await socketDir?.remove();
        lock.release();
        log.info('database_stopped');
      },
    };
  } catch (error) {
    await socketDir?.remove();
    lock.release();
    if (error instanceof TributaryError) throw error;
    throw new TributaryError('database_embedded_failed', messageOf(error), { cause: error });
  }
}

/** Whether a pool has, or had, its database below this data directory. */
export async function hasEmbedded(dataDir: string): Promise<boolean> {
  return (await stat(join(dataDir, 'database')).catch(() => undefined))?.isDirectory() ?? false;
}

/**
 * Works with the PostgreSQL below a data directory: the one that a running pool started there, or one
 * of its own while none runs. Throws what {@link startEmbedded} throws.
 */
export async function withEmbedded<T>(
  options: { readonly dataDir: string; readonly log: Log },
  act: (url: string) => Promise<T>,
): Promise<T> {
  const clusterDir = join(await realpath(options.dataDir).catch(() => options.dataDir), 'database');
  const socketDir = await reachableSocketDir(clusterDir);
  try {
    const url = urlAt(socketDir.path);
    if (await answers(url)) return await act(url);
  } finally {
    await socketDir.remove();
  }
  const server = await startEmbedded(options);
  try {
    return await act(server.url);
  } finally {
    await server.stop();
  }
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  try {
    await client.connect();
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => {});
  }
}

function urlAt(socketDir: string): string {
  return `postgres://${USER}@localhost/${USER}?host=${encodeURIComponent(socketDir)}`;
}

/** Keeps one server running: when it ends by itself, another one is started, with back-off. */
async function supervise(start: () => Promise<Server>, log: Log) {
  const stopping = new AbortController();
  const backOff = createBackOff();
  let server: Server | undefined = await start();

  async function startAgain(): Promise<Server | undefined> {
    while (!stopping.signal.aborted) {
      try {
        await backOff.pause(stopping.signal);
        const again = await start();
        log.info('database_restarted');
        return again;
      } catch (error) {
        if (!stopping.signal.aborted) log.error('database_restart_failed', { code: codeOf(error) });
      }
    }
    return undefined;
  }

  async function watch(): Promise<void> {
    while (server) {
      const started = performance.now();
      const code = await server.exited;
      server = undefined;
      if (stopping.signal.aborted) return;
      log.error('database_ended', { code: String(code) });
      if (performance.now() - started > STEADY_MS) backOff.reset();
      server = await startAgain();
      // It was starting when the order to stop came.
      if (stopping.signal.aborted) await server?.stop();
    }
  }

  const watched = watch();
  return {
    pid: () => server?.pid,
    async stop() {
      stopping.abort();
      await server?.stop();
      await watched;
    },
  };
}

const codeOf = (error: unknown) => (error instanceof TributaryError ? error.code : 'internal');

async function createDatabase(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url.replace(`/${USER}?`, '/postgres?') });
  client.on('error', () => {});
  try {
    await client.connect();
    const found = await client.query('select from pg_database where datname = $1', [USER]);
    if (found.rowCount === 0) await client.query(`create database ${USER}`);
  } finally {
    await client.end();
  }
}

interface SocketDir {
  readonly path: string;
  remove(): Promise<void>;
}

/** The socket lies in the cluster's own directory; a path too long for a socket gets a short alias. */
async function reachableSocketDir(clusterDir: string): Promise<SocketDir> {
  if (Buffer.byteLength(clusterDir) <= SOCKET_DIR_CHARS_MAX) {
    return { path: clusterDir, remove: async () => {} };
  }
  const alias = await mkdtemp(join(tmpdir(), 'tributary-'));
  await symlink(clusterDir, join(alias, 'db'));
  return {
    path: join(alias, 'db'),
    remove: () => rm(alias, { recursive: true, force: true }),
  };
}
