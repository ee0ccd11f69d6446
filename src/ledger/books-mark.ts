import { open, readFile, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import sql from 'sql-template-tag';
import type { Clock, Timer } from '../base/clock.ts';
import { messageOf, TributaryError } from '../base/errors.ts';
import { makeFolder } from '../base/folder.ts';
import type { Log } from '../base/log.ts';
import type { Database } from '../database/database.ts';
import type { Queryable } from '../database/transaction.ts';

/** How far behind the books the mark may be while nothing is paid. */
const EVERY_MS = 2_000;
const FILE = 'books.json';

/**
 * How far the books are, by what only grows and is committed. A copy of the same books that says less
 * is an older one.
 */
export interface BooksMark {
  /** Milliseconds since 1970 of the last recovery; 0: there was none. */
  readonly recovery: bigint;
  /** Id of the newest contribution: ids sort by time. */
  readonly work: string;
  readonly posting: bigint;
  /** Steps of the journals of all accounts. */
  readonly journal: bigint;
}

/** Reads four figures by index. */
export async function booksMark(from: Queryable): Promise<BooksMark> {
  const { rows } = await from.query<BooksMark>(sql`
    select
      (select coalesce(round(extract(epoch from max(at)) * 1000), 0)::bigint from recovery)
        as recovery,
      coalesce((select id::text from contribution order by id desc limit 1), '') as work,
      (select coalesce(max(number), 0) from posting) as posting,
      (select coalesce(sum(version), 0)::bigint from chain_account) as journal`);
  const [row] = rows;
  if (!row) throw new RangeError('there are no books');
  return row;
}

/**
 * Whether books lack something of what was seen of them. What is lost is found by recovering, so that
 * books which were recovered later are whole.
 */
export function isBehind(books: BooksMark, seen: BooksMark): boolean {
  if (books.recovery !== seen.recovery) return books.recovery < seen.recovery;
  return books.work < seen.work || books.posting < seen.posting || books.journal < seen.journal;
}

/** Notes that books were recovered: from now on older marks do not count against them. */
export async function noteRecovery(from: Queryable): Promise<void> {
  await from.query(sql`insert into recovery (home) select max(number) from receipt_home`);
}

/** Whether the database is in the cluster that it began in, or was recovered in this one. */
export async function isAtHome(from: Queryable): Promise<boolean> {
  const { rows } = await from.query<{ here: boolean }>(sql`
    select cluster = (select system_identifier::text from pg_control_system())
      and (number = 1 or exists (select from recovery r where r.home = h.number)) as here
    from receipt_home h order by number desc limit 1`);
  return rows[0]?.here === true;
}

/** Keeps the mark of the books in the data directory. */
export interface BooksKeeper {
  /** Writes it now: before what cannot be taken back leaves the pool. What fails is logged. */
  keep(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Compares the books with the mark that a pool left in this data directory, and keeps it up to date.
 * Throws `database_restored` when they are older than the mark: whatever was paid and promised
 * meanwhile would be paid and promised again.
 */
export async function openBooksKeeper(parts: {
  readonly database: Database;
  readonly dataDir: string;
  readonly clock: Clock;
  readonly log: Log;
}): Promise<BooksKeeper> {
  const { database, clock, log } = parts;
  const file = join(parts.dataDir, FILE);
  const seen = await readMark(file);
  let last = await booksMark(database);
  if (seen && isBehind(last, seen)) {
    const text = `These books are older than ${file} says they were: they came out of a backup.`;
    throw new TributaryError('database_restored', text);
  }
  let timer: Timer | undefined;
  let writing: Promise<void> = Promise.resolve();
  let closed = false;
  await writeMark(file, last);

  async function write(): Promise<void> {
    try {
      const now = await booksMark(database);
      if (textOf(now) === textOf(last)) return;
      await writeMark(file, now);
      last = now;
    } catch (error) {
      log.warn('books_mark_not_kept', { error: messageOf(error) });
    }
  }

  function keep(): Promise<void> {
    writing = writing.then(write);
    return writing;
  }

  function later(): void {
    if (closed) return;
    timer = clock.after(EVERY_MS, () => void keep().then(later));
  }
  later();

  return {
    keep,
    async close() {
      closed = true;
      timer?.cancel();
      await keep();
    },
  };
}

async function readMark(file: string): Promise<BooksMark | undefined> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  try {
    const { recovery, work, posting, journal } = JSON.parse(text) as Record<string, string>;
    if (work === undefined) throw new RangeError('no mark');
    const [at, number, steps] = [recovery, posting, journal].map((one) => BigInt(one ?? ''));
    return { recovery: at ?? 0n, work, posting: number ?? 0n, journal: steps ?? 0n };
  } catch (cause) {
    throw new TributaryError('internal', `${file} is no mark of books; remove it if it was you`, {
      cause,
    });
  }
}

function textOf({ recovery, work, posting, journal }: BooksMark): string {
  const numbers = { recovery: `${recovery}`, posting: `${posting}`, journal: `${journal}` };
  return `${JSON.stringify({ ...numbers, work })}\n`;
}

/** Whole or not at all, and there after a power cut. */
async function writeMark(file: string, mark: BooksMark): Promise<void> {
  await makeFolder(dirname(file));
  const part = `${file}.part`;
  const handle = await open(part, 'w', 0o644);
  try {
    await handle.writeFile(textOf(mark));
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(part, file);
}
