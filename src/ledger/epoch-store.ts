import sql from 'sql-template-tag';
import type { AssetId } from '../base/asset.ts';
import type { Instant } from '../base/clock.ts';
import { TributaryError } from '../base/errors.ts';
import type { WorkerId } from '../base/ids.ts';
import type { Queryable, Transaction } from '../database/transaction.ts';

/** A stretch of time whose work is settled at once. */
export interface Epoch {
  readonly number: bigint;
  /** Receipts join the open one; one that is closing gets no more and waits for its books. */
  readonly state: 'open' | 'closing' | 'closed';
  readonly openedAt: Instant;
  /** From then on no receipt joined it. */
  readonly endedAt: Instant | undefined;
  readonly closedAt: Instant | undefined;
  /** The terms that settle it; 0 where none were published. */
  readonly termsVersion: number;
}

interface EpochRow {
  number: bigint;
  state: Epoch['state'];
  opened_at: Instant;
  ended_at: Instant | null;
  closed_at: Instant | null;
  terms_version: number;
}

const COLUMNS = sql`number, state, opened_at, ended_at, closed_at, terms_version`;

function decodeEpoch(row: EpochRow): Epoch {
  return {
    number: row.number,
    state: row.state,
    openedAt: row.opened_at,
    endedAt: row.ended_at ?? undefined,
    closedAt: row.closed_at ?? undefined,
    termsVersion: row.terms_version,
  };
}

/** The epoch that receipts join; there always is one. */
export async function openEpoch(from: Queryable): Promise<Epoch> {
  const { rows } = await from.query<EpochRow>(
    sql`select ${COLUMNS} from epoch where state = 'open'`,
  );
  const [row] = rows;
  if (!row) throw new TributaryError('internal', 'no epoch is open');
  return decodeEpoch(row);
}

/** One epoch, or undefined when there is none of that number. */
export async function epochOf(from: Queryable, number: bigint): Promise<Epoch | undefined> {
  const { rows } = await from.query<EpochRow>(
    sql`select ${COLUMNS} from epoch where number = ${number}`,
  );
  return rows[0] && decodeEpoch(rows[0]);
}

/** Epochs by state, oldest first. */
export async function epochsIn(from: Queryable, state: Epoch['state']): Promise<readonly Epoch[]> {
  const { rows } = await from.query<EpochRow>(
    sql`select ${COLUMNS} from epoch where state = ${state} order by number`,
  );
  return rows.map(decodeEpoch);
}

/**
 * Ends the open epoch and opens the next one, settled by the terms of that version. Waits for
 * contributions on their way into the database and holds those behind them up until the transaction
 * ends: it should do nothing else. Undefined when `number` is not the open one any more.
 */
export async function switchEpoch(
  tx: Transaction,
  change: { readonly number: bigint; readonly at: Instant; readonly nextTermsVersion: number },
): Promise<Epoch | undefined> {
  await tx.query(sql`select pg_advisory_xact_lock(hashtextextended('tributary epoch', 0))`);
  const at = sql`'epoch'::timestamptz + ${change.at}::double precision * interval '1 millisecond'`;
  const { rows } = await tx.query<EpochRow>(sql`
    update epoch set state = 'closing', ended_at = ${at}
    where number = ${change.number} and state = 'open' returning ${COLUMNS}`);
  const [ended] = rows;
  if (!ended) return undefined;
  await tx.query(sql`
    insert into epoch (number, opened_at, terms_version)
    values (${change.number + 1n}, ${at}, ${change.nextTermsVersion})`);
  return decodeEpoch(ended);
}

/** Its books are written; false when it was not closing. */
export async function closeEpoch(tx: Transaction, number: bigint, at: Instant): Promise<boolean> {
  const { count } = await tx.query(sql`
    update epoch set state = 'closed',
      closed_at = 'epoch'::timestamptz + ${at}::double precision * interval '1 millisecond'
    where number = ${number} and state = 'closing'`);
  return count === 1;
}

/** What a worker did in an epoch, as its receipts add up. */
export interface WorkerEpoch {
  readonly worker: WorkerId;
  readonly epoch: bigint;
  /** Credited jobs: as many receipts. */
  readonly jobs: bigint;
  readonly units: bigint;
  readonly sourceMs: bigint;
  readonly deviceMs: bigint;
  readonly failedAttempts: bigint;
  /** Sum of the receipts' amounts; undefined where nothing had a price. */
  readonly gross: { readonly asset: AssetId; readonly amount: bigint } | undefined;
  /** The last receipt before this epoch, and in it; the same where it has none. */
  readonly sequenceBefore: bigint;
  readonly lastSequence: bigint;
  /** 32 bytes; zeros before the first receipt. */
  readonly lastReceiptHash: Uint8Array;
}

interface WorkerEpochRow {
  worker: string;
  epoch: bigint;
  jobs: bigint;
  units: bigint;
  source_ms: bigint;
  device_ms: bigint;
  failed_attempts: bigint;
  asset: string | null;
  amount: bigint;
  sequence_before: bigint;
  last_sequence: bigint;
  last_receipt_hash: Buffer;
}

/** The totals of an epoch, of all its workers or of one, by worker. Reads one row for each. */
export async function workerEpochs(
  from: Queryable,
  epoch: bigint,
  worker?: WorkerId,
): Promise<readonly WorkerEpoch[]> {
  const { rows } = await from.query<WorkerEpochRow>(sql`
    select worker, epoch, jobs, units, source_ms, device_ms, failed_attempts, asset, amount,
      sequence_before, last_sequence, last_receipt_hash
    from worker_epoch where epoch = ${epoch}
      and (${worker ?? null}::text is null or worker = ${worker ?? null})
    order by worker`);
  return rows.map((row) => ({
    worker: row.worker as WorkerId,
    epoch: row.epoch,
    jobs: row.jobs,
    units: row.units,
    sourceMs: row.source_ms,
    deviceMs: row.device_ms,
    failedAttempts: row.failed_attempts,
    gross: row.asset === null ? undefined : { asset: row.asset as AssetId, amount: row.amount },
    sequenceBefore: row.sequence_before,
    lastSequence: row.last_sequence,
    lastReceiptHash: new Uint8Array(row.last_receipt_hash),
  }));
}

/** The number of each worker's last receipt; who has none is not in it. */
export async function receiptHeads(from: Queryable): Promise<ReadonlyMap<string, bigint>> {
  const { rows } = await from.query<{ worker: string; last: bigint }>(sql`
    select worker, max(last_sequence) as last from worker_epoch group by worker`);
  return new Map(rows.map(({ worker, last }) => [worker, last]));
}

/** What a worker did in the open epoch, as it was published when that ended. */
export interface WorkerTotals
  extends Omit<WorkerEpoch, 'epoch' | 'worker' | 'gross' | 'sequenceBefore' | 'lastReceiptHash'> {
  readonly worker: string;
  readonly grossFee: Readonly<Record<AssetId, bigint>>;
  /** Hex. */
  readonly lastReceiptHash: string;
}

/**
 * Brings the totals of the open epoch to what was published of it. The database refuses totals that
 * are less than they were, or that leave a gap.
 */
export async function setWorkerEpochs(
  tx: Transaction,
  totals: readonly WorkerTotals[],
): Promise<void> {
  const done = totals.filter((one) => one.jobs > 0n || one.failedAttempts > 0n);
  await tx.query(sql`select from receipt_heads(${done.map(({ worker }) => worker)}::text[])`);
  for (const one of done) {
    const [asset, amount] = Object.entries(one.grossFee)[0] ?? [null, 0n];
    await tx.query(sql`
      update worker_epoch set jobs = ${one.jobs}, units = ${one.units}, source_ms = ${one.sourceMs},
        device_ms = ${one.deviceMs}, failed_attempts = ${one.failedAttempts},
        asset = coalesce(${asset}::text, asset), amount = ${amount},
        last_sequence = ${one.lastSequence},
        last_receipt_hash = decode(${one.lastReceiptHash}, 'hex')
      where worker = ${one.worker} and epoch = (select number from epoch where state = 'open')`);
  }
}
