import { parseWorkerId, type WorkerId } from '../base/ids.ts';
import type { Log } from '../base/log.ts';
import { createBackOff } from '../database/back-off.ts';
import type { Database } from '../database/database.ts';
import { type Enrolled, enrolledWorkers, unrevokedWorkers } from './store.ts';
import type { Worker } from './worker.ts';

/** What became of a worker, on whichever node it was changed. */
export interface WorkerChange {
  /** Undefined when it was just added. */
  readonly before: Worker | undefined;
  /** `state` is `revoked` when it must be cut off now. */
  readonly worker: Worker;
  /** A secret was added or retired. */
  readonly secretsChanged: boolean;
}

/** The workers that may connect, in memory: a few hundred bytes each. */
export interface Roster {
  get(id: WorkerId): Enrolled | undefined;
  all(): Iterable<Enrolled>;
  /** Calls back after each change; returns how to stop that. */
  onChange(changed: (change: WorkerChange) => void): () => void;
  /** Reads these workers anew; resolves when it was tried once. */
  refresh(id: WorkerId): Promise<void>;
  close(): Promise<void>;
}

/**
 * Reads all workers, and from then on what NOTIFY says has changed; all of them again when the
 * connection that hears it was away. One reading at a time, so that an old one cannot overwrite a
 * newer one.
 */
export async function createRoster(options: { database: Database; log: Log }): Promise<Roster> {
  const { database, log } = options;
  const subscribers = new Set<(change: WorkerChange) => void>();
  const enrolled = new Map<WorkerId, Enrolled>();
  const closed = new AbortController();
  let stale: Stale = new Set();
  // Nothing is read again before the first reading is in.
  let reading: Promise<void> | undefined = Promise.resolve();
  let firstTry = Promise.withResolvers<void>();

  const listening = await database.listen('worker_changed', {
    message(payload) {
      if (stale !== 'all') stale.add(payload);
      start();
    },
    reconnected() {
      stale = 'all';
      start();
    },
  });
  // After listening, so that nothing falls between.
  try {
    for (const entry of await unrevokedWorkers(database)) enrolled.set(entry.worker.id, entry);
  } catch (error) {
    await listening.stop();
    throw error;
  }
  reading = undefined;
  start();

  function start(): void {
    if (closed.signal.aborted || (stale !== 'all' && stale.size === 0)) return;
    reading ??= read();
  }

  async function read(): Promise<void> {
    const backOff = createBackOff();
    while (!closed.signal.aborted && (stale === 'all' || stale.size > 0)) {
      const wanted: Stale = stale;
      const tried = firstTry;
      stale = new Set();
      firstTry = Promise.withResolvers();
      try {
        const ids = wanted === 'all' ? undefined : [...wanted];
        const found = ids ? await enrolledWorkers(database, ids) : await unrevokedWorkers(database);
        take(ids ?? [...enrolled.keys()], found);
        backOff.reset();
      } catch {
        log.warn('workers_unread', { count: wanted === 'all' ? enrolled.size : wanted.size });
        stale = both(wanted, stale);
        tried.resolve();
        await backOff.pause(closed.signal).catch(() => {});
      }
      tried.resolve();
    }
    // In the same breath as the last look at `stale`: what comes after it starts a new reading.
    reading = undefined;
  }

  function take(asked: readonly string[], found: readonly Enrolled[]): void {
    const missing = new Set(asked);
    for (const entry of found) {
      missing.delete(entry.worker.id);
      replace(entry.worker.id, entry);
    }
    for (const text of missing) {
      const id = parseWorkerId(text);
      const before = id && enrolled.get(id);
      if (!id || !before) continue;
      replace(id, { worker: { ...before.worker, state: 'revoked', validSecrets: 0 }, hashes: [] });
    }
  }

  function replace(id: WorkerId, entry: Enrolled): void {
    const before = enrolled.get(id);
    const secretsChanged = !sameHashes(before?.hashes ?? [], entry.hashes);
    if (before && !secretsChanged && sameWorker(before.worker, entry.worker)) return;
    if (!before && entry.worker.state === 'revoked') return;
    if (entry.worker.state === 'revoked') enrolled.delete(id);
    else enrolled.set(id, entry);
    for (const changed of subscribers) {
      changed({ before: before?.worker, worker: entry.worker, secretsChanged });
    }
  }

  return {
    get: (id) => enrolled.get(id),
    all: () => enrolled.values(),
    onChange(changed) {
      subscribers.add(changed);
      return () => void subscribers.delete(changed);
    },
    refresh(id) {
      if (closed.signal.aborted) return Promise.resolve();
      if (stale !== 'all') stale.add(id);
      const tried = firstTry.promise;
      start();
      return tried;
    },
    async close() {
      closed.abort();
      await listening.stop();
      await reading;
      firstTry.resolve();
    },
  };
}

/** Ids that must be read anew. */
type Stale = Set<string> | 'all';

function both(a: Stale, b: Stale): Stale {
  return a === 'all' || b === 'all' ? 'all' : new Set([...a, ...b]);
}

function sameWorker(a: Worker, b: Worker): boolean {
  return a.name === b.name && a.state === b.state && a.payoutAddress === b.payoutAddress;
}

function sameHashes(a: readonly Buffer[], b: readonly Buffer[]): boolean {
  return a.length === b.length && a.every((hash, index) => hash.equals(b[index] as Buffer));
}
