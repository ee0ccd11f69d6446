import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Instant, instant } from '../base/clock.ts';
import type { ChainView, Registration } from '../chain/view.ts';
import { type AlarmKind, nextAlarms } from './alarms.ts';
import { type AlarmFacts, judgeAlarms } from './judge-alarms.ts';
import type { DutyRules } from './parts.ts';
import { decideReward, type RewardDecision, type RewardTries, retryPauseMs } from './reward.ts';
import { decideRound, type RoundDecision } from './rounds.ts';
import { judgeUri, type UriFinding } from './service-uri.ts';
import type { Standing } from './standing.ts';
import { rewardOf } from './standing.ts';
import { decideWithdrawFees, type FeesDecision } from './withdraw-fees.ts';

const SELF = '0x00000000000000000000000000000000000000aa';
const OTHER = '0x00000000000000000000000000000000000000bb';
const FOR_EVER = 2n ** 256n - 1n;
const NOW = instant(1_000_000);

const recipient: Registration = {
  active: true,
  activationRound: 3n,
  deactivationRound: FOR_EVER,
  lastRewardRound: 9n,
  stake: 100n,
  rewardCut: 0n,
  feeShare: 0n,
  serviceUri: 'https://pool.example:8935',
};

const view: ChainView = {
  block: 1_010n,
  blockHash: '0x00',
  l1Block: 1_010n,
  at: NOW,
  currentRound: 10n,
  roundInitialized: true,
  roundLength: 100n,
  roundStartL1Block: 1_000n,
  lockL1Blocks: 10n,
  round: {
    lastInitialized: 10n,
    blockHash: new Uint8Array(32),
    previousBlockHash: new Uint8Array(32),
  },
  poolSize: 2n,
  gasPrice: 1n,
  baseFeePerGas: 1n,
  paused: false,
  recipient,
};

test('a round is initialised only by who is active in it, and only where that is wanted', () => {
  const open = { ...view, roundInitialized: false };
  const idle = { ...open, recipient: { ...recipient, active: false } };
  const rows: readonly (readonly [Parameters<typeof decideRound>[0], string])[] = [
    [{ view: open, rule: true, canSend: true }, 'initialize'],
    [{ view: open, rule: false, canSend: true }, 'off'],
    [{ view, rule: true, canSend: true }, 'initialized'],
    [{ view: { ...open, paused: true }, rule: true, canSend: true }, 'paused'],
    [{ view: open, rule: true, canSend: false }, 'no_key'],
    [{ view: idle, rule: true, canSend: true }, 'not_worth'],
  ];
  for (const [facts, expected] of rows) assert.equal(wordOf(decideRound(facts)), expected);
});

test('reward is called once in each round, and again after pauses when it failed', () => {
  const tries = (change: Partial<RewardTries> = {}): RewardTries => {
    return { round: 10n, tries: 1, retryAt: NOW, running: false, ...change };
  };
  const rows: readonly (readonly [Partial<Parameters<typeof decideReward>[0]>, string])[] = [
    [{}, 'call 1'],
    [{ rule: false }, 'off'],
    [{ hasKey: false }, 'no_key'],
    [{ view: { ...view, paused: true } }, 'paused'],
    [{ view: { ...view, roundInitialized: false } }, 'round_not_initialized'],
    [{ view: { ...view, recipient: { ...recipient, active: false } } }, 'not_active'],
    [{ view: { ...view, recipient: { ...recipient, lastRewardRound: 10n } } }, 'called'],
    [{ tries: tries({ running: true }) }, 'running'],
    [{ tries: tries({ running: true, round: 9n }) }, 'call 1'],
    [{ tries: tries({ retryAt: instant(NOW + 1) }) }, 'retry_later'],
    [{ tries: tries() }, 'call 2'],
    [{ tries: tries({ tries: 0 }) }, 'call 1'],
    [{ tries: tries({ tries: 8 }) }, 'gave_up'],
    [{ tries: tries({ tries: 8, round: 9n }) }, 'call 1'],
  ];
  for (const [change, expected] of rows) {
    const facts = { view, rule: true, hasKey: true, tries: undefined, now: NOW, ...change };
    const decision = decideReward(facts);
    const word = decision.action === 'call' ? `call ${decision.tryNumber}` : decision.reason;
    assert.equal(word, expected);
  }
  assert.deepEqual([1, 2, 3, 9].map(retryPauseMs), [30_000, 60_000, 120_000, 900_000]);
});

test('fees are withdrawn from the threshold on, and never before the reward of the round', () => {
  const standing = {
    pendingFees: 100n,
    paused: false,
    roundInitialized: true,
    active: true,
    lastRewardRound: 10n,
    round: 10n,
  };
  const rule = { thresholdWei: 100n, recipient: SELF } as const;
  const rows: readonly (readonly [Partial<typeof standing>, string])[] = [
    [{}, 'withdraw'],
    [{ pendingFees: 99n }, 'below_threshold'],
    [{ paused: true }, 'paused'],
    [{ roundInitialized: false }, 'round_not_initialized'],
    [{ lastRewardRound: 9n }, 'reward_first'],
    [{ lastRewardRound: 9n, active: false }, 'withdraw'],
  ];
  for (const [change, expected] of rows) {
    assert.equal(wordOf(decideWithdrawFees({ ...standing, ...change }, rule, true)), expected);
  }
  assert.equal(wordOf(decideWithdrawFees(standing, undefined, true)), 'off');
  assert.equal(wordOf(decideWithdrawFees(standing, rule, false)), 'no_key');
  const nothing = decideWithdrawFees(
    { ...standing, pendingFees: 0n },
    { ...rule, thresholdWei: 0n },
    true,
  );
  assert.equal(wordOf(nothing), 'below_threshold', 'nothing is not withdrawn');
});

test('the registry is compared as addresses are, and one miss is no alarm', () => {
  const at = 'https://pool.example:8935';
  const rows: readonly (readonly [Parameters<typeof judgeUri>[0], UriFinding['is']])[] = [
    [{ registered: undefined, wanted: at, misses: undefined }, 'unknown'],
    [{ registered: '', wanted: at, misses: undefined }, 'none'],
    [{ registered: at, wanted: at, misses: undefined }, 'unknown'],
    [{ registered: at, wanted: `${at}/`, misses: 0 }, 'fine'],
    [{ registered: 'https://POOL.example:8935', wanted: at, misses: 1 }, 'fine'],
    [{ registered: at, wanted: at, misses: 2 }, 'unanswered'],
    [{ registered: 'https://other.example:8935', wanted: at, misses: 0 }, 'differs'],
    [{ registered: at, wanted: undefined, misses: 0 }, 'fine'],
    [{ registered: 'no URL', wanted: at, misses: 0 }, 'differs'],
  ];
  for (const [facts, expected] of rows) assert.equal(judgeUri(facts).is, expected);
});

const rules: DutyRules = {
  reward: true,
  initializeRound: true,
  initializeRoundDelayMsMax: 0,
  withdrawFees: undefined,
  gasMoneyWeiMin: 50n,
  certificateMsMin: 1_000,
};

const standing = {
  orchestrator: SELF,
  registered: true,
  pool: {
    members: [
      { address: SELF, stake: 9n },
      { address: OTHER, stake: 8n },
    ],
    sizeMax: 2,
  },
} as unknown as Standing;

const well: AlarmFacts = {
  now: NOW,
  view: { ...view, recipient: { ...recipient, lastRewardRound: 10n } },
  watchAlarms: [],
  providersAlarm: undefined,
  standing,
  senders: [
    {
      name: 'node',
      address: SELF,
      balanceWei: 50n,
      paused: undefined,
      outOfFunds: false,
      stuck: 0,
    },
  ],
  uri: { is: 'fine' },
  certificateEndsAt: instant(NOW + 1_000),
  rules,
};

test('an alarm about gas names the account that ETH has to be sent to', () => {
  const [sender] = well.senders;
  assert.ok(sender);
  const [short] = judgeAlarms({ ...well, senders: [{ ...sender, balanceWei: 49n }] });
  assert.match(short?.text ?? '', /node \(0x0{38}aA\) has 49 wei/i);
});

test('each alarm is raised by what it is named after, and by nothing else', () => {
  const withRecipient = (change: Partial<Registration>): AlarmFacts => {
    return {
      ...well,
      view: { ...view, recipient: { ...recipient, lastRewardRound: 10n, ...change } },
    };
  };
  const late = { ...view, l1Block: 1_050n };
  const [sender] = well.senders;
  assert.ok(sender);
  const rows: readonly (readonly [AlarmFacts, readonly AlarmKind[]])[] = [
    [well, []],
    [{ ...well, view: undefined }, ['chain_unseen']],
    [{ ...well, watchAlarms: ['rpc_unavailable'] }, ['chain_unseen']],
    [{ ...well, providersAlarm: 'unreachable' }, ['chain_unseen']],
    [{ ...well, watchAlarms: ['blocks_differ'] }, ['providers_disagree']],
    [{ ...well, providersAlarm: 'head_lag' }, ['providers_disagree']],
    [{ ...well, view: { ...view, paused: true } }, ['chain_paused']],
    [{ ...well, senders: [{ ...sender, paused: 'head_lag' }] }, ['journal_paused']],
    [{ ...well, senders: [{ ...sender, stuck: 2 }] }, ['journal_paused']],
    [{ ...well, senders: [{ ...sender, balanceWei: 49n }] }, ['gas_money_short']],
    [{ ...well, senders: [{ ...sender, outOfFunds: true }] }, ['gas_money_short']],
    [{ ...well, standing: { ...standing, registered: false } }, ['not_registered']],
    [withRecipient({ active: false }), ['not_active']],
    [withRecipient({ active: false, activationRound: 11n }), []],
    [withRecipient({ deactivationRound: 11n }), ['activity_ending']],
    [{ ...well, standing: { ...standing, orchestrator: OTHER } }, ['stake_low']],
    [{ ...well, view: late }, ['reward_late']],
    [{ ...well, view: { ...late, l1Block: 1_049n } }, []],
    [{ ...well, view: late, rules: { ...rules, reward: false } }, []],
    [{ ...well, view: { ...view, roundInitialized: false } }, ['round_late']],
    [{ ...well, view: { ...view, roundInitialized: false, l1Block: 1_009n } }, []],
    [{ ...well, uri: { is: 'differs', registered: 'x' } }, ['service_uri_differs']],
    [{ ...well, uri: { is: 'unanswered' } }, ['service_uri_unanswered']],
    [{ ...well, certificateEndsAt: instant(NOW + 999) }, ['certificate_ending']],
    [{ ...well, certificateEndsAt: instant(NOW - 1) }, ['certificate_ending']],
    [{ ...well, certificateEndsAt: undefined }, []],
  ];
  for (const [facts, expected] of rows) {
    assert.deepEqual(
      judgeAlarms(facts).map(({ kind }) => kind),
      expected,
    );
  }
});

test('an alarm keeps the time of its beginning until it is over', () => {
  const at = (ms: number) => instant(ms) as Instant;
  const low = { kind: 'stake_low', text: 'low' } as const;
  const first = nextAlarms([], [low], at(1));
  assert.equal(first[0]?.since, 1);
  assert.match(first[0]?.advice ?? '', /Bond more/);
  const second = nextAlarms(first, [{ ...low, text: 'lower' }], at(2));
  assert.deepEqual([second[0]?.since, second[0]?.text], [1, 'lower']);
  assert.deepEqual(nextAlarms(second, [], at(3)), []);
  assert.equal(nextAlarms([], [low], at(4))[0]?.since, 4);
});

test('a reward is reckoned with the floors of the contracts', () => {
  const terms = { mintable: 1_000_000_007n, stake: 1n, totalActiveStake: 3n, treasuryCut: 0n };
  assert.equal(rewardOf(terms), (1_000_000_007n * 333_333_333n) / 10n ** 9n);
  assert.equal(rewardOf({ ...terms, treasuryCut: 10n ** 26n }), 333_333_335n - 33_333_333n);
  assert.equal(rewardOf({ ...terms, totalActiveStake: 0n }), 0n);
});

function wordOf(decision: RoundDecision | RewardDecision | FeesDecision): string {
  return decision.action === 'leave' ? decision.reason : decision.action;
}
