import sql from 'sql-template-tag';
import type { AssetId } from '../base/asset.ts';
import { messageOf } from '../base/errors.ts';
import type { Database } from '../database/database.ts';
import type { Queryable } from '../database/transaction.ts';
import { account } from '../ledger/accounts.ts';
import { balanceOf, wrongBalances } from '../ledger/postings-store.ts';
import type { Terms } from '../terms/terms.ts';
import type { PayoutChain } from './payout-chain.ts';
import type { Recipient } from './plan-types.ts';

/** Lines that a difference is explained with. */
const LINES_MAX = 20;

/** Two books that say different things. */
export interface Difference {
  readonly what: 'ledger' | 'chain' | 'receipts' | 'payouts';
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
}

/** What reconciling needs. */
export interface ReconcileParts {
  readonly database: Database;
  readonly chain: PayoutChain | undefined;
  terms(): Promise<Terms>;
  /** The accounts on chain that are the treasury. */
  readonly treasury: readonly Recipient[];
  /** Wei of fees that the protocol holds for the orchestrator; undefined: not asked. */
  readonly pendingFees?: () => Promise<bigint>;
}

/**
 * Compares ledger, chain, receipts, contributions and payouts. Reads only; a difference that is
 * there for a moment, since a transaction is on its way, is gone at the next look.
 */
export async function reconcile(parts: ReconcileParts): Promise<Reconciliation> {
  const { database } = parts;
  const differences: Difference[] = [];
  const notCompared: string[] = [];
  for (const { account: name, asset, balance, entriesSum } of await wrongBalances(database)) {
    const text = `${name} is said to hold ${balance} ${asset}, its entries add up to ${entriesSum}`;
    differences.push({ what: 'ledger', text, lines: [] });
  }
  differences.push(...(await receiptsAgainstWork(database)));
  differences.push(...(await payoutsAgainstLedger(database)));
  try {
    const found = await chainAgainstLedger(parts);
    if (found) differences.push(...found);
    else notCompared.push('The chain: this pool has no account there.');
  } catch (error) {
    notCompared.push(`The chain: ${messageOf(error)}`);
  }
  return { differences, notCompared };
}

/** Treasury and fees as the chain has them. */
async function chainAgainstLedger({
  database,
  chain,
  terms,
  treasury,
  pendingFees,
}: ReconcileParts): Promise<readonly Difference[] | undefined> {
  if (!chain) return undefined;
  const differences: Difference[] = [];
  const { assets } = await terms();
  for (const [name, kind] of Object.entries(assets)) {
    if (kind.kind !== 'native' && kind.kind !== 'erc20') continue;
    const asset = name as AssetId;
    const token = kind.kind === 'erc20' ? (kind.address.toLowerCase() as Recipient) : undefined;
    const held = await Promise.all(treasury.map((one) => chain.balanceOf(one, token)));
    const there = held.reduce((sum, one) => sum + one, 0n);
    const here = await balanceOf(database, account('treasury'), asset);
    if (here === there) continue;
    const text = `treasury holds ${here} ${asset} by the ledger, ${there} on chain`;
    const lines = await unbooked(database, treasury, asset);
    differences.push({ what: 'chain', text, lines: [...lines, remainder(there - here, lines)] });
  }
  if (pendingFees) {
    const there = await pendingFees();
    const here = await balanceOf(database, account('bonding_fees'), 'ETH' as AssetId);
    if (here !== there) {
      const text = `bonding_fees holds ${here} ETH by the ledger, ${there} on chain`;
      differences.push({ what: 'chain', text, lines: [] });
    }
  }
  return differences;
}

function remainder(difference: bigint, lines: readonly string[]): string {
  const way = difference > 0n ? 'more on chain than was booked' : 'less on chain than was booked';
  const rest = lines.length > 0 ? ', these included' : '';
  return `${difference < 0n ? -difference : difference} base units ${way}${rest}`;
}

/** Final transactions of the treasury that no posting names, and payouts that are on their way. */
async function unbooked(
  from: Queryable,
  treasury: readonly Recipient[],
  asset: AssetId,
): Promise<readonly string[]> {
  const accounts = treasury.map((one) => Buffer.from(one.slice(2), 'hex'));
  const { rows } = await from.query<{ line: string }>(sql`
    (select 'transaction 0x' || encode(i.hash, 'hex') || ' (' || i.id || ') moved ' || i.value
        || ' wei, cost ' || coalesce(g.wei, 0) || ' wei of gas, and is in no posting' as line
     from chain_intent i left join chain_gas g on g.hash = i.hash
     where ${asset} = 'ETH' and i.account = any(${accounts}) and i.state = 'final'
       and not exists (select from posting p where p.facts ->> 'transaction' = '0x' || encode(i.hash, 'hex'))
     order by i.number desc limit ${LINES_MAX})
    union all
    (select 'payout ' || p.id || ' of ' || p.amount || ' is ' || p.state as line
     from payout p where p.asset = ${asset} and p.state in ('signed', 'broadcast', 'included', 'unproven')
     order by p.created_at desc limit ${LINES_MAX})`);
  return rows.map(({ line }) => line);
}

/** Receipts against running totals against contributions, per worker and epoch that is not closed. */
async function receiptsAgainstWork(from: Queryable): Promise<readonly Difference[]> {
  const { rows } = await from.query<{
    worker: string;
    epoch: bigint;
    jobs: bigint;
    receipts: bigint;
    units: bigint;
    pixels: bigint;
  }>(sql`
    select w.worker, w.epoch, w.jobs, w.units, count(r.sequence) as receipts,
      coalesce(sum(c.pixels), 0) as pixels
    from worker_epoch w
    join epoch e on e.number = w.epoch and e.state <> 'closed'
    left join receipt r on r.worker = w.worker and r.epoch = w.epoch
    left join contribution c on c.id = r.contribution and c.verdict = 'credited'
    group by w.worker, w.epoch, w.jobs, w.units
    having count(r.sequence) <> w.jobs or coalesce(sum(c.pixels), 0) <> w.units
    order by w.epoch, w.worker`);
  return rows.map(({ worker, epoch, jobs, receipts, units, pixels }) => ({
    what: 'receipts',
    text: `worker ${worker} has ${jobs} jobs and ${units} units in epoch ${epoch}, ${receipts} receipts of ${pixels} units`,
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
    text: `payout ${id} is ${state} and should have ${owed} ${asset} in flight; the ledger has ${held}`,
    lines: [],
  }));
}
