import assert from 'node:assert/strict';
import { test } from 'node:test';
import { getAddress, zeroAddress } from 'viem';
import type { ActionRefusal } from './action-types.ts';
import {
  planReward,
  planSetRewardCaller,
  planTransfer,
  planVote,
  planVotePoll,
} from './plan-money.ts';
import { isServiceUri, planRegister, planSetCuts } from './plan-register.ts';
import { planBond, planRebond, planUnbond } from './plan-stake.ts';
import type { Draft } from './plan-types.ts';
import type { Standing } from './standing.ts';

const LPT = 10n ** 18n;
const at = (digit: string) => getAddress(`0x${digit.repeat(40)}`);
const [SELF, BIG, SMALL, MANAGER] = [at('1'), at('2'), at('3'), at('4')];
const URI = 'https://pool.example:8935';

/** The middle one of a full set of three, in a round whose reward is called. */
const standing: Standing = {
  orchestrator: SELF,
  bondingManager: MANAGER,
  paused: false,
  round: 20n,
  roundInitialized: true,
  roundLocked: false,
  unbondingPeriod: 7n,
  registered: true,
  active: true,
  activationRound: 3n,
  deactivationRound: 2n ** 256n - 1n,
  lastRewardRound: 20n,
  rewardCut: 100_000n,
  feeShare: 500_000n,
  totalStake: 150n * LPT,
  ownStake: 100n * LPT,
  pendingFees: 0n,
  delegate: SELF,
  bonding: 'bonded',
  locks: [{ id: 4n, amount: 60n * LPT, withdrawRound: 21n }],
  serviceUri: URI,
  balanceLpt: 500n * LPT,
  balanceWei: LPT,
  allowance: 0n,
  pool: {
    members: [
      { address: BIG, stake: 200n * LPT },
      { address: SELF, stake: 150n * LPT },
      { address: SMALL, stake: 120n * LPT },
    ],
    sizeMax: 3,
  },
  reward: 2n * LPT,
  rewardCaller: zeroAddress,
  gasPrice: 1n,
};
const fresh: Standing = {
  ...standing,
  registered: false,
  active: false,
  totalStake: 0n,
  ownStake: 0n,
  rewardCut: 0n,
  feeShare: 0n,
  delegate: zeroAddress,
  bonding: 'unbonded',
  serviceUri: '',
  pool: {
    members: [
      { address: BIG, stake: 200n * LPT },
      { address: SMALL, stake: 120n * LPT },
    ],
    sizeMax: 2,
  },
};

const vote = { do: 'vote', proposal: 5n, support: 'for', reason: '' } as const;
const poll = { do: 'vote-poll', poll: BIG, choice: 'yes' } as const;

function calls(draft: Draft): readonly string[] {
  assert.ok(draft.ok, draft.ok ? '' : draft.text);
  return draft.calls.map(({ method }) => method);
}

function reasonOf(draft: Draft): ActionRefusal {
  assert.ok(!draft.ok);
  return draft.reason;
}

function says(draft: Draft, text: RegExp): void {
  assert.ok(draft.ok);
  assert.match([...draft.effects, ...draft.warnings].join('\n'), text);
}

test('stake that moves carries the hint of where it will stand', () => {
  const bond = planBond({ do: 'bond', amount: 60n * LPT }, standing);
  assert.ok(bond.ok);
  assert.deepEqual(calls(bond), ['approve', 'bondWithHint']);
  assert.deepEqual(bond.calls[0]?.args, [MANAGER, 60n * LPT]);
  assert.deepEqual(bond.calls[1]?.args.slice(-2), [zeroAddress, BIG]);
  says(bond, /[Pp]lace 1 of 3/);
  const allowed = planBond(
    { do: 'bond', amount: 60n * LPT },
    { ...standing, allowance: 60n * LPT },
  );
  assert.deepEqual(calls(allowed), ['bondWithHint']);

  const unbond = planUnbond({ do: 'unbond', amount: 40n * LPT }, standing);
  assert.ok(unbond.ok);
  assert.deepEqual(unbond.calls[0]?.args, [40n * LPT, SMALL, zeroAddress]);
  says(unbond, /from round 27 on/);
  says(unbond, /takes 7 rounds to unlock/);
  says(unbond, /the last in the active set, which is full/);

  const rebond = planRebond({ do: 'rebond', lock: 4n }, standing);
  assert.ok(rebond.ok);
  assert.deepEqual(
    [rebond.calls[0]?.method, rebond.calls[0]?.args],
    ['rebondWithHint', [4n, zeroAddress, BIG]],
  );
  const back = planRebond(
    { do: 'rebond', lock: 4n },
    { ...fresh, pool: { members: [], sizeMax: 3 } },
  );
  assert.deepEqual(calls(back), ['rebondFromUnbondedWithHint']);
});

test('leaving says what it does to the orchestrator and to its delegators', () => {
  const all = planUnbond({ do: 'unbond', amount: 'all' }, standing);
  says(all, /drops you out of the active set at the end of round 20/);
  says(all, /The 50 LPT of your delegators stop earning/);
});

test('registering does what is missing, and says when that is not enough', () => {
  const register = (bond: bigint, at: Standing) => {
    const cuts = { rewardCut: 100_000n, feeShare: 500_000n };
    return planRegister({ do: 'register', bond, ...cuts, serviceUri: URI }, at);
  };
  const whole = ['approve', 'bondWithHint', 'transcoderWithHint', 'setServiceURI'];
  assert.deepEqual(calls(register(130n * LPT, fresh)), whole);
  says(register(130n * LPT, fresh), /Active from round 21 on: place 2 of 2/);
  const little = register(120n * LPT, fresh);
  says(little, /outside the active set, which is full: that takes more than 120 LPT/);
  says(little, /registered but not active/);

  assert.equal(reasonOf(register(100n * LPT, standing)), 'chain_nothing_to_do');
  assert.deepEqual(calls(register(101n * LPT, standing)), ['approve', 'bondWithHint']);
  const moved = register(100n * LPT, { ...fresh, ownStake: 100n * LPT, delegate: BIG });
  assert.deepEqual(calls(moved), ['bondWithHint', 'transcoderWithHint', 'setServiceURI']);
});

test('what cannot be done has its own reason', () => {
  const cuts = { do: 'set-cuts', rewardCut: 1n, feeShare: 1n } as const;
  const early = { ...standing, lastRewardRound: 19n };
  const register = {
    do: 'register',
    bond: LPT,
    rewardCut: 1n,
    feeShare: 1n,
    serviceUri: URI,
  } as const;
  const rows: readonly (readonly [Draft, ActionRefusal])[] = [
    [planSetCuts(cuts, { ...standing, roundLocked: true }), 'chain_round_locked'],
    [planSetCuts(cuts, early), 'chain_reward_first'],
    [planSetCuts({ ...cuts, rewardCut: 1_000_001n }, standing), 'chain_amount_wrong'],
    [planRegister({ ...register, bond: 0n }, fresh), 'chain_amount_wrong'],
    [planRegister({ ...register, bond: 501n * LPT }, fresh), 'chain_funds_short'],
    [planRegister({ ...register, serviceUri: 'http://x' }, fresh), 'chain_service_uri_invalid'],
    [planRegister(register, { ...fresh, roundLocked: true }), 'chain_round_locked'],
    [planRegister(register, { ...fresh, paused: true }), 'chain_paused'],
    [planReward({ ...standing, active: false }, 'orchestrator'), 'chain_not_active'],
    [planReward(standing, 'orchestrator'), 'chain_reward_called'],
    [planVote(vote, undefined), 'chain_unsupported'],
    [planVote(vote, { state: 3, hasVoted: false, power: 1n }), 'chain_vote_closed'],
    [planVotePoll(poll, { endBlock: 5n, l1Block: 6n }), 'chain_vote_closed'],
    [
      planSetRewardCaller(
        { do: 'set-reward-caller', caller: BIG },
        { ...standing, rewardCaller: undefined },
      ),
      'chain_unsupported',
    ],
    [
      planSetRewardCaller({ do: 'set-reward-caller', caller: 'none' }, standing),
      'chain_nothing_to_do',
    ],
    [
      planTransfer({ do: 'transfer', asset: 'LPT', amount: 1n, to: zeroAddress }, standing),
      'chain_address_invalid',
    ],
    [
      planTransfer({ do: 'transfer', asset: 'ETH', amount: LPT + 1n, to: BIG }, standing),
      'chain_funds_short',
    ],
  ];
  for (const [draft, reason] of rows) assert.equal(reasonOf(draft), reason);
  says(planBond({ do: 'bond', amount: LPT }, early), /would be lost/);
});

test('a reward carries its hint, by the orchestrator or by its caller', () => {
  const early = { ...standing, lastRewardRound: 19n };
  const own = planReward(early, 'orchestrator');
  assert.ok(own.ok);
  assert.deepEqual([own.calls[0]?.method, own.calls[0]?.args], ['rewardWithHint', [BIG, SMALL]]);
  says(own, /2 LPT are added to the stake, which becomes 152 LPT/);
  const caller = planReward(early, 'reward_caller');
  assert.ok(caller.ok);
  assert.deepEqual(caller.calls[0]?.args, [SELF, BIG, SMALL]);
  assert.equal(caller.calls[0]?.method, 'rewardForTranscoderWithHint');
});

test('votes are numbered as the contracts number them', () => {
  const open = { state: 1, hasVoted: false, power: LPT };
  const numbers = (['against', 'for', 'abstain'] as const).map((support) => {
    const draft = planVote({ ...vote, support }, open);
    return draft.ok && draft.calls[0]?.args[1];
  });
  assert.deepEqual(numbers, [0, 1, 2]);
  says(planVote(vote, { ...open, power: 0n }), /counts for nothing/);
  const choices = (['yes', 'no'] as const).map((choice) => {
    const draft = planVotePoll({ ...poll, choice }, { endBlock: 6n, l1Block: 6n });
    return draft.ok && draft.calls[0]?.args[0];
  });
  assert.deepEqual(choices, [0n, 1n]);
});

test('a service URI is an https origin as browsers write it', () => {
  for (const uri of [URI, 'https://10.0.0.1:8935', 'https://pool.example'])
    assert.ok(isServiceUri(uri));
  const wrong = ['', 'pool.example:8935', 'http://pool.example', `${URI}/`, `${URI}/a`, `${URI}?a`];
  for (const uri of [...wrong, 'https://u:p@pool.example', `https://${'a'.repeat(300)}.example`]) {
    assert.equal(isServiceUri(uri), false, uri);
  }
});
