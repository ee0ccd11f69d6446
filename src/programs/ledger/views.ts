import { exactAmount } from '../../base/amounts.ts';
import { harmless, type Paint, table } from '../../base/terminal.ts';
import { accountKinds } from '../../ledger/accounts.ts';

/** What an account holds, as the admin API shows it. */
export interface AccountView {
  readonly account: string;
  readonly asset: string;
  /** On which side of the books it stands. */
  readonly side: 'has' | 'owes';
  /** Signed base units; a debit is positive. */
  readonly balance: string;
}

/** One entry, as the admin API shows it. */
export interface LineView {
  readonly cursor: string;
  readonly at: string;
  readonly epoch?: string | undefined;
  readonly account: string;
  readonly asset: string;
  readonly kind: string;
  readonly cause: string;
  readonly amount: string;
  readonly balance: string;
  readonly note?: string | undefined;
}

/** Assets whose decimals every pool shares; others are shown in base units. */
const DECIMALS_18: ReadonlySet<string> = new Set(['ETH', 'LPT']);

/** All digits of an amount; no digit of money is hidden in the books. */
export function amountText(amount: bigint, asset: string): string {
  const digits = amount < 0n ? -amount : amount;
  const shown = DECIMALS_18.has(asset) ? exactAmount(digits) : String(digits);
  return amount < 0n ? `-${shown}` : shown;
}

/** Both sides of the books, asset by asset; what one holds is what the other owes. */
export function accountsView(accounts: readonly AccountView[], paint: Paint): string {
  const held = accounts.filter(({ balance }) => balance !== '0');
  if (held.length === 0) return 'Nothing is in the books.';
  const assets = [...new Set(held.map(({ asset }) => asset))];
  return assets
    .map((asset) => {
      const own = held.filter((one) => one.asset === asset);
      return [
        `${harmless(asset)}: the pool has`,
        ...sideOf(own, 'has', paint),
        '',
        `${harmless(asset)}: it owes, or has earned`,
        ...sideOf(own, 'owes', paint),
      ].join('\n');
    })
    .join('\n\n');
}

function sideOf(accounts: readonly AccountView[], side: AccountView['side'], paint: Paint) {
  const own = accounts.filter((one) => one.side === side);
  // The accounts of this side stand below 0 when all is well: shown as what is owed.
  const sign = side === 'has' ? 1n : -1n;
  const rows = own.map(({ account, asset, balance }) => [
    harmless(account),
    amountText(sign * BigInt(balance), asset),
  ]);
  const sum = own.reduce((total, { balance }) => total + sign * BigInt(balance), 0n);
  const all = [...rows, ['together', amountText(sum, accounts[0]?.asset ?? '')]];
  return table([{ title: 'account' }, { title: 'amount', align: 'right' }], all, { paint });
}

/** Entries, oldest first, account by account; on each side of the books, more stands above 0. */
export function linesView(lines: readonly LineView[], paint: Paint): string {
  if (lines.length === 0) return 'No entry is like that.';
  const groups = Map.groupBy(lines, ({ account, asset }) => `${account}, ${asset}`);
  return [...groups]
    .map(([title, own]) => [harmless(title), ...accountLines(own, paint)].join('\n'))
    .join('\n\n');
}

function accountLines(lines: readonly LineView[], paint: Paint): readonly string[] {
  const rows = lines.map(({ at, cause, amount, balance, account, asset }) => {
    const sign = sideOfAccount(account) === 'has' ? 1n : -1n;
    return [
      harmless(at.slice(0, 16).replace('T', ' ')),
      harmless(cause),
      amountText(sign * BigInt(amount), asset),
      amountText(sign * BigInt(balance), asset),
    ];
  });
  // A figure is never shortened, and neither is the time.
  const columns = [
    { title: 'when (UTC)', align: 'right' },
    { title: 'event' },
    { title: 'amount', align: 'right' },
    { title: 'left', align: 'right' },
  ] as const;
  return table(columns, rows, { paint });
}

function sideOfAccount(account: string): AccountView['side'] {
  const kind = account.split(':')[0] as keyof typeof accountKinds;
  return accountKinds[kind] ?? 'has';
}

/** Rows as RFC 4180 has them. What a table sheet would take for a formula is text. */
export function csv(rows: readonly (readonly string[])[]): string {
  return rows.map((row) => row.map(cell).join(',')).join('\r\n');
}

function cell(value: string): string {
  const text = /^[=+@\t\r]|^-(?![\d.]+$)/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
