import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import {
  type Address,
  encodeFunctionData,
  type Hex,
  hexToSignature,
  keccak256,
  maxUint256,
  stringToBytes,
} from 'viem';
import { livepeerTokenAbi } from '../../src/chain/abi/livepeer-token.ts';
import { type Call, LPT, type Protocol, startProtocol } from './protocol.ts';

const AGAINST = 0;
const FOR = 1;
const ABSTAIN = 2;

let protocol: Protocol;
let snapshot: Hex;

before(async () => {
  protocol = await startProtocol({ roundLength: 25 });
  await protocol.bond('orchestrator', 'orchestrator', 1_000n * LPT);
  await protocol.bond('delegator', 'orchestrator', 600n * LPT);
  await protocol.bond('orchestrator2', 'orchestrator2', 500n * LPT);
  await protocol.nextRound(2);
});
after(() => protocol?.devnet.stop());
beforeEach(async () => {
  snapshot = await protocol.snapshot();
});
afterEach(() => protocol.revertTo(snapshot));

test('a proposal that wins moves tokens of the treasury', async () => {
  await protocol.send('orchestrator', { contract: 'BondingManager', fn: 'reward' });
  const treasury = protocol.devnet.addresses.Treasury;
  const held = (await protocol.read(token('balanceOf', treasury))) as bigint;
  assert.ok(held > 0n);
  const { id, propose, settle } = await proposal('pay the node', held);
  assert.deepEqual(await protocol.send('orchestrator', propose), ['ProposalCreated']);
  assert.equal(await state(id), 'Pending');
  assert.equal(
    await protocol.revert('orchestrator', vote(id, FOR)),
    'Governor: vote not currently active',
  );
  await protocol.nextRound(2);
  assert.equal(await state(id), 'Active');
  assert.deepEqual(await protocol.send('orchestrator', vote(id, FOR)), ['VoteCast']);
  assert.equal(await protocol.revert('orchestrator', vote(id, FOR)), 'VoteAlreadyCast');
  assert.equal(await protocol.revert('orchestrator2', vote(id, 3)), 'InvalidVoteType');

  await protocol.nextRound(10);
  assert.equal(await state(id), 'Succeeded');
  await protocol.send('node', settle('queue'));
  assert.equal(await state(id), 'Queued');
  const before = (await protocol.read(token('balanceOf', protocol.of('node')))) as bigint;
  await protocol.send('gateway', settle('execute'));
  assert.equal(await state(id), 'Executed');
  assert.equal(await protocol.read(token('balanceOf', protocol.of('node'))), before + held);
});

test('a delegator takes its own stake out of its transcoder’s vote, first or second', async () => {
  for (const order of [
    ['orchestrator', 'delegator'],
    ['delegator', 'orchestrator'],
  ] as const) {
    const id = await protocol.snapshot();
    const { id: proposalId, propose } = await proposal(`order ${order.join()}`, 1n);
    await protocol.send('orchestrator', propose);
    await protocol.nextRound(2);
    for (const voter of order) {
      await protocol.send(voter, vote(proposalId, voter === 'delegator' ? AGAINST : FOR));
    }
    await protocol.send('orchestrator2', {
      contract: 'LivepeerGovernor',
      fn: 'castVoteWithReason',
      args: [proposalId, ABSTAIN, 'undecided'],
    });
    const tally = await protocol.read(governor('proposalVotes', proposalId));
    assert.deepEqual(tally, [600n * LPT, 1_000n * LPT, 500n * LPT]);
    await protocol.revertTo(id);
  }
});

test('a proposal without a quorum, or against most, is defeated', async () => {
  const quiet = await proposal('nobody cares', 1n);
  const lost = await proposal('nobody wants it', 1n);
  await protocol.send('orchestrator', quiet.propose);
  await protocol.send('orchestrator', lost.propose);
  await protocol.nextRound(2);
  await protocol.send('orchestrator2', vote(quiet.id, FOR));
  await protocol.send('orchestrator', vote(lost.id, AGAINST));
  await protocol.send('orchestrator2', vote(lost.id, FOR));
  await protocol.nextRound(10);
  assert.equal(await state(quiet.id), 'Defeated');
  assert.equal(await state(lost.id), 'Defeated');
  assert.equal(
    await protocol.revert('node', lost.settle('queue')),
    'Governor: proposal not successful',
  );
});

test('proposing takes stake, and so does a poll', async () => {
  const { propose } = await proposal('without stake', 1n);
  assert.equal(
    await protocol.revert('node', propose),
    'Governor: proposer votes below proposal threshold',
  );
  const poll: Call = { contract: 'PollCreator', fn: 'createPoll', args: ['0x1234'] };
  const refusal = 'PollCreator#createPoll: INSUFFICIENT_STAKE';
  assert.equal(await protocol.revert('node', poll), refusal);
  assert.deepEqual(await protocol.send('orchestrator', poll), ['PollCreated']);
});

test('voting power of the future is not told, and bonding is the only way to delegate', async () => {
  const votes = (fn: string, ...args: unknown[]): Call => ({ contract: 'BondingVotes', fn, args });
  const round = await protocol.read(votes('clock'));
  const account = protocol.of('orchestrator');
  assert.equal(
    await protocol.revert('node', votes('getPastVotes', account, round)),
    'FutureLookup',
  );
  assert.equal(await protocol.revert('node', votes('delegate', account)), 'MustCallBondingManager');
  assert.equal(await protocol.read(votes('getVotes', account)), 1_600n * LPT);
  assert.equal(await protocol.read(votes('totalSupply')), 2_100n * LPT);
});

test('a permit allows what its owner signed, once', async () => {
  const owner = protocol.of('delegator2');
  const spender = protocol.of('node');
  const [, name, version, chainId, verifyingContract] = (await protocol.read(
    token('eip712Domain'),
  )) as [Hex, string, string, bigint, Address];
  const signature = await protocol.accountOf('delegator2').signTypedData({
    domain: { name, version, chainId: Number(chainId), verifyingContract },
    types: {
      Permit: [
        { name: 'owner', type: 'address' },
        { name: 'spender', type: 'address' },
        { name: 'value', type: 'uint256' },
        { name: 'nonce', type: 'uint256' },
        { name: 'deadline', type: 'uint256' },
      ],
    },
    primaryType: 'Permit',
    message: { owner, spender, value: 5n, nonce: 0n, deadline: maxUint256 },
  });
  const { r, s, v } = hexToSignature(signature);
  const permit = token('permit', owner, spender, 5n, maxUint256, Number(v), r, s);
  assert.deepEqual(await protocol.send('gateway', permit), ['Approval']);
  assert.equal(await protocol.read(token('allowance', owner, spender)), 5n);
  assert.equal(await protocol.revert('gateway', permit), 'ERC20Permit: invalid signature');
});

test('the faucet gives ten LPT and then waits; the feed has a price; tokens are for the asking', async () => {
  const request: Call = { contract: 'LivepeerTokenFaucet', fn: 'request' };
  assert.deepEqual(await protocol.send('node', request), ['Transfer', 'Request']);
  assert.equal(await protocol.revert('node', request), 'execution reverted');
  const [round, price] = (await protocol.read({
    contract: 'PriceFeed',
    fn: 'latestRoundData',
  })) as bigint[];
  assert.deepEqual([round, price], [1n, 300_000_000_000n]);
  const mint: Call = { contract: 'UsdToken', fn: 'mint', args: [protocol.of('node'), 7n] };
  assert.deepEqual(await protocol.send('gateway', mint), ['Transfer']);
});

/** A proposal to send LPT from the treasury to the node. */
async function proposal(description: string, amount: bigint) {
  const data = encodeFunctionData({
    abi: livepeerTokenAbi,
    functionName: 'transfer',
    args: [protocol.of('node'), amount],
  });
  const calls = [[protocol.devnet.addresses.LivepeerToken], [0n], [data]];
  const hash = keccak256(stringToBytes(description));
  return {
    id: (await protocol.read(governor('hashProposal', ...calls, hash))) as bigint,
    propose: governor('propose', ...calls, description),
    settle: (fn: 'queue' | 'execute') => governor(fn, ...calls, hash),
  };
}

async function state(id: bigint): Promise<string | undefined> {
  const states = ['Pending', 'Active', 'Canceled', 'Defeated', 'Succeeded', 'Queued', 'Expired'];
  return [...states, 'Executed'][Number(await protocol.read(governor('state', id)))];
}

function vote(id: bigint, support: number): Call {
  return governor('castVote', id, support);
}

function governor(fn: string, ...args: readonly unknown[]): Call {
  return { contract: 'LivepeerGovernor', fn, args };
}

function token(fn: string, ...args: readonly unknown[]): Call {
  return { contract: 'LivepeerToken', fn, args };
}
