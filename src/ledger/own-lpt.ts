import sql from 'sql-template-tag';
import { LPT } from '../base/asset.ts';
import type { Instant } from '../base/clock.ts';
import type { Transaction } from '../database/transaction.ts';
import { movedOut } from './postings.ts';
import { post } from './postings-store.ts';

/** LPT that the operator bonded, withdrew from its stake or sent away. */
export interface OwnLpt {
  readonly at: Instant;
  readonly epoch: bigint;
  readonly transaction: string;
  readonly block: bigint;
  /** Base units that came to the treasury; less than 0: that left it. */
  readonly amount: bigint;
}

/**
 * The stake is the operator's own, and so is the LPT that is set apart in the treasury's accounts: one
 * becomes the other, and no balance changes. What left beyond that was of the books, and is posted as
 * taken out. Call it once for each transaction, with {@link lockIncome}.
 */
export async function bookOwnLpt(tx: Transaction, moved: OwnLpt): Promise<void> {
  const { at, epoch, transaction, amount } = moved;
  const rest = amount - (await moveSetApart(tx, moved));
  const cause = `sent:${transaction}`;
  await post(tx, movedOut({ at, epoch, cause, asset: LPT, amount: -rest }));
}

/** Changes what is set apart; answers how much of the movement that, or its beginning, covers. */
async function moveSetApart(
  tx: Transaction,
  { amount, block }: Pick<OwnLpt, 'amount' | 'block'>,
): Promise<bigint> {
  const { rows } = await tx.query<{ before: bigint; begun_block: bigint }>(sql`
    select before, begun_block from books_agreed where what = ${`treasury ${LPT}`} for update`);
  const [mark] = rows;
  // The first look takes the account as it finds it, unless something is booked of it already.
  if (!mark) return (await isBooked(tx)) ? 0n : amount;
  if (mark.begun_block >= block) return amount;
  const own = mark.before > 0n ? mark.before : 0n;
  const covered = amount < -own ? -own : amount;
  await tx.query(sql`
    update books_agreed set before = before + ${covered} where what = ${`treasury ${LPT}`}`);
  return covered;
}

async function isBooked(tx: Transaction): Promise<boolean> {
  const { count } = await tx.query(
    sql`select from account_balance where account = 'treasury' and asset = ${LPT}`,
  );
  return count > 0;
}
