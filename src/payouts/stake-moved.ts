import sql from 'sql-template-tag';
import { LPT } from '../base/asset.ts';
import type { Instant } from '../base/clock.ts';
import type { Queryable } from '../database/transaction.ts';
import { openEpoch } from '../ledger/epoch-store.ts';
import { lockIncome } from '../ledger/income-store.ts';
import { bookOwnLpt, type OwnLpt } from '../ledger/own-lpt.ts';
import type { ReconcileParts } from './reconcile.ts';
import type { StakeEvent } from './stake-on-chain.ts';
import { time } from './store.ts';

/** Blocks that a node is asked for logs of at once. */
const LOG_BLOCKS_MAX = 10_000n;
/** The row of `books_agreed` that says up to which block events were looked at. */
const MARK = `stake ${LPT}`;

type Moved = Pick<OwnLpt, 'transaction' | 'block' | 'amount'>;

/**
 * Books what the pool's accounts turned into stake or withdrew from it by transactions that no journal
 * has, as those of another wallet with the same key: by the rule for the pool's own. From the block on
 * at which it looked first, and each block once, however many nodes look. Throws what asking the chain
 * throws.
 */
export async function bookStakeMoved(parts: ReconcileParts, at: Instant): Promise<void> {
  const { database, chain, stake } = parts;
  const until = stake && (await chain?.finalBlock());
  if (!stake || until === undefined) return;
  await database.query(sql`
    insert into books_agreed (what, begun_block, block, at)
    values (${MARK}, ${until}, ${until}, ${time(at)}) on conflict (what) do nothing`);
  for (let after = await lookedTo(database); after < until; ) {
    const end = after + LOG_BLOCKS_MAX < until ? after + LOG_BLOCKS_MAX : until;
    const events = await stake.events({ after, until: end });
    const moved: Moved[] = [];
    for (const { transaction, block } of await unwanted(database, events)) {
      moved.push({ transaction, block, amount: await stake.lptMoved(transaction) });
    }
    if (!(await book(parts, moved, { after, end, at }))) return;
    after = end;
  }
}

/** False: another node looked at these blocks meanwhile. */
async function book(
  { database }: ReconcileParts,
  moved: readonly Moved[],
  { after, end, at }: { readonly after: bigint; readonly end: bigint; readonly at: Instant },
): Promise<boolean> {
  return database.transact(async (tx) => {
    await lockIncome(tx);
    const { count } = await tx.query(sql`
      update books_agreed set block = ${end}, at = ${time(at)}
      where what = ${MARK} and block = ${after}`);
    if (count === 0) return false;
    const { number: epoch } = await openEpoch(tx);
    for (const one of moved) await bookOwnLpt(tx, { ...one, at, epoch, stake: true });
    return true;
  });
}

async function lookedTo(from: Queryable): Promise<bigint> {
  const { rows } = await from.query<{ block: bigint }>(
    sql`select block from books_agreed where what = ${MARK}`,
  );
  return (rows[0] as { block: bigint }).block;
}

/** Each transaction once; those of a journal are booked by what it says. */
async function unwanted(
  from: Queryable,
  events: readonly StakeEvent[],
): Promise<readonly StakeEvent[]> {
  const moves = events.filter(({ is }) => is === 'bonded' || is === 'withdrawn');
  const each = [...new Map(moves.map((one) => [one.transaction, one])).values()];
  const hashes = each.map(({ transaction }) => Buffer.from(transaction.slice(2), 'hex'));
  const { rows } = await from.query<{ hash: Buffer }>(
    sql`select hash from chain_transaction where hash = any(${hashes})`,
  );
  const known = new Set(rows.map(({ hash }) => `0x${hash.toString('hex')}`));
  return each.filter(({ transaction }) => !known.has(transaction));
}
