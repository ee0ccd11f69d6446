import { defineCommand } from '../../base/command.ts';
import { integer, onOff, text } from '../../base/setting-types.ts';
import { runningPoolSettings } from '../../base/standard-settings.ts';

const common = {
  json: {
    type: onOff(),
    doc: 'Print JSON on standard output, and nothing else there. Amounts are in base units.',
    default: false,
    why: 'People read it more often than programs.',
  },
  csv: {
    type: onOff(),
    doc: 'Print CSV, for a table sheet. Amounts are in base units.',
    default: false,
    why: 'People read it more often than programs.',
  },
  ...runningPoolSettings,
} as const;

const asset = {
  type: { ...text('ASSET'), allowed: 'the symbol of an asset such as ETH' },
  doc: 'Only this asset.',
  defaultText: 'all of them',
} as const;

const account = {
  type: { ...text('ACCOUNT'), allowed: 'an account such as income or worker:abcdefghij' },
  doc: 'Only this account; a kind with a colon (`worker:`) stands for all of that kind.',
  defaultText: 'all of them',
} as const;

const check = ({ json, csv }: { json: boolean; csv: boolean }) =>
  json && csv ? '--json and --csv cannot be printed at once.' : undefined;

/** `tributary ledger accounts`. */
export const accountsCommand = defineCommand({
  name: 'ledger accounts',
  summary: 'Show what the pool has and owes, account by account.',
  settings: { account, asset, ...common },
  check,
  examples: [
    'tributary ledger accounts --data-dir ~/pool',
    'tributary ledger accounts --account worker: --asset ETH',
  ],
});

/** `tributary ledger balance`. */
export const balanceCommand = defineCommand({
  name: 'ledger balance',
  summary: 'Add all entries up anew and compare every running balance with them.',
  settings: common,
  check,
});

/** `tributary ledger lines`. */
export const linesCommand = defineCommand({
  name: 'ledger lines',
  summary: 'Show the entries of accounts: when, by which event, how much, and what was left.',
  settings: {
    account,
    asset,
    epoch: {
      type: integer({ min: 1, max: Number.MAX_SAFE_INTEGER }, 'NUMBER'),
      doc: 'Only what was posted in this epoch.',
      defaultText: 'all of them',
    },
    ...common,
  },
  check,
  examples: ['tributary ledger lines --account worker:abcdefghij --csv > lines.csv'],
});
