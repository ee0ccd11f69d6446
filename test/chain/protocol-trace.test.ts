import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  type Address,
  BaseError,
  ContractFunctionRevertedError,
  encodeAbiParameters,
  type Hex,
  keccak256,
  maxUint256,
  toHex,
} from 'viem';
import { type PrivateKeyAccount, privateKeyToAccount } from 'viem/accounts';
import { livepeerTokenAbi } from '../../src/chain/abi/livepeer-token.ts';
import { roundsManagerAbi } from '../../src/chain/abi/rounds-manager.ts';
import { ticketBrokerAbi } from '../../src/chain/abi/ticket-broker.ts';
import {
  type Devnet,
  type DevnetClients,
  devnetAccounts,
  devnetClients,
  mineBlocks,
  startDevnet,
} from '../../src/chain/devnet.ts';
import { UNIT } from '../../src/chain/devnet-parameters.ts';
import {
  answerOf,
  argumentsOf,
  createNames,
  eventsOf,
  type Names,
  readTrace,
  type Step,
  traceAbis,
  withoutBlockHash,
} from './trace.ts';

/**
 * Steps of the trace that our contracts cannot agree with, by number, with the reason. None: the
 * hash of a round's block is the one thing that is not compared, because the trace calls it
 * arbitrary; that it is the hash of the block before is checked instead.
 */
const disagreeing: ReadonlyMap<number, string> = new Map();

/** The accounts of the trace, in the order of the chain's own. */
const ACTORS = ['deployer', 'O1', 'O2', 'O3', 'O4', 'D1', 'D2', 'D3', 'G1', 'G2'] as const;
const TOKENS_EACH = 5_000n * UNIT;

const trace = readTrace();
const accounts = new Map<string, PrivateKeyAccount>(
  devnetAccounts().map(({ privateKey }, index) => [
    ACTORS[index] as string,
    privateKeyToAccount(privateKey),
  ]),
);
let devnet: Devnet;
let clients: DevnetClients;
let names: Names;
let nonce = 0n;

before(async () => {
  const params = (name: string) => BigInt(trace.params[name] as string);
  devnet = await startDevnet({
    roundLength: Number(params('roundLength')),
    tokensEach: TOKENS_EACH,
    startRound: false,
    parameters: {
      roundLockAmount: params('roundLockAmount'),
      unbondingPeriod: params('unbondingPeriod'),
      numActiveTranscoders: params('numActiveTranscoders'),
      treasuryRewardCutRate: params('treasuryRewardCutRateSetBeforeFirstRound'),
      treasuryBalanceCeiling: params('treasuryBalanceCeiling'),
      inflation: params('inflation'),
      inflationChange: params('inflationChange'),
      targetBondingRate: params('targetBondingRate'),
      unlockPeriod: params('unlockPeriod'),
      ticketValidityPeriod: params('ticketValidityPeriod'),
    },
  });
  clients = devnetClients(devnet.url);
  const actors = [...accounts].map(([name, { address }]) => [name, address] as const);
  names = createNames({ ...devnet.addresses, ...Object.fromEntries(actors) });
  for (const [name, account] of accounts) {
    if (!/^[OD]\d/.test(name)) continue;
    const hash = await clients.wallet(account).writeContract({
      address: devnet.addresses.LivepeerToken,
      abi: livepeerTokenAbi,
      functionName: 'approve',
      args: [devnet.addresses.BondingManager, TOKENS_EACH],
    });
    await clients.reader.waitForTransactionReceipt({ hash });
  }
});
after(() => devnet?.stop());

for (const { text, steps } of trace.sections) {
  test(`as on the live network: ${text}`, async () => {
    for (const { index, step } of steps) {
      if (disagreeing.has(index)) continue;
      try {
        await replay(step);
      } catch (error) {
        throw new Error(`step ${index}: ${JSON.stringify(step)}`, { cause: error });
      }
    }
  });
}

test('the trace has the steps that it says it has', () => {
  const steps = trace.sections.flatMap((section) => section.steps);
  assert.equal(steps.length + trace.sections.length, 336);
  assert.equal(disagreeing.size, 0);
});

async function replay(step: Step): Promise<void> {
  switch (step.op) {
    case 'section':
      return;
    case 'advance':
      return advance(BigInt(step.l1Block), BigInt(step.round));
    case 'call':
      return call(step);
    case 'redeem':
      return redeem(step);
    case 'read': {
      const result = await clients.reader.readContract({
        address: names.address(step.contract),
        abi: traceAbis[step.contract] ?? [],
        functionName: step.fn,
        args: argumentsOf(step, names),
      });
      assert.deepEqual(answerOf(step, result, names), step.value);
      return;
    }
    case 'ethBalance': {
      const balance = await clients.reader.getBalance({ address: names.address(step.account) });
      assert.equal(balance.toString(), step.value);
    }
  }
}

async function advance(block: bigint, round: bigint): Promise<void> {
  const current = await clients.reader.getBlockNumber();
  assert.ok(current <= block, `block ${block} is over`);
  await mineBlocks(clients.reader, Number(block - current));
  assert.equal(await rounds('currentRound'), round);
}

async function call(step: Extract<Step, { op: 'call' }>): Promise<void> {
  const request = {
    address: names.address(step.contract),
    abi: traceAbis[step.contract] ?? [],
    functionName: step.fn,
    args: argumentsOf(step, names),
    value: BigInt(step.value ?? 0),
  };
  const account = accounts.get(step.from);
  assert.ok(account);
  if (step.revert !== undefined) {
    const attempt = clients.reader.simulateContract({ ...request, account });
    assert.equal(await revertOf(attempt), step.revert);
    return;
  }
  const hash = await clients.wallet(account).writeContract(request);
  const { logs, blockNumber } = await clients.reader.waitForTransactionReceipt({ hash });
  assert.deepEqual(eventsOf(logs, names), step.events?.map(withoutBlockHash));
  if (step.fn === 'initializeRound') await checkBlockHash(blockNumber - 1n);
}

async function checkBlockHash(blockNumber: bigint): Promise<void> {
  const { hash } = await clients.reader.getBlock({ blockNumber });
  assert.equal(await rounds('blockHashForRound', await rounds('currentRound')), hash);
}

async function redeem(step: Extract<Step, { op: 'redeem' }>): Promise<void> {
  const { ticket, signature, recipientRand } = await signedTicket(step);
  const broker = { address: devnet.addresses.TicketBroker, abi: ticketBrokerAbi } as const;
  const account = accounts.get('deployer') as PrivateKeyAccount;
  const request = {
    ...broker,
    functionName: 'redeemWinningTicket',
    args: [ticket, signature, recipientRand],
  } as const;
  if (step.revert !== undefined) {
    const attempt = clients.reader.simulateContract({ ...request, account });
    assert.equal(await revertOf(attempt), step.revert);
    return;
  }
  const hash = await clients.wallet(account).writeContract(request);
  const { logs } = await clients.reader.waitForTransactionReceipt({ hash });
  const events = eventsOf(logs, names);
  assert.match(events.pop() ?? '', /^TicketBroker\.WinningTicketRedeemed\(/);
  assert.deepEqual(events, step.events);
  const ticketHash = await clients.reader.readContract({
    ...broker,
    functionName: 'getTicketHash',
    args: [ticket],
  });
  const used = { ...broker, functionName: 'usedTickets', args: [ticketHash] } as const;
  assert.equal(await clients.reader.readContract(used), step.usedAfter);
}

/** A ticket that always wins, signed by its sender. */
async function signedTicket(step: Extract<Step, { op: 'redeem' }>) {
  const creationRound = BigInt(step.creationRound);
  const blockHash = (await rounds('blockHashForRound', creationRound)) as Hex;
  const recipientRand = 0x5eedn + nonce;
  nonce += 1n;
  const ticket = {
    recipient: names.address(step.recipient),
    sender: names.address(step.sender),
    faceValue: BigInt(step.faceValue),
    winProb: maxUint256,
    senderNonce: nonce,
    recipientRandHash: keccak256(toHex(recipientRand, { size: 32 })),
    auxData: encodeAbiParameters(
      [{ type: 'uint256' }, { type: 'bytes32' }],
      [creationRound, blockHash],
    ),
  };
  const raw = await clients.reader.readContract({
    address: devnet.addresses.TicketBroker,
    abi: ticketBrokerAbi,
    functionName: 'getTicketHash',
    args: [ticket],
  });
  const sender = accounts.get(step.sender) as PrivateKeyAccount;
  return { ticket, signature: await sender.signMessage({ message: { raw } }), recipientRand };
}

function rounds(functionName: string, ...args: unknown[]): Promise<unknown> {
  const address: Address = devnet.addresses.RoundsManager;
  return clients.reader.readContract({
    address,
    abi: roundsManagerAbi as never,
    functionName: functionName as never,
    args: args as never,
  });
}

/** The text that a call reverts with. */
async function revertOf(attempt: Promise<unknown>): Promise<string | undefined> {
  try {
    await attempt;
  } catch (error) {
    const revert =
      error instanceof BaseError &&
      error.walk((cause) => cause instanceof ContractFunctionRevertedError);
    if (revert instanceof ContractFunctionRevertedError) return revert.reason;
    throw error;
  }
  return undefined;
}
