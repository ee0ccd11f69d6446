import { LPT } from '../base/asset.ts';
import { shareOf, splitByWeights } from '../base/split.ts';
import { check, conserve } from './check-input.ts';
import { fixedRate } from './models/fixed-rate.ts';
import type { Credit, Credited, Pot, PotWorker } from './models/model.ts';
import { doneBy } from './models/model.ts';
import { perSegment } from './models/per-segment.ts';
import { poolToken } from './models/pool-token.ts';
import { proportional, shareOut } from './models/proportional.ts';
import { retainer } from './models/retainer.ts';
import { slidingWindow } from './models/sliding-window.ts';
import { multiply } from './multipliers.ts';
import type { Amounts, EpochInput, Settlement } from './settle-types.ts';
import { type Accounts, settleWorker } from './settle-worker.ts';
import { createTally, entriesOf, type Tally } from './tally.ts';
import type { PayoutModel, Ratio, Terms } from './terms.ts';

export type {
  Amounts,
  EpochInput,
  Evidence,
  HeldBack,
  IncomeKind,
  LineKind,
  Settlement,
  StatementLine,
  WorkerFacts,
  WorkerInput,
} from './settle-types.ts';

/**
 * What an epoch comes to by the terms: the rule that the pool runs at closing, and that anybody runs
 * again on the published input. Exact, and independent of the order of the workers. Every division is
 * rounded down; the remainder of what is shared is carried into the next epoch.
 *
 * @throws RangeError for an input that no epoch can have: a worker twice, a negative amount, a group
 *   that the terms do not know
 */
export function settleEpoch(terms: Terms, input: EpochInput): Settlement {
  const workers = check(terms, input).map(
    (worker): PotWorker => ({
      input: worker,
      multiplied: multiply(terms.multipliers, worker, input.epoch),
    }),
  );
  const accounts: Accounts = {
    commission: createTally(),
    penalties: createTally(),
    dust: createTally(),
    released: createTally(),
    awarded: createTally(),
  };
  const reserve = createTally();
  const issued = createTally();
  const credits = new Map<string, Credit[]>(workers.map(({ input }) => [input.worker, []]));
  const take = (credited: Credited) => {
    for (const credit of credited.credits) credits.get(credit.worker)?.push(credit);
    addAll(reserve, credited.kept, 1n);
    addAll(reserve, credited.drawn, -1n);
    addAll(issued, credited.issued, 1n);
    addAll(accounts.dust, credited.left, 1n);
  };

  const available = createTally(input.income, input.carried);
  if (terms.refunds.borneBy === 'pool') makeUpRefunds(workers, available, reserve);
  take(shareRewards(terms, input, workers, available, accounts.commission));
  for (const pot of potsOf(terms, input.epoch, workers, available.amounts(), accounts.dust)) {
    take(credit(pot.model, pot));
  }

  const settled = workers.map((worker) =>
    settleWorker(terms, input, worker, credits.get(worker.input.worker) ?? [], accounts),
  );
  const [toReserve, fromReserve] = bothWays(reserve);
  const awarded = accounts.awarded.amounts();
  const settlement: Settlement = {
    epoch: input.epoch,
    lines: settled.flatMap(({ lines }) => lines),
    owed: Object.fromEntries(settled.map(({ worker, owed }) => [worker, owed])),
    heldBack: settled.flatMap(({ heldBack }) => heldBack),
    released: accounts.released.amounts(),
    // Only where there are any: what earlier epochs came to keeps its digest.
    ...(entriesOf(awarded).length === 0 ? {} : { awarded }),
    commission: accounts.commission.amounts(),
    penalties: accounts.penalties.amounts(),
    toReserve,
    fromReserve,
    shortfall: shortfallOf(fromReserve, input.reserve ?? {}),
    issued: issued.amounts(),
    dust: accounts.dust.amounts(),
  };
  conserve(input, settlement);
  return settlement;
}

function credit(model: PayoutModel, pot: Pot): Credited {
  switch (model.kind) {
    case 'per_segment':
      return perSegment(model, pot);
    case 'fixed_rate':
      return fixedRate(model, pot);
    case 'proportional':
      return proportional(model, pot);
    case 'sliding_window':
      return slidingWindow(model, pot);
    case 'retainer':
      return retainer(model, pot);
    case 'pool_token':
      return poolToken(model, pot);
  }
}

/** The workers' share of LPT, by work; the pool keeps the rest. Takes LPT out of what there is. */
function shareRewards(
  terms: Terms,
  { income, epoch }: EpochInput,
  workers: readonly PotWorker[],
  available: Tally,
  commission: Tally,
): Credited {
  const total = available.of(LPT);
  const earned = income[LPT] ?? 0n;
  available.add(LPT, -total);
  const { share, by } = terms.rewards ?? { share: NOTHING, by: 'units' };
  const kept = earned - shareOf(earned, share.numerator, share.denominator);
  commission.add(LPT, kept);
  const done = workers.map(({ input }) => doneBy(by, input));
  const pot = { terms, epoch, workers, available: createTally({ [LPT]: total - kept }).amounts() };
  return shareOut(pot, { done, basis: by, kind: 'share_lpt', bearsCommission: false });
}
const NOTHING: Ratio = { numerator: 0n, denominator: 1n };

/**
 * Who is settled together: groups with a model or an income share of their own, and all others. Income
 * is divided between them by these shares, or else by units; who did nothing gets no part of it.
 */
function potsOf(
  terms: Terms,
  epoch: bigint,
  workers: readonly PotWorker[],
  available: Amounts,
  dust: Tally,
): readonly (Pot & { readonly model: PayoutModel })[] {
  const own = terms.groups.filter(({ model, incomeShare }) => model || incomeShare);
  const ownNames = new Set(own.map(({ name }) => name));
  const others = workers.filter(({ input }) => !ownNames.has(input.group));
  const pots = [
    { model: terms.model, workers: others, share: restOf(own.map((group) => group.incomeShare)) },
    ...own.map((group) => ({
      model: group.model ?? terms.model,
      workers: workers.filter(({ input }) => input.group === group.name),
      share: group.incomeShare,
    })),
  ];
  const worked = pots.map((pot) => pot.workers.reduce((sum, { input }) => sum + input.units, 0n));
  const hasShares = own.some(({ incomeShare }) => incomeShare);
  const common = hasShares ? commonOf(pots.map(({ share }) => share ?? NOTHING)) : worked;
  const weights: bigint[] = pots.map((_, index) =>
    pots.length === 1 || (worked[index] as bigint) > 0n ? (common[index] as bigint) : 0n,
  );
  // With nobody at work, or with one pot, there is nothing to divide.
  if (!weights.some((weight) => weight > 0n)) weights[0] = 1n;
  const parts = pots.map(() => createTally());
  for (const [asset, value] of entriesOf(available)) {
    const split = splitByWeights(value, weights);
    dust.add(asset, split.remainder);
    for (const [index, part] of split.parts.entries()) parts[index]?.add(asset, part);
  }
  return pots.map(({ model, workers }, index) => ({
    model,
    terms,
    epoch,
    workers,
    available: parts[index]?.amounts() ?? {},
  }));
}

/** What is left of the whole for those without a share of their own. */
function restOf(shares: readonly (Ratio | undefined)[]): Ratio {
  const weights = commonOf([...shares.map((share) => share ?? NOTHING), ONE]);
  const whole = weights.at(-1) as bigint;
  const rest = weights.slice(0, -1).reduce((sum, weight) => sum - weight, whole);
  return { numerator: rest > 0n ? rest : 0n, denominator: whole };
}
const ONE: Ratio = { numerator: 1n, denominator: 1n };

function commonOf(ratios: readonly Ratio[]): readonly bigint[] {
  const denominator = ratios.reduce((product, each) => product * each.denominator, 1n);
  return ratios.map((each) => (each.numerator * denominator) / each.denominator);
}

/** Income is less by what gateways took back; where the pool bears that, its reserve adds it again. */
function makeUpRefunds(workers: readonly PotWorker[], available: Tally, reserve: Tally): void {
  for (const { asset, amount } of workers.flatMap(({ input }) => input.refunds ?? [])) {
    available.add(asset, amount);
    reserve.add(asset, -amount);
  }
}

function bothWays(tally: Tally): readonly [Amounts, Amounts] {
  const to = createTally();
  const from = createTally();
  for (const [asset, value] of entriesOf(tally.amounts())) {
    if (value > 0n) to.add(asset, value);
    else from.add(asset, -value);
  }
  return [to.amounts(), from.amounts()];
}

function shortfallOf(drawn: Amounts, reserve: Amounts): Amounts {
  const missing = createTally();
  for (const [asset, value] of entriesOf(drawn)) {
    const held = reserve[asset] ?? 0n;
    if (value > held) missing.add(asset, held > 0n ? value - held : value);
  }
  return missing.amounts();
}

function addAll(tally: Tally, amounts: Amounts, sign: 1n | -1n): void {
  for (const [asset, value] of entriesOf(amounts)) {
    tally.add(asset, sign * value);
  }
}
