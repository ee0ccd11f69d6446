import { defineCommand } from '../../base/command.ts';
import { integer, listOf, onOff, path, read, text, url } from '../../base/setting-types.ts';
import { configSetting, runningPoolSettings } from '../../base/standard-settings.ts';

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
  type: {
    ...text('ACCOUNT'),
    allowed: 'an account such as income or worker:heron, with the name or the id',
  },
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

/** `tributary ledger refund`. */
export const refundCommand = defineCommand({
  name: 'ledger refund',
  summary: 'Book what a gateway took back; who bears it, the terms say when the epoch is settled.',
  settings: {
    amount: {
      type: { ...text('AMOUNT'), allowed: 'an amount such as 0.01; base units unless ETH or LPT' },
      doc: 'How much was taken back.',
      required: true,
      positional: 'only',
    },
    worker: {
      type: { ...text('WORKER'), allowed: 'the name or the id of a worker' },
      doc: 'Whose work it was.',
      required: true,
    },
    id: {
      type: { ...text('ID'), allowed: '1 to 80 letters, digits, dots, dashes or underscores' },
      doc: "The gateway's reference, or a name for the refund: each is booked once.",
      required: true,
    },
    asset: {
      type: { ...text('ASSET'), allowed: 'the symbol of an asset such as ETH' },
      doc: 'What it is of.',
      default: 'ETH',
      why: 'Gateways pay in ETH.',
    },
    reason: {
      type: text('TEXT'),
      doc: 'What the gateway said, for those who look it up.',
      defaultText: 'none',
    },
    json: common.json,
    ...runningPoolSettings,
  },
  examples: ['tributary ledger refund 0.002 --worker kiln-2 --id gw-118 --reason "black frames"'],
});

/** `tributary ledger correct`. */
export const correctCommand = defineCommand({
  name: 'ledger correct',
  summary:
    'Book what the chain has more or less than the books, as put in or taken out by you: also what was there at the beginning.',
  settings: {
    asset: {
      type: { ...text('ASSET'), allowed: 'the symbol of an asset such as ETH' },
      doc: 'What it is of.',
      required: true,
    },
    more: {
      type: { ...text('AMOUNT'), allowed: 'an amount such as 0.01; base units unless ETH or LPT' },
      doc: 'The chain has so much more, as `tributary payouts reconcile` says.',
    },
    less: {
      type: { ...text('AMOUNT'), allowed: 'an amount such as 0.01; base units unless ETH or LPT' },
      doc: 'The chain has so much less.',
    },
    account: {
      type: { ...text('ACCOUNT'), allowed: 'treasury, bonding_fees or bonding_rewards' },
      doc: 'Where it differs.',
      default: 'treasury',
      why: 'Other accounts are not compared with the chain, but for fees and rewards in the protocol.',
    },
    reason: { type: text('TEXT'), doc: 'Why, for those who look it up.', required: true },
    json: common.json,
    ...runningPoolSettings,
  },
  check: ({ more, less }) =>
    (more === undefined) === (less === undefined) ? 'Give --more or --less.' : undefined,
  examples: [
    'tributary ledger correct --asset ETH --more 3.25 --reason "was there before the pool"',
  ],
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

/** `tributary ledger recover`. */
export const recoverCommand = defineCommand({
  name: 'ledger recover',
  summary: 'After a backup was restored: find what happened since, on the chain and with workers.',
  settings: {
    config: configSetting,
    dataDir: {
      type: path('DIR'),
      doc: 'The data directory into which the backup was restored; the pool must not run.',
      aliases: { dataDir: true, datadir: true },
    },
    databaseUrl: {
      type: url(['postgres:', 'postgresql:'], 'postgres://…'),
      doc: 'The PostgreSQL into which it was restored, where it is not the embedded one.',
      defaultText: 'the embedded PostgreSQL in the data directory',
      secret: true,
    },
    receipts: {
      type: path('DIR'),
      doc: 'A folder with the receipts of workers, as each of them kept them.',
      defaultText: 'none: then work after the backup is lost to the books',
    },
    published: {
      type: text('DIR|URL|none'),
      doc: 'What the pool published: epochs that ended after the backup are taken over from it.',
      defaultText: 'the proofs in the data directory, if they are there',
    },
    recovery: {
      type: path('DIR'),
      doc: 'What the pool kept for itself: the folder recovery of its data directory, or a copy of it. Epochs of a private pool are taken over with it, and disputes brought back.',
      defaultText: 'the folder recovery in the data directory, if it is there',
    },
    ethUrl: {
      type: listOf(url(['https:', 'http:'], 'https://…')),
      doc: 'RPC providers of the chain; they must have the blocks since the backup.',
      default: [],
      defaultText: 'none: for a pool that is on no chain',
      secret: true,
      aliases: { ethUrl: true },
    },
    controller: {
      type: {
        schema: read((given) =>
          /^0x[0-9a-fA-F]{40}$/.test(String(given)) ? (String(given) as `0x${string}`) : undefined,
        ),
        placeholder: '0x…',
        allowed: 'an address: 0x and 40 hex digits',
      },
      doc: 'The Controller of the Livepeer contracts.',
      defaultText: 'that of Arbitrum One; of another chain it has to be given',
      aliases: { ethController: true },
    },
  },
  check: ({ dataDir, databaseUrl }) =>
    dataDir === undefined && databaseUrl === undefined
      ? 'Give --data-dir or --database-url.'
      : undefined,
  examples: [
    'tributary ledger recover --data-dir ~/new-pool --receipts ~/from-workers --eth-url https://…',
  ],
});
