import type { AssetId } from '../base/asset.ts';
import { type Instant, instant } from '../base/clock.ts';
import { periodEnd } from '../payouts/schedule.ts';
import type { FileLeaf, PayoutsFile } from '../proofs/files.ts';
import type { Terms } from '../terms/terms.ts';

const DAY_MS = 86_400_000;
/** A batch has to be approved, mined and final; a payout within a day of its moment is no late one. */
const GRACE_MS = DAY_MS;
/** A round of the protocol is about 22 hours. */
const ROUND_MS = DAY_MS;
/** Beyond this many workers only sums are followed. */
const FOLLOWED_MAX = 20_000;

type Payout = PayoutsFile['payouts'][number];

/** What a worker is owed of one asset, and since when a payout of it has been due. */
interface Owed {
  readonly amount: string;
  readonly dueAt?: number;
}

/** What was seen of a pool's payouts so far; plain JSON, kept between crawls. */
export interface Promised {
  /** By worker and asset; empty of a private pool, whose lines nobody else sees. */
  readonly owed: Readonly<Record<string, Owed>>;
  readonly credited: Readonly<Record<string, string>>;
  readonly paid: Readonly<Record<string, string>>;
  readonly payouts: number;
  /** Of them, with a transaction that was found on the chain, final, and moved what is said. */
  readonly onChain: number;
  /** Came more than a day after the terms said they would. */
  readonly late: number;
  readonly lastAt: number | null;
  /** Ids of payouts that were counted, of the epochs that still grow. */
  readonly counted: readonly string[];
}

export const nothingPromised: Promised = {
  owed: {},
  credited: {},
  paid: {},
  payouts: 0,
  onChain: 0,
  late: 0,
  lastAt: null,
  counted: [],
};

/** An epoch was settled: its credits are owed, and due at the next moment of the schedule. */
export function credit(
  before: Promised,
  epoch: {
    readonly closesAt: number;
    readonly leaves: readonly FileLeaf[] | undefined;
    /** Of everybody, in this epoch. */
    readonly totals: Readonly<Record<string, { readonly epoch: bigint }>>;
    readonly terms: Terms;
  },
): Promised {
  const { leaves = [], terms, closesAt } = epoch;
  const credited = { ...before.credited };
  for (const [asset, { epoch: amount }] of Object.entries(epoch.totals)) {
    credited[asset] = String(BigInt(credited[asset] ?? '0') + amount);
  }
  if (leaves.length > FOLLOWED_MAX) return { ...before, credited, owed: {} };
  const owed: Record<string, Owed> = { ...before.owed };
  const due = dueAfter(terms, instant(closesAt));
  for (const { worker, amounts } of leaves) {
    for (const [asset, { epoch: amount }] of Object.entries(amounts)) {
      const key = `${worker} ${asset}`;
      const held = owed[key];
      const sum = BigInt(held?.amount ?? '0') + amount;
      if (sum === 0n) continue;
      const dueAt = held?.dueAt ?? (isDue(terms, asset as AssetId, sum) ? due : undefined);
      owed[key] = { amount: String(sum), ...(dueAt === undefined ? {} : { dueAt }) };
    }
  }
  return { ...before, credited, owed };
}

/** Payouts that were published since; those that were counted already change nothing. */
export function pay(
  before: Promised,
  payouts: readonly Payout[],
  how: { readonly onChain: boolean; readonly terms: Terms },
): Promised {
  const counted = new Set(before.counted);
  const owed: Record<string, Owed> = { ...before.owed };
  const paid: Record<string, string> = { ...before.paid };
  let { payouts: count, onChain, late, lastAt } = before;
  for (const payout of payouts) {
    if (counted.has(payout.id)) continue;
    counted.add(payout.id);
    count += 1;
    if (how.onChain && payout.transaction !== undefined) onChain += 1;
    lastAt = Math.max(lastAt ?? 0, payout.at);
    paid[payout.asset] = String(BigInt(paid[payout.asset] ?? '0') + payout.amount);
    let isLate = false;
    for (const { asset, amount } of payout.for ?? [payout]) {
      const key = `${payout.worker} ${asset}`;
      const held = owed[key];
      if (!held) continue;
      if (held.dueAt !== undefined && payout.at > held.dueAt + GRACE_MS) isLate = true;
      const rest = BigInt(held.amount) - amount;
      if (rest <= 0n) delete owed[key];
      else {
        const stays = isDue(how.terms, asset, rest)
          ? dueAfter(how.terms, instant(payout.at))
          : undefined;
        owed[key] = { amount: String(rest), ...(stays === undefined ? {} : { dueAt: stays }) };
      }
    }
    if (isLate) late += 1;
  }
  return { ...before, owed, paid, payouts: count, onChain, late, lastAt, counted: [...counted] };
}

/** Forgets ids of payouts that no file names any more that is read again. */
export function forget(before: Promised, still: ReadonlySet<string>): Promised {
  return { ...before, counted: before.counted.filter((id) => still.has(id)) };
}

/** Workers whose payout was due more than a day ago and was not seen. */
export function overdue({ owed }: Promised, now: number): number {
  const workers = Object.entries(owed).flatMap(([key, { dueAt }]) =>
    dueAt !== undefined && dueAt + GRACE_MS < now ? [key.split(' ')[0]] : [],
  );
  return new Set(workers).size;
}

function isDue({ payouts: { thresholds } }: Terms, asset: AssetId, amount: bigint): boolean {
  const least = thresholds[asset];
  return least !== undefined && amount >= least && amount > 0n;
}

function dueAfter({ payouts: { every } }: Terms, at: Instant): number {
  return every === 'round' ? at + ROUND_MS : periodEnd(every, at);
}
