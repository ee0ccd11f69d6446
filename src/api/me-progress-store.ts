import sql from 'sql-template-tag';
import type { WorkerId } from '../base/ids.ts';
import type { Queryable } from '../database/transaction.ts';

/** What the receipts of a worker in an epoch come to. */
export interface WorkedEpoch {
  readonly worker: WorkerId;
  readonly jobs: number;
  readonly failedAttempts: number;
  readonly units: bigint;
  /** Undefined: its receipts name no amount. */
  readonly asset: string | undefined;
  readonly amount: bigint;
  readonly firstReceipt: bigint | undefined;
  readonly lastReceipt: bigint | undefined;
}

/** One for each worker that was asked for, in that order; zeros where it did nothing. */
export async function workedIn(
  from: Queryable,
  epoch: bigint,
  workers: readonly WorkerId[],
): Promise<readonly WorkedEpoch[]> {
  const { rows } = await from.query<{
    worker: string;
    jobs: bigint;
    failed_attempts: bigint;
    units: bigint;
    asset: string | null;
    amount: bigint;
    sequence_before: bigint;
    last_sequence: bigint;
  }>(sql`
    select worker, jobs, failed_attempts, units, asset, amount, sequence_before, last_sequence
    from worker_epoch where epoch = ${epoch} and worker = any(${[...workers]}::text[])`);
  return workers.map((worker) => {
    const row = rows.find((one) => one.worker === worker);
    const has = row !== undefined && row.last_sequence > row.sequence_before;
    return {
      worker,
      jobs: Number(row?.jobs ?? 0n),
      failedAttempts: Number(row?.failed_attempts ?? 0n),
      units: row?.units ?? 0n,
      asset: row?.asset ?? undefined,
      amount: row?.amount ?? 0n,
      firstReceipt: has ? row.sequence_before + 1n : undefined,
      lastReceipt: has ? row.last_sequence : undefined,
    };
  });
}

/**
 * Whether it was the worker itself that changed its state last, as the audit log has it. Calls that
 * changed nothing noted no state behind them.
 */
export async function pausedByItself(from: Queryable, name: string): Promise<boolean> {
  const { rows } = await from.query<{ route: string }>(sql`
    select route from audit_log
    where target = ${name} and outcome = 'done' and after ? 'state'
      and route ~ '/(pause|resume|drain|revoke)$'
    order by number desc limit 1`);
  return rows[0]?.route === 'POST /api/v1/me/pause';
}
