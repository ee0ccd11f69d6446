import { defineCommand } from '../../base/command.ts';
import { choice, onOff, text } from '../../base/setting-types.ts';
import { runningPoolSettings } from '../../base/standard-settings.ts';
import {
  account,
  accountOrNone,
  amount,
  amountOrAll,
  id,
  percent,
  serviceUri,
} from './setting-types.ts';

const json = {
  type: onOff(),
  doc: 'Print JSON on standard output, and nothing else there.',
  default: false,
  why: 'People read it more often than programs.',
} as const;

/** What every command has that sends transactions. */
const sending = {
  yes: {
    type: onOff(),
    doc: 'Do it, and wait until it is done.',
    default: false,
    why: 'What is on chain cannot be taken back: it is shown first, and nothing is sent.',
  },
  dryRun: {
    type: onOff(),
    doc: 'Only show what would happen and what it costs; the default without --yes.',
    defaultText: 'on without --yes',
  },
  json,
  ...runningPoolSettings,
} as const;

/** Both at once would leave open what is meant. */
const check = ({ yes, dryRun }: { yes: boolean; dryRun: boolean | undefined }) => {
  if (yes && dryRun) return 'Give --yes to do it or --dry-run to see it, not both.';
  return !yes && dryRun === false ? 'Give --yes to do it.' : undefined;
};

const cuts = {
  rewardCut: {
    type: percent(),
    doc: 'Share of the rewards that you keep before delegators share the rest.',
    required: true,
  },
  feeShare: {
    type: percent(),
    doc: 'Share of the fees that delegators get.',
    required: true,
  },
} as const;

const lock = {
  type: id('LOCK'),
  doc: 'The number of the unbonding lock, as `tributary chain status` shows it.',
  required: true,
  positional: 'too',
} as const;

/** `tributary chain status`. */
export const statusCommand = defineCommand({
  name: 'chain status',
  summary: 'Show how the orchestrator stands on chain, and what needs you.',
  settings: { json, ...runningPoolSettings },
  examples: ['tributary chain status --data-dir ~/pool'],
});

/** `tributary chain proposals`. */
export const proposalsCommand = defineCommand({
  name: 'chain proposals',
  summary: 'Show what can be voted on in the governor of the protocol, and how the vote stands.',
  settings: { json, ...runningPoolSettings },
  examples: ['tributary chain proposals --data-dir ~/pool'],
});

/** The commands that send transactions, by their second word. */
export const actionCommands = {
  register: defineCommand({
    name: 'chain register',
    summary: 'Become an orchestrator: bond LPT, set cuts and address. Goes on where it stopped.',
    settings: {
      bond: {
        type: amount('LPT'),
        doc: 'LPT of your own that shall be bonded in the end.',
        required: true,
      },
      ...cuts,
      serviceUri: {
        type: serviceUri(),
        doc: 'Where gateways reach this pool.',
        required: true,
        aliases: { serviceURI: true },
      },
      ...sending,
    },
    check,
    examples: [
      'tributary chain register --bond 5000 --reward-cut 20 --fee-share 50 --service-uri https://pool.example:8935 --data-dir ~/pool',
    ],
  }),
  'set-service-uri': defineCommand({
    name: 'chain set-service-uri',
    summary: 'Change the address at which gateways find the pool.',
    settings: {
      serviceUri: {
        type: serviceUri(),
        doc: 'Where gateways reach this pool.',
        required: true,
        positional: 'too',
        aliases: { serviceURI: true },
      },
      ...sending,
    },
    check,
  }),
  bond: defineCommand({
    name: 'chain bond',
    summary: 'Bond more LPT to the orchestrator.',
    settings: {
      amount: { type: amount('LPT'), doc: 'LPT to add.', required: true, positional: 'too' },
      ...sending,
    },
    check,
    examples: ['tributary chain bond 250 --data-dir ~/pool', 'tributary chain bond 250 --yes'],
  }),
  unbond: defineCommand({
    name: 'chain unbond',
    summary: 'Take LPT out of the bond; it unlocks after some rounds.',
    settings: {
      amount: {
        type: amountOrAll('LPT'),
        doc: 'LPT to take out; all ends the orchestrator.',
        required: true,
        positional: 'too',
      },
      ...sending,
    },
    check,
  }),
  rebond: defineCommand({
    name: 'chain rebond',
    summary: 'Bond the LPT of an unbonding lock again.',
    settings: { lock, ...sending },
    check,
  }),
  'withdraw-stake': defineCommand({
    name: 'chain withdraw-stake',
    summary: 'Withdraw the LPT of an unbonding lock that has opened.',
    settings: { lock, ...sending },
    check,
  }),
  'set-cuts': defineCommand({
    name: 'chain set-cuts',
    summary: 'Change what you keep of rewards and what delegators get of fees.',
    settings: { ...cuts, ...sending },
    check,
  }),
  reward: defineCommand({
    name: 'chain reward',
    summary: 'Call reward for this round; the pool does so by itself with --reward.',
    settings: sending,
    check,
  }),
  'set-reward-caller': defineCommand({
    name: 'chain set-reward-caller',
    summary: 'Let another account call reward for the orchestrator, whose key can stay away.',
    settings: {
      caller: {
        type: accountOrNone(),
        doc: 'The account; none takes the right back.',
        required: true,
        positional: 'too',
      },
      ...sending,
    },
    check,
  }),
  'init-round': defineCommand({
    name: 'chain init-round',
    summary: 'Initialise this round, if nobody has.',
    settings: sending,
    check,
  }),
  'withdraw-fees': defineCommand({
    name: 'chain withdraw-fees',
    summary: 'Withdraw the ETH that redeemed tickets brought.',
    settings: {
      amount: {
        type: amountOrAll('ETH'),
        doc: 'ETH to withdraw.',
        default: 'all',
        why: 'Each withdrawal costs the same gas, whatever the amount.',
        positional: 'too',
      },
      to: {
        type: account(),
        doc: 'The account that gets them.',
        defaultText: 'the orchestrator itself',
      },
      ...sending,
    },
    check,
  }),
  vote: defineCommand({
    name: 'chain vote',
    summary: 'Vote on a proposal of the governor, or in a poll.',
    settings: {
      proposal: { type: id('ID'), doc: 'The proposal of the governor.' },
      support: { type: choice(['for', 'against', 'abstain']), doc: 'What to vote on it.' },
      reason: {
        type: text(),
        doc: 'Why, for everybody to read on chain.',
        defaultText: 'none is given',
      },
      poll: { type: account(), doc: 'The contract of the poll.' },
      choice: { type: choice(['yes', 'no']), doc: 'What to vote in it.' },
      ...sending,
    },
    check(values) {
      const { proposal, support, poll, choice: chosen } = values;
      const governor = proposal !== undefined && support !== undefined;
      const inPoll = poll !== undefined && chosen !== undefined;
      const clear =
        governor !== inPoll && (governor ? (poll ?? chosen) : (proposal ?? support)) === undefined;
      return clear ? check(values) : 'Give --proposal and --support, or --poll and --choice.';
    },
    examples: [
      'tributary chain vote --proposal 1234 --support for --reason "Needed"',
      'tributary chain vote --poll 0x… --choice yes',
    ],
  }),
  transfer: defineCommand({
    name: 'chain transfer',
    summary: 'Send LPT or ETH of the orchestrator to another account.',
    settings: {
      to: { type: account(), doc: 'The account that gets it.', required: true },
      lpt: { type: amount('LPT'), doc: 'LPT to send.' },
      eth: { type: amount('ETH'), doc: 'ETH to send.' },
      ...sending,
    },
    check(values) {
      const one = (values.lpt === undefined) !== (values.eth === undefined);
      return one ? check(values) : 'Give either --lpt or --eth.';
    },
    examples: ['tributary chain transfer --lpt 10 --to 0x…'],
  }),
} as const;

/** The second words. */
export type ActionWord = keyof typeof actionCommands;
