import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import pg from 'pg';
import { messageOf, TributaryError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';

/** "TRIB" and 1: nobody else in a shared PostgreSQL is likely to lock this pair. */
const LOCK = '(1414680898, 1)';
const FILE = /^(\d{4})_[a-z0-9_]+\.sql$/;
/** The first line says whether the version before it may keep running while this one is applied. */
const FIRST_LINES = new Set(['-- safe while the old version runs', '-- breaking']);

const DIRECTORY = new URL('./migrations/', import.meta.url);

/** One numbered file, forward only. */
export interface Migration {
  readonly number: number;
  readonly file: string;
  readonly checksum: string;
  readonly text: string;
}

interface Applied {
  readonly number: number;
  readonly file: string;
  readonly checksum: string;
}

/** Reads the files in order. Throws `internal` when one is misnamed, misnumbered or lacks its first line. */
export async function readMigrations(directory: URL = DIRECTORY): Promise<readonly Migration[]> {
  const files = (await readdir(directory)).filter((name) => name.endsWith('.sql')).sort();
  return Promise.all(
    files.map(async (file, index) => {
      const text = await readFile(new URL(file, directory), 'utf8');
      const number = Number(FILE.exec(file)?.[1]);
      if (number !== index + 1) throw misplaced(file, 'the number is not the next one');
      if (!FIRST_LINES.has(text.split('\n', 1)[0] as string)) {
        throw misplaced(file, 'its first line does not say whether it is safe or breaking');
      }
      return { number, file, checksum: createHash('sha256').update(text).digest('hex'), text };
    }),
  );
}

/** Which migrations are still to be applied? Throws `migration_changed` or `migration_newer`. */
export function pending(
  known: readonly Migration[],
  applied: readonly Applied[],
): readonly Migration[] {
  for (const { number, file, checksum } of applied) {
    const ours = known[number - 1];
    if (!ours) {
      throw new TributaryError(
        'migration_newer',
        `the database has migration ${file}, unknown here`,
      );
    }
    if (ours.checksum !== checksum) {
      throw new TributaryError('migration_changed', `migration ${file} was edited after it ran`);
    }
  }
  return known.slice(applied.length);
}

/**
 * Brings a database to this version, each migration in its own transaction, one node at a time.
 * Returns the files that were applied now. Throws `migration_changed`, `migration_newer`,
 * `database_failed`.
 */
export async function applyMigrations(options: {
  connection: pg.ClientConfig;
  log: Log;
  directory?: URL;
  /** The number of the last one to apply; all by default. */
  upTo?: number;
}): Promise<readonly string[]> {
  const known = (await readMigrations(options.directory)).slice(0, options.upTo);
  // A connection of its own: an index on a large table may take longer than any other statement.
  const client = new pg.Client({ ...options.connection, query_timeout: 0 });
  client.on('error', () => {});
  try {
    await client.connect();
    // Held by the session, so released when this process dies.
    await client.query(`select pg_advisory_lock${LOCK}`);
    await client.query(
      `create table if not exists migration (
        number integer primary key,
        file text not null,
        checksum text not null,
        applied_at timestamptz not null default now()
      )`,
    );
    const { rows } = await client.query<Applied>(
      'select number, file, checksum from migration order by number',
    );
    const due = pending(known, rows);
    for (const migration of due) {
      await apply(client, migration);
      options.log.info('migration_applied', { migration: migration.file });
    }
    return due.map(({ file }) => file);
  } catch (error) {
    if (error instanceof TributaryError) throw error;
    throw new TributaryError('database_failed', `migrating failed: ${messageOf(error)}`, {
      cause: error,
    });
  } finally {
    await client.end().catch(() => {});
  }
}

async function apply(client: pg.Client, { number, file, checksum, text }: Migration) {
  try {
    await client.query('begin; set local synchronous_commit to on');
    await client.query(text);
    await client.query('insert into migration (number, file, checksum) values ($1, $2, $3)', [
      number,
      file,
      checksum,
    ]);
    await client.query('commit');
  } catch (error) {
    throw new TributaryError('database_failed', `migration ${file}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function misplaced(file: string, fault: string): TributaryError {
  return new TributaryError('internal', `migration ${file}: ${fault}`);
}
