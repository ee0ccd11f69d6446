import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { type Hex, zeroAddress } from 'viem';
import {
  type AccountName,
  type Call,
  LPT,
  NO_HINT,
  type Protocol,
  startProtocol,
} from './protocol.ts';

let protocol: Protocol;
let snapshot: Hex;

before(async () => {
  protocol = await startProtocol();
});
after(() => protocol?.devnet.stop());
beforeEach(async () => {
  snapshot = await protocol.snapshot();
});
afterEach(() => protocol.revertTo(snapshot));

test('claiming before the reward of a round forfeits that reward, and only that one', async () => {
  await protocol.bond('orchestrator', 'orchestrator', 1_000n * LPT);
  await protocol.bond('delegator', 'orchestrator', 1_000n * LPT);
  await protocol.nextRound();
  await protocol.send('orchestrator', bonding('reward'));
  const afterFirst = await stake('delegator');
  assert.ok(afterFirst > 1_000n * LPT);

  await protocol.nextRound();
  await protocol.send('delegator', bonding('claimEarnings', 0n));
  await protocol.send('orchestrator', bonding('reward'));
  assert.equal(await stake('delegator'), afterFirst);

  await protocol.nextRound();
  await protocol.send('orchestrator', bonding('reward'));
  const grown = await stake('delegator');
  assert.ok(grown > afterFirst);
  // About what the orchestrator's round brought in proportion, not twice that.
  assert.ok(grown - afterFirst < 2n * (afterFirst - 1_000n * LPT));
});

test('strangers may add to a stake, but not choose its delegate or claim too early', async () => {
  await protocol.bond('orchestrator', 'orchestrator', 100n * LPT);
  await protocol.bond('delegator', 'orchestrator', 100n * LPT);
  await protocol.nextRound();
  const add = (owner: AccountName, to: AccountName) =>
    bonding('bondForWithHint', 1n, protocol.of(owner), protocol.of(to), ...NO_HINT, ...NO_HINT);
  await protocol.send('gateway', {
    contract: 'LivepeerToken',
    fn: 'approve',
    args: [protocol.devnet.addresses.BondingManager, LPT],
  });
  assert.equal(
    await protocol.revert('gateway', add('delegator', 'orchestrator')),
    'ILLEGAL_CLAIM_EARNINGS',
  );
  await protocol.send('orchestrator', bonding('reward'));
  await protocol.send('gateway', add('delegator', 'orchestrator'));
  assert.equal(
    await protocol.revert('gateway', add('delegator', 'node')),
    'INVALID_DELEGATE_CHANGE',
  );
  assert.equal(
    await protocol.revert('gateway', add('delegator2', 'delegator2')),
    'INVALID_DELEGATE',
  );
});

test('a reward caller may call reward for its transcoder and nothing else', async () => {
  await protocol.bond('orchestrator', 'orchestrator', 100n * LPT);
  await protocol.nextRound();
  const forOrchestrator = bonding('rewardForTranscoder', protocol.of('orchestrator'));
  const refusal = 'caller must be a reward caller set by the transcoder';
  assert.equal(await protocol.revert('rewardCaller', forOrchestrator), refusal);

  const set = bonding('setRewardCaller', protocol.of('rewardCaller'));
  assert.deepEqual(await protocol.send('orchestrator', set), ['RewardCallerSet']);
  assert.ok((await protocol.send('rewardCaller', forOrchestrator)).includes('Reward'));
  const again = 'caller has already called reward for the current round';
  assert.equal(await protocol.revert('rewardCaller', forOrchestrator), again);
  assert.equal(await protocol.revert('orchestrator', bonding('reward')), again);

  await protocol.send('orchestrator', bonding('setRewardCaller', zeroAddress));
  assert.equal(await protocol.revert('rewardCaller', forOrchestrator), refusal);
});

test('who comes later with the same stake stands first, unless a hint says behind the last', async () => {
  const staked = ['orchestrator', 'orchestrator2', 'node'] as const;
  for (const account of staked) await protocol.bond(account, account, 10n * LPT);
  assert.deepEqual(await poolOrder(), ['node', 'orchestrator2', 'orchestrator']);

  await approve('gateway', 10n * LPT);
  const behindLast = [protocol.of('orchestrator'), zeroAddress] as const;
  await protocol.send(
    'gateway',
    bonding('bondWithHint', 10n * LPT, protocol.of('gateway'), ...NO_HINT, ...behindLast),
  );
  assert.deepEqual(await poolOrder(), ['node', 'orchestrator2', 'orchestrator', 'gateway']);
});

test('a wrong hint changes nothing but the gas', async () => {
  const stakes = { orchestrator: 50n, orchestrator2: 40n, node: 30n, redeemer: 20n } as const;
  for (const [account, amount] of Object.entries(stakes)) {
    await protocol.bond(account as AccountName, account as AccountName, amount * LPT);
  }
  const wrong: readonly (readonly [AccountName | undefined, AccountName | undefined])[] = [
    ['redeemer', 'orchestrator'],
    ['orchestrator', 'redeemer'],
    ['gateway2', 'delegator'],
    ['redeemer', undefined],
    [undefined, 'orchestrator'],
    ['orchestrator', undefined],
    [undefined, 'redeemer'],
    ['orchestrator2', 'node'],
  ];
  await approve('gateway', 35n * LPT);
  for (const [previous, next] of wrong) {
    const id = await protocol.snapshot();
    const hint = [previous, next].map((name) => (name ? protocol.of(name) : zeroAddress));
    await protocol.send(
      'gateway',
      bonding('bondWithHint', 35n * LPT, protocol.of('gateway'), ...NO_HINT, ...hint),
    );
    const order = ['orchestrator', 'orchestrator2', 'gateway', 'node', 'redeemer'];
    assert.deepEqual(await poolOrder(), order, `${previous} ${next}`);
    await protocol.revertTo(id);
  }
});

test('nothing moves while the system is paused, and registering needs no permission', async () => {
  await protocol.send('deployer', { contract: 'Controller', fn: 'pause' });
  const paused = 'system is paused';
  assert.equal(await protocol.revert('orchestrator', bonding('reward')), paused);
  assert.equal(
    await protocol.revert('gateway', { contract: 'TicketBroker', fn: 'unlock' }),
    paused,
  );
  const initialize: Call = { contract: 'RoundsManager', fn: 'initializeRound' };
  assert.equal(await protocol.revert('deployer', initialize), paused);
  const uri: Call = { contract: 'ServiceRegistry', fn: 'setServiceURI', args: ['https://a:8935'] };
  assert.deepEqual(await protocol.send('orchestrator', uri), ['ServiceURIUpdate']);
});

test('parameters are the owner’s alone', async () => {
  const calls: readonly Call[] = [
    bonding('setUnbondingPeriod', 1n),
    bonding('setNumActiveTranscoders', 1_000n),
    { contract: 'TicketBroker', fn: 'setUnlockPeriod', args: [1n] },
    { contract: 'RoundsManager', fn: 'setRoundLength', args: [9n] },
    { contract: 'Minter', fn: 'setInflationChange', args: [9n] },
  ];
  for (const call of calls) {
    assert.equal(await protocol.revert('gateway', call), 'caller must be Controller owner');
    assert.equal(await protocol.revert('deployer', call), undefined);
  }
  const minting: Call = { contract: 'Minter', fn: 'createReward', args: [1n, 1n] };
  assert.equal(await protocol.revert('deployer', minting), 'msg.sender not BondingManager');
});

function bonding(fn: string, ...args: readonly unknown[]): Call {
  return { contract: 'BondingManager', fn, args };
}

async function stake(account: AccountName): Promise<bigint> {
  return (await protocol.read(bonding('pendingStake', protocol.of(account), 0n))) as bigint;
}

async function approve(account: AccountName, amount: bigint): Promise<void> {
  const args = [protocol.devnet.addresses.BondingManager, amount];
  await protocol.send(account, { contract: 'LivepeerToken', fn: 'approve', args });
}

async function poolOrder(): Promise<string[]> {
  const order: string[] = [];
  let at = await protocol.read(bonding('getFirstTranscoderInPool'));
  while (at !== zeroAddress) {
    const account = protocol.devnet.accounts.find(({ address }) => address === at);
    order.push(account?.name ?? String(at));
    at = await protocol.read(bonding('getNextTranscoderInPool', at));
  }
  return order;
}
