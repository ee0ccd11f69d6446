import { type Paint, table, VIEW_COLUMNS, wrap } from '../../base/terminal.ts';
import type { Example } from '../../terms/example.ts';
import { faultText, type PlacedFault } from '../../terms/file.ts';
import { showUnits } from '../../terms/ratio.ts';
import type { Amounts } from '../../terms/settle-types.ts';
import { entriesOf } from '../../terms/tally.ts';
import type { Terms } from '../../terms/terms.ts';

/** Digits behind the point in the example; enough to see what rounding does not touch. */
const DIGITS = 6;

/** Every fault on a line, in the order of the file. */
export function faultsView(file: string, faults: readonly PlacedFault[], paint: Paint): string {
  const count = faults.length === 1 ? 'One thing is' : `${faults.length} things are`;
  const lines = faults.flatMap((fault) => wrap(`  ${faultText(fault)}`, VIEW_COLUMNS, '    '));
  return [paint('wrong', `${count} wrong in ${file}:`), ...lines].join('\n');
}

/** What is allowed but may not be meant. */
export function remarksView(remarks: readonly PlacedFault[], paint: Paint): string[] {
  return remarks.flatMap((remark) =>
    wrap(`Note: ${faultText(remark)}`, VIEW_COLUMNS, '  ').map((line) => paint('attention', line)),
  );
}

/** What two workers get out of 1 ETH, line by line. */
export function exampleView(terms: Terms, example: Example, paint: Paint): string {
  const { settlement, workers, input } = example;
  const amountOf = (asset: string, value: bigint) => `${shown(terms, asset, value)} ${asset}`;
  const income = entriesOf(input.income).map(([asset, value]) => amountOf(asset, value));
  const lines = [...wrap(`On ${income.join(' and ')} of income with two workers:`, VIEW_COLUMNS)];
  for (const { worker, text } of workers) {
    const own = settlement.lines.filter((line) => line.worker === worker);
    const rows = own.map((line) => [
      `  ${line.kind.replace('_', ' ')}`,
      amountOf(line.asset, line.amount),
      line.text,
    ]);
    const owed = entriesOf(settlement.owed[worker] ?? {}).map(([asset, value]) =>
      amountOf(asset, value),
    );
    lines.push(
      '',
      ...wrap(paint('strong', `Worker ${worker.slice(0, 1).toUpperCase()}: ${text}`), VIEW_COLUMNS),
    );
    if (rows.length > 0)
      lines.push(
        ...table([{ title: '  line' }, { title: 'amount', align: 'right' }, { title: '' }], rows, {
          paint,
        }),
      );
    lines.push(`  payable: ${owed.length === 0 ? 'nothing' : owed.join(', ')}`);
  }
  const rest: readonly (readonly [string, Amounts])[] = [
    ['commission', settlement.commission],
    ['penalties', settlement.penalties],
    ['to the reserve', settlement.toReserve],
    ['from the reserve', settlement.fromReserve],
    ['issued', settlement.issued],
    ['carried on', settlement.dust],
  ];
  lines.push('', paint('strong', 'The pool'));
  for (const [name, amounts] of rest) {
    const text = entriesOf(amounts).map(([asset, value]) => amountOf(asset, value));
    if (text.length > 0) lines.push(`  ${name}: ${text.join(', ')}`);
  }
  return lines.join('\n');
}

function shown(terms: Terms, asset: string, value: bigint): string {
  const decimals = terms.assets[asset as keyof Terms['assets']]?.decimals ?? 0;
  const text = showUnits(value, decimals);
  const [whole = '0', fraction = ''] = text.split('.');
  if (fraction.length <= DIGITS) return text;
  const cut = fraction.slice(0, DIGITS).replace(/0+$/, '');
  const isTiny = /^-?0$/.test(whole) && cut === '';
  return isTiny
    ? `${value < 0n ? '-' : ''}${value < 0n ? -value : value} units of`
    : `${whole}${cut && `.${cut}`}`;
}
