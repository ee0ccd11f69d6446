import sql from 'sql-template-tag';
import { LPT } from '../base/asset.ts';
import type { Instant } from '../base/clock.ts';
import type { Transaction } from '../database/transaction.ts';
import { account } from './accounts.ts';
import { movedOut, stakeMoved } from './postings.ts';
import { balanceOf, post } from './postings-store.ts';

/** LPT that the operator bonded, withdrew from its stake or sent away. */
export interface OwnLpt {
  readonly at: Instant;
  readonly epoch: bigint;
  /** Its hash, with 0x. */
  readonly transaction: string;
  readonly block: bigint;
  /** Base units that came to the treasury; less than 0: that left it. */
  readonly amount: bigint;
  /** It came out of the stake, or became stake. */
  readonly stake: boolean;
}

/**
 * The stake is the operator's own but for what rewards added, and so is the LPT that is set apart in the
 * treasury's accounts: one becomes the other, and no balance changes. What is of the books comes out of
 * the stake first and goes into it last, so that it never stands for more than the stake has. What was
 * sent beyond what is set apart was of the books, and is posted as taken out. Call it with
 * {@link lockIncome}; `known`: that transaction was booked before.
 */
export async function bookOwnLpt(tx: Transaction, moved: OwnLpt): Promise<'booked' | 'known'> {
  const { at, epoch, transaction, amount, stake } = moved;
  const { count } = await tx.query(sql`
    insert into own_lpt_booked (transaction) values (decode(${transaction.slice(2)}, 'hex'))
    on conflict do nothing`);
  if (count === 0) return 'known';
  const rewards = await booked(tx, 'bonding_rewards');
  const out = stake && amount > 0n ? min(amount, rewards) : 0n;
  const { covered, isBegun } = await moveSetApart(tx, { ...moved, ofBooks: out });
  const rest = amount - out - covered;
  const back = stake && rest < 0n ? min(-rest, await booked(tx, 'treasury')) : 0n;
  const seen = { at, epoch };
  const other = isBegun ? 'treasury' : 'external';
  await post(tx, stakeMoved({ ...seen, transaction, amount: out - back, with: other }));
  const cause = `sent:${transaction}`;
  await post(tx, movedOut({ ...seen, cause, asset: LPT, amount: -rest - back }));
  return 'booked';
}

/** Changes what is set apart; answers how much of the operator's part that, or its beginning, covers. */
async function moveSetApart(
  tx: Transaction,
  { amount, block, ofBooks }: Pick<OwnLpt, 'amount' | 'block'> & { readonly ofBooks: bigint },
): Promise<{ readonly covered: bigint; readonly isBegun: boolean }> {
  const { rows } = await tx.query<{ before: bigint; begun_block: bigint }>(sql`
    select before, begun_block from books_agreed where what = ${`treasury ${LPT}`} for update`);
  const [mark] = rows;
  const part = amount - ofBooks;
  // The first look takes the account as it finds it, unless something is booked of it already.
  if (!mark) {
    const isBegun = await isBooked(tx);
    return { covered: isBegun ? 0n : part, isBegun };
  }
  // It found the account with all of this movement, or without.
  const wasThere = mark.begun_block >= block;
  const own = mark.before > 0n ? mark.before : 0n;
  const covered = !wasThere && part < -own ? -own : part;
  await tx.query(sql`
    update books_agreed set before = before + ${wasThere ? -ofBooks : covered}
    where what = ${`treasury ${LPT}`}`);
  return { covered, isBegun: true };
}

async function isBooked(tx: Transaction): Promise<boolean> {
  const { count } = await tx.query(
    sql`select from account_balance where account = 'treasury' and asset = ${LPT}`,
  );
  return count > 0;
}

/** What an account has of LPT, in base units; 0 where it has less. */
async function booked(tx: Transaction, kind: 'treasury' | 'bonding_rewards'): Promise<bigint> {
  const balance = await balanceOf(tx, account(kind), LPT);
  return balance > 0n ? balance : 0n;
}

function min(one: bigint, other: bigint): bigint {
  return one < other ? one : other;
}
