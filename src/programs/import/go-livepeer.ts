import { DatabaseSync } from 'node:sqlite';
import { messageOf, TributaryError } from '../../base/errors.ts';
import type { TicketRow } from './shadow-book.ts';

/** The version of the tables, in `kv` (wire: go-livepeer common/db.go: LivepeerDBVersion). */
const VERSION = 1;

/**
 * The winning tickets in the database of a go-livepeer orchestrator, which is opened for reading
 * only, also while it runs. It keeps no tickets that lost and no work of single transcoders.
 *
 * wire: go-livepeer common/db.go: schema (`ticketQueue`), InitDB (`kv`), StoreWinningTicket (amounts
 * as big-endian bytes), MarkWinningTicketRedeemed (times in UTC).
 *
 * @throws TributaryError `import_wrong` with the row, `input_missing` for a file that is none
 */
export function* ticketRows(path: string): Generator<TicketRow> {
  using database = opened(path);
  const rows = database
    .prepare(
      `select rowid as row, sig, faceValue, createdAt, redeemedAt, txHash from ticketQueue
        order by rowid`,
    )
    .iterate() as Iterable<Row>;
  for (const row of rows) yield read(row, path);
}

interface Row {
  row: number;
  sig: unknown;
  faceValue: unknown;
  createdAt: unknown;
  redeemedAt: unknown;
  txHash: unknown;
}

function opened(path: string): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { readOnly: true });
    database.exec('pragma query_only = on; pragma busy_timeout = 5000');
    const kept = database.prepare("select value from kv where key = 'dbVersion'").get() as
      | { value: unknown }
      | undefined;
    if (Number(kept?.value) === VERSION) return database;
    throw new TributaryError(
      'import_wrong',
      `${path} has tables of version ${String(kept?.value).slice(0, 20)}; version ${VERSION} is known.`,
    );
  } catch (cause) {
    database?.close();
    if (cause instanceof TributaryError) throw cause;
    const message = `${path} is no database of go-livepeer (${messageOf(cause)}).`;
    throw new TributaryError('input_missing', message, { cause });
  }
}

function read(
  { row, sig, faceValue, createdAt, redeemedAt, txHash }: Row,
  path: string,
): TicketRow {
  const wrong = (what: string) =>
    new TributaryError(
      'import_wrong',
      `${path} was not imported: row ${row} of ticketQueue ${what}.`,
    );
  if (!(sig instanceof Uint8Array) || sig.length === 0) throw wrong('has no signature');
  if (!(faceValue instanceof Uint8Array) || faceValue.length > 32) throw wrong('has no face value');
  const wonAt = timeOf(createdAt);
  if (wonAt === undefined) throw wrong('has no time of creation');
  const at = redeemedAt === null ? undefined : timeOf(redeemedAt);
  if (redeemedAt !== null && at === undefined) throw wrong('has a wrong time of redemption');
  const transaction = typeof txHash === 'string' ? txHash.toLowerCase() : '';
  if (at !== undefined && !/^0x[0-9a-f]{64}$/.test(transaction))
    throw wrong('names no transaction');
  const faceWei = BigInt(`0x${Buffer.from(faceValue).toString('hex') || '0'}`);
  if (faceWei >= 10n ** 27n) throw wrong('has a face value that nobody has');
  return {
    signature: sig,
    wonAt,
    faceWei,
    redeemed: at === undefined ? undefined : { at, transaction },
  };
}

/** `2026-03-01 12:00:00`, in UTC; the driver may write `T` and `Z`. */
function timeOf(value: unknown): number | undefined {
  if (typeof value !== 'string') return undefined;
  const match = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.\d+)?(?:Z|\+00:00)?$/.exec(value);
  const ms = match ? Date.parse(`${match[1]}T${match[2]}Z`) : Number.NaN;
  return Number.isNaN(ms) ? undefined : ms;
}
