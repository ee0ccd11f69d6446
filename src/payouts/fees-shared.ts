import sql from 'sql-template-tag';
import { ETH } from '../base/asset.ts';
import type { Instant } from '../base/clock.ts';
import type { Queryable, Transaction } from '../database/transaction.ts';
import { account } from '../ledger/accounts.ts';
import { openEpoch } from '../ledger/epoch-store.ts';
import { lockIncome } from '../ledger/income-store.ts';
import { feesShared } from '../ledger/postings.ts';
import { balanceOf, post } from '../ledger/postings-store.ts';
import type { ReconcileParts } from './reconcile.ts';
import { marksOf } from './reconcile-chain.ts';

/** Blocks that are measured in one look. */
const BLOCKS_MAX = 20;
/** Wei by which the contract may round otherwise each time that it adds fees up. */
const ROUNDING_WEI = 1_000n;

/**
 * Books what the contract kept back of redeemed tickets for delegators: what was paid in a block, less
 * what the orchestrator's fees rose by in it. So it agrees with the contract to the wei. The newest
 * come first: of old ones nodes may not have the state any more, and then they differ. Throws what
 * asking the chain throws.
 *
 * protocol: BondingManager.updateTranscoderWithFees, pendingFees.
 */
export async function bookFeesShared(parts: ReconcileParts, at: Instant): Promise<void> {
  const { database, pendingFees } = parts;
  if (!pendingFees) return;
  for (const block of await unmeasured(database)) {
    const [after, before] = [await pendingFees(block), await pendingFees(block - 1n)];
    await database.transact((tx) => measured(tx, { block, rose: after - before, at }));
  }
  await bookRounding(parts, at);
}

async function unmeasured(from: Queryable): Promise<readonly bigint[]> {
  const { rows } = await from.query<{ block: bigint }>(sql`
    select distinct i.block from redemption_unmeasured u
    join chain_transaction t on t.hash = u.transaction
    join chain_nonce n on (n.chain_id, n.account, n.nonce) = (t.chain_id, t.account, t.nonce)
    join chain_intent i on i.number = n.intent and i.state = 'final'
    order by i.block desc limit ${BLOCKS_MAX}`);
  return rows.map(({ block }) => block);
}

async function measured(
  tx: Transaction,
  { block, rose, at }: { readonly block: bigint; readonly rose: bigint; readonly at: Instant },
): Promise<void> {
  await lockIncome(tx);
  const hashes = sql`select hash from chain_intent where state = 'final' and block = ${block}`;
  // Whatever else of this block is not booked yet is part of what rose.
  const { rows: waiting } = await tx.query(sql`
    select from book_event where subject in (${hashes})
    union all
    select from chain_intent i left join winning_ticket w on w.intent = i.id
    where i.block = ${block} and (i.state <> 'final'
      or (i.succeeded and w.state = 'redeeming')
      or w.hash in (select subject from book_event)) limit 1`);
  if (waiting.length > 0) return;
  const { count } = await tx.query(
    sql`delete from redemption_unmeasured where transaction in (${hashes})`,
  );
  if (count === 0) return;
  const { rows } = await tx.query<{ moved: bigint }>(sql`
    select coalesce(sum(e.amount), 0) as moved from posting p
    join entry e on e.posting = p.number and e.account = 'bonding_fees' and e.asset = ${ETH}
    where p.kind in ('ticket_redeemed', 'fees_withdrawn')
      and p.facts ->> 'transaction' in (select '0x' || encode(hash, 'hex') from (${hashes}) h)`);
  const amount = (rows[0]?.moved ?? 0n) - rose;
  // Fees from elsewhere in the same block: nobody can say whose share is what.
  if (amount <= 0n) return;
  const { number: epoch } = await openEpoch(tx);
  await post(tx, feesShared({ at, epoch, cause: `fees-shared:${block}`, block, amount }));
}

/** Sums of the contract are rounded anew whenever it adds them up; no more than that is booked. */
async function bookRounding(
  { database, chain, pendingFees }: ReconcileParts,
  at: Instant,
): Promise<void> {
  const block = await chain?.finalBlock();
  if (!pendingFees || block === undefined) return;
  const before = (await marksOf(database)).get(`bonding_fees ${ETH}`)?.before ?? 0n;
  const held = (await pendingFees(block)) - before;
  await database.transact(async (tx) => {
    await lockIncome(tx);
    const amount = (await balanceOf(tx, account('bonding_fees'), ETH)) - held;
    if (amount === 0n || amount > ROUNDING_WEI || amount < -ROUNDING_WEI) return;
    const { number: epoch } = await openEpoch(tx);
    await post(tx, feesShared({ at, epoch, cause: `fees-rounded:${block}`, block, amount }));
  });
}
