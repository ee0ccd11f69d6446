import sql from 'sql-template-tag';
import type { Instant } from '../base/clock.ts';
import { TributaryError } from '../base/errors.ts';
import type { Queryable } from '../database/transaction.ts';
import { type Epoch, epochOf } from '../ledger/epoch-store.ts';
import type { StatementLine } from '../terms/settle-types.ts';
import { recordOf } from './record-store.ts';
import { epochWorkers, resultOf } from './store.ts';

/** An epoch in the list. */
export interface EpochRow {
  readonly number: bigint;
  readonly state: Epoch['state'];
  readonly openedAt: number;
  readonly endedAt: number | null;
  readonly termsVersion: number;
  /** Whether its signed record is there. */
  readonly recorded: boolean;
}

/** The newest epochs first; those before a number. */
export async function listEpochs(
  from: Queryable,
  limit: number,
  before?: bigint,
): Promise<readonly EpochRow[]> {
  const { rows } = await from.query<{
    number: bigint;
    state: Epoch['state'];
    opened_at: number;
    ended_at: number | null;
    terms_version: number;
    recorded: boolean;
  }>(sql`
    select e.number, e.state, e.opened_at, e.ended_at, e.terms_version,
      r.epoch is not null as recorded
    from epoch e left join epoch_record r on r.epoch = e.number
    where ${before ?? null}::bigint is null or e.number < ${before ?? null}
    order by e.number desc limit ${limit}`);
  return rows.map((row) => ({
    number: row.number,
    state: row.state,
    openedAt: row.opened_at,
    endedAt: row.ended_at,
    termsVersion: row.terms_version,
    recorded: row.recorded,
  }));
}

/** A closed epoch with every worker's line. */
export interface EpochStatement {
  readonly epoch: bigint;
  readonly openedAt: number;
  readonly endedAt: number | undefined;
  readonly termsVersion: number;
  readonly root: string;
  /** SHA-256 of the signed record; undefined while it is being made. */
  readonly recorded: boolean;
  readonly workers: readonly {
    readonly worker: string;
    readonly units: bigint;
    readonly owed: Readonly<Record<string, bigint>>;
    readonly cumulative: Readonly<Record<string, bigint>>;
    /** Each with the id by which it can be disputed. */
    readonly lines: readonly Readonly<Record<keyof StatementLine | 'id', unknown>>[];
  }[];
}

/**
 * The canonical text that an epoch was settled by, also of a private pool. Throws as
 * {@link statementOf} does.
 */
export async function inputOf(from: Queryable, number: bigint): Promise<string> {
  return (await settled(from, number)).result.input;
}

async function settled(from: Queryable, number: bigint) {
  const epoch = await epochOf(from, number);
  if (!epoch) throw new TributaryError('epoch_unknown', `There is no epoch ${number}.`);
  if (epoch.state === 'open') {
    throw new TributaryError('epoch_open', `Epoch ${number} is still open.`);
  }
  const result = await resultOf(from, number);
  if (result) return { epoch, result };
  throw new TributaryError('epoch_closing', `The books of epoch ${number} are being written.`);
}

/** What an epoch says of one worker: its lines in their order, which is how disputes number them. */
export interface WorkerLines {
  readonly closedAt: Instant;
  readonly termsVersion: number;
  readonly lines: readonly StatementLine[];
}

/**
 * The lines of one worker; `open` while the epoch goes on. Throws `epoch_unknown`, or `epoch_closing`
 * while its books are being written.
 */
export async function workerLines(
  from: Queryable,
  number: bigint,
  worker: string,
): Promise<WorkerLines | { readonly open: true; readonly termsVersion: number }> {
  const epoch = await epochOf(from, number);
  if (!epoch) throw new TributaryError('epoch_unknown', `There is no epoch ${number}.`);
  const { state, closedAt, termsVersion } = epoch;
  if (state === 'open') return { open: true, termsVersion };
  const result = closedAt === undefined ? undefined : await resultOf(from, number);
  if (!result || closedAt === undefined) {
    throw new TributaryError('epoch_closing', `The books of epoch ${number} are being written.`);
  }
  const stored = JSON.parse(result.settlement) as { lines: readonly StoredLine[] };
  const own = stored.lines.filter((line) => line.worker === worker);
  const lines = own.map(({ units, amount, ...line }) => ({
    ...line,
    amount: BigInt(amount),
    ...(units === undefined ? {} : { units: BigInt(units) }),
  }));
  return { closedAt, termsVersion, lines };
}
type StoredLine = Omit<StatementLine, 'amount' | 'units'> & {
  readonly amount: string;
  readonly units?: string;
};

/**
 * What an epoch came to. Throws `epoch_unknown`, `epoch_open`, or `epoch_closing` while its books are
 * being written: of work that may still grow there is no statement.
 */
export async function statementOf(from: Queryable, number: bigint): Promise<EpochStatement> {
  const { epoch, result } = await settled(from, number);
  const { lines } = JSON.parse(result.settlement) as {
    lines: readonly (Record<keyof StatementLine, unknown> & { worker: string })[];
  };
  const byWorker = Map.groupBy(lines, ({ worker }) => worker);
  const workers = await epochWorkers(from, number);
  return {
    epoch: number,
    openedAt: epoch.openedAt,
    endedAt: epoch.endedAt,
    termsVersion: epoch.termsVersion,
    root: Buffer.from(result.root).toString('hex'),
    recorded: (await recordOf(from, number)) !== undefined,
    workers: workers.map(({ worker, units, owed, cumulative }) => ({
      worker,
      units,
      owed,
      cumulative,
      lines: (byWorker.get(worker) ?? []).map((line, index) => ({
        ...line,
        id: `epoch-${number}/${worker}/${index + 1}`,
      })),
    })),
  };
}
