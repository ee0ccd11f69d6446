import type { Database } from '../database/database.ts';
import type { Balance } from './accounts.ts';
import {
  type BalanceFilter,
  balancesOf,
  type Line,
  type LineFilter,
  linesOf,
  type WrongBalance,
  wrongBalances,
} from './postings-store.ts';

/** The pool's double-entry books, for those who read them. */
export interface Books {
  /** What accounts hold, by account and asset. */
  balances(filter?: BalanceFilter): Promise<readonly Balance[]>;
  /** Entries in the order in which they were posted, a page at a time. */
  lines(filter?: LineFilter): Promise<readonly Line[]>;
  /** Adds all entries up anew: the accounts whose running balance is another one. */
  wrong(): Promise<readonly WrongBalance[]>;
}

/** The books in the tables of migration 0010. */
export function createBooks(database: Database): Books {
  return {
    balances: (filter) => balancesOf(database, filter),
    lines: (filter) => linesOf(database, filter),
    wrong: () => wrongBalances(database),
  };
}
