import { createPaint, type Io, table, VIEW_COLUMNS, wrap } from '../../base/terminal.ts';
import { showUnits } from '../../terms/ratio.ts';
import type { Amounts } from '../../terms/settle-types.ts';
import { createTally, entriesOf } from '../../terms/tally.ts';
import type { Terms } from '../../terms/terms.ts';
import type { Reckoned, ShadowEpoch } from './reckon.ts';

/** What one worker would have got of one asset in one epoch, in base units. */
interface Row {
  readonly epoch: ShadowEpoch;
  readonly worker: string;
  readonly units: bigint;
  readonly asset: string;
  readonly owed: bigint;
  readonly held: bigint;
}

function rowsOf({ epochs }: Reckoned): readonly Row[] {
  return epochs.flatMap((epoch) =>
    epoch.input.workers.flatMap(({ worker, units }): Row[] => {
      const owed = epoch.settlement.owed[worker] ?? {};
      const held = createTally();
      for (const each of epoch.settlement.heldBack) {
        if (each.worker === worker) held.add(each.asset, each.amount);
      }
      const assets = Object.keys(createTally(owed, held.amounts()).amounts());
      const named = assets.length === 0 ? ['ETH'] : assets;
      return named.map((asset) => ({
        ...{ epoch, worker, units, asset },
        owed: owed[asset as keyof Amounts] ?? 0n,
        held: held.of(asset as keyof Amounts),
      }));
    }),
  );
}

const day = (ms: number) => new Date(ms).toISOString().slice(0, 16).replace('T', ' ');

/** Per worker and epoch, then the pool, for people. */
export function shadowView(io: Io, reckoned: Reckoned, terms: Terms): string {
  const paint = createPaint(io);
  const amount = (asset: string, value: bigint) =>
    `${showUnits(value, terms.assets[asset as keyof Terms['assets']]?.decimals ?? 0)} ${asset}`;
  const rows = rowsOf(reckoned).map(({ epoch, worker, units, asset, owed, held }) => [
    `${epoch.number}`,
    day(epoch.from),
    worker,
    `${units}`,
    amount(asset, owed),
    held === 0n ? '' : amount(asset, held),
  ]);
  const columns = [
    { title: 'epoch', align: 'right' },
    { title: 'from (UTC)' },
    { title: 'worker' },
    { title: 'units', align: 'right' },
    { title: 'would be paid', align: 'right' },
    { title: 'held back', align: 'right' },
  ] as const;
  const totals = totalsOf(reckoned);
  const words = Object.entries(totals).flatMap(([name, sums]) => {
    const parts = entriesOf(sums).map(([asset, value]) => amount(asset, value));
    return parts.length === 0
      ? []
      : [`  ${LABELS[name as keyof typeof LABELS]}: ${parts.join(', ')}`];
  });
  return [
    paint('strong', `What "${terms.name}" would have paid; nothing of it is paid`),
    ...table(columns, rows, { paint, width: Math.max(VIEW_COLUMNS, io.columns) }),
    paint('strong', 'In all'),
    ...words,
    ...wrap(INCOME[reckoned.incomeFrom], VIEW_COLUMNS),
  ].join('\n');
}

const LABELS = {
  income: 'income',
  workers: 'to workers',
  heldBack: 'still held back',
  commission: 'commission',
  penalties: 'penalties kept',
  toReserve: 'to the reserve',
  fromReserve: 'from the reserve',
  issued: 'issued',
  carried: 'carried on',
} as const;

const INCOME = {
  tickets: 'Income is the face value of winning tickets; tickets that lost leave no trace.',
  fees: 'Income is the sum of the fees in the work: the book holds no tickets.',
  nothing: 'The book holds no income: import tickets, or work with a column of fees.',
} as const;

function totalsOf({ epochs }: Reckoned): Readonly<Record<keyof typeof LABELS, Amounts>> {
  const sum = (of: (epoch: ShadowEpoch) => readonly Amounts[]) =>
    createTally(...epochs.flatMap(of)).amounts();
  const held = sum(({ settlement }) =>
    settlement.heldBack.map(({ asset, amount }) => ({ [asset]: amount })),
  );
  const released = sum(({ settlement }) => [settlement.released]);
  const still = createTally(held);
  for (const [asset, value] of entriesOf(released)) still.add(asset, -value);
  return {
    income: sum(({ input }) => [input.income]),
    workers: sum(({ settlement }) => Object.values(settlement.owed)),
    heldBack: still.amounts(),
    commission: sum(({ settlement }) => [settlement.commission]),
    penalties: sum(({ settlement }) => [settlement.penalties]),
    toReserve: sum(({ settlement }) => [settlement.toReserve]),
    fromReserve: sum(({ settlement }) => [settlement.fromReserve]),
    issued: sum(({ settlement }) => [settlement.issued]),
    carried: epochs.at(-1)?.settlement.dust ?? {},
  };
}

/** The same for programs; amounts in base units as text. */
export function shadowJson(reckoned: Reckoned): object {
  return {
    shadow: true,
    incomeFrom: reckoned.incomeFrom,
    epochs: reckoned.epochs.map(({ number, from, to, input, settlement }) => ({
      epoch: number,
      from: new Date(from).toISOString(),
      to: new Date(to).toISOString(),
      income: input.income,
      commission: settlement.commission,
      workers: input.workers.map(({ worker, units, jobs }) => ({
        worker,
        units,
        jobs,
        owed: settlement.owed[worker] ?? {},
        lines: settlement.lines
          .filter((line) => line.worker === worker)
          .map(({ kind, asset, amount, text }) => ({ kind, asset, amount, text })),
      })),
    })),
    totals: totalsOf(reckoned),
  };
}

/** The same as a table of base units. */
export function shadowCsv(reckoned: Reckoned): string {
  const rows = rowsOf(reckoned).map(({ epoch, worker, units, asset, owed, held }) =>
    [
      epoch.number,
      new Date(epoch.from).toISOString(),
      new Date(epoch.to).toISOString(),
      field(worker),
      ...[units, asset, owed, held],
    ].join(','),
  );
  return ['epoch,from,to,worker,units,asset,owed,held_back', ...rows].join('\n');
}

/** Names that a spreadsheet would run as a formula get an apostrophe; commas cannot be in them. */
function field(text: string): string {
  return /^[=+@-]/.test(text) ? `'${text}` : text;
}
