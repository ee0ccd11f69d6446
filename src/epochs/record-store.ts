import sql from 'sql-template-tag';
import type { Instant } from '../base/clock.ts';
import type { Queryable } from '../database/transaction.ts';

/** The signed record of an epoch. */
export interface EpochRecord {
  readonly epoch: bigint;
  /** Canonical text of the head. */
  readonly head: string;
  /** 32 bytes: the receipt key that signed it. */
  readonly key: Uint8Array;
  /** 64 bytes. */
  readonly signature: Uint8Array;
  /** history.json, of a record that was taken over as it had been published. */
  readonly history?: string | undefined;
}

interface RecordRow {
  epoch: bigint;
  record: string;
  signature: Buffer;
  key: Buffer;
  history: string | null;
}

const decode = ({ epoch, record, signature, key, history }: RecordRow): EpochRecord => ({
  epoch,
  head: record,
  key: new Uint8Array(key),
  signature: new Uint8Array(signature),
  history: history ?? undefined,
});

/** Writes the record of an epoch, unless it has one already. */
export async function addRecord(
  from: Queryable,
  { epoch, head, key, signature, history }: EpochRecord,
): Promise<void> {
  await from.query(sql`
    insert into epoch_record (epoch, record, signature, key, history)
    values (${epoch}, ${head}, ${Buffer.from(signature)}, ${Buffer.from(key)}, ${history ?? null})
    on conflict do nothing`);
}

export async function recordOf(from: Queryable, epoch: bigint): Promise<EpochRecord | undefined> {
  const { rows } = await from.query<RecordRow>(
    sql`select epoch, record, signature, key, history from epoch_record where epoch = ${epoch}`,
  );
  return rows[0] && decode(rows[0]);
}

/** Every record, oldest first. */
export async function allRecords(from: Queryable): Promise<readonly EpochRecord[]> {
  const { rows } = await from.query<RecordRow>(
    sql`select epoch, record, signature, key, history from epoch_record order by epoch`,
  );
  return rows.map(decode);
}

/** Closed epochs without a record, oldest first. */
export async function unrecorded(from: Queryable): Promise<readonly bigint[]> {
  const { rows } = await from.query<{ epoch: bigint }>(sql`
    select epoch from epoch_result
    where epoch > coalesce((select max(epoch) from epoch_record), 0) order by epoch`);
  return rows.map(({ epoch }) => epoch);
}

/**
 * Notes that the books of an epoch came out of a backup, so that another record of it may have been
 * published before. Once.
 */
export async function noteRecovered(from: Queryable, epoch: bigint): Promise<void> {
  await from.query(
    sql`insert into epoch_recovered (epoch) values (${epoch}) on conflict do nothing`,
  );
}

/** When that was noted of an epoch; undefined: never. */
export async function recoveredAt(from: Queryable, epoch: bigint): Promise<Instant | undefined> {
  const { rows } = await from.query<{ at: Instant }>(
    sql`select at from epoch_recovered where epoch = ${epoch}`,
  );
  return rows[0]?.at;
}
