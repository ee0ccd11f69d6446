import type { ChainAction } from './action-types.ts';
import {
  bondingCall,
  bondingOpen,
  type Call,
  type Draft,
  drafted,
  GAS,
  lpt,
  type Refused,
  refuse,
  rewardFirst,
} from './plan-types.ts';
import { NO_HINT, type PoolChange, placeOf, withStake } from './pool-position.ts';
import type { Standing } from './standing.ts';

type Of<Do extends ChainAction['do']> = Extract<ChainAction, { do: Do }>;

/** More LPT on an orchestrator that is registered. protocol: BondingManager.bondWithHint. */
export function planBond({ amount }: Of<'bond'>, standing: Standing): Draft {
  const shut = bondingOpen(standing) ?? payable(amount, standing);
  if (shut) return shut;
  if (!standing.registered) {
    return refuse('chain_not_registered', 'This account is not an orchestrator yet.');
  }
  const stake = standing.totalStake + amount;
  return drafted(bondCalls(amount, standing), {
    movesLpt: amount,
    effects: [`Your stake grows by ${lpt(amount)} to ${lpt(stake)}.`, placeText(standing, stake)],
    warnings: rewardFirst(standing),
  });
}

/** The calls that bond, with the allowance before them where it is too small. */
export function bondCalls(amount: bigint, standing: Standing): readonly Call[] {
  const self = standing.orchestrator;
  const [previous, next] = withStake(standing.pool, self, standing.totalStake + amount).hint;
  // No hints for the old delegate: its stake changes only when the bond moves, which costs gas then.
  const bond = bondingCall(
    `Bond ${lpt(amount)} to this orchestrator`,
    'bondWithHint',
    [amount, self, ...NO_HINT, previous, next],
    GAS.bond,
  );
  return standing.allowance >= amount ? [bond] : [approveCall(amount, standing), bond];
}

function approveCall(amount: bigint, { bondingManager }: Standing): Call {
  return {
    contract: 'token',
    title: `Let BondingManager take ${lpt(amount)}`,
    method: 'approve',
    // Only what the next call takes.
    args: [bondingManager, amount],
    value: 0n,
    from: 'orchestrator',
    gas: GAS.approve,
  };
}

/** Whether the account has these LPT to bond. */
export function payable(
  amount: bigint,
  { balanceLpt, orchestrator }: Standing,
): Refused | undefined {
  if (amount <= 0n) return refuse('chain_amount_wrong', 'Bond more than nothing.');
  if (amount <= balanceLpt) return undefined;
  const text = `The account ${orchestrator} holds ${lpt(balanceLpt)}, and ${lpt(amount)} are wanted.`;
  return refuse('chain_funds_short', text);
}

/** protocol: BondingManager.unbondWithHint. */
export function planUnbond({ amount: asked }: Of<'unbond'>, standing: Standing): Draft {
  const shut = bondingOpen(standing);
  if (shut) return shut;
  if (standing.bonding === 'unbonded') {
    return refuse('chain_not_registered', 'Nothing is bonded by this account.');
  }
  if (standing.bonding === 'pending') {
    const text = `The bond counts from round ${standing.round + 1n} on, and can be undone from then.`;
    return refuse('chain_stake_pending', text);
  }
  const amount = asked === 'all' ? standing.ownStake : asked;
  if (amount <= 0n || amount > standing.ownStake) {
    const text = `You have bonded ${lpt(standing.ownStake)} yourself; unbond more than nothing and no more than that.`;
    return refuse('chain_amount_wrong', text);
  }
  const whole = amount === standing.ownStake;
  const stake = standing.totalStake - amount;
  const change = withStake(standing.pool, standing.orchestrator, whole ? 0n : stake);
  const isIn = placeOf(standing.pool, standing.orchestrator) !== undefined;
  const hint = isIn ? change.hint : NO_HINT;
  const withdrawRound = standing.round + standing.unbondingPeriod;
  return drafted(
    [bondingCall(`Unbond ${lpt(amount)}`, 'unbondWithHint', [amount, ...hint], GAS.unbond)],
    {
      effects: [
        `${lpt(amount)} can be withdrawn from round ${withdrawRound} on, with \`tributary chain withdraw-stake\`; until then \`rebond\` takes it back.`,
        whole ? 'Nothing of your own stays bonded.' : `Your stake falls to ${lpt(stake)}.`,
      ],
      warnings: [
        `It takes ${standing.unbondingPeriod} rounds to unlock, and earns nothing meanwhile.`,
        ...(whole ? [leavingText(standing)] : lowText(change)),
        ...rewardFirst(standing),
      ],
    },
  );
}

/** protocol: BondingManager.rebondWithHint, rebondFromUnbondedWithHint. */
export function planRebond({ lock: id }: Of<'rebond'>, standing: Standing): Draft {
  const shut = bondingOpen(standing);
  if (shut) return shut;
  const lock = standing.locks.find((known) => known.id === id);
  if (!lock) return unknownLock(id, standing);
  const stake = standing.totalStake + lock.amount;
  const hint = withStake(standing.pool, standing.orchestrator, stake).hint;
  const title = `Bond the ${lpt(lock.amount)} of unbonding lock ${id} again`;
  const self = standing.orchestrator;
  const call =
    standing.bonding === 'unbonded'
      ? bondingCall(title, 'rebondFromUnbondedWithHint', [self, id, ...hint], GAS.rebond)
      : bondingCall(title, 'rebondWithHint', [id, ...hint], GAS.rebond);
  return drafted([call], {
    effects: [
      `Your stake grows by ${lpt(lock.amount)} to ${lpt(stake)}; the lock is gone.`,
      placeText(standing, stake),
    ],
    warnings: rewardFirst(standing),
  });
}

/** protocol: BondingManager.withdrawStake. */
export function planWithdrawStake({ lock: id }: Of<'withdraw-stake'>, standing: Standing): Draft {
  const shut = bondingOpen(standing);
  if (shut) return shut;
  const lock = standing.locks.find((known) => known.id === id);
  if (!lock) return unknownLock(id, standing);
  if (lock.withdrawRound > standing.round) {
    const text = `Unbonding lock ${id} opens in round ${lock.withdrawRound}; this is round ${standing.round}.`;
    return refuse('chain_lock_waiting', text);
  }
  const title = `Withdraw the ${lpt(lock.amount)} of unbonding lock ${id}`;
  return drafted([bondingCall(title, 'withdrawStake', [id], GAS.withdrawStake)], {
    effects: [`${lpt(lock.amount)} come to the account of the orchestrator; the lock is gone.`],
  });
}

/** Where an orchestrator with this stake stands from the next round on. */
export function placeText(standing: Standing, stake: bigint): string {
  const { place, pool } = withStake(standing.pool, standing.orchestrator, stake);
  const next = standing.round + 1n;
  if (place === undefined) {
    const least = standing.pool.members.at(-1)?.stake ?? 0n;
    return `It stays outside the active set, which is full: that takes more than ${lpt(least)}.`;
  }
  const was = placeOf(standing.pool, standing.orchestrator) !== undefined;
  const from = was ? '' : `Active from round ${next} on: `;
  const text = `place ${place + 1} of ${pool.members.length} in the active set, which holds ${pool.sizeMax}.`;
  return was ? `P${text.slice(1)}` : from + text;
}

function lowText({ place, pool }: PoolChange): readonly string[] {
  if (place === undefined || place < pool.members.length - 1) return [];
  if (pool.members.length < pool.sizeMax) return [];
  return [
    'You become the last in the active set, which is full: the next who bonds more drops you out of it.',
  ];
}

function leavingText(standing: Standing): string {
  const others = standing.totalStake - standing.ownStake;
  const theirs = others > 0n ? ` The ${lpt(others)} of your delegators stop earning.` : '';
  return `It drops you out of the active set at the end of round ${standing.round}, and gateways stop sending work.${theirs}`;
}

function unknownLock(id: bigint, { locks }: Standing): Refused {
  const known = locks.map((lock) => `${lock.id} (${lpt(lock.amount)})`).join(', ');
  const there = known ? `There are: ${known}.` : 'There is none.';
  return refuse('chain_lock_unknown', `There is no unbonding lock ${id}. ${there}`);
}
