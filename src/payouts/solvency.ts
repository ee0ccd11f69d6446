import sql from 'sql-template-tag';
import type { AssetId } from '../base/asset.ts';
import type { Queryable } from '../database/transaction.ts';
import { expectedTotal } from '../ledger/income-store.ts';
import { balancesOf } from '../ledger/postings-store.ts';
import type { AssetKind } from '../terms/terms.ts';

/** What the pool has and owes of one asset, in base units, as the books say. */
export interface AssetFigures {
  readonly asset: AssetId;
  /** Face value of winning tickets that are neither redeemed nor written off. */
  readonly won: bigint;
  /** In BondingManager, not withdrawn. */
  readonly bonding: bigint;
  /** In the pool's own account. */
  readonly treasury: bigint;
  /** What could be paid out: treasury and what can be withdrawn into it. */
  readonly onHand: bigint;
  readonly owed: bigint;
  readonly heldBack: bigint;
  readonly inFlight: bigint;
  /** Owed, held back and in flight. */
  readonly obligations: bigint;
  /** On hand for each 10,000 of obligations, rounded down; undefined: there are none. */
  readonly ratioBasisPoints: bigint | undefined;
  readonly solvent: boolean;
}

/** Balances as the books have them: a debit is positive. */
type Held = readonly {
  readonly account: string;
  readonly asset: AssetId;
  readonly balance: bigint;
}[];

/**
 * Where the pool stands, per asset. Tickets that did not win yet are no money, and such as won are
 * only once they are redeemed: what pays workers today is on hand today.
 */
export function solvencyOf(
  balances: Held,
  assets: Readonly<Record<AssetId, AssetKind>>,
): readonly AssetFigures[] {
  const named = new Set<AssetId>([
    ...(Object.keys(assets) as AssetId[]),
    ...balances.map(({ asset }) => asset),
  ]);
  return [...named].sort().map((asset) => {
    const sum = (matches: (account: string) => boolean) =>
      balances.reduce(
        (total, one) => (one.asset === asset && matches(one.account) ? total + one.balance : total),
        0n,
      );
    const of = (name: string) => sum((account) => account === name);
    const all = (kind: string) => sum((account) => account.startsWith(`${kind}:`));
    const won = of('tickets_won');
    const treasury = of('treasury');
    const bonding = of('bonding_fees') + of('bonding_rewards');
    const owed = -all('worker') - all('award');
    const heldBack = -all('holdback') - all('disputed');
    const inFlight = -all('in_flight');
    const onHand = treasury + bonding;
    const obligations = owed + heldBack + inFlight;
    const kind = assets[asset]?.kind;
    // A bank account and points are not in these books as things that the pool has.
    const counts = kind !== 'fiat' && kind !== 'points';
    return {
      ...{ asset, won, bonding, treasury, onHand, owed, heldBack, inFlight, obligations },
      ratioBasisPoints: obligations > 0n ? (onHand * 10_000n) / obligations : undefined,
      solvent: !counts || obligations <= 0n || onHand >= obligations,
    };
  });
}

/** {@link solvencyOf} what is stored. */
export async function readSolvency(
  from: Queryable,
  assets: Readonly<Record<AssetId, AssetKind>>,
): Promise<readonly AssetFigures[]> {
  return solvencyOf(await balancesOf(from), assets);
}

/** What tickets brought since the beginning, in wei. */
export interface TicketFigures {
  /** Expected value of all that were credited. */
  readonly earned: bigint;
  /** Face value of all that won. */
  readonly won: bigint;
  /** What the contract paid for those that were redeemed. */
  readonly redeemed: bigint;
  /** Face value of those that nobody will pay. */
  readonly writtenOff: bigint;
}

export async function readTickets(from: Queryable): Promise<TicketFigures> {
  const { rows } = await from.query<Omit<TicketFigures, 'earned'>>(sql`
    select coalesce(sum(face_value), 0) as won,
      coalesce(sum(paid), 0) as redeemed,
      coalesce(sum(face_value) filter (where state = 'written_off'), 0) as "writtenOff"
    from winning_ticket`);
  const earned = await expectedTotal(from);
  return { earned, ...(rows[0] ?? { won: 0n, redeemed: 0n, writtenOff: 0n }) };
}
