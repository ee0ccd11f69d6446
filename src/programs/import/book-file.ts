import { chmodSync, closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { messageOf, TributaryError } from '../../base/errors.ts';

/** `TRIB` in the header of the file, so that no other database is taken for a book. */
const APPLICATION = 0x54524942;
const VERSION = 1;
/** SQLite's code for a file that another process writes. */
const BUSY = 5;

const SCHEMA = `
  create table work (
    -- The time and SHA-256 of what the row says, or that of its id; and which of equal ones it is.
    hash blob not null, number integer not null,
    worker text not null, at integer not null, units integer not null, jobs integer not null,
    failed integer not null, source_ms integer not null, device_ms integer not null,
    -- Wei as gwei and the rest: an integer of SQLite has 63 bits.
    fee_gwei integer not null, fee_rest integer not null,
    -- SHA-256 of all of it: an id stands for one row.
    content blob not null,
    primary key (hash, number)
  ) without rowid;
  create index work_by_time on work (at);
  create table ticket (
    signature blob primary key, won_at integer not null,
    face_gwei integer not null, face_rest integer not null,
    redeemed_at integer, transaction_hash text
  ) without rowid;
`;

/** The SQLite file of a shadow book. */
export interface BookFile extends Disposable {
  readonly database: DatabaseSync;
  /** To be called when an import is durable: a new book has its name from then on. */
  finish(): void;
}

/**
 * Opens the file of a book. A new one is written beside it, under another name, until its first import
 * is whole: who is killed before leaves no book, and the next import clears away what is left. Throws
 * `import_wrong` for another file, or when somebody else writes it.
 */
export function openBookFile(path: string): BookFile {
  try {
    return existsSync(path) ? openMade(path) : openNew(path);
  } catch (error) {
    throw unusable(path, error);
  }
}

/** `error` as something to tell, if it is that another process writes the file. */
export function unusable(path: string, error: unknown): unknown {
  if (error instanceof TributaryError) return error;
  if (typeof error !== 'object' || error === null || !('errcode' in error)) return error;
  const message =
    error.errcode === BUSY
      ? `Another import writes ${path}. Import again when it is done.`
      : `${path} cannot be used as a shadow book (${messageOf(error)}).`;
  return new TributaryError('import_wrong', message, { cause: error });
}

function openMade(path: string): BookFile {
  // Of one who was killed between the last two steps, or found the book made by somebody else.
  clear(unfinishedOf(path));
  const database = new DatabaseSync(path);
  try {
    const schema = numberOf(database, 'select count(*) from sqlite_schema');
    const application = numberOf(database, 'select * from pragma_application_id');
    const version = numberOf(database, 'select * from pragma_user_version');
    if (schema === 0) makeTables(database);
    else if (application !== APPLICATION || version !== VERSION) {
      throw new TributaryError('import_wrong', `${path} is a database, and no shadow book.`);
    }
  } catch (error) {
    database.close();
    throw error;
  }
  return { database, finish() {}, [Symbol.dispose]: () => database.close() };
}

function openNew(path: string): BookFile {
  const unfinished = unfinishedOf(path);
  const database = new DatabaseSync(unfinished);
  let isFinished = false;
  try {
    chmodSync(unfinished, 0o600);
    // Held until it is closed: two first imports at once cannot write one file.
    database.exec('pragma locking_mode = exclusive; begin exclusive; commit');
    if (existsSync(path)) {
      // Somebody was quicker; what is open may even be that book, so nothing is written to it.
      database.close();
      return openMade(path);
    }
    makeTables(database);
  } catch (error) {
    if (database.isOpen) database.close();
    throw error;
  }
  return {
    database,
    finish() {
      if (isFinished) return;
      // Before it is closed, so that nobody else takes it for something that was left behind.
      renameSync(unfinished, path);
      isFinished = true;
      syncFolder(dirname(path));
    },
    [Symbol.dispose]() {
      if (!isFinished) clear(unfinished);
      database.close();
    },
  };
}

/** In one transaction, in the place of what an import that was killed had written. */
function makeTables(database: DatabaseSync): void {
  database.exec(`begin immediate; drop table if exists work; drop table if exists ticket; ${SCHEMA}
    pragma application_id = ${APPLICATION}; pragma user_version = ${VERSION}; commit`);
}

function numberOf(database: DatabaseSync, query: string): number {
  const row = database.prepare(query).get() as Readonly<Record<string, number>>;
  return Object.values(row)[0] as number;
}

function unfinishedOf(path: string): string {
  return `${path}.unfinished`;
}

function clear(unfinished: string): void {
  for (const file of [unfinished, `${unfinished}-journal`]) rmSync(file, { force: true });
}

/** A new name is durable when its folder is. */
function syncFolder(path: string): void {
  const folder = openSync(path, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
