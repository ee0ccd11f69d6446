import type { Sql } from 'sql-template-tag';

/** The rows of a statement, and how many rows it returned or changed. */
export interface Rows<Row> {
  readonly rows: readonly Row[];
  readonly count: number;
}

/** What can run one statement written with `sql` of sql-template-tag. */
export interface Queryable {
  /**
   * Runs one statement. `name` makes it a prepared one, for statements that run all the time.
   * Throws `database_failed`; `violatedConstraint` and `sqlState` tell more.
   */
  query<Row = Record<string, unknown>>(statement: Sql, name?: string): Promise<Rows<Row>>;
}

/**
 * A running transaction. `store.ts` functions take it first. Statements that are not waited for one
 * by one travel together, and run in their order.
 */
export interface Transaction extends Queryable {
  readonly open: boolean;
  /**
   * A last statement, of which nobody needs the answer: it is sent together with the COMMIT, which
   * saves a way to the server and back. Nothing is written if it fails.
   */
  last(statement: Sql, name?: string): void;
}
