import sql from 'sql-template-tag';
import type { Transaction } from '../database/transaction.ts';
import { time } from './events-store.ts';

/** Nodes that start together agree on one key. Ends with the transaction. */
export async function lockKey(tx: Transaction): Promise<void> {
  await tx.query(sql`
    select pg_advisory_xact_lock(hashtextextended('tributary notices key', 0))`);
}

/** By what the key of this pool is known; undefined: it has none yet. */
export async function fingerprintIn(tx: Transaction): Promise<Buffer | undefined> {
  const { rows } = await tx.query<{ fingerprint: Buffer }>(sql`select fingerprint from notice_key`);
  return rows[0]?.fingerprint;
}

/** Notes which key it is, in place of another one. */
export async function noteFingerprint(
  tx: Transaction,
  fingerprint: Buffer,
  now: number,
): Promise<void> {
  await tx.query(sql`
    insert into notice_key (fingerprint, since) values (${fingerprint}, ${time(now)})
    on conflict (one) do update set fingerprint = excluded.fingerprint, since = excluded.since`);
}

/** The key as it lay in the database before there was a file; undefined: it does not. */
export async function keyInDatabase(tx: Transaction): Promise<Uint8Array | undefined> {
  const { rows } = await tx.query<{ key: Buffer }>(sql`
    select key from secret where purpose = 'notices' and retired_at is null
    order by version desc limit 1`);
  return rows[0] && new Uint8Array(rows[0].key);
}

/** Takes the key out of the database, for good. */
export async function forgetKeyInDatabase(tx: Transaction): Promise<void> {
  await tx.query(sql`delete from secret where purpose = 'notices'`);
}

/** Removes everything that a key which is lost has sealed or hashed; how many channels that were. */
export async function forgetSealed(tx: Transaction): Promise<number> {
  await tx.query(sql`delete from notice_code`);
  await tx.query(sql`delete from notice_place`);
  const { count } = await tx.query(sql`delete from notice_channel`);
  return count;
}
