import { constants, createReadStream, createWriteStream } from 'node:fs';
import { access, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import pg from 'pg';
import { messageOf, TributaryError } from '../base/errors.ts';
import { makeFolder } from '../base/folder.ts';
import { quiet } from '../base/log.ts';
import { applyMigrations } from './migrations.ts';

/** Rows that are read, or put back, at once. */
const ROWS = 1_000;
const FORMAT = 1;
/** Its own rows are written as migrations are applied. */
const OWN = 'migration';

/** What a backup holds. */
export interface BackupFigures {
  readonly tables: number;
  readonly rows: number;
}

/**
 * Writes all rows of a database as of one moment, while it is used: lines of JSON, compressed. What
 * was written to is whole, or not there. Throws `backup_failed`.
 */
export async function writeBackup(url: string, file: string): Promise<BackupFigures> {
  const client = clientOf(url);
  const figures = { tables: 0, rows: 0 };
  const part = `${file}.part`;
  try {
    if ((await stat(file).catch(() => undefined))?.isDirectory()) throw new Error('it is a folder');
    await client.connect();
    // It holds secrets, so nobody else gets into a folder that is made for it.
    await makeFolder(dirname(file), { mode: 0o700 });
    await client.query('begin transaction isolation level repeatable read, read only');
    const out = createWriteStream(part, { mode: 0o600, flags: 'wx' });
    await pipeline(Readable.from(linesOf(client, figures)), createGzip({ level: 6 }), out);
    await rename(part, file);
    return figures;
  } catch (cause) {
    throw failed(`Nothing was written to ${file}: ${messageOf(cause)}`, cause);
  } finally {
    await client.end().catch(() => {});
    await rm(part, { force: true }).catch(() => {});
  }
}

/** Throws `backup_failed` for what is no file that can be read. */
export async function mustBeReadable(file: string): Promise<void> {
  try {
    await access(file, constants.R_OK);
    if (!(await stat(file)).isFile()) throw new Error('it is no file');
  } catch (cause) {
    throw failed(`${file} cannot be read: ${messageOf(cause)}.`, cause);
  }
}

async function* linesOf(client: pg.Client, figures: { tables: number; rows: number }) {
  const { rows: migrations } = await client.query(
    `select number, file, checksum from ${OWN} order by number`,
  );
  yield line({ backup: FORMAT, migrations });
  for (const table of await tablesOf(client)) {
    yield line({ table });
    figures.tables += 1;
    await client.query(
      `declare backup cursor for select row_to_json(t)::text as row from ${table} t`,
    );
    for (;;) {
      const { rows } = await client.query<{ row: string }>(`fetch ${ROWS} from backup`);
      // As PostgreSQL wrote it: a number of 78 digits stays what it is.
      yield rows.map(({ row }) => `${row}\n`).join('');
      figures.rows += rows.length;
      if (rows.length < ROWS) break;
    }
    await client.query('close backup');
  }
  const { rows: sequences } = await client.query(sequencesSql);
  for (const { name, value } of sequences) yield line({ sequence: name, value });
  yield line({ end: figures.rows });
}

/**
 * Puts a backup into a database that has no tables yet, at the version of the program that wrote it:
 * the next start brings it up to date. All of it, or nothing but empty tables. Throws
 * `backup_target_used`, `backup_failed` also for a file that is not whole.
 */
export async function restoreBackup(url: string, file: string): Promise<BackupFigures> {
  await mustBeReadable(file);
  const client = clientOf(url);
  const lines = createInterface({ input: createReadStream(file).pipe(createGunzip()) });
  const reader = lines[Symbol.asyncIterator]();
  try {
    await client.connect();
    const { rows } = await client.query<{ used: boolean }>(
      `select exists (select from pg_tables where schemaname = 'public') as used`,
    );
    if (rows[0]?.used) {
      throw new TributaryError('backup_target_used', 'The database has tables already.');
    }
    const head = parsed((await reader.next()).value) as Head;
    if (head['@backup'] !== FORMAT) throw failed(`${file} is no backup of this kind.`);
    await migrate(url, head['@migrations']);
    await client.query('begin');
    // What was checked when it was written is not checked again, and its triggers do not run twice.
    await client.query('set local session_replication_role = replica');
    for (const table of await tablesOf(client)) await client.query(`delete from ${table}`);
    const figures = await putBack(client, reader);
    await client.query('commit');
    return figures;
  } catch (cause) {
    if (cause instanceof TributaryError) throw cause;
    throw failed(`${file} was not restored: ${messageOf(cause)}`, cause);
  } finally {
    lines.close();
    await client.end().catch(() => {});
  }
}

/** Makes the tables as they were when the backup was written. */
async function migrate(url: string, migrations: unknown): Promise<void> {
  if (!Array.isArray(migrations) || migrations.length === 0) throw failed('this is no backup');
  const connection = { connectionString: url };
  await applyMigrations({ connection, log: quiet, upTo: migrations.length });
  const client = clientOf(url);
  await client.connect();
  try {
    const { rows } = await client.query(
      `select number, file, checksum from ${OWN} order by number`,
    );
    if (JSON.stringify(rows) === JSON.stringify(migrations)) return;
  } finally {
    await client.end();
  }
  throw failed('it was written by another version of the program');
}

async function putBack(client: pg.Client, reader: AsyncIterator<string>): Promise<BackupFigures> {
  const figures = { tables: 0, rows: 0 };
  const known = new Set(await tablesOf(client));
  let table = '';
  let waiting: string[] = [];
  const flush = async () => {
    if (waiting.length === 0) return;
    await client.query(
      `insert into ${table} overriding system value
       select * from jsonb_populate_recordset(null::${table}, $1::jsonb)`,
      [`[${waiting.join()}]`],
    );
    waiting = [];
  };
  for (let next = await reader.next(); !next.done; next = await reader.next()) {
    const text = next.value;
    const mark = text.startsWith('{"@') ? (parsed(text) as Mark) : undefined;
    if (!mark) {
      waiting.push(text);
      figures.rows += 1;
      if (waiting.length === ROWS) await flush();
      continue;
    }
    await flush();
    if ('@table' in mark) {
      if (!known.has(mark['@table'])) throw failed('it names a table that there is not');
      table = mark['@table'];
      figures.tables += 1;
    } else if ('@sequence' in mark) {
      await client.query('select setval($1::regclass, $2)', [mark['@sequence'], mark['@value']]);
    } else if (mark['@end'] === figures.rows) return figures;
    else throw failed('rows are missing');
  }
  throw failed('its end is missing');
}

interface Head {
  readonly '@backup'?: unknown;
  readonly '@migrations'?: unknown;
}

type Mark =
  | { readonly '@table': string }
  | { readonly '@sequence': string; readonly '@value': string }
  | { readonly '@end': number };

/** A mark between rows: no column begins with `@`. */
function line(fields: Readonly<Record<string, unknown>>): string {
  const marked = Object.entries(fields).map(([name, value]) => [`@${name}`, value]);
  return `${JSON.stringify(Object.fromEntries(marked))}\n`;
}

function parsed(text: unknown): unknown {
  try {
    return JSON.parse(String(text));
  } catch (cause) {
    throw failed('a line of it is no JSON', cause);
  }
}

/** Quoted names, in an order that does not change. */
async function tablesOf(client: pg.Client): Promise<readonly string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select quote_ident(tablename) as name from pg_tables
     where schemaname = 'public' and tablename <> '${OWN}' order by tablename`,
  );
  return rows.map(({ name }) => name);
}

/** Those that gave out a number already. */
const sequencesSql = `select quote_ident(sequencename) as name, last_value::text as value
  from pg_sequences where schemaname = 'public' and last_value is not null order by sequencename`;

function clientOf(url: string): pg.Client {
  const client = new pg.Client({ connectionString: url, application_name: 'tributary backup' });
  client.on('error', () => {});
  return client;
}

function failed(text: string, cause?: unknown): TributaryError {
  return new TributaryError('backup_failed', text, { cause });
}
