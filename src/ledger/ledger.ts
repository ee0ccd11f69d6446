import { crashPoint } from '../base/crash-point.ts';
import { TributaryError } from '../base/errors.ts';
import type { JobId, WorkerId } from '../base/ids.ts';
import { createMetrics, type Metrics } from '../base/metrics.ts';
import { createBackOff } from '../database/back-off.ts';
import type { Database } from '../database/database.ts';
import { isConnectionLoss, sqlState, statementFailed } from '../database/failures.ts';
import {
  type Contribution,
  type ContributionId,
  checkContribution,
  newContributionId,
  type StoredContribution,
  type WorkerTotals,
} from './contribution.ts';
import { ledgerMetrics } from './metrics.ts';
import { appendContributions, contributionsOfJob, storedIds, totalsByWorker } from './store.ts';

/** One statement's memory stays small, and a retry cheap; larger batches were not faster. */
const BATCH_MAX = 1_000;
/** One that PostgreSQL works on, one that is being written down for it. */
const WRITERS_MAX = 2;
/** Ten seconds of 2,000 a second: beyond, the database is not merely restarting. */
const PENDING_MAX = 20_000;
/** A gateway waits 8 s for a segment; an answer after that is of no use to it. */
const GIVE_UP_MS = 5_000;

/** What `append` did: `duplicate` if the task was appended before or its job is credited already. */
export type AppendResult = 'stored' | 'duplicate';

/** The contributions of all workers. */
export interface Ledger {
  /**
   * Resolves when the contribution would survive a power cut. What arrives while one batch commits
   * makes the next. Waits for a database that restarts, then throws `database_failed`,
   * `database_unreachable` or `database_commit_unknown`: then it must not be acknowledged.
   */
  append(contribution: Contribution): Promise<AppendResult>;
  /** Every attempt of a job, in order. */
  byJob(job: JobId): Promise<readonly StoredContribution[]>;
  /** Totals of all workers that ever attempted a job, or of one. */
  contributionsByWorker(worker?: WorkerId): Promise<readonly WorkerTotals[]>;
  /** Appends what was handed in, then refuses more. The database stays open. */
  close(): Promise<void>;
}

interface Pending {
  readonly id: ContributionId;
  readonly contribution: Contribution;
  readonly startedMs: number;
  settle(result: AppendResult | Error): void;
}

/** A ledger in the tables of migration 0003. */
export function createLedger(options: { database: Database; metrics?: Metrics }): Ledger {
  const { database } = options;
  const metrics = ledgerMetrics(options.metrics ?? createMetrics());
  let pending: Pending[] = [];
  let writing: Promise<void> | undefined;
  let closed = false;

  /**
   * One batch at a time, so that what comes meanwhile shares the next flush; only behind a full one
   * a second is made ready while PostgreSQL works on the first.
   */
  async function writeAll(): Promise<void> {
    // Those who came in with the same reading of the sockets go together.
    await new Promise(setImmediate);
    const writers = new Set<Promise<void>>();
    while (pending.length > 0) {
      const batch = pending.slice(0, BATCH_MAX);
      pending = pending.slice(BATCH_MAX);
      const writer = write(batch).finally(() => writers.delete(writer));
      writers.add(writer);
      if (pending.length < BATCH_MAX) await Promise.all(writers);
      else if (writers.size >= WRITERS_MAX) await Promise.race(writers);
    }
    writing = undefined;
  }

  async function write(batch: readonly Pending[]): Promise<void> {
    const backOff = createBackOff();
    const deadline = (batch[0]?.startedMs ?? 0) + GIVE_UP_MS;
    // The same order on every node, so that two nodes with the same jobs do not deadlock.
    const sorted = [...batch].sort((a, b) => (a.contribution.job < b.contribution.job ? -1 : 1));
    let inDoubt = false;
    for (;;) {
      try {
        const stored = await insert(sorted, inDoubt);
        crashPoint('batch_after_commit');
        metrics.committed(batch.length);
        for (const entry of batch) entry.settle(stored.has(entry.id) ? 'stored' : 'duplicate');
        return;
      } catch (error) {
        const failure = statementFailed(error);
        if (isRefused(failure) && batch.length > 1) return writeHalves(batch);
        inDoubt ||= failure.code === 'database_commit_unknown';
        if (!mayPass(failure) || performance.now() > deadline) {
          for (const entry of batch) entry.settle(failure);
          return;
        }
        await backOff.pause();
      }
    }
  }

  function insert(batch: readonly Pending[], inDoubt: boolean): Promise<ReadonlySet<string>> {
    return database.transact(async (tx) => {
      const added = await appendContributions(tx, batch);
      crashPoint('batch_before_commit');
      if (!inDoubt) return added;
      // An earlier try may have committed without our hearing of it: its rows carry our ids.
      return storedIds(
        tx,
        batch.map(({ id }) => id),
      );
    });
  }

  /** One row that the database refuses must not fail its neighbours. */
  async function writeHalves(batch: readonly Pending[]): Promise<void> {
    const middle = batch.length >> 1;
    await write(batch.slice(0, middle));
    await write(batch.slice(middle));
  }

  return {
    async append(contribution) {
      checkContribution(contribution);
      if (closed || pending.length >= PENDING_MAX) {
        throw new TributaryError(
          'database_failed',
          closed ? 'the ledger is closed' : 'the ledger has too much to write',
        );
      }
      const startedMs = performance.now();
      const { promise, resolve, reject } = Promise.withResolvers<AppendResult>();
      pending.push({
        id: newContributionId(contribution.at),
        contribution,
        startedMs,
        settle(result) {
          const failed = result instanceof Error;
          metrics.appended(contribution, failed ? 'failed' : result, startedMs);
          if (failed) reject(result);
          else resolve(result);
        },
      });
      crashPoint('contribution_handed_in');
      writing ??= writeAll();
      return promise;
    },
    byJob: (job) => contributionsOfJob(database, job),
    contributionsByWorker: (worker) => totalsByWorker(database, worker),
    async close() {
      closed = true;
      await writing;
    },
  };
}

/** The server looked at the rows and said no: values (22), constraints (23), our own trigger (55). */
function isRefused(failure: TributaryError): boolean {
  return /^(22|23)/.test(sqlState(failure) ?? '');
}

/** Worth another try: the connection was lost, or two transactions stood in each other's way. */
function mayPass(failure: TributaryError): boolean {
  if (failure.code === 'database_unreachable') return false; // It waited already.
  return isConnectionLoss(failure) || /^(40|57P0)/.test(sqlState(failure) ?? '');
}
