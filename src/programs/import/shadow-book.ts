import { createHash } from 'node:crypto';
import { crashPoint } from '../../base/crash-point.ts';
import { TributaryError } from '../../base/errors.ts';
import { openBookFile, unusable } from './book-file.ts';

/** What is added up in two parts, since a sum of SQLite has 63 bits, too. */
const GWEI = 1_000_000_000n;

/** Work of one line of a file. */
export interface WorkRow {
  readonly worker: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly units: bigint;
  readonly jobs: bigint;
  readonly failed: bigint;
  readonly sourceMs: bigint;
  readonly deviceMs: bigint;
  readonly feeWei: bigint;
  /** Empty: equal rows of one file are told apart by their order. */
  readonly id: string;
}

/** A winning ticket as another program kept it. */
export interface TicketRow {
  readonly signature: Uint8Array;
  readonly wonAt: number;
  readonly faceWei: bigint;
  readonly redeemed: { readonly at: number; readonly transaction: string } | undefined;
}

/** What an import changed. */
export interface Imported {
  readonly added: number;
  readonly known: number;
}

/** Work of one worker in one stretch of time. */
export interface WorkSum extends Omit<WorkRow, 'at' | 'id'> {
  readonly epoch: number;
}

/** Where stretches of time begin: at offset + n * length, in milliseconds. */
export interface Grid {
  readonly lengthMs: number;
  readonly offsetMs: number;
}

/** What tickets brought in one stretch. */
export interface TicketSum {
  readonly epoch: number;
  readonly wei: bigint;
  readonly transactions: readonly string[];
}

/**
 * A book of its own for work and income of another pool. It has no accounts and no addresses, and no
 * part of the program that pays can open it: nothing in it is ever paid or mixed with what is earned.
 */
export interface ShadowBook extends Disposable {
  /** Adds rows; all of them, or none when their source throws. Rows that are there are known. */
  addWork(rows: AsyncIterable<WorkRow> | Iterable<WorkRow>): Promise<Imported>;
  addTickets(rows: Iterable<TicketRow>): Promise<Imported>;
  /** Sums per stretch and worker, in their order. */
  work(grid: Grid): readonly WorkSum[];
  /** By the time of winning, or of redemption. */
  tickets(grid: Grid, by: 'won' | 'redeemed'): readonly TicketSum[];
}

/**
 * Opens a book, or makes one that has its name once its first import is whole: who refuses that, or is
 * killed in it, leaves no book. Throws `import_wrong` for another file.
 */
export function openShadowBook(path: string): ShadowBook {
  const file = openBookFile(path);
  const { database } = file;
  // Equal rows are counted on disk, so that memory does not grow with the file.
  database.exec(`pragma temp_store = file; pragma cache_size = -16000;
    create temp table seen (hash blob primary key, n integer not null) without rowid`);
  const insertWork = database.prepare(
    'insert into work values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict do nothing',
  );
  const known = database.prepare('select content from work where hash = ? and number = ?');
  const seen = database.prepare(
    'insert into seen values (?, 1) on conflict (hash) do update set n = n + 1 returning n',
  );
  const insertTicket = database.prepare(
    `insert into ticket values (?, ?, ?, ?, ?, ?) on conflict do update
      set redeemed_at = excluded.redeemed_at, transaction_hash = excluded.transaction_hash
      where ticket.redeemed_at is null and excluded.redeemed_at is not null`,
  );
  known.setReadBigInts(false);

  async function whole(work: () => Promise<Imported>): Promise<Imported> {
    try {
      database.exec('begin immediate; delete from temp.seen');
      const imported = await work();
      crashPoint('import_before_commit');
      database.exec('commit');
      crashPoint('import_after_commit');
      file.finish();
      return imported;
    } catch (error) {
      if (database.isTransaction) database.exec('rollback');
      throw unusable(path, error);
    }
  }

  function addRow(row: WorkRow): boolean {
    const { worker, at, units, jobs, failed, sourceMs, deviceMs, feeWei, id } = row;
    const fields = [worker, at, units, jobs, failed, sourceMs, deviceMs, feeWei];
    const content = digest(fields.join('\t'));
    const hash = id === '' ? byTime(at, content) : digest(`id\t${worker}\t${id}`);
    const { n } = seen.get(hash) as { n: number };
    if (id !== '' && n > 1) throw twice(row, 'is in the file twice');
    const number = id === '' ? n : 1;
    const { changes } = insertWork.run(
      ...[hash, number, worker, at, units, jobs, failed, sourceMs, deviceMs],
      ...[feeWei / GWEI, feeWei % GWEI, content],
    );
    if (changes === 1) return true;
    const there = known.get(hash, number) as { content: Uint8Array };
    if (!content.equals(there.content)) throw twice(row, 'was imported before and said otherwise');
    return false;
  }

  return {
    addWork: (rows) =>
      whole(async () => {
        let [added, before] = [0, 0];
        for await (const row of rows) {
          if (addRow(row)) added += 1;
          else before += 1;
        }
        return { added, known: before };
      }),

    addTickets: (rows) =>
      whole(async () => {
        let [added, before] = [0, 0];
        for (const { signature, wonAt, faceWei, redeemed } of rows) {
          const { changes } = insertTicket.run(
            ...[signature, wonAt, faceWei / GWEI, faceWei % GWEI],
            ...[redeemed?.at ?? null, redeemed?.transaction ?? null],
          );
          if (changes === 1) added += 1;
          else before += 1;
        }
        return { added, known: before };
      }),

    work({ lengthMs, offsetMs }) {
      const statement = database.prepare(`
        select (at - ?) / ? as epoch, worker, sum(units / 1000000000) as units_high,
          sum(units % 1000000000) as units_low, sum(jobs) as jobs,
          sum(failed) as failed, sum(source_ms) as source_ms, sum(device_ms) as device_ms,
          sum(fee_gwei) as fee_gwei, sum(fee_rest) as fee_rest
        from work group by 1, 2 order by 1, 2`);
      statement.setReadBigInts(true);
      const rows = statement.all(BigInt(offsetMs), BigInt(lengthMs)) as unknown as SumRow[];
      return rows.map((row) => ({
        epoch: Number(row.epoch),
        worker: row.worker,
        units: row.units_high * GWEI + row.units_low,
        jobs: row.jobs,
        failed: row.failed,
        sourceMs: row.source_ms,
        deviceMs: row.device_ms,
        feeWei: row.fee_gwei * GWEI + row.fee_rest,
      }));
    },

    tickets({ lengthMs, offsetMs }, by) {
      const at = by === 'won' ? 'won_at' : 'redeemed_at';
      const statement = database.prepare(`
        select (${at} - ?) / ? as epoch, sum(face_gwei) as gwei, sum(face_rest) as rest,
          json_group_array(distinct transaction_hash)
            filter (where transaction_hash is not null) as transactions
        from ticket where ${at} is not null group by 1 order by 1`);
      statement.setReadBigInts(true);
      const rows = statement.all(BigInt(offsetMs), BigInt(lengthMs)) as unknown as {
        epoch: bigint;
        gwei: bigint;
        rest: bigint;
        transactions: string;
      }[];
      return rows.map(({ epoch, gwei, rest, transactions }) => ({
        epoch: Number(epoch),
        wei: gwei * GWEI + rest,
        transactions: (JSON.parse(transactions) as string[]).sort(),
      }));
    },

    [Symbol.dispose]: () => file[Symbol.dispose](),
  };
}

interface SumRow {
  epoch: bigint;
  worker: string;
  units_high: bigint;
  units_low: bigint;
  jobs: bigint;
  failed: bigint;
  source_ms: bigint;
  device_ms: bigint;
  fee_gwei: bigint;
  fee_rest: bigint;
}

/** Rows of one time lie together, so that a file in the order of time is written in order. */
function byTime(at: number, content: Buffer): Buffer {
  const time = Buffer.alloc(6);
  time.writeUIntBE(at, 0, 6);
  return Buffer.concat([time, content]);
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function twice({ worker, id }: WorkRow, what: string): TributaryError {
  return new TributaryError('import_wrong', `The row of ${worker} with the id ${id} ${what}.`);
}
