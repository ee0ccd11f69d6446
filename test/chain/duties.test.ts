import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { Address } from 'viem';
import { FakeClock, instant } from '../../src/base/clock.ts';
import { type Log, quiet } from '../../src/base/log.ts';
import { mineBlocks } from '../../src/chain/devnet.ts';
import { openScratch } from '../../src/database/scratch.ts';
import { eventually } from '../eventually.ts';
import { type DutiesOptions, startDutiesOn, startOperator } from './duties-kit.ts';
import { LPT, startProtocol } from './protocol.ts';

// What the orchestrator does by itself, against the real contracts, and what it cannot do.

const ROUND_LENGTH = 60;
const URI = 'https://pool.example:8935';
const protocol = await startProtocol({ roundLength: ROUND_LENGTH });
const self = protocol.of('orchestrator');
await protocol.bond('orchestrator', 'orchestrator', 1_000n * LPT);
await protocol.bond('orchestrator2', 'orchestrator2', 2_000n * LPT);
await protocol.send('orchestrator', {
  contract: 'ServiceRegistry',
  fn: 'setServiceURI',
  args: [URI],
});
await protocol.nextRound();
const scratch = await openScratch();
after(async () => {
  await protocol.devnet.stop();
  await scratch[Symbol.asyncDispose]();
});

const rounds = (fn: string) => protocol.read({ contract: 'RoundsManager', fn });
const bonding = (fn: string, ...args: readonly unknown[]) =>
  protocol.read({ contract: 'BondingManager', fn, args });
const currentRound = async () => (await rounds('currentRound')) as bigint;
const lastReward = async () => ((await bonding('getTranscoder', self)) as readonly bigint[])[0];

function start(options: Omit<DutiesOptions, 'database'> = {}) {
  return startDutiesOn(protocol, { database: scratch.database, ...options });
}

/** Blocks up to the first of the next round, which nobody initialises. */
async function enterRound(): Promise<bigint> {
  const begun = (await rounds('currentRoundStartBlock')) as bigint;
  const block = await protocol.reader.getBlockNumber();
  await mineBlocks(protocol.reader, Number(begun + BigInt(ROUND_LENGTH) - block));
  return currentRound();
}

/** Events of the log, one for each line. */
function listening(): { readonly log: Log; readonly events: string[] } {
  const events: string[] = [];
  const say = (event: string, fields?: { reason?: string }) =>
    void events.push(fields?.reason ? `${event} ${fields.reason}` : event);
  return { log: { ...quiet, error: say, warn: say, info: say }, events };
}

test('round after round is initialised and its reward called, once', async () => {
  await using node = await start({ rules: { reward: true, initializeRound: true } });
  const called = async () => (await lastReward()) === (await currentRound());
  await eventually('the reward of the round that runs is called', called);
  for (let count = 0; count < 3; count += 1) {
    const round = await enterRound();
    await eventually('the reward is called', async () => (await lastReward()) === round);
    assert.equal(await rounds('lastInitializedRound'), round);
  }
  const counts = async () => {
    const text = await node.metrics.text();
    return text.split('\n').filter((line) => line.startsWith('tributary_duties_calls_total'));
  };
  await eventually('all are counted', async () =>
    (await counts()).join().includes('"reward",end="done"} 4'),
  );
  assert.deepEqual((await counts()).sort(), [
    'tributary_duties_calls_total{duty="init_round",end="done"} 3',
    'tributary_duties_calls_total{duty="reward",end="done"} 4',
  ]);
});

test('a pool that starts late in a round calls its reward all the same', async () => {
  await protocol.nextRound();
  const round = await currentRound();
  assert.notEqual(await lastReward(), round);
  {
    await using _node = await start({ rules: { reward: true } });
    await eventually('the reward is called', async () => (await lastReward()) === round);
  }
  const nonce = await protocol.reader.getTransactionCount({ address: self });
  await using again = await start({ rules: { reward: true } });
  await eventually('it has looked', () => again.watch.current() !== undefined);
  await again.duties.actions.status();
  assert.equal(await protocol.reader.getTransactionCount({ address: self }), nonce);
});

test('when somebody is faster, nothing is sent for the round', async () => {
  const clock = new FakeClock(Date.now());
  const { log, events } = listening();
  const rules = { initializeRound: true, initializeRoundDelayMsMax: 30_000 };
  const nonce = await protocol.reader.getTransactionCount({ address: self });
  await using node = await start({ rules, clock, log });
  await enterRound();
  await eventually('it is seen', () => node.watch.current()?.roundInitialized === false);
  await protocol.send('deployer', { contract: 'RoundsManager', fn: 'initializeRound' });
  await eventually('it is seen', () => node.watch.current()?.roundInitialized === true);
  clock.advance(60_000);
  await node.duties.actions.status();
  assert.equal(await protocol.reader.getTransactionCount({ address: self }), nonce);
  assert.ok(!events.some((event) => event.startsWith('duty_call_ended')));
});

test('reward is called by its caller while the orchestrator’s key is away', async () => {
  const caller = protocol.of('rewardCaller');
  await protocol.send('orchestrator', {
    contract: 'BondingManager',
    fn: 'setRewardCaller',
    args: [caller],
  });
  await protocol.nextRound();
  const before = await protocol.reader.getTransactionCount({ address: self });
  const keys = { rewardCaller: 'rewardCaller', node: 'node' } as const;
  await using node = await start({ rules: { reward: true }, keys });
  const round = await currentRound();
  await eventually('the reward is called', async () => (await lastReward()) === round);
  assert.equal(await protocol.reader.getTransactionCount({ address: self }), before);

  await using operator = await startOperator(node.duties.actions);
  const shown = await operator.type('chain', 'bond', '1');
  assert.equal(shown.code, 0, 'what is to be signed elsewhere is shown');
  assert.match(shown.out, /the key is not with this pool/);
  assert.match(shown.out, /data 0x095ea7b3/, 'approve');
  assert.match(shown.out, /data 0x6bd9add4/, 'bondWithHint');
  const sent = await operator.type('chain', 'bond', '1', '--yes');
  assert.match(sent.err, /\(chain_key_missing\)/);
  assert.equal(sent.code, 1);
  await protocol.send('orchestrator', {
    contract: 'BondingManager',
    fn: 'setRewardCaller',
    args: ['0x0000000000000000000000000000000000000000'],
  });
});

test('a reward that was not sent in time is taken back, and the next round goes on', async () => {
  let away = true;
  await protocol.nextRound();
  const missed = await currentRound();
  await using node = await start({
    rules: { reward: true },
    wrapSigner: (signing) => ({
      signTransaction: async (account, tx) =>
        away
          ? { ok: false, reason: 'unavailable', text: 'away' }
          : signing.signTransaction(account, tx),
    }),
  });
  const journal = node.transactions.orchestrator;
  assert.ok(journal);
  await eventually('the reward is wanted', () => journal.status.open === 1);
  await protocol.nextRound();
  const round = await currentRound();
  await eventually('the next one is wanted', async () => {
    return (await journal.fate(`reward:${round}` as never)) !== undefined;
  });
  away = false;
  await eventually('the reward is called', async () => (await lastReward()) === round);
  const fate = await journal.fate(`reward:${missed}` as never);
  assert.ok(fate?.state === 'failed' && fate.reason === 'withdrawn', JSON.stringify(fate?.state));
});

test('fees go where they should, once they are enough and after the reward', async () => {
  const recipient = protocol.of('delegator2') as Address;
  await protocol.send('gateway', {
    contract: 'TicketBroker',
    fn: 'fundDepositAndReserve',
    args: [10n ** 18n, 10n ** 18n],
    value: 2n * 10n ** 18n,
  });
  await protocol.nextRound();
  const ticket = await protocol.ticket({ faceValue: 10n ** 17n });
  await protocol.send('redeemer', {
    contract: 'TicketBroker',
    fn: 'redeemWinningTicket',
    args: [ticket.ticket, ticket.signature, ticket.recipientRand],
  });
  const round = await currentRound();
  const fees = (await bonding('pendingFees', self, round)) as bigint;
  assert.ok(fees > 0n);
  const before = await protocol.reader.getBalance({ address: recipient });
  {
    const withdrawFees = { thresholdWei: fees + 1n, recipient };
    await using node = await start({ rules: { reward: true, withdrawFees } });
    await eventually('the reward is called', async () => (await lastReward()) === round);
    await node.duties.actions.status();
  }
  assert.equal(await protocol.reader.getBalance({ address: recipient }), before);
  await using _node = await start({ rules: { withdrawFees: { thresholdWei: fees, recipient } } });
  await eventually('the fees are withdrawn', async () => {
    return (await protocol.reader.getBalance({ address: recipient })) === before + fees;
  });
  assert.equal(await bonding('pendingFees', self, round), 0n);
});

test('alarms are raised once, shown everywhere, and end', async () => {
  const { log, events } = listening();
  const clock = new FakeClock(Date.now());
  let answers = false;
  await protocol.nextRound();
  await using node = await start({
    ...{ clock, log },
    keys: { node: 'node' },
    rules: { reward: true, gasMoneyWeiMin: 10n ** 30n },
    serviceUri: URI,
    answersAsUs: async () => answers,
    certificateEndsAt: () => instant(clock.now() + 3_600_000),
  });
  const kinds = () => node.duties.alarms().map(({ kind }) => kind);
  await eventually('money and certificate are named', () => kinds().length === 2);
  assert.deepEqual(kinds(), ['gas_money_short', 'certificate_ending']);

  clock.advance(5 * 60_000);
  await eventually('nobody answers', () => kinds().includes('service_uri_unanswered'));
  await mineBlocks(protocol.reader, ROUND_LENGTH / 2);
  await eventually('the reward is late', () => kinds().includes('reward_late'));
  const text = await node.metrics.text();
  assert.match(text, /tributary_duties_alarm\{kind="reward_late"\} 1/);
  assert.match(text, /tributary_duties_alarm\{kind="chain_unseen"\} 0/);

  answers = true;
  clock.advance(5 * 60_000);
  await eventually('it is over', () => !kinds().includes('service_uri_unanswered'));
  await protocol.send('orchestrator', { contract: 'BondingManager', fn: 'reward' });
  await eventually('it is over', () => !kinds().includes('reward_late'));
  const about = (kind: string) => events.filter((event) => event.endsWith(` ${kind}`));
  assert.deepEqual(about('reward_late'), [
    'chain_alarm reward_late',
    'chain_alarm_over reward_late',
  ]);
  assert.equal(about('gas_money_short').length, 1);
  const status = await node.duties.actions.status();
  assert.deepEqual(
    status.alarms.map(({ kind }) => kind),
    kinds(),
  );
});

test('after a restart an open transaction is not doubled by the same command', async () => {
  const uri = 'https://c.example:1';
  const action = { do: 'set-service-uri', serviceUri: uri } as const;
  {
    await using node = await start({
      wrapSigner: () => ({
        signTransaction: async () => ({ ok: false, reason: 'unavailable', text: 'away' }),
      }),
    });
    const submitted = await node.duties.actions.submit(action);
    assert.ok(submitted.ok);
    let progress = submitted.progress;
    while (progress.steps[0]?.state !== 'sent') {
      const next = await node.duties.actions.progress(progress.id, progress.version);
      assert.ok(next);
      progress = next;
    }
  }
  const nonce = await protocol.reader.getTransactionCount({ address: self });
  await using node = await start();
  await eventually('it went on by itself', async () => {
    const args = [self];
    return (
      (await protocol.read({ contract: 'ServiceRegistry', fn: 'getServiceURI', args })) === uri
    );
  });
  const again = await node.duties.actions.submit(action);
  assert.ok(!again.ok && ['chain_nothing_to_do', 'chain_busy'].includes(again.reason));
  assert.equal(await protocol.reader.getTransactionCount({ address: self }), nonce + 1);
});

test('votes count in the governor and in a poll, once, while they are open', async () => {
  await using node = await start();
  await using operator = await startOperator(node.duties.actions);
  const treasury = protocol.devnet.addresses.Treasury;
  const proposal = [[treasury], [0n], ['0x'], 'do nothing'];
  await protocol.send('orchestrator', {
    contract: 'LivepeerGovernor',
    fn: 'propose',
    args: proposal,
  });
  const created = await protocol.reader.getContractEvents({
    address: protocol.devnet.addresses.LivepeerGovernor,
    abi: protocol.devnet.abis.LivepeerGovernor,
    eventName: 'ProposalCreated',
    fromBlock: 0n,
  });
  const id = String(
    (created.at(-1) as unknown as { args: { proposalId: bigint } }).args.proposalId,
  );
  const vote = ['chain', 'vote', '--proposal', id, '--support', 'for', '--reason', 'it is right'];
  assert.match(
    (await operator.type(...vote)).err,
    /Its vote has not begun\.[\s\S]*\(chain_vote_closed\)/,
  );
  await protocol.nextRound(2);
  assert.match((await operator.type(...vote)).out, /A vote cannot be changed/);
  assert.equal((await operator.type(...vote, '--yes')).code, 0);
  assert.match((await operator.type(...vote)).err, /\(chain_nothing_to_do\)/);
  const tally = await protocol.read({
    contract: 'LivepeerGovernor',
    fn: 'proposalVotes',
    args: [BigInt(id)],
  });
  assert.ok(((tally as readonly bigint[])[1] ?? 0n) >= 1_000n * LPT);

  await protocol.send('orchestrator', {
    contract: 'PollCreator',
    fn: 'createPoll',
    args: ['0x12'],
  });
  const polls = await protocol.reader.getContractEvents({
    address: protocol.devnet.addresses.PollCreator,
    abi: protocol.devnet.abis.PollCreator,
    eventName: 'PollCreated',
    fromBlock: 0n,
  });
  const poll = (polls.at(-1) as unknown as { args: { poll: Address } }).args.poll;
  const yes = await operator.type('chain', 'vote', '--poll', poll, '--choice', 'yes', '--yes');
  assert.equal(yes.code, 0, yes.out + yes.err);
  const logs = await protocol.reader.getLogs({ address: poll, fromBlock: 0n });
  assert.equal(logs.length, 1);
});

// The last: it leaves a transaction open.
test('what the signer will not sign is said, and what waits for it holds nothing else back', async () => {
  let reason: 'refused' | 'unavailable' = 'refused';
  await using node = await start({
    wrapSigner: () => ({
      signTransaction: async () => ({ ok: false, reason, text: 'no' }),
    }),
  });
  await using operator = await startOperator(node.duties.actions);
  const refused = await operator.type('chain', 'set-service-uri', 'https://a.example:1', '--yes');
  assert.equal(refused.code, 1);
  assert.match(refused.out, /Failed: Register https:\/\/a\.example:1/);
  assert.match(refused.out, /The signer refused it/);

  reason = 'unavailable';
  const action = { do: 'set-service-uri', serviceUri: 'https://b.example:1' } as const;
  const first = await node.duties.actions.submit(action);
  assert.ok(first.ok);
  const second = await operator.type(
    'chain',
    'transfer',
    '--lpt',
    '1',
    '--to',
    protocol.of('node'),
    '--yes',
  );
  assert.match(second.err, /"set-service-uri" is still under way\.[\s\S]*\(chain_busy\)/);
  const dry = await operator.type('chain', 'transfer', '--lpt', '1', '--to', protocol.of('node'));
  assert.equal(dry.code, 0, 'what would happen is shown all the same');
});
