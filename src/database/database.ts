import pg from 'pg';
import type { Sql } from 'sql-template-tag';
import { TributaryError } from '../base/errors.ts';
import { type Log, quiet } from '../base/log.ts';
import { createMetrics, type Metrics } from '../base/metrics.ts';
import { createBackOff } from './back-off.ts';
import { startEmbedded } from './embedded.ts';
import { commitUnknown, isConnectionLoss, statementFailed, unreachable } from './failures.ts';
import { createListener, type ListenHandlers, type Listening } from './listener.ts';
import { databaseMetrics } from './metrics.ts';
import { applyMigrations } from './migrations.ts';
import { parsers } from './parsers.ts';
import type { Queryable, Rows, Transaction } from './transaction.ts';

/** Transactions are short; more connections than this only contend for the same disk. */
const CONNECTIONS_MAX = 10;
/** A restart of PostgreSQL takes 1 to 3 s; a gateway waits 8 s for its segment. */
const WAIT_MS = 5_000;
/** A new connection to a server that answers at all takes milliseconds. */
const CONNECT_MS = 5_000;
/** No statement of ours takes seconds; a black-holed connection must not hold its caller. */
const STATEMENT_MS = 30_000;
/** Statements still running when the program ends. */
const CLOSE_MS = 5_000;

/** A pool of connections to one PostgreSQL database. */
export interface Database extends Queryable {
  /** Where it is, as a connection string: may hold a password, so never log it. */
  readonly url: string;
  /**
   * Runs `run` in one transaction, read committed, and resolves after a COMMIT that survives a power
   * cut. Waits a few seconds for a database that restarts. Throws `database_unreachable` (nothing was
   * sent), `database_failed` (nothing was written), `database_commit_unknown` (it broke between the
   * COMMIT and its answer), or what `run` threw, rolled back.
   */
  transact<T>(run: (tx: Transaction) => Promise<T>): Promise<T>;
  /** Calls back for each NOTIFY on a channel; see {@link Listening}. */
  listen(channel: string, on: ListenHandlers): Promise<Listening>;
  /** Applies the migrations that this database does not have; returns their file names. */
  migrate(): Promise<readonly string[]>;
  /** Does it answer a statement now? For `/readyz`. */
  healthy(): Promise<boolean>;
  /** Waits for what runs, closes the connections, and stops an embedded server. */
  close(): Promise<void>;
}

/** A PostgreSQL by connection string, or our own one below a data directory. */
export type DatabasePlace = { readonly url: string } | { readonly dataDir: string };

export interface DatabaseOptions {
  readonly log?: Log;
  readonly metrics?: Metrics;
  readonly connectionsMax?: number;
  /** How long a caller waits for a database that is away, milliseconds. */
  readonly waitMs?: number;
  /**
   * Of our own server. Default: true. False is for what need not outlive the machine, only processes:
   * nothing waits for the disk.
   */
  readonly durable?: boolean;
}

/**
 * Opens the database and waits until it answers. Throws `database_unreachable`,
 * `database_embedded_failed` or `data_directory_in_use`.
 */
export async function openDatabase(
  place: DatabasePlace,
  options: DatabaseOptions = {},
): Promise<Database> {
  const log = options.log ?? quiet;
  if ('url' in place) {
    return connect(place.url, options, async () => {});
  }
  const { durable = true } = options;
  const server = await startEmbedded({ dataDir: place.dataDir, log, durable });
  try {
    return await connect(server.url, options, () => server.stop());
  } catch (error) {
    await server.stop();
    throw error;
  }
}

async function connect(
  url: string,
  options: DatabaseOptions,
  stopServer: () => Promise<void>,
): Promise<Database> {
  const log = options.log ?? quiet;
  const waitMs = options.waitMs ?? WAIT_MS;
  const metrics = databaseMetrics(options.metrics ?? createMetrics());
  const connection: pg.ClientConfig = {
    connectionString: url,
    application_name: 'tributary',
    types: parsers,
    keepAlive: true,
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: STATEMENT_MS,
  };
  const max = options.connectionsMax ?? CONNECTIONS_MAX;
  const pool = new pg.Pool({ ...connection, max, pipeline: true });
  // Without a listener of its own, a client that loses its server while checked out ends the process.
  pool.on('connect', (client) => void client.on('error', () => metrics.lost()));
  pool.on('error', () => {});
  const listener = createListener({ connection, log, waitMs, metrics });
  let closing: Promise<void> | undefined;

  /** A connection on which `first` succeeded. Until then nothing was written, so it may try again. */
  async function begin(first: string | undefined): Promise<pg.PoolClient> {
    const backOff = createBackOff();
    const deadline = performance.now() + waitMs;
    for (;;) {
      let client: pg.PoolClient | undefined;
      try {
        client = await pool.connect();
        if (first !== undefined) await client.query(first);
        return client;
      } catch (error) {
        client?.release(true);
        const again = isConnectionLoss(error) && !closing && performance.now() < deadline;
        if (!again) {
          throw isConnectionLoss(error) ? unreachable(error, waitMs) : statementFailed(error);
        }
        metrics.retried();
        await backOff.pause();
      }
    }
  }

  async function transact<T>(run: (tx: Transaction) => Promise<T>): Promise<T> {
    const started = performance.now();
    // The server's own default may be weaker; rule: acknowledged means durable.
    const client = await begin('begin; set local synchronous_commit to on');
    let open = true;
    let last: (() => Promise<unknown>) | undefined;
    const tx: Transaction = {
      get open() {
        return open;
      },
      query<Row>(statement: Sql, name?: string) {
        if (open) return runOn<Row>(client, statement, name);
        return Promise.reject(statementFailed(new Error('this transaction has ended')));
      },
      last(statement, name) {
        last = () => runOn(client, statement, name);
      },
    };
    let value: T;
    try {
      value = await run(tx);
    } catch (error) {
      open = false;
      await rollBack(client, error);
      metrics.transacted('rolled_back', started);
      throw error;
    }
    open = false;
    await commit(client, last, (outcome) => metrics.transacted(outcome, started));
    return value;
  }

  const database: Database = {
    url,
    transact,
    async query<Row>(statement: Sql, name?: string) {
      const client = await begin(undefined);
      try {
        const rows = await runOn<Row>(client, statement, name);
        client.release();
        return rows;
      } catch (error) {
        client.release(isConnectionLoss(error));
        throw error;
      }
    },
    listen: (channel, on) => listener.listen(channel, on),
    migrate: () => applyMigrations({ connection, log }),
    async healthy() {
      try {
        await pool.query('select 1');
        return true;
      } catch {
        return false;
      }
    },
    close() {
      closing ??= (async () => {
        await listener.close();
        await Promise.race([pool.end(), after(CLOSE_MS)]);
        await stopServer();
      })();
      return closing;
    },
  };
  metrics.watch(pool);
  try {
    (await begin('select 1')).release();
  } catch (error) {
    await listener.close();
    await pool.end();
    throw error;
  }
  return database;
}

async function runOn<Row>(
  client: pg.PoolClient,
  statement: Sql,
  name: string | undefined,
): Promise<Rows<Row>> {
  try {
    const { text, values } = statement;
    const result = await client.query<Row & pg.QueryResultRow>(
      name === undefined ? { text, values } : { name, text, values },
    );
    return { rows: result.rows, count: result.rowCount ?? 0 };
  } catch (error) {
    throw statementFailed(error);
  }
}

async function commit(
  client: pg.PoolClient,
  last: (() => Promise<unknown>) | undefined,
  done: (outcome: 'committed' | 'failed') => void,
) {
  // Why it failed; that of a lost connection is told by the COMMIT.
  const failure = last?.().then(
    () => undefined,
    (error: unknown) => error,
  );
  let command: string;
  try {
    command = (await client.query('commit')).command;
  } catch (error) {
    client.release(true);
    done('failed');
    throw isConnectionLoss(error) ? commitUnknown(error) : statementFailed(error);
  }
  client.release();
  // PostgreSQL answers ROLLBACK to a COMMIT after a statement that failed and was caught.
  if (command === 'COMMIT') return done('committed');
  done('failed');
  throw (await failure) ?? statementFailed(new Error('a statement of this transaction had failed'));
}

/** A connection that cannot roll back is thrown away, which rolls back as well. */
async function rollBack(client: pg.PoolClient, reason: unknown): Promise<void> {
  if (reason instanceof TributaryError && isConnectionLoss(reason)) return client.release(true);
  try {
    await client.query('rollback');
    client.release();
  } catch {
    client.release(true);
  }
}

function after(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
