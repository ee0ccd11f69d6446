import { exactAmount, showPercent } from '../../src/base/amounts.ts';
import type { ChainStatus, Proposal } from './api-views.ts';

/** Something that an owner may do on chain: fields to fill in, then what it does, then a phrase. */
export interface ChainOffer {
  /** As the API calls it. */
  readonly do: string;
  readonly title: string;
  /** What it is good for, in a sentence. */
  readonly note: string;
  /** The same as a command, for whoever has no script. */
  readonly command: string;
  readonly fields: readonly ChainField[];
  /** What the reader need not fill in. */
  readonly fixed?: Readonly<Record<string, string>>;
}

/** How a field is written, and what becomes of it: parts per million, units of 10^-18, or itself. */
export interface ChainField {
  readonly name: string;
  readonly label: string;
  readonly as: 'percent' | 'units' | 'text' | 'choice';
  readonly hint?: string;
  readonly value?: string;
  readonly options?: readonly string[];
  /** What an empty field stands for; left out: it must be filled in. */
  readonly empty?: string;
}

/** What is due in this round; the pool does it by itself, unless its settings say otherwise. */
export function dutyOffers(status: ChainStatus): readonly ChainOffer[] {
  const { active, roundInitialized, lastRewardRound, round } = status;
  return [
    ...(roundInitialized ? [] : [initRound]),
    ...(active && roundInitialized && lastRewardRound !== round ? [callReward] : []),
  ];
}

/** What can be changed as the orchestrator stands. */
export function changeOffers(status: ChainStatus): readonly ChainOffer[] {
  const { registered, rewardCut, feeShare, serviceUri } = status;
  const cuts = cutFields(rewardCut, feeShare);
  const uri: ChainField = {
    name: 'serviceUri',
    label: 'Service URI',
    as: 'text',
    value: serviceUri,
    hint: 'https://, a host and a port',
  };
  if (!registered) {
    const bond = lptField('bond', 'Stake of your own', 'LPT; what is bonded already counts');
    return [{ ...register, fields: [bond, ...cuts, uri] }];
  }
  return [
    { ...setCuts, fields: cuts },
    { ...setUri, fields: [uri] },
    ...stakeOffers(status),
    ...(BigInt(status.pendingFees) > 0n ? [withdrawFees] : []),
    vote,
    votePoll,
  ];
}

function stakeOffers({ unbondingLocks, round }: ChainStatus): readonly ChainOffer[] {
  return [
    bondMore,
    unbond,
    ...unbondingLocks.flatMap(({ id, amount, withdrawRound }) => {
      const what = `${exactAmount(BigInt(amount))} LPT of lock ${id}`;
      const isOpen = BigInt(withdrawRound) <= BigInt(round);
      const again: ChainOffer = {
        do: 'rebond',
        title: `Bond the ${what} again`,
        note: 'It counts as stake again, and the lock is gone.',
        command: `rebond ${id}`,
        fields: [],
        fixed: { lock: id },
      };
      const out: ChainOffer = {
        ...again,
        do: 'withdraw-stake',
        title: `Withdraw the ${what}`,
        note: 'It comes to the account of the orchestrator.',
        command: `withdraw-stake ${id}`,
      };
      return isOpen ? [out, again] : [again];
    }),
  ];
}

function cutFields(rewardCut: string, feeShare: string): readonly ChainField[] {
  const percent = (ppm: string) => showPercent(BigInt(ppm)).replace(' %', '');
  return [
    {
      name: 'rewardCut',
      label: 'Kept of rewards, in %',
      as: 'percent',
      value: percent(rewardCut),
      hint: 'The reward cut',
    },
    {
      name: 'feeShare',
      label: 'Given of fees, in %',
      as: 'percent',
      value: percent(feeShare),
      hint: 'The fee share of delegators',
    },
  ];
}

function lptField(name: string, label: string, hint: string): ChainField {
  return { name, label, as: 'units', hint };
}

const initRound: ChainOffer = {
  do: 'init-round',
  title: 'Initialise the round',
  note: 'Anybody may; nothing else works on chain before it is done.',
  command: 'init-round',
  fields: [],
};
const callReward: ChainOffer = {
  do: 'reward',
  title: 'Call the reward of this round',
  note: 'New LPT for you and your delegators. Not called in its round, it is lost.',
  command: 'reward',
  fields: [],
};
const register = {
  do: 'register',
  title: 'Register the orchestrator',
  note: 'Bonds stake, sets cuts and service URI; gateways find the pool from the next round on.',
  command: 'register',
} as const;
const setCuts = {
  do: 'set-cuts',
  title: 'Change the cuts',
  note: 'What delegators get of rewards and fees. They see the change.',
  command: 'set-cuts --reward-cut PERCENT --fee-share PERCENT',
} as const;
const setUri = {
  do: 'set-service-uri',
  title: 'Change the service URI',
  note: 'Where gateways find this pool.',
  command: 'set-service-uri URL',
} as const;
const bondMore: ChainOffer = {
  do: 'bond',
  title: 'Bond more LPT',
  note: 'A larger stake means a better place in the active set and larger rewards.',
  command: 'bond AMOUNT',
  fields: [lptField('amount', 'How much', 'LPT')],
};
const unbond: ChainOffer = {
  do: 'unbond',
  title: 'Unbond LPT',
  note: 'It stops counting as stake at once, and can be withdrawn some rounds later.',
  command: 'unbond AMOUNT',
  fields: [{ ...lptField('amount', 'How much', 'LPT; empty: all of your own'), empty: 'all' }],
};
const withdrawFees: ChainOffer = {
  do: 'withdraw-fees',
  title: 'Withdraw fees',
  note: 'What redeemed tickets brought, to the account of the orchestrator.',
  command: 'withdraw-fees',
  fields: [{ ...lptField('amount', 'How much', 'ETH; empty: all of it'), empty: 'all' }],
};
/** Voting on a proposal that is listed: its number need not be typed. */
export function voteOn({ id, title }: Pick<Proposal, 'id' | 'title'>): ChainOffer {
  return {
    ...vote,
    title: `Vote on “${title}”`,
    command: `vote --proposal ${id} --support for`,
    fields: vote.fields.filter(({ name }) => name !== 'proposal'),
    fixed: { proposal: id },
  };
}

const vote: ChainOffer = {
  do: 'vote',
  title: 'Vote on a proposal of the governor by its number',
  note: 'Counts with your stake, less what your delegators vote themselves. It cannot be changed.',
  command: 'vote --proposal ID --support for',
  fields: [
    { name: 'proposal', label: 'Proposal', as: 'text', hint: 'Its number, as its page shows it' },
    { name: 'support', label: 'Vote', as: 'choice', options: ['for', 'against', 'abstain'] },
    {
      name: 'reason',
      label: 'Why',
      as: 'text',
      hint: 'Stays on chain for ever; may be empty',
      empty: '',
    },
  ],
};
const votePoll: ChainOffer = {
  do: 'vote-poll',
  title: 'Vote in a poll',
  note: 'Counts with the stake that you have when the poll ends.',
  command: 'vote --poll ADDRESS --choice yes',
  fields: [
    { name: 'poll', label: 'Poll', as: 'text', hint: 'The address of its contract' },
    { name: 'choice', label: 'Vote', as: 'choice', options: ['yes', 'no'] },
  ],
};
