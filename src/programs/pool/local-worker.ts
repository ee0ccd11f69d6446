import { spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TributaryError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { type Credential, parseCredential } from '../../workers/credentials.ts';
import type { Workers } from '../../workers/workers.ts';

/** The name under which the pool's own worker is enrolled. */
const NAME = 'local';
/**
 * What the pool may have been told by its environment and a worker would take for its own: the
 * pool's file, with keys that no worker has, and the sessions of all workers together.
 */
const POOLS_OWN = { TRIBUTARY_CONFIG: undefined, TRIBUTARY_MAX_SESSIONS: undefined };
/** Between two starts of a worker that ended by itself. */
const RESTART_MS = 2_000;

/**
 * Runs our worker as a process beside the pool: the solo operator on one machine. It is enrolled
 * like any other, and its credential is kept in the data directory.
 */
export async function startLocalWorker(parts: {
  readonly workers: Workers;
  readonly dataDir: string;
  joinString(credential: Credential): string;
  /** The environment of this process, handed on. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: Log;
}): Promise<{ stop(): Promise<void> }> {
  const { log } = parts;
  const credential = await keptCredential(parts);
  const join = parts.joinString(credential);
  let stopping = false;
  let child = start();

  function start() {
    // The join string holds the credential: an environment is private, a command line is not.
    const receipts = { TRIBUTARY_RECEIPTS: `${parts.dataDir}/local-receipts` };
    const env = { ...receipts, ...parts.env, ...POOLS_OWN, TRIBUTARY_JOIN: join };
    const started = spawn(
      process.execPath,
      [...process.execArgv, process.argv[1] as string, 'worker', 'join', '--with-parent'],
      {
        env,
        // Its input ends with us, however suddenly.
        stdio: ['pipe', 'inherit', 'inherit'],
      },
    );
    started.on('error', (error) => log.error('local_worker_failed', { error: error.message }));
    started.on('exit', (status) => {
      if (stopping) return;
      if (!parts.workers.authenticate(credential)) {
        // By an operator's word: it would only be refused, again and again.
        log.warn('local_worker_revoked');
        return;
      }
      log.warn('local_worker_ended', { status: status ?? -1 });
      setTimeout(() => {
        if (!stopping) child = start();
      }, RESTART_MS).unref();
    });
    return started;
  }

  return {
    stop: () =>
      new Promise((resolve) => {
        stopping = true;
        if (child.exitCode !== null || child.signalCode !== null) return resolve();
        child.once('exit', () => resolve());
        child.kill('SIGTERM');
      }),
  };
}

async function keptCredential({
  workers,
  dataDir,
}: {
  workers: Workers;
  dataDir: string;
}): Promise<Credential> {
  const path = join(dataDir, 'local-worker.credential');
  const kept = await readFile(path, 'utf8').catch(() => '');
  const known = parseCredential(kept.trim());
  if (known && workers.authenticate(known.credential)) return known.credential;
  const { credential } = await enrol(workers);
  await writeFile(path, `${credential}\n`, { mode: 0o600 });
  return credential;
}

async function enrol(workers: Workers): Promise<{ credential: Credential }> {
  const added = await workers.add({ name: NAME });
  const result = added.ok ? added : await workers.rotate(NAME, { retire: 'oldest' });
  if (!result.ok) {
    throw new TributaryError(result.reason, 'the local worker cannot be enrolled');
  }
  return result;
}
