import pg from 'pg';
import { messageOf, TributaryError } from '../base/errors.ts';

/** Server says: shutting down, crashed, not yet up, too many connections. */
const GONE = new Set(['57P01', '57P02', '57P03', '53300']);

/**
 * Did the connection end, rather than the statement fail? Everything that `pg` throws without an
 * answer of the server counts: sockets, time-outs, "Connection terminated unexpectedly".
 */
export function isConnectionLoss(error: unknown): boolean {
  if (error instanceof TributaryError) return isConnectionLoss(error.cause);
  if (!(error instanceof pg.DatabaseError)) return error instanceof Error;
  return GONE.has(error.code ?? '') || (error.code ?? '').startsWith('08');
}

/** The five-character SQLSTATE of the server's answer, also behind a {@link TributaryError}. */
export function sqlState(error: unknown): string | undefined {
  if (error instanceof TributaryError) return sqlState(error.cause);
  return error instanceof pg.DatabaseError ? error.code : undefined;
}

/** The name of the constraint that refused a row, so that a store can turn it into a reason. */
export function violatedConstraint(error: unknown): string | undefined {
  if (error instanceof TributaryError) return violatedConstraint(error.cause);
  return error instanceof pg.DatabaseError ? error.constraint : undefined;
}

/** A statement that the server refused or that never got its answer. */
export function statementFailed(error: unknown): TributaryError {
  if (error instanceof TributaryError) return error;
  return new TributaryError('database_failed', `the database failed: ${messageOf(error)}`, {
    cause: error,
    facts: { sqlState: sqlState(error), constraint: violatedConstraint(error) },
  });
}

/** No connection could be had, so nothing was sent. */
export function unreachable(error: unknown, waitedMs: number): TributaryError {
  return new TributaryError(
    'database_unreachable',
    `the database did not answer for ${waitedMs} ms: ${messageOf(error)}`,
    { cause: error, facts: { waitedMs } },
  );
}

/** The connection broke between COMMIT and its answer. */
export function commitUnknown(error: unknown): TributaryError {
  return new TributaryError(
    'database_commit_unknown',
    `the connection broke during a commit: ${messageOf(error)}`,
    { cause: error },
  );
}
