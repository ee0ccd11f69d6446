import sql from 'sql-template-tag';
import { messageOf } from '../base/errors.ts';
import type { Database } from '../database/database.ts';
import type { Queryable } from '../database/transaction.ts';
import { wrongBalances } from '../ledger/postings-store.ts';
import type { Terms } from '../terms/terms.ts';
import type { FeesOnChain } from './fees-on-chain.ts';
import type { PayoutChain } from './payout-chain.ts';
import type { Recipient } from './plan-types.ts';
import { type Agreed, chainAgainstLedger } from './reconcile-chain.ts';
import type { StakeOnChain } from './stake-on-chain.ts';

/** Lines that a difference is explained with. */
const LINES_MAX = 20;

/** Two books that say different things. */
export interface Difference {
  readonly what: 'ledger' | 'chain' | 'receipts' | 'payouts';
  /** What differs, by a name that stays while it does: `treasury ETH`, or a payout's id. */
  readonly about: string;
  /** Which account, worker or payout, and which two figures. */
  readonly text: string;
  /** What causes it, as far as it can be seen, one in a line. */
  readonly lines: readonly string[];
}

/** What was compared, and what does not agree. */
export interface Reconciliation {
  readonly differences: readonly Difference[];
  /** What could not be compared now, and why. */
  readonly notCompared: readonly string[];
  /** Where ledger and chain agree, at which block. */
  readonly agreed: readonly Agreed[];
  /** What is set apart as the operator's own, and is not in the books, in words. */
  readonly before: readonly string[];
}

/** What reconciling needs. */
export interface ReconcileParts {
  readonly database: Database;
  readonly chain: PayoutChain | undefined;
  terms(): Promise<Terms>;
  /** The accounts on chain that are the treasury. */
  readonly treasury: readonly Recipient[];
  /** The fees of the orchestrator; undefined: not asked. */
  readonly fees?: FeesOnChain;
  /** The stake of the orchestrator; undefined: not asked. */
  readonly stake?: StakeOnChain;
}

/**
 * Compares ledger, chain, receipts, contributions and payouts. Reads only; a difference that is
 * there for a moment, since a transaction is on its way, is gone at the next look.
 */
export async function reconcile(parts: ReconcileParts): Promise<Reconciliation> {
  const inside = await booksAgainstThemselves(parts.database);
  const { differences, ...rest } = await moneyAgainstLedger(parts);
  return { differences: [...inside, ...differences], ...rest };
}

/** The part that reads every entry and every receipt of epochs that are not closed. */
export async function booksAgainstThemselves(from: Queryable): Promise<readonly Difference[]> {
  const wrong = await wrongBalances(from);
  return [
    ...wrong.map(({ account: name, asset, balance, entriesSum }): Difference => {
      const text = `${name} is said to hold ${balance} ${asset}, its entries add up to ${entriesSum}`;
      return { what: 'ledger', about: `${name} ${asset}`, text, lines: [] };
    }),
    ...(await receiptsAgainstWork(from)),
  ];
}

/** The part that is quick: payouts, and what the accounts of the pool have on chain. */
export async function moneyAgainstLedger(parts: ReconcileParts): Promise<Reconciliation> {
  const differences = [...(await payoutsAgainstLedger(parts.database))];
  const notCompared: string[] = [];
  const agreed: Agreed[] = [];
  const before: string[] = [];
  try {
    const found = await chainAgainstLedger(parts);
    differences.push(...(found?.differences ?? []));
    agreed.push(...(found?.agreed ?? []));
    before.push(...(found?.before ?? []));
    if (!found) notCompared.push('The chain: this pool has no account there.');
  } catch (error) {
    notCompared.push(`The chain: ${messageOf(error)}`);
  }
  return { differences, notCompared, agreed, before };
}

/** Receipts against running totals against contributions, per worker and epoch that is not closed. */
async function receiptsAgainstWork(from: Queryable): Promise<readonly Difference[]> {
  const { rows } = await from.query<{
    worker: string;
    name: string;
    epoch: bigint;
    jobs: bigint;
    receipts: bigint;
    units: bigint;
    pixels: bigint;
  }>(sql`
    select w.worker, n.name, w.epoch, w.jobs, w.units, count(r.sequence) as receipts,
      coalesce(sum(c.pixels), 0) as pixels
    from worker_epoch w
    join worker n on n.id = w.worker
    join epoch e on e.number = w.epoch and e.state <> 'closed'
    left join receipt r on r.worker = w.worker and r.epoch = w.epoch
    left join contribution c on c.id = r.contribution and c.verdict = 'credited'
    group by w.worker, n.name, w.epoch, w.jobs, w.units
    having count(r.sequence) <> w.jobs or coalesce(sum(c.pixels), 0) <> w.units
    order by w.epoch, w.worker`);
  return rows.map(({ worker, name, epoch, jobs, receipts, units, pixels }) => ({
    what: 'receipts',
    about: `${worker} ${epoch}`,
    text: `worker ${name} has ${jobs} jobs and ${units} units in epoch ${epoch}, ${receipts} receipts of ${pixels} units`,
    lines: [],
  }));
}

/** What is in flight by the ledger against the payouts that are, and what ended against its posting. */
async function payoutsAgainstLedger(from: Queryable): Promise<readonly Difference[]> {
  const { rows } = await from.query<{
    id: string;
    state: string;
    asset: string;
    held: bigint;
    owed: bigint;
  }>(sql`
    select p.id, p.state, l.owed_asset as asset, coalesce(-b.balance, 0) as held,
      case when p.state in ('reserved', 'signed', 'broadcast', 'included', 'unproven')
        then l.owed_amount else 0 end as owed
    from payout p join payout_line l on l.payout = p.id
    left join account_balance b on b.account = 'in_flight:' || p.id and b.asset = l.owed_asset
    where coalesce(-b.balance, 0) <>
      case when p.state in ('reserved', 'signed', 'broadcast', 'included', 'unproven')
        then l.owed_amount else 0 end
    order by p.created_at limit ${LINES_MAX}`);
  return rows.map(({ id, state, asset, held, owed }) => ({
    what: 'payouts',
    about: id,
    text: `payout ${id} is ${state} and should have ${owed} ${asset} in flight; the ledger has ${held}`,
    lines: [],
  }));
}
