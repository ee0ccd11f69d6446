import sql from 'sql-template-tag';
import type { AssetId } from '../base/asset.ts';
import { type Instant, instant } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { Queryable } from '../database/transaction.ts';
import type { Terms } from '../terms/terms.ts';
import { pauses } from './pauses-store.ts';
import type { PayoutChain } from './payout-chain.ts';
import type { Present } from './plan-changes.ts';
import type { Candidate, GasFigures, PlanInput, PlanLimits, RecipientFacts } from './plan-types.ts';
import { lastTurn } from './plans-store.ts';
import { candidates } from './preferences-store.ts';
import { quotesFor } from './quotes.ts';
import { isDue, periodEnd } from './schedule.ts';
import { readSolvency } from './solvency.ts';

/**
 * Measured by bench/payout-gas.ts, tokens with an account that is new to them. The tokens of others
 * may use more, so they only decide what a fee share is.
 */
const GAS = {
  single: { eth: 21_000n, erc20: 51_700n },
  batch: { base: 32_500n, eth: 13_700n, erc20: 30_400n },
} as const;
/** An epoch is closed within seconds of its end; one that is not shall keep nobody waiting. */
const EPOCH_WAIT_MS = 3_600_000;
/** Addresses that are looked at in one go; each is four questions to a node. */
const LOOKS_AT_ONCE = 50;

/** What a plan is made from. */
export interface GatherParts {
  readonly chain: PayoutChain | undefined;
  readonly terms: Terms;
  readonly forbidden: ReadonlySet<string>;
  /** Wei that stay in the paying account for gas. */
  readonly keepWei: bigint;
  readonly limits: PlanLimits;
  readonly at: Instant;
}

/** Whom a plan is for. */
export type Demand = 'schedule' | 'now' | { readonly worker: string };

/** How things stand, without asking the chain: what a plan is compared with before it is run. */
export async function present(from: Queryable, parts: GatherParts): Promise<Present> {
  const { terms, forbidden, at } = parts;
  // One after the other: it may be one transaction.
  const found = await candidates(from);
  const stopped = await pauses(from);
  const figures = await readSolvency(from, terms.assets);
  const insolvent = figures
    .filter(({ solvent }) => !solvent)
    .map(({ asset }) => ({ asset, reason: 'insolvent' }));
  return {
    at,
    termsVersion: terms.version,
    rules: terms.payouts,
    candidates: found,
    forbidden,
    paused: [
      // Whether there is enough is asked of the books of now, not of what was written down of it.
      ...stopped
        .filter(({ reason }) => reason !== 'insolvent')
        .map(({ asset, reason }) => ({ asset, reason })),
      ...insolvent,
    ],
  };
}

/** Everything that a plan follows from, the chain's part with it. */
export async function gather(
  from: Queryable,
  parts: GatherParts,
  demand: Demand,
): Promise<PlanInput> {
  const { terms, chain, at, keepWei, limits } = parts;
  const now = await present(from, parts);
  const quotes = await quotesFor(from, {
    conversions: terms.payouts.conversions,
    assets: terms.assets,
    chain,
    at,
  });
  const money = await onHand(parts, keepWei);
  return {
    ...now,
    assets: terms.assets,
    demand: await demandOf(from, terms, demand, at),
    quotes,
    recipients: chain && money.ok ? await looks(chain, terms, asking(now.candidates, demand)) : {},
    onHand: money.ok ? money.onHand : {},
    gas: money.ok ? money.gas : undefined,
    limits,
  };
}

/** Where one asks, nobody else is paid: only its address is looked at. */
function asking(all: readonly Candidate[], demand: Demand): readonly Candidate[] {
  return typeof demand === 'object' ? all.filter(({ worker }) => worker === demand.worker) : all;
}

async function demandOf(
  from: Queryable,
  { payouts }: Terms,
  demand: Demand,
  at: Instant,
): Promise<PlanInput['demand']> {
  if (demand === 'now') return { kind: 'now' };
  if (demand !== 'schedule') return { kind: 'worker', worker: demand.worker };
  const { due, late } = await turnOf(from, payouts.every, at);
  return { kind: 'schedule', due, late };
}

/** Whether payouts are due by the schedule of the terms, and who is late if they are not. */
export async function turnOf(
  from: Queryable,
  every: Terms['payouts']['every'],
  at: Instant,
): Promise<{ readonly due: boolean; readonly late: ReadonlySet<string> }> {
  const { rows } = await from.query<{ at: Instant | null }>(
    sql`select max(closed_at) as at from epoch`,
  );
  const last = rows[0]?.at;
  const lastEpochAt = last === null || last === undefined ? undefined : instant(last);
  const turn = await lastTurn(from);
  const due = isDue(every, at, { lastRunAt: turn?.at, lastEpochAt });
  return { due, late: new Set(due ? [] : turn?.waiting) };
}

/**
 * Whether an epoch has come to its end and is not in the books: a turn at the same midnight waits for
 * what it brings, but not for longer than an hour.
 */
export async function epochIsEnding(
  from: Queryable,
  period: Terms['epoch']['period'],
  at: Instant,
): Promise<boolean> {
  const { rows } = await from.query<{ opened_at: Instant; ended_at: Instant | null }>(
    sql`select opened_at, ended_at from epoch where state <> 'closed'`,
  );
  return rows.some(({ opened_at: opened, ended_at: ended }) => {
    const end = ended ?? (period === 'round' ? undefined : periodEnd(period, instant(opened)));
    return end !== undefined && end <= at && at - end < EPOCH_WAIT_MS;
  });
}

type Money =
  | {
      readonly ok: true;
      readonly onHand: Readonly<Record<AssetId, bigint>>;
      readonly gas: GasFigures;
    }
  | { readonly ok: false; readonly text: string };

/** What the paying account has; a chain that does not answer pauses what is paid there. */
async function onHand({ chain, terms }: GatherParts, keepWei: bigint): Promise<Money> {
  if (!chain) return { ok: false, text: 'there is no account that pays on chain' };
  try {
    const kinds = Object.entries(terms.assets).filter(
      ([, { kind }]) => kind === 'native' || kind === 'erc20',
    );
    const held = await Promise.all(
      kinds.map(async ([asset, kind]) => {
        if (kind.kind !== 'erc20') {
          const wei = await chain.balance(undefined);
          return [asset, wei > keepWei ? wei - keepWei : 0n] as const;
        }
        return [asset, await chain.balance(kind.address.toLowerCase() as `0x${string}`)] as const;
      }),
    );
    const gasPriceWei = await chain.gasPriceWei();
    const { single, batch } = GAS;
    return { ok: true, onHand: Object.fromEntries(held), gas: { gasPriceWei, single, batch } };
  } catch (error) {
    return { ok: false, text: messageOf(error) };
  }
}

/** What each address is, and whether it takes what it would get; unknown where the chain is away. */
async function looks(
  chain: PayoutChain,
  { assets }: Terms,
  all: readonly Candidate[],
): Promise<Readonly<Record<string, RecipientFacts>>> {
  const wanted = all.flatMap(({ address, owed, asset: chosen }) => {
    if (!address) return [];
    const named = new Set<string>([...Object.keys(owed), ...(chosen ? [chosen] : [])]);
    return [...named].flatMap((name) => {
      const kind = assets[name as AssetId];
      if (kind?.kind !== 'native' && kind?.kind !== 'erc20') return [];
      const token =
        kind.kind === 'erc20' ? (kind.address.toLowerCase() as `0x${string}`) : undefined;
      // What it would get in another asset is not known yet: one base unit shows whether it takes any.
      const amount = owed[name as AssetId] ?? 1n;
      return [{ key: `${name} ${address}`, address, amount, token }];
    });
  });
  const found: Record<string, RecipientFacts> = {};
  for (let start = 0; start < wanted.length; start += LOOKS_AT_ONCE) {
    const some = wanted.slice(start, start + LOOKS_AT_ONCE).map(async (one) => {
      try {
        found[one.key] = await chain.factsOf(one.address, one.amount, one.token);
      } catch {
        // The node does not say: it is tried again, for certain, before anything is signed.
      }
    });
    await Promise.all(some);
  }
  return found;
}
