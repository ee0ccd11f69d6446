import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import {
  chown,
  mkdir,
  open,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { TributaryError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Account } from './embedded-account.ts';
import type { Binaries } from './embedded-binaries.ts';

/** Recovery replays at most `max_wal_size` (1 GB): half a minute on a slow disk. */
const READY_MS = 120_000;
/** A fast shutdown writes at most the shared buffers (128 MB). */
const FAST_STOP_MS = 20_000;
/** An immediate one writes nothing. */
const IMMEDIATE_STOP_MS = 5_000;
/** Children of a postmaster that was killed notice it within this. */
const REMAINS_MS = 15_000;
const POLL_MS = 10;
/** The server's log starts anew above this, at the next start. */
const LOG_BYTES_MAX = 8 * 2 ** 20;
/** Above the largest pid of Linux (2^22) and macOS (99,999). */
const NO_PID = 2 ** 30;

/** Where a cluster lies and who runs it. */
export interface Place {
  readonly binaries: Binaries;
  readonly account: Account;
  readonly clusterDir: string;
  readonly logFile: string;
  /** Whether what is written waits for the disk, so that it outlives the machine and not only processes. */
  readonly durable: boolean;
}

/** A running postmaster. */
export interface Server {
  readonly pid: number;
  /** Exit code or signal, once it ended for whatever reason. */
  readonly exited: Promise<number | string>;
  stop(): Promise<void>;
}

/**
 * Makes the cluster unless it is there. It is made aside and renamed when complete and synced, so a
 * start that was killed halfway leaves nothing that looks like a database.
 */
export async function initCluster(place: Place & { user: string }): Promise<void> {
  const { account, clusterDir, durable } = place;
  const version = await readFile(join(clusterDir, 'PG_VERSION'), 'utf8').catch(() => undefined);
  if (version !== undefined) return;
  const aside = `${clusterDir}.new`;
  await rm(aside, { recursive: true, force: true });
  await mkdir(aside, { mode: 0o700 });
  if (account) await chown(aside, account.uid, account.gid);
  // Access: whoever may enter the directory of the socket may read the files beside it as well, so
  // a password would protect nothing. There is no TCP port.
  const flags = ['--auth-local=trust', '--auth-host=reject', '--encoding=UTF8', '--locale=C'];
  const collation = ['--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
  const { child, output } = run(place, place.binaries.initdb, aside, [
    `--username=${place.user}`,
    ...flags,
    ...collation,
    ...(durable ? [] : ['--no-sync']),
  ]);
  const [code] = await once(child, 'close');
  if (code !== 0) throw failed(`initdb ended with ${code}: ${lastLines(output())}`);
  await rename(aside, clusterDir);
  await syncDirectory(dirname(clusterDir));
}

/** Starts the postmaster and waits until it takes connections. */
export async function startServer(place: Place): Promise<Server> {
  const deadline = performance.now() + REMAINS_MS;
  for (;;) {
    const outcome = await tryStart(place);
    if (typeof outcome !== 'string') return outcome;
    // After `kill -9` of a postmaster its children hold on to the shared memory for a moment.
    if (!outcome.includes('still in use') || performance.now() > deadline) {
      throw failed(`PostgreSQL did not start: ${outcome}`);
    }
    await sleep(10 * POLL_MS);
  }
}

async function tryStart(place: Place): Promise<Server | string> {
  const { clusterDir, logFile, durable } = place;
  const before = (await stat(logFile).catch(() => undefined))?.size ?? 0;
  const keep = before <= LOG_BYTES_MAX;
  const flags = durable ? settings : [...settings, '-c', 'fsync=off'];
  const { child } = run(place, place.binaries.postgres, clusterDir, flags, {
    file: logFile,
    flags: keep ? 'a' : 'w',
  });
  let spawnError: Error | undefined;
  child.on('error', (error) => {
    spawnError = error;
  });
  const exited = new Promise<number | string>((resolve) => {
    child.once('exit', (code, signal) => resolve(signal ?? code ?? 0));
    child.once('error', () => resolve('spawn'));
  });
  let ended = false;
  void exited.then(() => {
    ended = true;
  });
  const deadline = performance.now() + READY_MS;
  while (!ended && !(await isReady(clusterDir, child.pid))) {
    if (performance.now() > deadline) {
      child.kill('SIGKILL');
      await exited;
      return `it was not ready after ${READY_MS} ms`;
    }
    await sleep(POLL_MS);
  }
  if (ended || child.pid === undefined) {
    if (spawnError) return spawnError.message;
    const text = await readFile(logFile, 'utf8').catch(() => '');
    return lastLines(text.slice(keep ? before : 0));
  }
  const { pid } = child;
  const guard = startGuard(place.account, pid);
  void exited.then(() => guard.kill());
  child.unref();
  return {
    pid,
    exited,
    async stop() {
      child.ref();
      await endProcess(pid, exited);
    },
  };
}

/** fsync, full_page_writes and synchronous_commit are on by default and stay so. */
const settings = Object.entries({
  listen_addresses: '',
  unix_socket_directories: '.',
  unix_socket_permissions: '0700',
  port: '5432',
  max_connections: '64',
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_checkpoints: 'off',
  // Statements may hold what must not be logged, and a refused row is our reader's to report.
  log_min_error_statement: 'panic',
  log_min_messages: 'log',
  log_error_verbosity: 'terse',
  jit: 'off',
}).flatMap(([name, value]) => ['-c', `${name}=${value}`]);

/**
 * Runs a program of PostgreSQL on a directory. Away from our process group, so that Ctrl-C drains
 * the pool before its database ends. As root, the directory is handed over as an open descriptor:
 * the account that PostgreSQL runs as need not be able to enter the directories above it, such as
 * /root (tried with initdb and postgres 18.4: both only ever use it as their working directory).
 */
function run(
  { account, binaries }: Place,
  program: string,
  directory: string,
  args: readonly string[],
  log?: { file: string; flags: 'a' | 'w' },
): { child: ChildProcess; output(): string } {
  const byDescriptor = account !== undefined && process.platform === 'linux';
  const target = program === binaries.initdb ? 'initdb' : 'postgres';
  const fds: number[] = [];
  try {
    const out = log ? openSync(log.file, log.flags, 0o600) : 'pipe';
    if (typeof out === 'number') fds.push(out);
    const directoryFd = byDescriptor ? openSync(directory, 'r') : 'ignore';
    if (typeof directoryFd === 'number') fds.push(directoryFd);
    const child = spawn(program, ['-D', byDescriptor ? '/proc/self/fd/3' : directory, ...args], {
      stdio: ['ignore', out, out, directoryFd],
      cwd: '/',
      detached: true,
      env: { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
      argv0: join(dirname(program), target),
      ...account,
    });
    child.on('error', () => {});
    let text = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (chunk: string) => {
        text = (text + chunk).slice(-8192);
      });
    }
    return { child, output: () => text };
  } finally {
    for (const fd of fds) closeSync(fd);
  }
}

/** The eighth line of postmaster.pid says so; `pg_ctl -w` waits for the same. */
async function isReady(clusterDir: string, pid: number | undefined): Promise<boolean> {
  const lines = (await readPidFile(clusterDir)) ?? [];
  return Number(lines[0]) === pid && lines[7]?.trim() === 'ready';
}

/**
 * A shell that does nothing until our end of its pipe closes, which the kernel sees to even when we
 * are killed; then it asks the server to stop, so that a killed pool leaves none running.
 */
function startGuard(account: Account, pid: number): { kill(): void } {
  const guard = spawn('/bin/sh', ['-c', 'read -r _; kill -INT "$1"', 'sh', String(pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    cwd: '/',
    detached: true,
    env: {},
    ...account,
  });
  guard.on('error', () => {});
  guard.stdin.on('error', () => {});
  guard.unref();
  (guard.stdin as unknown as { unref(): void }).unref();
  return { kill: () => void guard.kill('SIGKILL') };
}

/**
 * Stops a server that outlived the pool that started it; its data directory is locked by us, so
 * nobody uses it. Then clears away what would make PostgreSQL believe that it still runs: a pid that
 * now belongs to another program (a restarted container deals out the same few), or a zombie that
 * nobody waits for.
 */
export async function stopOrphan(clusterDir: string, log: Log): Promise<void> {
  const lines = await readPidFile(clusterDir);
  const pid = Number(lines?.[0]);
  if (!lines || !Number.isInteger(pid) || pid < 1) return;
  if (isAlive(pid) && (await servesCluster(pid, clusterDir))) {
    log.warn('database_orphan_stopped');
    const gone = (async () => {
      while (isAlive(pid)) await sleep(POLL_MS);
    })();
    await endProcess(pid, gone);
  }
  const [, ...rest] = (await readPidFile(clusterDir)) ?? [];
  if (rest.length === 0) return; // It ended in good order.
  await rm(join(clusterDir, '.s.PGSQL.5432.lock'), { force: true });
  // Only the pid is replaced: the rest names the shared memory, by which PostgreSQL finds out
  // whether children of a killed postmaster still write to the files.
  await writeFile(join(clusterDir, 'postmaster.pid'), [NO_PID, ...rest].join('\n'));
}

/** Asks in three tones. PostgreSQL recovers even from the last. */
async function endProcess(pid: number, exited: Promise<unknown>): Promise<void> {
  for (const [signal, ms] of [
    ['SIGINT', FAST_STOP_MS],
    ['SIGQUIT', IMMEDIATE_STOP_MS],
    ['SIGKILL', IMMEDIATE_STOP_MS],
  ] as const) {
    if (isAlive(pid)) process.kill(pid, signal);
    const late = new AbortController();
    const timeout = sleep(ms, true, { signal: late.signal }).catch(() => false);
    const stillRuns = await Promise.race([exited.then(() => false), timeout]);
    late.abort();
    if (!stillRuns) return;
  }
  throw failed('PostgreSQL does not stop');
}

/** A postmaster works in its cluster's directory; elsewhere than on Linux, `ps` shows it. */
async function servesCluster(pid: number, clusterDir: string): Promise<boolean> {
  if (process.platform === 'linux') {
    return (await readlink(`/proc/${pid}/cwd`).catch(() => '')) === clusterDir;
  }
  const { promise, resolve } = Promise.withResolvers<string>();
  const ps = spawn('ps', ['-o', 'command=', '-p', String(pid)], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let text = '';
  ps.on('error', () => resolve(''));
  ps.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  ps.on('close', () => resolve(text));
  return (await promise).includes(clusterDir);
}

async function readPidFile(clusterDir: string): Promise<string[] | undefined> {
  const text = await readFile(join(clusterDir, 'postmaster.pid'), 'utf8').catch(() => undefined);
  return text?.split('\n');
}

/** A zombie is not: it only waits for a parent that may never ask. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return !/^[ZX]/.test(text.slice(text.lastIndexOf(')') + 2));
  } catch {
    return process.platform !== 'linux';
  }
}

async function syncDirectory(path: string): Promise<void> {
  await using directory = await open(path, 'r');
  await directory.sync();
}

const lastLines = (text: string) => text.trim().split('\n').slice(-5).join(' | ');

const failed = (text: string) => new TributaryError('database_embedded_failed', text);
