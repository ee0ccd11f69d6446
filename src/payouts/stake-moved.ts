import sql from 'sql-template-tag';
import type { Hex } from 'viem';
import { LPT } from '../base/asset.ts';
import type { Instant } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { Queryable, Transaction } from '../database/transaction.ts';
import { openEpoch } from '../ledger/epoch-store.ts';
import { lockIncome } from '../ledger/income-store.ts';
import { bookOwnLpt } from '../ledger/own-lpt.ts';
import { feesWithdrawn, gasSpent, rewardReceived } from '../ledger/postings.ts';
import { post } from '../ledger/postings-store.ts';
import type { ReconcileParts } from './reconcile.ts';
import type { StakeEvent, StakeOnChain } from './stake-on-chain.ts';
import { time } from './store.ts';

/** Blocks that a node is asked for logs of at once. */
const LOG_BLOCKS_MAX = 10_000n;
/** The row of `books_agreed` that says up to which block events were looked at. */
const MARK = `stake ${LPT}`;

/** Causes of what is booked of an event, but for the hash. */
const CAUSES: Partial<Record<StakeEvent['is'], string>> = {
  bonded: 'stake:',
  withdrawn: 'stake:',
  rewarded: 'reward:',
  fees_withdrawn: 'fees-withdrawn:',
};

/** What a transaction that no journal has did to the stake, or to fees. */
export type StakeMove = {
  readonly transaction: Hex;
  readonly block: bigint;
  /** The place of the transaction in its block. */
  readonly place: bigint;
  /** When its block was made. */
  readonly at: Instant;
  /** Base units that a reward added, that came to the treasury out of the stake, or of fees that left. */
  readonly amount: bigint;
  /** Wei that the treasury paid for its gas. */
  readonly gasWei: bigint;
} & (
  | { readonly is: 'rewarded' | 'moved' }
  | { readonly is: 'fees_withdrawn'; readonly to: 'treasury' | 'external' }
);

/** Moves of a range of blocks. */
export interface StakeMoves {
  /** In the order of the chain. */
  readonly moves: readonly StakeMove[];
  /** The block before the first one. */
  readonly after: bigint;
  /** The last block of which all is known. */
  readonly end: bigint;
  /** Why that is not the last one that was asked for, in a sentence. */
  readonly waits?: string;
}

/**
 * Books what the pool's accounts turned into stake or withdrew from it, what rewards added to it, and
 * fees that left the protocol, by transactions that no journal has, as those of another wallet with the same key: by the rules for the
 * pool's own. From the block on at which it looked first, and each block once, however many nodes look.
 * Answers in a sentence what waits, since no node tells of it. Throws what asking the chain throws.
 */
export async function bookStakeMoved(
  parts: ReconcileParts,
  at: Instant,
): Promise<string | undefined> {
  const { database, stake } = parts;
  const until = await stake?.finalBlock();
  if (!stake || until === undefined) return undefined;
  await database.query(sql`
    insert into books_agreed (what, begun_block, block, at)
    values (${MARK}, ${until}, ${until}, ${time(at)}) on conflict (what) do nothing`);
  const after = (await lookedTo(database)) ?? until;
  for await (const found of stakeMoves({ database, stake }, { after, until })) {
    if (!(await book(parts, found, at))) return undefined;
    if (found.waits !== undefined) return found.waits;
  }
  return undefined;
}

/** False: another node looked at these blocks meanwhile. */
async function book(
  { database }: ReconcileParts,
  { moves, after, end }: StakeMoves,
  at: Instant,
): Promise<boolean> {
  return database.transact(async (tx) => {
    await lockIncome(tx);
    const { count } = await tx.query(sql`
      update books_agreed set block = ${end}, at = ${time(at)}
      where what = ${MARK} and block = ${after}`);
    if (count === 0) return false;
    for (const one of moves) await bookStakeMove(tx, one);
    return true;
  });
}

/** `known`: it was booked before. Call it with {@link lockIncome}. */
export async function bookStakeMove(tx: Transaction, move: StakeMove): Promise<'booked' | 'known'> {
  const { number: epoch } = await openEpoch(tx);
  const gas = { wei: move.gasWei, from: 'treasury', intent: 'elsewhere' } as const;
  await post(tx, gasSpent({ ...move, ...gas, epoch }));
  if (move.is === 'moved') return bookOwnLpt(tx, { ...move, epoch, stake: true });
  const seen = { ...move, epoch };
  const posting = 'to' in seen ? feesWithdrawn(seen) : rewardReceived(seen);
  return (await post(tx, posting)) === 'posted' ? 'booked' : 'known';
}

/** Up to which block {@link bookStakeMoved} looked; undefined: it never did. */
export async function lookedTo(from: Queryable): Promise<bigint | undefined> {
  const { rows } = await from.query<{ block: bigint }>(
    sql`select block from books_agreed where what = ${MARK}`,
  );
  return rows[0]?.block;
}

/** Reads range after range what no journal has; ends where a node does not tell. */
export async function* stakeMoves(
  { database, stake }: { readonly database: Queryable; readonly stake: StakeOnChain },
  { after: first, until }: { readonly after: bigint; readonly until: bigint },
): AsyncGenerator<StakeMoves> {
  for (let after = first; after < until; ) {
    const end = after + LOG_BLOCKS_MAX < until ? after + LOG_BLOCKS_MAX : until;
    const events = await unwanted(database, await stake.events({ after, until: end }));
    const found = await readMoves(stake, events, { after, end });
    yield found;
    if (found.waits !== undefined) return;
    after = end;
  }
}

async function readMoves(
  stake: StakeOnChain,
  events: readonly StakeEvent[],
  { after, end }: { readonly after: bigint; readonly end: bigint },
): Promise<StakeMoves> {
  const moves: StakeMove[] = [];
  for (const event of events) {
    const { transaction, block, place } = event;
    try {
      const [at, gasWei] = [await stake.timeOf(block), await stake.gasOf(transaction)];
      moves.push({ transaction, block, place, at, gasWei, ...(await toldOf(stake, event)) });
    } catch (error) {
      // What comes out of the stake depends on what went in: what is behind it waits, too.
      const known = moves.filter((one) => one.block < block);
      const waits = `What transaction ${transaction} in block ${block} did to the stake is not booked, nor what came after it: ${messageOf(error)}`;
      return { moves: known, after, end: block - 1n, waits };
    }
  }
  return { moves, after, end };
}

async function toldOf(stake: StakeOnChain, { is, transaction, block, fees }: StakeEvent) {
  if (fees) return { is: 'fees_withdrawn', ...fees } as const;
  if (is === 'rewarded') return { is, amount: await stake.reward(block) } as const;
  return { is: 'moved', amount: await stake.lptMoved(transaction) } as const;
}

/** What no journal has and nobody booked, each transaction once for each kind of cause. */
async function unwanted(
  from: Queryable,
  events: readonly StakeEvent[],
): Promise<readonly StakeEvent[]> {
  const each = new Map<string, StakeEvent>();
  for (const one of events) {
    const cause = CAUSES[one.is];
    if (cause) each.set(`${cause}${one.transaction}`, one);
  }
  const hashes = [...each.values()].map(({ transaction }) => bytesOf(transaction));
  const { rows } = await from.query<{ known: string }>(sql`
    with seen as (select unnest(${hashes}::bytea[]) as hash),
    asked as (select hash, of || '0x' || encode(hash, 'hex') as cause
      from seen, unnest(${[...new Set(Object.values(CAUSES))]}::text[]) as of)
    select cause as known from asked
    where exists (select from chain_transaction t where t.hash = asked.hash)
      or exists (select from posting p where p.cause = asked.cause)
      or (starts_with(cause, 'stake:')
        and exists (select from own_lpt_booked b where b.transaction = asked.hash))`);
  const known = new Set(rows.map((row) => row.known));
  return [...each].flatMap(([cause, one]) => (known.has(cause) ? [] : [one]));
}

function bytesOf(hash: Hex): Buffer {
  return Buffer.from(hash.slice(2), 'hex');
}
