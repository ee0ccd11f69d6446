import sql from 'sql-template-tag';
import type { Queryable, Transaction } from '../database/transaction.ts';
import type { ReceiptCursor } from '../ledger/receipts-store.ts';
import type { Tile, TilePlace } from '../proofs/history-tiles.ts';

/** How far the history got. */
export interface HistoryPlace {
  /** Receipts in it. */
  readonly size: number;
  /** The last of them. */
  readonly cursor: ReceiptCursor;
}

interface HeadRow {
  size: bigint;
  home: bigint;
  txid: string;
  number: bigint;
}

/** Where the history stands; `hold` keeps it for this transaction alone. */
export async function historyPlace(from: Queryable, hold?: 'hold'): Promise<HistoryPlace> {
  const { rows } = await from.query<HeadRow>(
    hold
      ? sql`select size, home, txid::text, number from history_head for update`
      : sql`select size, home, txid::text, number from history_head`,
  );
  const { size, home, txid, number } = rows[0] as HeadRow;
  return { size: Number(size), cursor: { home, txid: BigInt(txid), number } };
}

/** Writes new and longer tiles, and how far the history got with them. */
export async function storeHistory(
  tx: Transaction,
  { size, cursor }: HistoryPlace,
  tiles: readonly Tile[],
): Promise<void> {
  for (const { level, index, bytes } of tiles) {
    await tx.query(
      sql`
      insert into history_tile (level, index, hashes) values (${level}, ${index}, ${Buffer.from(bytes)})
      on conflict (level, index) do update set hashes = excluded.hashes`,
      'store_history_tile',
    );
  }
  await tx.query(sql`
    update history_head set size = ${size}, home = ${cursor.home}, txid = ${String(cursor.txid)}::xid8,
      number = ${cursor.number}::bigint`);
}

/** One tile, of whatever width it has now. */
export async function historyTile(
  from: Queryable,
  { level, index }: TilePlace,
): Promise<Uint8Array | undefined> {
  const { rows } = await from.query<{ hashes: Buffer }>(
    sql`select hashes from history_tile where level = ${level} and index = ${index}`,
  );
  return rows[0] && new Uint8Array(rows[0].hashes);
}

/** Behind every receipt that is stored now, and where the history stands: nothing is read there again. */
export async function lastReceipt(from: Queryable, now: ReceiptCursor): Promise<ReceiptCursor> {
  const { rows } = await from.query<{ home: bigint; txid: string; number: bigint }>(sql`
    select h.number as home, coalesce(r.txid, '0'::xid8)::text as txid, coalesce(r.number, 0) as number
    from receipt_home h left join lateral (
      select txid, number from receipt where receipt.number > h.after_receipt
      order by receipt.txid desc, receipt.number desc limit 1) r on true
    order by h.number desc limit 1`);
  const [row] = rows;
  if (!row) throw new RangeError('receipts never came into being anywhere');
  const last = { home: row.home, txid: BigInt(row.txid), number: row.number };
  // In the same home without new receipts it stays where it is.
  return last.home === now.home && last.txid < now.txid ? now : last;
}
