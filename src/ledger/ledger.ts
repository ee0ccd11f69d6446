import { crashPoint } from '../base/crash-point.ts';
import { TributaryError } from '../base/errors.ts';
import type { JobId, WorkerId } from '../base/ids.ts';
import { createMetrics, type Metrics } from '../base/metrics.ts';
import { createBackOff } from '../database/back-off.ts';
import type { Database } from '../database/database.ts';
import { isConnectionLoss, sqlState, statementFailed } from '../database/failures.ts';
import type { Transaction } from '../database/transaction.ts';
import {
  type Contribution,
  type ContributionId,
  checkContribution,
  newContributionId,
  type StoredContribution,
  type WorkerTotals,
} from './contribution.ts';
import { ledgerMetrics } from './metrics.ts';
import { createReceiptKeys, type ReceiptKey, type ReceiptKeys } from './receipt-keys.ts';
import { countsForReceipts, creditBatch, type ReceiptIssuer, type TermsRate } from './receipts.ts';
import {
  type HeldHeads,
  holdHeads,
  receiptsOf,
  receiptsOfContributions,
  type StoredReceipt,
  storeCredits,
} from './receipts-store.ts';
import { appendContributions, contributionsOfJob, storedIds, totalsByWorker } from './store.ts';

/** One statement's memory stays small, and a retry cheap; larger batches were not faster. */
const BATCH_MAX = 1_000;
/** One that PostgreSQL works on, one that is being written down for it. */
const WRITERS_MAX = 2;
/** Ten seconds of 2,000 a second: beyond, the database is not merely restarting. */
const PENDING_MAX = 20_000;
/** A gateway waits 8 s for a segment; an answer after that is of no use to it. */
const GIVE_UP_MS = 5_000;

/**
 * What `append` did: `duplicate` if the task was appended before or its job is credited already. What
 * was credited has a receipt: its body, to be signed by {@link Ledger.signed}.
 */
export type AppendResult =
  | { readonly result: 'stored'; readonly receipt?: Uint8Array }
  | { readonly result: 'duplicate' };

/** In whose name receipts are given, and what the terms say of amounts. */
export interface LedgerReceipts {
  /** Asked for each batch; until it is known which account the pool has, nothing is appended. */
  issuer(): Omit<ReceiptIssuer, 'publicKey'>;
  /**
   * The rate per unit of the terms of that version, undefined where pay depends on income. The same
   * for ever: asked once for each version.
   */
  rateOf?(termsVersion: number): Promise<TermsRate | undefined>;
}

/** The contributions of all workers. */
export interface Ledger {
  /**
   * Resolves when the contribution would survive a power cut. What arrives while one batch commits
   * makes the next. Waits for a database that restarts, then throws `database_failed`,
   * `database_unreachable` or `database_commit_unknown`: then it must not be acknowledged.
   */
  append(contribution: Contribution): Promise<AppendResult>;
  /** A worker's receipts from a sequence number on, in order, some hundreds at a time. */
  receiptsOf(worker: WorkerId, sequence: bigint, limit?: number): Promise<readonly StoredReceipt[]>;
  /** Body and signature; undefined when the receipt names a key that is none of ours. */
  signed(body: Uint8Array): Promise<Uint8Array | undefined>;
  /** The keys that sign receipts. */
  readonly keys: ReceiptKeys;
  /** Every attempt of a job, in order. */
  byJob(job: JobId): Promise<readonly StoredContribution[]>;
  /** Totals of all workers that ever earned or failed at something, or of one. */
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

/** Off-chain a pool has no account; the receipt key is all that says who it is. */
const OFFCHAIN: LedgerReceipts = { issuer: () => ({ pool: new Uint8Array(20), chainId: 0n }) };

/** A ledger in the tables of migrations 0003 and 0009. */
export function createLedger(options: {
  readonly database: Database;
  readonly metrics?: Metrics;
  readonly receipts?: LedgerReceipts;
}): Ledger {
  const { database, receipts = OFFCHAIN } = options;
  const keys = createReceiptKeys(database);
  const rates = new Map<number, Promise<TermsRate | undefined>>();
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
        for (const entry of batch) entry.settle(stored.get(entry.id) ?? DUPLICATE);
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

  async function insert(batch: readonly Pending[], inDoubt: boolean): Promise<Stored> {
    const key = await keys.current();
    return database.transact(async (tx) => {
      const earning = batch.filter(({ contribution }) => countsForReceipts(contribution));
      const workers = new Set(earning.map(({ contribution }) => contribution.worker));
      const [added, held] = await Promise.all([
        appendContributions(tx, batch),
        workers.size > 0 ? holdHeads(tx, [...workers]) : undefined,
      ]);
      const isNew = ({ id }: Pending) => added.has(id);
      const stored: Stored = new Map(batch.filter(isNew).map(({ id }) => [id, STORED]));
      if (inDoubt) await addEarlier(tx, batch, stored);
      const news = earning.filter(isNew);
      if (held && news.length > 0) await credit(tx, key, { held, news, stored });
      crashPoint('batch_before_commit');
      return stored;
    });
  }

  /** Gives each contribution that earned something its receipt. */
  async function credit(
    tx: Transaction,
    { publicKey }: ReceiptKey,
    { held, news, stored }: Crediting,
  ): Promise<void> {
    const rate = await rateOf(held.termsVersion);
    const credits = creditBatch({ ...receipts.issuer(), publicKey }, rate, held.heads, news);
    storeCredits(tx, credits);
    for (const { contribution, body } of credits.receipts) {
      stored.set(contribution, { result: 'stored', receipt: body });
    }
  }

  function rateOf(termsVersion: number): Promise<TermsRate | undefined> {
    const known = rates.get(termsVersion);
    if (known) return known;
    const asked = receipts.rateOf?.(termsVersion) ?? Promise.resolve(undefined);
    rates.set(termsVersion, asked);
    asked.catch(() => rates.delete(termsVersion));
    return asked;
  }

  /** One row that the database refuses must not fail its neighbours. */
  async function writeHalves(batch: readonly Pending[]): Promise<void> {
    const middle = batch.length >> 1;
    await write(batch.slice(0, middle));
    await write(batch.slice(middle));
  }

  return {
    keys,
    signed: (body) => keys.signed(body),
    receiptsOf: (worker, sequence, limit) => receiptsOf(database, worker, sequence, limit),
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
          metrics.appended(contribution, failed ? 'failed' : result.result, startedMs);
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

/** What is new and earns, and where its receipts go. */
interface Crediting {
  readonly held: HeldHeads;
  readonly news: readonly Pending[];
  readonly stored: Stored;
}

/** By id, what of a batch is stored. */
type Stored = Map<ContributionId, AppendResult>;
const STORED: AppendResult = { result: 'stored' };
const DUPLICATE: AppendResult = { result: 'duplicate' };

/** An earlier try may have committed without our hearing of it: its rows carry our ids. */
async function addEarlier(
  tx: Transaction,
  batch: readonly Pending[],
  stored: Stored,
): Promise<void> {
  const ids = batch.map(({ id }) => id).filter((id) => !stored.has(id));
  const earlier = await storedIds(tx, ids);
  const bodies = await receiptsOfContributions(tx, ids);
  for (const id of ids) {
    const receipt = bodies.get(id);
    if (earlier.has(id)) stored.set(id, receipt ? { result: 'stored', receipt } : STORED);
  }
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
