import { type Address, isAddress, isAddressEqual, zeroAddress } from 'viem';
import type { ChainAction } from './action-types.ts';
import {
  bondingCall,
  bondingOpen,
  type Call,
  type Draft,
  drafted,
  eth,
  GAS,
  lpt,
  refuse,
  rewardFirst,
} from './plan-types.ts';
import { withStake } from './pool-position.ts';
import type { Standing } from './standing.ts';

type Of<Do extends ChainAction['do']> = Extract<ChainAction, { do: Do }>;

/**
 * protocol: BondingManager.rewardWithHint, rewardForTranscoderWithHint. `caller`: by which key of
 * ours; undefined when neither the orchestrator's nor that of its reward caller is here.
 */
export function planReward(
  standing: Standing,
  caller: 'orchestrator' | 'reward_caller' | undefined,
): Draft {
  const shut = bondingOpen(standing);
  if (shut) return shut;
  if (!standing.active) {
    return refuse('chain_not_active', `The orchestrator is not active in round ${standing.round}.`);
  }
  if (standing.lastRewardRound >= standing.round) {
    return refuse(
      'chain_reward_called',
      `The reward of round ${standing.round} is called already.`,
    );
  }
  const stake = standing.totalStake + standing.reward;
  return drafted([rewardCall(standing, caller ?? 'orchestrator')], {
    effects: [
      `About ${lpt(standing.reward)} are added to the stake, which becomes ${lpt(stake)}.`,
      'Your delegators share it by your reward cut.',
    ],
  });
}

/** The call with its hint, by one of two keys. */
export function rewardCall(standing: Standing, caller: 'orchestrator' | 'reward_caller'): Call {
  const { orchestrator, pool, totalStake, reward, round } = standing;
  const { hint } = withStake(pool, orchestrator, totalStake + reward);
  const title = `Call reward for round ${round}`;
  if (caller === 'orchestrator') return bondingCall(title, 'rewardWithHint', hint, GAS.reward);
  const args = [orchestrator, ...hint];
  const call = bondingCall(title, 'rewardForTranscoderWithHint', args, GAS.reward);
  return { ...call, from: 'reward_caller' };
}

/** protocol: BondingManager.setRewardCaller (LIP-118). */
export function planSetRewardCaller(
  { caller }: Of<'set-reward-caller'>,
  standing: Standing,
): Draft {
  if (standing.paused) return refuse('chain_paused', 'The protocol is paused.');
  if (standing.rewardCaller === undefined) {
    return refuse('chain_unsupported', 'This BondingManager knows no reward callers.');
  }
  const wanted = caller === 'none' ? zeroAddress : caller;
  if (!isAddress(wanted)) return refuse('chain_address_invalid', 'That is not an address.');
  if (isAddressEqual(wanted, standing.rewardCaller)) {
    return refuse('chain_nothing_to_do', 'It is so already.');
  }
  const title = caller === 'none' ? 'Take the reward caller back' : `Let ${caller} call reward`;
  return drafted([bondingCall(title, 'setRewardCaller', [wanted], GAS.setRewardCaller)], {
    effects:
      caller === 'none'
        ? ['Only the account itself calls reward then.']
        : ['It may call reward for you in each round, and nothing else.'],
  });
}

/** protocol: RoundsManager.initializeRound. */
export function planInitRound(standing: Standing): Draft {
  if (standing.paused) return refuse('chain_paused', 'The protocol is paused.');
  if (standing.roundInitialized) {
    return refuse('chain_round_initialized', `Round ${standing.round} is initialised already.`);
  }
  return drafted([initRoundCall(standing.round)], {
    effects: [`Round ${standing.round} begins for everybody: rewards, bonds and redemptions work.`],
    warnings: ['Somebody else may be faster; then this one fails and costs some of its gas.'],
  });
}

/** The call, by whichever account of ours. */
export function initRoundCall(round: bigint): Call {
  return {
    contract: 'roundsManager',
    title: `Initialise round ${round}`,
    method: 'initializeRound',
    args: [],
    value: 0n,
    from: 'anybody',
    gas: GAS.initializeRound,
  };
}

/** protocol: BondingManager.withdrawFees. */
export function planWithdrawFees(action: Of<'withdraw-fees'>, standing: Standing): Draft {
  const shut = bondingOpen(standing);
  if (shut) return shut;
  const to = action.to ?? standing.orchestrator;
  if (!isAddress(to) || isAddressEqual(to, zeroAddress)) {
    return refuse('chain_address_invalid', 'Fees cannot go there.');
  }
  const { pendingFees } = standing;
  const amount = action.amount === 'all' ? pendingFees : action.amount;
  if (pendingFees === 0n) return refuse('chain_amount_wrong', 'There are no fees to withdraw.');
  if (amount <= 0n || amount > pendingFees) {
    const text = `There are ${eth(pendingFees)} of fees; withdraw more than nothing and no more than that.`;
    return refuse('chain_amount_wrong', text);
  }
  const away = !isAddressEqual(to, standing.orchestrator);
  return drafted([withdrawFeesCall(to, amount)], {
    effects: [
      `${eth(amount)} of fees come to ${away ? to : 'the account of the orchestrator'}; ${eth(pendingFees - amount)} stay.`,
    ],
    warnings: [
      ...(away ? [`${to} is another account: nobody can take this back.`] : []),
      ...rewardFirst(standing),
    ],
  });
}

/** The call; the recipient must be able to take ETH with 2,300 gas. */
export function withdrawFeesCall(to: Address, amount: bigint): Call {
  const title = `Withdraw ${eth(amount)} of fees to ${to}`;
  return bondingCall(title, 'withdrawFees', [to, amount], GAS.withdrawFees);
}

/** How a proposal of the governor stands. protocol: LivepeerGovernor.state. */
export interface ProposalFacts {
  /** Undefined: there is none of that id. */
  readonly state: number | undefined;
  readonly hasVoted: boolean;
  /** LPT that the vote counts for; undefined while that is not fixed. */
  readonly power: bigint | undefined;
}
const ACTIVE = 1;
const STATES = [
  'has not begun',
  'is open',
  'was cancelled',
  'was rejected',
  'was accepted',
  'is queued',
  'has lapsed',
  'was carried out',
];
/** protocol: LivepeerGovernor, GovernorCountingOverridable: VoteType. */
const SUPPORT = { against: 0, for: 1, abstain: 2 } as const;

/** protocol: LivepeerGovernor.castVoteWithReason. */
export function planVote(action: Of<'vote'>, facts: ProposalFacts | undefined): Draft {
  if (!facts) return refuse('chain_unsupported', 'This network has no governor.');
  if (facts.state === undefined) {
    return refuse('chain_vote_closed', 'The governor knows no proposal of that id.');
  }
  if (facts.state !== ACTIVE) {
    return refuse('chain_vote_closed', `Its vote ${STATES[facts.state] ?? 'is over'}.`);
  }
  if (facts.hasVoted) return refuse('chain_nothing_to_do', 'This account has voted on it.');
  const { proposal, support, reason } = action;
  const power = facts.power ?? 0n;
  return drafted(
    [
      {
        contract: 'governor',
        title: `Vote ${support === 'abstain' ? 'to abstain' : support} on proposal ${proposal}`,
        method: 'castVoteWithReason',
        args: [proposal, SUPPORT[support], reason],
        value: 0n,
        from: 'orchestrator',
        gas: GAS.vote,
      },
    ],
    {
      effects: [`It counts for ${lpt(power)}, less what your delegators vote themselves.`],
      warnings: [
        'A vote cannot be changed.',
        ...(power === 0n ? ['It counts for nothing: there was no stake when the vote began.'] : []),
      ],
    },
  );
}

/** When a poll ends; undefined where there is none. protocol: Poll.endBlock. */
export function planVotePoll(
  { poll, choice }: Of<'vote-poll'>,
  facts: { readonly endBlock: bigint; readonly l1Block: bigint } | undefined,
): Draft {
  if (!facts) return refuse('chain_address_invalid', 'There is no poll at that address.');
  if (facts.l1Block > facts.endBlock) {
    return refuse('chain_vote_closed', `The poll ended with block ${facts.endBlock}.`);
  }
  return drafted(
    [
      {
        contract: 'poll',
        at: poll,
        title: `Vote ${choice} in the poll at ${poll}`,
        method: 'vote',
        args: [choice === 'yes' ? 0n : 1n],
        value: 0n,
        from: 'orchestrator',
        gas: GAS.vote,
      },
    ],
    {
      effects: [
        `It counts with the stake that you have when the poll ends, after block ${facts.endBlock}.`,
      ],
    },
  );
}

/** LPT or ETH to another account. */
export function planTransfer({ asset, amount, to }: Of<'transfer'>, standing: Standing): Draft {
  if (!isAddress(to) || isAddressEqual(to, zeroAddress)) {
    return refuse('chain_address_invalid', 'Nothing can be sent there.');
  }
  if (isAddressEqual(to, standing.orchestrator)) {
    return refuse('chain_address_invalid', 'That is the account itself.');
  }
  const show = asset === 'LPT' ? lpt : eth;
  const balance = asset === 'LPT' ? standing.balanceLpt : standing.balanceWei;
  if (amount <= 0n) return refuse('chain_amount_wrong', 'Send more than nothing.');
  if (amount > balance) {
    return refuse(
      'chain_funds_short',
      `The account ${standing.orchestrator} holds ${show(balance)}, and ${show(amount)} are wanted.`,
    );
  }
  const common = {
    title: `Send ${show(amount)} to ${to}`,
    from: 'orchestrator',
    gas: GAS.transfer,
  } as const;
  const call: Call =
    asset === 'LPT'
      ? { ...common, contract: 'token', method: 'transfer', args: [to, amount], value: 0n }
      : { ...common, contract: 'account', at: to, method: '', args: [], value: amount };
  return drafted([call], {
    ...(asset === 'LPT' ? { movesLpt: amount } : { movesWei: amount }),
    effects: [`The account keeps ${show(balance - amount)}${asset === 'LPT' ? '' : ', less gas'}.`],
    warnings: [
      'Nobody can take a transfer back: compare the address to its last digit.',
      'The signer sends only to accounts that its setting --transfer-to names.',
    ],
  });
}
