import sql from 'sql-template-tag';
import type { AssetId } from '../base/asset.ts';
import type { WorkerId } from '../base/ids.ts';
import type { Queryable, Transaction } from '../database/transaction.ts';
import { RECEIPT_BYTES } from '../proofs/receipt.ts';
import type { ContributionId } from './contribution.ts';
import type { Credits, ReceiptHead } from './receipts.ts';

/** Receipts that are read at once: 180 KB. */
export const RECEIPTS_MAX = 500;

/** Heads that are this transaction's alone until it ends. */
export interface HeldHeads {
  readonly termsVersion: number;
  readonly heads: ReadonlyMap<WorkerId, ReceiptHead>;
}

interface HeadRow {
  worker: string;
  epoch: bigint;
  terms_version: number;
  units: bigint;
  asset: string | null;
  amount: bigint;
  last_sequence: bigint;
  last_receipt_hash: Buffer;
}

/**
 * Takes the heads of these workers' receipts, and keeps the epoch open until the transaction ends.
 * Whoever else wants one of them waits.
 */
export async function holdHeads(tx: Transaction, workers: readonly WorkerId[]): Promise<HeldHeads> {
  const { rows } = await tx.query<HeadRow>(
    sql`
    select worker, epoch, terms_version, units, asset, amount, last_sequence, last_receipt_hash
    from receipt_heads(${plainArray(workers)}::text[])`,
    'receipt_heads',
  );
  const heads = rows.map(
    (row): ReceiptHead => ({
      worker: row.worker as WorkerId,
      epoch: row.epoch,
      units: row.units,
      asset: (row.asset as AssetId | null) ?? undefined,
      amount: row.amount,
      lastSequence: row.last_sequence,
      lastHash: row.last_receipt_hash,
    }),
  );
  return {
    termsVersion: rows[0]?.terms_version ?? 0,
    heads: new Map(heads.map((head) => [head.worker, head])),
  };
}

/** Stores receipts and moves the heads, in one statement, the last of the transaction. */
export function storeCredits(tx: Transaction, { receipts, heads }: Credits): void {
  const [first] = heads;
  if (!first) return;
  // One parameter for all bodies: written as hex in an array it would be read twice.
  const bodies = Buffer.concat(receipts.map(({ body }) => body));
  const hashes = Buffer.concat(heads.map(({ lastHash }) => lastHash));
  tx.last(
    sql`
    with added as (
      insert into receipt (worker, sequence, epoch, contribution, body)
      select worker, sequence, ${first.epoch}::bigint, contribution,
        substring(${bodies}::bytea from ((place - 1) * ${RECEIPT_BYTES} + 1)::integer
          for ${RECEIPT_BYTES})
      from unnest(
        ${plainArray(receipts.map(({ worker }) => worker))}::text[],
        ${plainArray(receipts.map(({ sequence }) => sequence))}::bigint[],
        ${plainArray(receipts.map(({ contribution }) => contribution))}::uuid[]
      ) with ordinality as new (worker, sequence, contribution, place)
      order by place)
    update worker_epoch set
      jobs = worker_epoch.jobs + moved.jobs,
      units = moved.units,
      source_ms = worker_epoch.source_ms + moved.source_ms,
      device_ms = worker_epoch.device_ms + moved.device_ms,
      failed_attempts = worker_epoch.failed_attempts + moved.failed_attempts,
      asset = moved.asset,
      amount = moved.amount,
      last_sequence = moved.last_sequence,
      last_receipt_hash =
        substring(${hashes}::bytea from ((place - 1) * 32 + 1)::integer for 32)
    from unnest(
      ${plainArray(heads.map(({ worker }) => worker))}::text[],
      ${plainArray(heads.map(({ addedJobs }) => addedJobs))}::bigint[],
      ${plainArray(heads.map(({ units }) => units))}::numeric[],
      ${plainArray(heads.map(({ addedSourceMs }) => addedSourceMs))}::bigint[],
      ${plainArray(heads.map(({ addedDeviceMs }) => addedDeviceMs))}::bigint[],
      ${plainArray(heads.map(({ addedFailedAttempts }) => addedFailedAttempts))}::bigint[],
      ${plainArray(heads.map(({ asset }) => asset && `"${asset}"`))}::text[],
      ${plainArray(heads.map(({ amount }) => amount))}::numeric[],
      ${plainArray(heads.map(({ lastSequence }) => lastSequence))}::bigint[]
    ) with ordinality as moved (worker, jobs, units, source_ms, device_ms, failed_attempts, asset,
      amount, last_sequence, place)
    where worker_epoch.worker = moved.worker and worker_epoch.epoch = ${first.epoch}`,
    'store_credits',
  );
}

/** The receipts of these contributions, as far as there are any. */
export async function receiptsOfContributions(
  from: Queryable,
  contributions: readonly ContributionId[],
): Promise<ReadonlyMap<ContributionId, Uint8Array>> {
  const { rows } = await from.query<{ contribution: string; body: Buffer }>(sql`
    select contribution, body from receipt
    where contribution = any(${plainArray(contributions)}::uuid[])`);
  return new Map(rows.map((row) => [row.contribution as ContributionId, row.body]));
}

/** A stored receipt without its signature. */
export interface StoredReceipt {
  readonly worker: WorkerId;
  readonly sequence: bigint;
  readonly epoch: bigint;
  readonly body: Uint8Array;
}

interface ReceiptRow {
  worker: string;
  sequence: bigint;
  epoch: bigint;
  body: Buffer;
}

/** A worker's receipts from a sequence number on, in order; at most {@link RECEIPTS_MAX}. */
export async function receiptsOf(
  from: Queryable,
  worker: WorkerId,
  sequence: bigint,
  limit: number = RECEIPTS_MAX,
): Promise<readonly StoredReceipt[]> {
  const { rows } = await from.query<ReceiptRow>(sql`
    select worker, sequence, epoch, body from receipt
    where worker = ${worker} and sequence >= ${sequence}
    order by sequence limit ${Math.min(limit, RECEIPTS_MAX)}`);
  return rows.map(decodeReceiptRow);
}

/** How far somebody has read through all receipts. */
export interface ReceiptCursor {
  /** Numbers of transactions are a cluster's own: in which one of those that held the database. */
  readonly home: bigint;
  /** The number of a database transaction, and of a receipt in it. */
  readonly txid: bigint;
  readonly number: bigint;
}

/** Before all receipts. */
export const receiptsStart: ReceiptCursor = { home: 1n, txid: 0n, number: 0n };

/**
 * Notes when the database was moved into another cluster, as by restoring a backup. Must be called
 * before anything is appended there; true when it was moved since.
 */
export async function noteReceiptHome(from: Queryable): Promise<boolean> {
  const { rows } = await from.query<{ moved: boolean }>(sql`select note_receipt_home() as moved`);
  return rows[0]?.moved === true;
}

/**
 * Receipts of all workers after the cursor, in an order that does not change: none is left out that
 * appears before one that was read, whatever transactions are still open.
 */
export async function receiptsAfter(
  from: Queryable,
  { home, txid, number }: ReceiptCursor,
  limit: number = RECEIPTS_MAX,
): Promise<readonly (StoredReceipt & { readonly cursor: ReceiptCursor })[]> {
  const { after, until } = await boundsOf(from, home);
  // No transaction of an earlier cluster is open any more, whatever its number.
  const { rows } = await from.query<ReceiptRow & { txid: string; number: bigint }>(sql`
    select worker, sequence, epoch, body, txid::text, number from receipt
    where (txid, number) > (${String(txid)}::xid8, ${number}::bigint)
      and case when ${until}::bigint is null then txid < pg_snapshot_xmin(pg_current_snapshot())
        else number <= ${until}::bigint end
      and number > ${after}
    order by receipt.txid, number limit ${limit}`);
  const here = rows.map((row) => ({
    ...decodeReceiptRow(row),
    cursor: { home, txid: BigInt(row.txid), number: row.number },
  }));
  if (until === null || here.length === limit) return here;
  const next = { home: home + 1n, txid: 0n, number: 0n };
  return [...here, ...(await receiptsAfter(from, next, limit - here.length))];
}

/** Whether a receipt of this epoch or an earlier one lies behind the cursor, be it readable yet or not. */
export async function receiptsLieAfter(
  from: Queryable,
  { home, txid, number }: ReceiptCursor,
  epoch: bigint,
): Promise<boolean> {
  const { after, until } = await boundsOf(from, home);
  const { rows } = await from.query<{ lie: boolean }>(sql`
    select exists (select from receipt
        where (txid, number) > (${String(txid)}::xid8, ${number}::bigint) and number > ${after}
          and (${until}::bigint is null or number <= ${until}::bigint) and epoch <= ${epoch})
      or (${until}::bigint is not null
        and exists (select from receipt where number > ${until}::bigint and epoch <= ${epoch})) as lie`);
  return rows[0]?.lie === true;
}

/** Which numbers the receipts have that came into being in a home; null: it is where we are. */
async function boundsOf(
  from: Queryable,
  home: bigint,
): Promise<{ readonly after: bigint; readonly until: bigint | null }> {
  const { rows } = await from.query<{ after: bigint; until: bigint | null }>(sql`
    select h.after_receipt as after, next.after_receipt as until
    from receipt_home h left join receipt_home next on next.number = h.number + 1
    where h.number = ${home}`);
  const [row] = rows;
  if (!row) throw new RangeError('receipts never came into being in such a home');
  return row;
}

function decodeReceiptRow(row: ReceiptRow): StoredReceipt {
  return {
    worker: row.worker as WorkerId,
    sequence: row.sequence,
    epoch: row.epoch,
    body: new Uint8Array(row.body),
  };
}

/** The text of an array of values that need no quotes: ids, numbers, symbols of assets. */
function plainArray(values: readonly (string | number | bigint | undefined)[]): string {
  return `{${values.map((value) => value ?? 'null').join()}}`;
}
