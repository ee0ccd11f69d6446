import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { openScratch } from '../../src/database/scratch.ts';
import { endWinner } from '../../src/payments/winners-store.ts';
import { startDutiesOn, startOperator } from './duties-kit.ts';
import { LPT, startProtocol } from './protocol.ts';
import { FACE, redemptions } from './redeem-kit.ts';

// `tributary chain …` as typed, through the admin address, against the real contracts.

const URI = 'https://pool.example:8935';
const scratch = await openScratch();
const { database } = scratch;
const protocol = await startProtocol({ roundLength: 200 });
const self = protocol.of('orchestrator');
const node = await startDutiesOn(protocol, { database });
const operator = await startOperator(node.duties.actions);
after(async () => {
  await operator[Symbol.asyncDispose]();
  await node[Symbol.asyncDispose]();
  await protocol.devnet.stop();
  await scratch[Symbol.asyncDispose]();
});

const REGISTER = ['--bond', '1000', '--reward-cut', '12.5', '--fee-share', '40'] as const;

async function refused(code: string, ...args: readonly string[]): Promise<string> {
  const { code: exit, err, out } = await operator.type('chain', ...args);
  assert.notEqual(exit, 0, `${args.join(' ')}: ${out}`);
  assert.match(err, new RegExp(`\\(${code}\\)`), `${args.join(' ')}: ${err}`);
  return err;
}

async function done(...args: readonly string[]): Promise<string> {
  const { code, out, err } = await operator.type('chain', ...args, '--yes');
  assert.equal(code, 0, out + err);
  assert.match(out, /Done\.\n$/);
  return out;
}

async function status() {
  const { out } = await operator.type('chain', 'status', '--json');
  return JSON.parse(out);
}

const bonding = (fn: string, ...args: readonly unknown[]) =>
  protocol.read({ contract: 'BondingManager', fn, args });

test('before anything is bonded the status says so, and most commands say what is missing', async () => {
  const { out, code } = await operator.type('chain', 'status');
  assert.equal(code, 0);
  assert.match(out, /^Not registered\. 1 thing needs you:/);
  assert.match(out.replace(/\s+/g, ' '), /tributary chain register/);

  await refused('chain_not_registered', 'bond', '1');
  await refused('chain_not_registered', 'unbond', '1');
  await refused('chain_not_registered', 'set-cuts', '--reward-cut', '1', '--fee-share', '1');
  await refused('chain_not_active', 'reward');
  await refused('chain_round_initialized', 'init-round');
  assert.match(await refused('chain_lock_unknown', 'rebond', '7'), /There is none\./);
  await refused('chain_lock_unknown', 'withdraw-stake', '7');
  await refused('chain_amount_wrong', 'withdraw-fees');
  await refused('chain_vote_closed', 'vote', '--proposal', '5', '--support', 'for');
  await refused('chain_address_invalid', 'vote', '--poll', self, '--choice', 'yes');
});

test('what cannot be meant is refused before a pool is asked', async () => {
  const uri = ['--service-uri', URI];
  await refused(
    'setting_invalid',
    'register',
    ...REGISTER.slice(0, 2),
    '--reward-cut',
    '100.5',
    '--fee-share',
    '1',
    ...uri,
  );
  await refused(
    'setting_invalid',
    'register',
    ...REGISTER,
    '--service-uri',
    'http://pool.example:8935',
  );
  await refused('setting_missing', 'register', ...REGISTER);
  await refused('setting_invalid', 'bond', '-1');
  await refused('setting_invalid', 'bond', '0');
  await refused('setting_invalid', 'bond', '1e3');
  await refused('setting_invalid', 'bond', '0.0000000000000000001');
  await refused('setting_invalid', 'transfer', '--lpt', '1', '--to', '0x1234');
  await refused('setting_invalid', 'transfer', '--lpt', '1', '--eth', '1', '--to', self);
  await refused('setting_invalid', 'bond', '1', '--yes', '--dry-run');
  await refused('setting_invalid', 'vote', '--proposal', '5', '--choice', 'yes');
  await refused('command_unknown', 'steal', '1');
  await refused('chain_service_uri_invalid', 'set-service-uri', 'https://pool.example:8935/path');
  assert.match(
    await refused(
      'chain_funds_short',
      'register',
      '--bond',
      '50000.5',
      ...REGISTER.slice(2),
      ...uri,
    ),
    /holds 50,000 LPT, and 50000\.5 LPT are wanted/,
  );
});

test('the admin address takes no action that the commands could not have made', async () => {
  const headers = { authorization: `Bearer ${operator.token}` };
  const post = async (body: unknown) => {
    const text = JSON.stringify(body);
    const url = `${operator.url}/api/v1/chain/submit`;
    const response = await fetch(url, { method: 'POST', headers, body: text });
    return `${response.status} ${((await response.json()) as { code: string }).code}`;
  };
  for (const body of [
    {},
    { do: 'anything' },
    { do: 'bond' },
    { do: 'bond', amount: 1 },
    { do: 'bond', amount: '-1' },
    { do: 'bond', amount: '1.5' },
    { do: 'bond', amount: '1', to: self },
    { do: 'set-cuts', rewardCut: '1000001', feeShare: '0' },
    { do: 'transfer', asset: 'DAI', amount: '1', to: self },
    { do: 'withdraw-fees', amount: 'some' },
  ]) {
    assert.equal(await post(body), '400 setting_invalid', JSON.stringify(body));
  }
  assert.equal(await post({ do: 'bond', amount: '0' }), '409 chain_amount_wrong');
  assert.equal(
    await post({ do: 'transfer', asset: 'ETH', amount: '1', to: self }),
    '400 chain_address_invalid',
  );
  const url = `${operator.url}/api/v1/chain/actions/none/after/0`;
  assert.equal((await fetch(url, { headers })).status, 404);
  assert.equal((await fetch(url)).status, 401);
});

test('register shows what it will do, and without --yes sends nothing', async () => {
  const { out, code } = await operator.type('chain', 'register', ...REGISTER, '--service-uri', URI);
  assert.equal(code, 0);
  assert.match(out, /1 {2}Let BondingManager take 1,000 LPT/);
  assert.match(out, /2 {2}Bond 1,000 LPT to this orchestrator/);
  assert.match(out, /3 {2}Keep 12\.5 % of rewards, give 40 % of fees to delegators/);
  assert.match(out, /4 {2}Register https:\/\/pool\.example:8935 as the address/);
  assert.match(out, /Moves {11}1000 LPT/);
  assert.match(out, /takes 7 rounds/);
  assert.match(out, /Nothing was sent\. Add --yes to do it\.\n$/);
  assert.equal(await bonding('isRegisteredTranscoder', self), false);
});

test('a register that broke off goes on where it was', async () => {
  await protocol.send('orchestrator', {
    contract: 'LivepeerToken',
    fn: 'approve',
    args: [protocol.devnet.addresses.BondingManager, 1_000n * LPT],
  });
  const { out } = await operator.type('chain', 'register', ...REGISTER, '--service-uri', URI);
  assert.doesNotMatch(out, /Let BondingManager take/);

  const said = await done('register', ...REGISTER, '--service-uri', URI);
  assert.match(said, /3 of 3 {2}Done: Register/);
  assert.match(said, /0x[0-9a-f]{64}/);

  const [, rewardCut, feeShare] = (await bonding('getTranscoder', self)) as bigint[];
  assert.deepEqual([rewardCut, feeShare], [125_000n, 400_000n]);
  assert.equal(await bonding('transcoderTotalStake', self), 1_000n * LPT);
  const uri = await protocol.read({
    contract: 'ServiceRegistry',
    fn: 'getServiceURI',
    args: [self],
  });
  assert.equal(uri, URI);
  await refused('chain_nothing_to_do', 'register', ...REGISTER, '--service-uri', URI);
  await refused('chain_nothing_to_do', 'set-service-uri', URI);
  await refused('chain_stake_pending', 'unbond', '1');
  await refused('chain_not_active', 'reward');
});

test('in the next round it is active, and reward adds to its stake once', async () => {
  await protocol.nextRound();
  assert.match(
    await refused('chain_reward_first', 'set-cuts', '--reward-cut', '5', '--fee-share', '5'),
    /reward/,
  );
  const { out } = await operator.type('chain', 'bond', '1');
  assert.match(out.replace(/\s+/g, ' '), /would be lost: run `tributary chain reward` before/);

  await done('reward');
  const now = await status();
  assert.equal(now.active, true);
  assert.equal(now.lastRewardRound, now.round);
  assert.ok(BigInt(now.stake) > 1_000n * LPT, 'the reward is in the stake');
  await refused('chain_reward_called', 'reward');

  await done('set-cuts', '--reward-cut', '0.0001', '--fee-share', '100');
  const [, rewardCut, feeShare] = (await bonding('getTranscoder', self)) as bigint[];
  assert.deepEqual([rewardCut, feeShare], [1n, 1_000_000n]);
});

test('stake goes out and in again, and out for good once its lock opens', async () => {
  await done('bond', '250.5');
  const before = BigInt((await status()).ownStake);
  const dry = await operator.type('chain', 'unbond', '100.25');
  assert.match(dry.out, /takes 7 rounds to unlock/);
  assert.match(
    await refused('chain_amount_wrong', 'unbond', '99999'),
    /unbond more than nothing and no more than that/,
  );
  await done('unbond', '100.25');
  await done('unbond', '50');
  let now = await status();
  assert.equal(BigInt(now.ownStake), before - 150_250_000_000_000_000_000n);
  assert.deepEqual(
    now.unbondingLocks.map(({ id, amount }: { id: string; amount: string }) => [id, amount]),
    [
      ['0', '100250000000000000000'],
      ['1', '50000000000000000000'],
    ],
  );
  assert.match(await refused('chain_lock_waiting', 'withdraw-stake', '0'), /opens in round/);
  assert.match(
    await refused('chain_lock_unknown', 'rebond', '2'),
    /0 \(100\.25 LPT\), 1 \(50 LPT\)/,
  );

  await done('rebond', '--lock', '1');
  await protocol.nextRound(7);
  const held = BigInt((await status()).balanceLpt);
  await done('withdraw-stake', '0');
  now = await status();
  assert.equal(BigInt(now.balanceLpt) - held, 100_250_000_000_000_000_000n);
  assert.deepEqual(now.unbondingLocks, []);
});

test('a transfer moves exactly what was typed', async () => {
  const to = protocol.of('delegator2');
  const lptOf = (who: string) =>
    protocol.read({ contract: 'LivepeerToken', fn: 'balanceOf', args: [who] }) as Promise<bigint>;
  const [lpt, eth] = [await lptOf(to), await protocol.reader.getBalance({ address: to })];
  await done('transfer', '--lpt', '0.000000000000000007', '--to', to);
  await done('transfer', '--eth', '1.000000000000000001', '--to', to.toLowerCase());
  assert.equal((await lptOf(to)) - lpt, 7n);
  assert.equal((await protocol.reader.getBalance({ address: to })) - eth, 10n ** 18n + 1n);
  await refused('chain_funds_short', 'transfer', '--eth', '999999', '--to', to);
  await refused('chain_address_invalid', 'transfer', '--eth', '1', '--to', self);
});

test('the end: everything is unbonded, and what that means is said before', async () => {
  const { out } = await operator.type('chain', 'unbond', 'all');
  assert.match(out.replace(/\s+/g, ' '), /drops you out of the active set/);
  await done('unbond', 'all');
  const now = await status();
  assert.equal(now.registered, false);
  assert.equal(now.ownStake, '0');
  const [lock] = now.unbondingLocks;
  await done('rebond', lock.id);
  assert.equal((await status()).registered, true);
});

test('paused, and in a round that nobody initialised: each says which', async () => {
  await protocol.nextRound();
  const length = (await protocol.read({ contract: 'RoundsManager', fn: 'roundLength' })) as bigint;
  await protocol.reader.request({
    method: 'anvil_mine' as never,
    params: [`0x${length.toString(16)}`] as never,
  });
  for (const args of [
    ['bond', '1'],
    ['unbond', '1'],
    ['reward'],
    ['withdraw-fees'],
    ['rebond', '0'],
  ]) {
    await refused('chain_round_not_initialized', ...args);
  }
  await done('init-round');
  await refused('chain_round_initialized', 'init-round');

  await protocol.send('deployer', { contract: 'Controller', fn: 'pause' });
  for (const args of [['bond', '1'], ['reward'], ['init-round'], ['withdraw-fees']]) {
    await refused('chain_paused', ...args);
  }
  const uri = 'https://other.example:8935';
  await done('set-service-uri', uri);
  assert.equal((await status()).serviceUri, uri);
  await protocol.send('deployer', { contract: 'Controller', fn: 'unpause' });
});

test('the status has every figure that programs look for, amounts as text', async () => {
  const now = await status();
  for (const key of [
    'stake',
    'pendingFees',
    'ticketsReceived',
    'ticketsWon',
    'ticketsRedeemed',
    'redeemedWei',
    'expectedValueWei',
    'queuedWinners',
    'ticketsWrittenOff',
    'writtenOffWei',
    'gasSpentWei',
    'round',
    'lastRewardRound',
  ]) {
    assert.match(String(now[key]), /^\d+$/, key);
    assert.equal(typeof now[key], 'string', key);
  }
  assert.equal(now.address, self);
  assert.equal(now.orchestrator, self);
  assert.equal(typeof now.active, 'boolean');
  assert.equal(now.roundInitialized, true);
  assert.ok(Array.isArray(now.alarms));
  assert.ok(BigInt(now.gasSpentWei) > 0n);
});

test('what was written off is told with its sum and its reasons, in words and in JSON', async () => {
  assert.doesNotMatch((await operator.type('chain', 'status')).out, /Written off/);
  const kit = redemptions(protocol);
  const lost = await Promise.all([kit.winner(), kit.winner(), kit.winner()]);
  await kit.store(database, ...lost);
  for (const [index, { id }] of lost.entries()) {
    const reason = index === 0 ? 'sender_unlocked' : 'expired';
    await database.transact((tx) => endWinner(tx, id, { state: 'written_off', reason }));
  }
  const now = await status();
  assert.equal(now.ticketsWrittenOff, '3');
  assert.equal(now.writtenOffWei, String(3n * FACE));
  assert.deepEqual(now.writtenOff, { expired: '2', sender_unlocked: '1' });
  const { out } = await operator.type('chain', 'status');
  const words = out.replace(/\s+/g, ' ');
  assert.match(words, /Written off 3 winning tickets of 0\.03 ETH are lost: /);
  assert.match(words, /2 not redeemed within two rounds/);
  assert.match(words, /1 whose sender took its money back/);
});

test('a pool off chain says that it is', async () => {
  await using off = await startOperator(undefined);
  const { code, err } = await off.type('chain', 'status');
  assert.equal(code, 1);
  assert.match(err, /\(chain_off\)/);
});
