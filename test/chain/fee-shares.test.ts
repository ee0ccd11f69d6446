import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { part, partOfRatio, ratio, scales } from '../../src/chain/fractions.ts';
import { LPT, startProtocol } from './protocol.ts';
import { FACE, redemptions } from './redeem-kit.ts';

// What a redeemed ticket brings to an orchestrator that has all of its stake by itself: everything,
// but for one case in which the contract credits a part to nobody.

const protocol = await startProtocol({ roundLength: 60 });
after(() => protocol.devnet.stop());
const kit = redemptions(protocol);
const self = protocol.of('orchestrator');
const FEE_SHARE = 500_000n;
const REWARD_CUT = 100_000n;
/** Each division of the contract rounds down, on a scale of 10^-27 or to a wei. */
const ROUNDING = 10n;

const bonding = (fn: string, ...args: readonly unknown[]) =>
  protocol.read({ contract: 'BondingManager', fn, args }) as Promise<bigint>;
const reward = () => protocol.send('orchestrator', { contract: 'BondingManager', fn: 'reward' });

/** Wei that one ticket adds to what the orchestrator may withdraw. */
async function brought(): Promise<bigint> {
  const before = await kit.fees();
  await kit.redeemBy('delegator2', await kit.winner());
  return (await kit.fees()) - before;
}

function assertAll(gained: bigint): void {
  assert.ok(gained <= FACE && gained >= FACE - ROUNDING, `${gained}`);
}

await protocol.bond('orchestrator', 'orchestrator', 1_000n * LPT);
await protocol.send('orchestrator', {
  contract: 'BondingManager',
  fn: 'transcoder',
  args: [REWARD_CUT, FEE_SHARE],
});
await protocol.nextRound();
await protocol.send('gateway', {
  contract: 'TicketBroker',
  fn: 'fundDeposit',
  value: 10n ** 18n,
});

test('before its first reward a sole staker gets all of a ticket, whatever its fee share', async () => {
  assertAll(await brought());
});

test('in the round of its first reward a part of the fee share goes to nobody', async () => {
  await reward();
  const [mintable, minted, stake, active, treasuryCut] = await Promise.all([
    protocol.read({ contract: 'Minter', fn: 'currentMintableTokens' }) as Promise<bigint>,
    protocol.read({ contract: 'Minter', fn: 'currentMintedTokens' }) as Promise<bigint>,
    bonding('transcoderTotalStake', self),
    bonding('currentRoundTotalActiveStake'),
    bonding('treasuryRewardCutRate'),
  ]);
  const staked = 1_000n * LPT;
  assert.equal(active, staked);
  // The reward as it was.
  const rewarded = stake - staked;
  const shared = rewarded - part(rewarded, REWARD_CUT, scales.million);
  const factor = scales.precise + partOfRatio(scales.precise, shared, staked, scales.precise);
  // The reward as the contract guesses it afterwards: also from what was minted by then.
  const guess = partOfRatio(mintable + minted, staked, active, scales.precise);
  const net = guess - part(guess, treasuryCut, scales.precise);
  const guessed = net - part(net, REWARD_CUT, scales.million);
  const before = part(factor, ratio(staked, guessed + staked, scales.precise), scales.precise);
  assert.ok(guessed > shared && before < scales.precise);

  const toDelegators = part(FACE, FEE_SHARE, scales.million);
  const credited = FACE - toDelegators + part(toDelegators, before, scales.precise);
  const gained = await brought();
  assert.ok(gained <= credited + ROUNDING && gained >= credited - ROUNDING, `${gained}`);
  assert.ok(gained < (FACE * 95n) / 100n, 'on this chain, with its high inflation: 6.6 %');
});

test('in the rounds after it a sole staker gets all again, before and after the reward', async () => {
  await protocol.nextRound();
  assertAll(await brought());
  await reward();
  assertAll(await brought());
});

test('in a round after a missed reward it is as in the first', async () => {
  await protocol.nextRound(2);
  assertAll(await brought());
  await reward();
  assert.ok((await brought()) < FACE - 10n ** 12n);
});
