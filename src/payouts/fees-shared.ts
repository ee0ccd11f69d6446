import sql from 'sql-template-tag';
import type { Hex } from 'viem';
import { ETH } from '../base/asset.ts';
import type { Instant } from '../base/clock.ts';
import { TributaryError } from '../base/errors.ts';
import type { Queryable, Transaction } from '../database/transaction.ts';
import { account } from '../ledger/accounts.ts';
import { openEpoch } from '../ledger/epoch-store.ts';
import { lockIncome } from '../ledger/income-store.ts';
import { feesShared } from '../ledger/postings.ts';
import { balanceOf, post } from '../ledger/postings-store.ts';
import type { FeesInBlock } from './fees-on-chain.ts';
import type { ReconcileParts } from './reconcile.ts';
import { marksOf } from './reconcile-chain.ts';

/** Blocks that are measured in one look, and transactions whose block is asked for. */
const BLOCKS_MAX = 20;
/** Wei by which the contract may round otherwise each time that it adds fees up. */
const ROUNDING_WEI = 1_000n;

/**
 * Books what the contract kept back of redeemed tickets for delegators: what was paid in a block, less
 * what of it reached the orchestrator, whoever redeemed them. So it agrees with the contract to the wei.
 * The newest come first: of old ones nodes may not have the state any more, and then they differ, until
 * one has it or somebody corrects the books. Throws what asking the chain throws, once it has asked for
 * each block.
 *
 * protocol: BondingManager.updateTranscoderWithFees, pendingFees.
 */
export async function bookFeesShared(parts: ReconcileParts, at: Instant): Promise<void> {
  const { database, fees } = parts;
  if (!fees) return;
  if ((await database.query(sql`select from redemption_unmeasured limit 1`)).count > 0) {
    await database.transact(forgetCorrected);
    await findBlocks(parts);
  }
  const failures: unknown[] = [];
  for (const block of await unmeasured(database)) {
    try {
      const told = await fees.inBlock(block);
      await database.transact((tx) => measured(tx, { block, told, at }));
    } catch (error) {
      failures.push(error);
    }
  }
  await bookRounding(parts, at);
  if (failures.length > 0) throw failures[0];
}

/** A correction brought the books to what the chain had: the share of all that was booked before is in it. */
async function forgetCorrected(tx: Transaction): Promise<void> {
  await lockIncome(tx);
  await tx.query(sql`
    delete from redemption_unmeasured u using posting p
    where p.kind = 'ticket_redeemed' and p.facts ->> 'transaction' = '0x' || encode(u.transaction, 'hex')
      and p.number < (${newestCorrection})`);
}

const newestCorrection = sql`
  select max(number) from posting
  where kind = 'correction' and starts_with(cause, ${`correction:bonding_fees:${ETH}:`})`;

/** Which block has what the pool sent, its journal says; of all others the chain is asked. */
async function findBlocks({ database, fees }: ReconcileParts): Promise<void> {
  await database.query(sql`
    update redemption_unmeasured u set block = i.block from chain_intent i
    where u.block is null and i.hash = u.transaction and i.state = 'final'`);
  const { rows } = await database.query<{ transaction: Buffer }>(sql`
    select transaction from redemption_unmeasured where block is null limit ${BLOCKS_MAX}`);
  for (const { transaction } of rows) {
    const hash: Hex = `0x${transaction.toString('hex')}`;
    const block = await fees?.blockOf(hash);
    if (block === undefined) continue;
    await database.query(sql`
      update redemption_unmeasured set block = ${block} where transaction = ${transaction}`);
  }
}

async function unmeasured(from: Queryable): Promise<readonly bigint[]> {
  const { rows } = await from.query<{ block: bigint }>(sql`
    select distinct block from redemption_unmeasured where block is not null
    order by block desc limit ${BLOCKS_MAX}`);
  return rows.map(({ block }) => block);
}

/**
 * Of the tickets of a block those that the books know have their part of what was kept back: all of it,
 * once they know them all.
 */
async function measured(
  tx: Transaction,
  { block, told, at }: { readonly block: bigint; readonly told: FeesInBlock; readonly at: Instant },
): Promise<void> {
  await lockIncome(tx);
  const { rows: waiting } = await tx.query<{ hash: Hex }>(sql`
    delete from redemption_unmeasured where block = ${block}
    returning '0x' || encode(transaction, 'hex') as hash`);
  if (waiting.length === 0) return;
  const transactions = [...told.transactions, ...waiting.map(({ hash }) => hash)];
  const { rows } = await tx.query<{ booked: bigint; shared: bigint; corrected: boolean }>(sql`
    with redeemed as (
      select p.number, e.amount from posting p
      join entry e on e.posting = p.number and e.account = 'bonding_fees' and e.asset = ${ETH}
      where p.kind = 'ticket_redeemed' and p.facts ->> 'transaction' = any(${transactions}))
    select (select coalesce(sum(amount), 0) from redeemed) as booked,
      (select coalesce(sum(e.amount), 0) from posting p
        join entry e on e.posting = p.number and e.account = 'delegators'
        where p.kind = 'fees_shared' and starts_with(p.cause, 'fees-shared:')
          and p.facts ->> 'block' = ${`${block}`}) as shared,
      coalesce((select min(number) from redeemed) < (${newestCorrection}), false) as corrected`);
  const { booked = 0n, shared = 0n, corrected = true } = rows[0] ?? {};
  if (booked > told.paid) {
    throw new TributaryError('rpc_unavailable', 'A node shows less of tickets than they paid.');
  }
  if (corrected || booked === 0n) return;
  const amount = ((told.paid - told.reached) * booked) / told.paid - shared;
  if (amount <= 0n) return;
  const { number: epoch } = await openEpoch(tx);
  // More of the block may be booked later, and is measured then.
  const cause = `fees-shared:${block}:${booked}`;
  await post(tx, feesShared({ at, epoch, cause, block, amount }));
}

/** Sums of the contract are rounded anew whenever it adds them up; no more than that is booked. */
async function bookRounding({ database, chain, fees }: ReconcileParts, at: Instant): Promise<void> {
  const block = await chain?.finalBlock();
  if (!fees || block === undefined) return;
  const before = (await marksOf(database)).get(`bonding_fees ${ETH}`)?.before ?? 0n;
  const held = (await fees.held(block)) - before;
  await database.transact(async (tx) => {
    await lockIncome(tx);
    const amount = (await balanceOf(tx, account('bonding_fees'), ETH)) - held;
    if (amount === 0n || amount > ROUNDING_WEI || amount < -ROUNDING_WEI) return;
    const { number: epoch } = await openEpoch(tx);
    await post(tx, feesShared({ at, epoch, cause: `fees-rounded:${block}`, block, amount }));
  });
}
