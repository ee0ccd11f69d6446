import { type AssetId, ETH } from '../base/asset.ts';
import { hex } from '../base/bytes.ts';
import { TributaryError } from '../base/errors.ts';
import type { Queryable } from '../database/transaction.ts';
import { account } from '../ledger/accounts.ts';
import { type Epoch, type WorkerEpoch, workerEpochs } from '../ledger/epoch-store.ts';
import { balancesOf } from '../ledger/postings-store.ts';
import type {
  Amounts,
  EpochInput,
  IncomeKind,
  WorkerFacts,
  WorkerInput,
} from '../terms/settle-types.ts';
import { groupOf, type PayoutModel, type Terms } from '../terms/terms.ts';
import { measuredIn } from './measured.ts';
import { speedPercentiles } from './speed-percentiles.ts';
import {
  awardsOf,
  type EpochWorker,
  epochWorkers,
  type IncomeRow,
  incomeOf,
  memberSince,
  releasesDue,
  unsettledIncome,
  windowUnits,
} from './store.ts';

type IncomeLine = EpochInput['incomeLines'][number];

/**
 * Everything that an epoch is settled by, out of totals that were kept while it was open: as many
 * rows as workers. The epoch has ended, the line under its income is drawn, and the one before is
 * closed.
 */
export async function buildInput(from: Queryable, epoch: Epoch, terms: Terms): Promise<EpochInput> {
  const { endedAt } = epoch;
  if (endedAt === undefined) {
    throw new TributaryError('internal', 'an open epoch has no input');
  }
  const lines = await incomeLines(from, epoch.number, terms);
  const [dust, reserve] = await Promise.all([
    owedBy(from, account('dust')),
    owedBy(from, account('reserve')),
  ]);
  return {
    epoch: epoch.number,
    opensAt: epoch.openedAt,
    closesAt: endedAt,
    termsVersion: epoch.termsVersion,
    income: totals(lines),
    incomeLines: lines,
    carried: dust,
    reserve,
    workers: await workersOf(from, { ...epoch, endedAt }, terms),
  };
}

/** What the pool owes on one account of its own, by asset. */
async function owedBy(from: Queryable, name: ReturnType<typeof account>): Promise<Amounts> {
  const held = await balancesOf(from, { account: name });
  return Object.fromEntries(
    held.flatMap(({ asset, balance }) => (balance === 0n ? [] : [[asset, -balance]])),
  );
}

async function incomeLines(
  from: Queryable,
  epoch: bigint,
  terms: Terms,
): Promise<readonly IncomeLine[]> {
  const earned = mergeKinds(await incomeOf(from, epoch, 'income'));
  const sums = totals(earned);
  // What the account holds besides: a loss that was more than the income of an earlier epoch.
  const unsettled = await unsettledIncome(from, epoch);
  const assets = new Set([...keysOf(sums), ...keysOf(unsettled)]);
  const before: IncomeLine[] = [...assets].sort().flatMap((asset) => {
    const held = unsettled[asset] ?? 0n;
    // Income is never negative: a loss waits for the income of later epochs.
    const amount = (held < 0n ? 0n : held) - (sums[asset] ?? 0n);
    return amount === 0n ? [] : [{ kind: 'other', asset, amount, transactions: [] }];
  });
  const gross = [...earned, ...before];
  if (terms.income.gas === 'pool') return gross;
  const gas = await incomeOf(from, epoch, 'gas');
  return [...gross, ...gasLines(gas, totals(gross)[ETH] ?? 0n)];
}

/** Gas comes out of income before all else, as far as that goes; the rest is the pool's. */
function gasLines(gas: readonly IncomeRow[], income: bigint): readonly IncomeLine[] {
  const spent = gas.reduce((sum, { amount }) => sum + amount, 0n);
  const taken = spent < income ? spent : income;
  if (taken <= 0n) return [];
  const transactions = [...new Set(gas.flatMap((row) => row.transactions))].sort();
  return [{ kind: 'gas', asset: ETH, amount: -taken, transactions }];
}

const KINDS: Readonly<Record<string, IncomeKind>> = {
  tickets_credited: 'tickets_credited',
  income_recognised: 'tickets_credited',
  ticket_redeemed: 'tickets_redeemed',
  reward: 'reward',
  refund: 'refund',
};

/** Lines by kind and asset; what comes to nothing is left out unless a transaction shows it. */
function mergeKinds(rows: readonly IncomeRow[]): readonly IncomeLine[] {
  const merged = new Map<string, IncomeLine>();
  for (const { kind: posted, asset, amount, transactions } of rows) {
    const kind = KINDS[posted] ?? 'other';
    const key = `${kind} ${asset}`;
    const line = merged.get(key);
    merged.set(key, {
      kind,
      asset,
      amount: (line?.amount ?? 0n) + amount,
      transactions: [...new Set([...(line?.transactions ?? []), ...transactions])].sort(),
    });
  }
  return [...merged.values()].filter(
    ({ amount, transactions }) => amount !== 0n || transactions.length > 0,
  );
}

function totals(lines: readonly IncomeLine[]): Amounts {
  const sums: Record<string, bigint> = {};
  for (const { asset, amount } of lines) sums[asset] = (sums[asset] ?? 0n) + amount;
  return Object.fromEntries(Object.entries(sums).filter(([, sum]) => sum !== 0n));
}

const keysOf = (amounts: Amounts) => Object.keys(amounts) as AssetId[];

async function workersOf(
  from: Queryable,
  ended: Epoch & { readonly endedAt: number },
  terms: Terms,
): Promise<readonly WorkerInput[]> {
  const epoch = ended.number;
  const worked = new Map<string, WorkerEpoch>(
    (await workerEpochs(from, epoch)).map((each) => [each.worker, each]),
  );
  const before = new Map<string, EpochWorker>(
    (await epochWorkers(from, epoch - 1n)).map((each) => [each.worker, each]),
  );
  const awards = Map.groupBy(await awardsOf(from, epoch), ({ worker }) => worker);
  const measured = await measuredIn(from, ended, terms);
  const ids = [
    ...new Set([...worked.keys(), ...before.keys(), ...awards.keys(), ...measured.alsoThere]),
  ].sort();
  const releases = Map.groupBy(await releasesDue(from, epoch), ({ worker }) => worker);
  const span = windowOf(terms);
  const windows = span === undefined ? undefined : await windowUnits(from, epoch - span, epoch);
  const since = needs(terms, 'member_epochs') ? await memberSince(from, ids) : undefined;
  const speeds = needs(terms, 'speed_percentile')
    ? speedPercentiles([...worked.values()])
    : undefined;
  return ids.map((worker): WorkerInput => {
    const own = worked.get(worker);
    const earlier = before.get(worker);
    const first = since?.get(worker);
    const speed = speeds?.get(worker);
    const { facts: said, refunds, ...seen } = measured.of(worker);
    const facts: WorkerFacts = {
      ...said,
      ...(first === undefined ? {} : { memberSinceEpoch: first }),
      ...(speed === undefined ? {} : { speedPercentile: speed }),
    };
    const due = releases.get(worker);
    const awarded = awards.get(worker);
    return {
      worker,
      group: groupOf(terms, { worker, facts }),
      jobs: own?.jobs ?? 0n,
      units: own?.units ?? 0n,
      sourceMs: own?.sourceMs ?? 0n,
      deviceMs: own?.deviceMs ?? 0n,
      grossFee: own?.gross ? { [own.gross.asset]: own.gross.amount } : {},
      failedAttempts: own?.failedAttempts ?? 0n,
      ...seen,
      facts,
      cumulative: earlier?.cumulative ?? {},
      lastSequence: own?.lastSequence ?? earlier?.lastSequence ?? 0n,
      lastReceiptHash: hex(own?.lastReceiptHash ?? earlier?.lastReceiptHash ?? NO_RECEIPT),
      ...(windows ? { window: windows.get(worker) ?? [] } : {}),
      ...(due
        ? { releases: due.map(({ epoch, asset, amount }) => ({ epoch, asset, amount })) }
        : {}),
      ...(refunds.length > 0 ? { refunds } : {}),
      ...(awarded
        ? { awards: awarded.map(({ dispute, asset, amount }) => ({ dispute, asset, amount })) }
        : {}),
    };
  });
}
const NO_RECEIPT = new Uint8Array(32);

/** How many epochs a sliding window of these terms looks back; undefined: there is none. */
function windowOf(terms: Terms): bigint | undefined {
  const models = [terms.model, ...terms.groups.flatMap(({ model }) => model ?? [])];
  const spans = models.flatMap((model: PayoutModel) =>
    model.kind === 'sliding_window' ? [model.epochsMax] : [],
  );
  return spans.length === 0 ? undefined : BigInt(Math.max(...spans));
}

function needs(terms: Terms, fact: 'member_epochs' | 'speed_percentile'): boolean {
  return terms.multipliers.some(({ when }) => when.kind === fact);
}
