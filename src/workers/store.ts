import sql from 'sql-template-tag';
import { type Instant, instant } from '../base/clock.ts';
import { TributaryError } from '../base/errors.ts';
import type { WorkerId } from '../base/ids.ts';
import type { Queryable, Transaction } from '../database/transaction.ts';
import { type PayoutAddress, payoutAddress, type Worker, type WorkerState } from './worker.ts';

/** A worker and the hashes of the secrets that it may use now. */
export interface Enrolled {
  readonly worker: Worker;
  readonly hashes: readonly Buffer[];
}

/** One secret as `show` prints it: when, never what. */
export interface SecretRecord {
  readonly createdAt: Instant;
  readonly revokedAt: Instant | undefined;
}

const columns = sql`
  worker.id, worker.name, worker.payout_address, worker.state, worker.created_at,
  array(select hash from credential
        where credential.worker = worker.id and revoked_at is null
        order by created_at, slot) as hashes`;

/** All workers, or those with the given ids, by name. */
export async function enrolledWorkers(
  from: Queryable,
  ids?: readonly string[],
): Promise<readonly Enrolled[]> {
  const { rows } = await from.query<WorkerRow>(sql`
    select ${columns} from worker
    where ${ids ?? null}::text[] is null or id = any(${ids ?? null}::text[])
    order by lower(name), created_at`);
  return rows.map(decodeWorker);
}

/** Those who may still authenticate: what every node keeps in memory. */
export async function unrevokedWorkers(from: Queryable): Promise<readonly Enrolled[]> {
  const { rows } = await from.query<WorkerRow>(sql`
    select ${columns} from worker where state <> 'revoked'`);
  return rows.map(decodeWorker);
}

/**
 * The worker with that name, else that id, else the last revoked one of that name; its row is
 * locked until the transaction ends.
 */
export async function lockWorker(tx: Transaction, ref: string): Promise<Enrolled | undefined> {
  const { rows } = await tx.query<{ id: string }>(sql`
    select id from worker
    where lower(name) = lower(${ref}) or id = ${ref}
    order by lower(name) = lower(${ref}) and state <> 'revoked' desc, id = ${ref} desc,
      created_at desc
    limit 1 for update`);
  // Read in a second statement: one that had to wait for the lock still sees the secrets of before.
  return rows[0] && (await enrolledWorkers(tx, [rows[0].id]))[0];
}

/** Throws `database_failed` with the constraint `worker_name` when the name is taken. */
export async function addWorker(
  tx: Transaction,
  worker: { id: WorkerId; name: string; payoutAddress: PayoutAddress | undefined },
): Promise<void> {
  const address = worker.payoutAddress && Buffer.from(worker.payoutAddress.slice(2), 'hex');
  await tx.query(sql`
    insert into worker (id, name, payout_address)
    values (${worker.id}, ${worker.name}, ${address ?? null})`);
}

/** Adds a secret in the free one of a locked worker's two places. */
export async function addSecretHash(tx: Transaction, worker: WorkerId, hash: Buffer) {
  const { count } = await tx.query(sql`
    insert into credential (hash, worker, slot, created_at)
    select ${hash}, ${worker}, slot, clock_timestamp() from generate_series(1, 2) as slot
    where not exists (select from credential
                      where worker = ${worker} and revoked_at is null
                        and credential.slot = slot.slot)
    order by slot limit 1`);
  if (count !== 1) throw new TributaryError('internal', 'no place was free for a secret');
}

/** Ends the validity of these secrets. */
export async function retireSecrets(tx: Transaction, hashes: readonly Buffer[]): Promise<void> {
  await tx.query(sql`
    update credential set revoked_at = now() where hash = any(${hashes}) and revoked_at is null`);
}

export async function setState(tx: Transaction, worker: WorkerId, state: WorkerState) {
  await tx.query(sql`update worker set state = ${state} where id = ${worker}`);
}

/** All secrets that a worker ever had, oldest first. */
export async function secretRecords(
  from: Queryable,
  worker: WorkerId,
): Promise<readonly SecretRecord[]> {
  const { rows } = await from.query<{ created_at: Instant; revoked_at: Instant | null }>(sql`
    select created_at, revoked_at from credential where worker = ${worker} order by created_at`);
  return rows.map((row) => ({
    createdAt: instant(row.created_at),
    revokedAt: row.revoked_at === null ? undefined : instant(row.revoked_at),
  }));
}

interface WorkerRow {
  id: string;
  name: string;
  payout_address: Buffer | null;
  state: string;
  created_at: Instant;
  hashes: Buffer[];
}

function decodeWorker(row: WorkerRow): Enrolled {
  return {
    worker: {
      id: row.id as WorkerId,
      name: row.name,
      payoutAddress: row.payout_address === null ? undefined : payoutAddress(row.payout_address),
      state: row.state as WorkerState,
      createdAt: instant(row.created_at),
      validSecrets: row.hashes.length,
    },
    hashes: row.hashes,
  };
}
