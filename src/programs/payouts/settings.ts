import { defineCommand } from '../../base/command.ts';
import { onOff, path, read, text } from '../../base/setting-types.ts';
import {
  jsonSetting as json,
  runningPoolSettings as pool,
  workerSetting as worker,
} from '../../base/standard-settings.ts';

const digest = {
  type: { ...text('DIGEST'), allowed: 'the 64 digits that `payouts preview` printed' },
  doc: 'The digest of the plan, as `tributary payouts preview` printed it.',
  required: true,
  positional: 'only',
} as const;
const units = {
  schema: read((given) => (/^\d{1,39}$/.test(String(given)) ? String(given) : undefined)),
  placeholder: 'UNITS',
  allowed: 'a whole number of base units, such as 3000000000',
} as const;
const payout = {
  type: { ...text('PAYOUT'), allowed: 'the id of a payout' },
  doc: 'The id of the payout, as `tributary payouts status` shows it.',
  required: true,
  positional: 'only',
} as const;
const asset = {
  type: text('ASSET'),
  doc: 'The asset, as the terms name it.',
  defaultText: 'all payouts',
  positional: 'only',
} as const;

/** The commands below `tributary payouts`, by their word. */
export const payoutCommands = {
  preview: defineCommand({
    name: 'payouts preview',
    summary: 'Show exactly what would be paid, to whom and why, and what is held back.',
    settings: {
      now: {
        type: onOff(),
        doc: 'Do not wait for the schedule of the terms.',
        default: false,
        why: 'The schedule is what workers were promised.',
      },
      worker: {
        type: { ...text('WORKER'), allowed: 'the name or the id of a worker' },
        doc: 'Only this worker, who asked to be paid: where the terms pay on demand.',
        defaultText: 'everybody whose turn it is',
      },
      json,
      ...pool,
    },
    check: ({ now, worker: asking }) =>
      now && asking !== undefined ? 'Give --now or --worker, not both.' : undefined,
    examples: ['tributary payouts preview --now --data-dir ~/pool'],
  }),
  approve: defineCommand({
    name: 'payouts approve',
    summary: 'Say yes to a plan with your own token; above an amount two people must.',
    settings: {
      digest,
      as: {
        type: path('FILE'),
        doc: 'The file with your token, as `tributary payouts add-approver` wrote it.',
        required: true,
      },
      json,
      ...pool,
    },
  }),
  run: defineCommand({
    name: 'payouts run',
    summary: 'Pay what a plan says and nothing else; refused if anything changed since.',
    settings: { digest, json, ...pool },
  }),
  status: defineCommand({
    name: 'payouts status',
    summary: 'Show what is on its way, what ended, what waits, and whether the pool can pay all.',
    settings: { json, ...pool },
  }),
  reconcile: defineCommand({
    name: 'payouts reconcile',
    summary: 'Compare ledger, chain, receipts and payouts; exit code 1 when they differ.',
    settings: { json, ...pool },
  }),
  export: defineCommand({
    name: 'payouts export',
    summary: 'Write the file for the bank: every payout that goes that way and stood in no file.',
    settings: {
      file: { type: path('FILE'), doc: 'Where the CSV is written.', required: true },
      again: {
        type: onOff(),
        doc: 'Also what stood in a file and is not confirmed; a bank that gets both pays twice.',
        default: false,
        why: 'Each payout goes to the bank once.',
      },
      ...pool,
    },
  }),
  import: defineCommand({
    name: 'payouts import',
    summary:
      'Take the confirmation of the bank: payout_id, status (paid, refused, returned), reference.',
    settings: {
      file: { type: path('FILE'), doc: 'The CSV.', required: true, positional: 'only' },
      json,
      ...pool,
    },
  }),
  resolve: defineCommand({
    name: 'payouts resolve',
    summary: 'Say of a payout that the chain does not show whether it moved, after looking.',
    settings: {
      payout,
      moved: {
        type: onOff(),
        doc: 'It reached the worker; without it the worker is owed it again.',
        default: false,
        why: 'Saying so pays nobody by itself.',
      },
      ...pool,
    },
  }),
  'came-back': defineCommand({
    name: 'payouts came-back',
    summary: 'Say that a payout was sent back to the pool; the worker is owed it again.',
    settings: { payout, ...pool },
  }),
  pause: defineCommand({
    name: 'payouts pause',
    summary: 'Let payouts wait, of one asset or all.',
    settings: { asset, ...pool },
  }),
  resume: defineCommand({
    name: 'payouts resume',
    summary: 'Let payouts go on, also in a token that took a fee or told nothing.',
    settings: { asset, ...pool },
  }),
  rate: defineCommand({
    name: 'payouts rate',
    summary: 'Write a rate down for an exchange whose source the terms call manual.',
    settings: {
      from: { type: text('ASSET'), doc: 'What is owed.', required: true },
      to: { type: text('ASSET'), doc: 'What is paid.', required: true },
      paid: { type: units, doc: 'Base units of what is paid…', required: true },
      owed: {
        type: units,
        doc: '…for so many base units of what is owed.',
        required: true,
      },
      note: { type: text('TEXT'), doc: 'Where the rate is from.', required: true },
      ...pool,
    },
    examples: [
      'tributary payouts rate --from ETH --to USDC --paid 3000000000 --owed 1000000000000000000 --note "Kraken, 14:00 UTC"',
    ],
  }),
  'add-approver': defineCommand({
    name: 'payouts add-approver',
    summary:
      'Give somebody a token to approve with; it counts after 48 hours, but for the first two.',
    settings: {
      name: { type: text('NAME'), doc: 'Who it is.', required: true, positional: 'only' },
      file: {
        type: path('FILE'),
        doc: 'Where the token is written, for its owner alone.',
        required: true,
      },
      ...pool,
    },
  }),
  'remove-approver': defineCommand({
    name: 'payouts remove-approver',
    summary: 'Take an approver away, for good and at once.',
    settings: {
      name: { type: text('NAME'), doc: 'Who it is.', required: true, positional: 'only' },
      ...pool,
    },
  }),
  choose: defineCommand({
    name: 'payouts choose',
    summary: 'Set in what, and from which amount on, a worker is paid.',
    settings: {
      worker,
      asset: { type: text('ASSET'), doc: 'What it is paid in, as the terms name it.' },
      threshold: { type: units, doc: 'The least payout, in base units of that asset.' },
      account: {
        type: text('TEXT'),
        doc: 'For payouts by file: what names an account at the bank.',
      },
      json,
      ...pool,
    },
    check({ asset, threshold, account }) {
      const chosen = [asset, threshold, account].some((one) => one !== undefined);
      return chosen ? undefined : 'Give what is chosen: --asset, --threshold or --account.';
    },
  }),
  address: defineCommand({
    name: 'payouts address',
    summary: 'Move a worker to another address: with both signatures at once, else in 48 hours.',
    settings: {
      worker,
      to: { type: text('0x…'), doc: 'The new address.' },
      message: {
        type: onOff(),
        doc: 'Only print the text that the old and the new address must sign.',
        default: false,
        why: 'Without signatures it is the word of the operator.',
      },
      validUntil: { type: text('TIME'), doc: 'The time in the text that was signed.' },
      oldSignature: { type: text('0x…'), doc: 'Of the old address, over the text.' },
      newSignature: { type: text('0x…'), doc: 'Of the new address, over the text.' },
      stop: {
        type: onOff(),
        doc: 'Stop the change that waits.',
        default: false,
        why: 'A change that nobody stops takes effect.',
      },
      json,
      ...pool,
    },
    check({ to, stop, message, validUntil, oldSignature, newSignature }) {
      const signed = [validUntil, oldSignature, newSignature].filter((one) => one !== undefined);
      if (stop) return to === undefined ? undefined : 'Give --stop or --to, not both.';
      if (to === undefined) return 'Give the new address with --to.';
      if (signed.length === 0 || (signed.length === 3 && !message)) return undefined;
      return '--valid-until, --old-signature and --new-signature go together.';
    },
  }),
  funded: defineCommand({
    name: 'payouts funded',
    summary: 'Book what a transaction of yours brought to the accounts of the pool, once.',
    settings: {
      transaction: {
        type: { ...text('0x…'), allowed: 'the hash of a transaction' },
        doc: 'The hash of the transaction that brought ETH or tokens; it must be final.',
        required: true,
        positional: 'only',
      },
      json,
      ...pool,
    },
  }),
  'deploy-disperse': defineCommand({
    name: 'payouts deploy-disperse',
    summary:
      'Put the batch contract on the chain, unless anybody has: it has one address everywhere.',
    settings: { ...pool },
  }),
} as const;
