import { defineCommand } from '../../base/command.ts';
import { choice, listOf, onOff, path, read, text, url } from '../../base/setting-types.ts';
import { jsonSetting as json, runningPoolSettings } from '../../base/standard-settings.ts';
import { disputeOutcomes } from '../../proofs/dispute-log.ts';

/** The running pool of an operator, or with a credential the public address of somebody's pool. */
const pool = {
  ...runningPoolSettings,
  pool: {
    type: url(['https:', 'http:'], 'URL'),
    doc: 'For a worker: the public address of its pool.',
  },
  credential: {
    type: path('FILE'),
    doc: 'For a worker: the file with its credential, or with the line that it joined with.',
  },
} as const;

const dispute = {
  type: { ...text('DISPUTE'), allowed: 'the id of a dispute' },
  doc: 'The id of the dispute, as `tributary disputes list` shows it.',
  required: true,
  positional: 'only',
} as const;
const said = {
  text: {
    type: text('TEXT'),
    doc: 'What you have to say, in plain text of up to 2,000 characters.',
    required: true,
  },
  evidence: {
    type: listOf({ ...text('ID'), allowed: 'ids of evidence' }),
    doc: 'Receipt hashes, evidence ids or ids of lines.',
    default: [] as readonly string[],
    why: 'A line names its evidence itself.',
  },
} as const;
const sum = {
  amount: {
    type: { ...text('UNITS'), allowed: 'a whole number of base units' },
    doc: 'How much, in base units: wei for ETH.',
    defaultText: 'all that the line took, or that was claimed',
  },
  asset: {
    type: text('ASSET'),
    doc: 'The asset of the amount, as the terms name it.',
    default: 'ETH',
    why: 'most of what is disputed is in ETH.',
  },
} as const;

/** The commands below `tributary disputes`, by their word. */
export const disputesCommands = {
  open: defineCommand({
    name: 'disputes open',
    summary: 'Dispute a line of a statement, a penalty, or a receipt that never came.',
    settings: {
      about: {
        type: { ...text('LINE'), allowed: 'the id of a line' },
        doc: 'epoch-3/abcdefghij/2 (its second line), the evidence of a line, or epoch-3/abcdefghij/receipt/REFERENCE.',
        required: true,
        positional: 'only',
      },
      ...said,
      ...sum,
      json,
      ...pool,
    },
    examples: [
      'tributary disputes open epoch-3/abcdefghij/4 --text "It was not offline." --pool https://pool.example --credential ~/rig-1.credential',
    ],
  }),
  list: defineCommand({
    name: 'disputes list',
    summary: 'List disputes, the newest first.',
    settings: {
      all: {
        type: onOff(),
        doc: 'Those that are over, too.',
        default: false,
        why: 'What waits for somebody comes first.',
      },
      json,
      ...pool,
    },
  }),
  lines: defineCommand({
    name: 'disputes lines',
    summary: 'Show your lines of a closed epoch with the ids by which they can be disputed.',
    settings: {
      epoch: {
        type: {
          schema: read((given) =>
            /^[1-9]\d{0,17}$/.test(String(given)) ? String(given) : undefined,
          ),
          placeholder: 'N',
          allowed: 'the number of an epoch, from 1',
        },
        doc: 'Which epoch.',
        required: true,
        positional: 'only',
      },
      json,
      ...pool,
    },
    examples: [
      'tributary disputes lines 3 --pool https://pool.example --credential ~/rig-1.credential',
    ],
  }),
  show: defineCommand({
    name: 'disputes show',
    summary: 'Show a dispute and all that was said in it.',
    settings: { dispute, json, ...pool },
  }),
  answer: defineCommand({
    name: 'disputes answer',
    summary: 'Answer a dispute; with a credential, reply in it.',
    settings: { dispute, ...said, json, ...pool },
  }),
  decide: defineCommand({
    name: 'disputes decide',
    summary: 'Decide a dispute, for good; what is awarded is paid with the next epoch.',
    settings: {
      dispute,
      outcome: {
        type: choice(disputeOutcomes),
        doc: 'Upheld gives all that was claimed, partly less, refused nothing.',
        required: true,
      },
      ...said,
      ...sum,
      json,
      ...runningPoolSettings,
    },
    examples: [
      'tributary disputes decide abcdefghijklmnop --outcome upheld --text "Our clock was wrong." --data-dir ~/pool',
    ],
  }),
  withdraw: defineCommand({
    name: 'disputes withdraw',
    summary: 'Take a dispute of yours back, for good.',
    settings: { dispute, ...said, json, ...pool },
  }),
  export: defineCommand({
    name: 'disputes export',
    summary: 'Write the public log of disputes: chained, and without names.',
    settings: {
      output: {
        type: path('FILE'),
        doc: 'Where to write it.',
        defaultText: 'standard output',
      },
      ...pool,
    },
  }),
} as const;
