import {
  type Address,
  decodeAbiParameters,
  encodeFunctionData,
  type Hex,
  parseAbiParameters,
} from 'viem';
import { hex, parseHex } from '../base/bytes.ts';
import { type Wei, wei } from '../base/money.ts';
import { bondingManagerAbi } from './abi/bonding-manager.ts';
import { controllerAbi } from './abi/controller.ts';
import { roundsManagerAbi } from './abi/rounds-manager.ts';
import { serviceRegistryAbi } from './abi/service-registry.ts';
import { ticketBrokerAbi } from './abi/ticket-broker.ts';
import type { Contracts } from './contracts.ts';
import { lockL1Blocks, type Registration, type SenderState } from './view.ts';
import { type Call, decodeCalls, encodeCalls } from './watch-calls.ts';
import type { Asker } from './watch-rpc.ts';

const WORD = 32;
/** A URI is shorter; one that is longer is as good as none. */
const URI_BYTES_MAX = 1_024;

/** The contracts that are read, and whose registration it is. */
export interface ReadPlace {
  readonly contracts: Pick<
    Contracts,
    'controller' | 'bondingManager' | 'ticketBroker' | 'roundsManager' | 'serviceRegistry'
  >;
  readonly recipient: Address;
}

/** What all providers said to the same reads; those that failed are left out. */
export type Answers = readonly (readonly (Hex | undefined)[])[];

/** Makes reads as of one block, of every provider: one `eth_call` each. */
export async function ask(rpc: Asker, calls: readonly Call[], blockHash: Hex): Promise<Answers> {
  const data = encodeCalls(calls);
  const said = await rpc.askAll<string>('eth_call', [{ data }, { blockHash }]);
  return said
    .map(({ value }) => decodeCalls(calls, value))
    .filter((answer) => answer !== undefined);
}

/** What {@link viewCalls} tell. */
export interface RoundFacts {
  readonly currentRound: bigint;
  readonly roundInitialized: boolean;
  readonly lastInitialized: bigint;
  readonly roundStartL1Block: bigint;
  readonly roundLength: bigint;
  readonly lockL1Blocks: bigint;
  readonly poolSize: bigint;
  readonly paused: boolean;
  readonly recipient: Registration;
}

/** The reads of every block. */
export function viewCalls({ contracts, recipient }: ReadPlace): readonly Call[] {
  const rounds = (functionName: RoundRead) =>
    call(contracts.roundsManager, encodeFunctionData({ abi: roundsManagerAbi, functionName }));
  const args = [recipient] as const;
  const bonding = (
    functionName: 'isActiveTranscoder' | 'getTranscoder' | 'transcoderTotalStake',
    words = 1,
  ) =>
    call(
      contracts.bondingManager,
      encodeFunctionData({ abi: bondingManagerAbi, functionName, args }),
      words,
    );
  return [
    ...ROUND_READS.map(rounds),
    call(
      contracts.bondingManager,
      encodeFunctionData({ abi: bondingManagerAbi, functionName: 'getTranscoderPoolSize' }),
    ),
    call(contracts.controller, encodeFunctionData({ abi: controllerAbi, functionName: 'paused' })),
    bonding('isActiveTranscoder'),
    bonding('getTranscoder', TRANSCODER_WORDS),
    bonding('transcoderTotalStake'),
    {
      to: contracts.serviceRegistry,
      data: encodeFunctionData({ abi: serviceRegistryAbi, functionName: 'getServiceURI', args }),
      bytesMax: 2 * WORD + URI_BYTES_MAX,
    },
  ];
}
const ROUND_READS = [
  'currentRound',
  'currentRoundInitialized',
  'lastInitializedRound',
  'currentRoundStartBlock',
  'roundLength',
  'roundLockAmount',
] as const;
type RoundRead = (typeof ROUND_READS)[number];
const TRANSCODER_WORDS = 10;

/** Reads the answers to {@link viewCalls}; undefined when one that must be there is not. */
export function readView(answers: readonly (Hex | undefined)[]): RoundFacts | undefined {
  const [current, initialized, last, start, length, lock, pool, paused, active] = answers
    .slice(0, 9)
    .map((answer) => words(answer, 1)?.[0]);
  const transcoder = words(answers[9], TRANSCODER_WORDS);
  const stake = words(answers[10], 1)?.[0];
  if (current === undefined || initialized === undefined || last === undefined) return undefined;
  if (start === undefined || length === undefined || lock === undefined) return undefined;
  if (pool === undefined || paused === undefined || active === undefined) return undefined;
  if (!transcoder || stake === undefined) return undefined;
  const [lastRewardRound = 0n, rewardCut = 0n, feeShare = 0n, , from = 0n, until = 0n] = transcoder;
  return {
    currentRound: current,
    roundInitialized: initialized !== 0n,
    lastInitialized: last,
    roundStartL1Block: start,
    roundLength: length,
    lockL1Blocks: lockL1Blocks(length, lock),
    poolSize: pool,
    paused: paused !== 0n,
    recipient: {
      active: active !== 0n,
      activationRound: from,
      deactivationRound: until,
      lastRewardRound,
      stake,
      rewardCut,
      feeShare,
      serviceUri: text(answers[11]),
    },
  };
}

/** The reads of a round's block hash and the one's before; round 0 has none before it. */
export function hashCalls({ contracts }: ReadPlace, round: bigint): readonly Call[] {
  const before = round === 0n ? 0n : round - 1n;
  return [round, before].map((args) =>
    call(
      contracts.roundsManager,
      encodeFunctionData({
        abi: roundsManagerAbi,
        functionName: 'blockHashForRound',
        args: [args],
      }),
    ),
  );
}

/** The reads of one sender's funds. */
export function senderCalls({ contracts, recipient }: ReadPlace, sender: string): readonly Call[] {
  const address: Address = `0x${sender}`;
  const abi = ticketBrokerAbi;
  const info = encodeFunctionData({ abi, functionName: 'getSenderInfo', args: [address] });
  const claimed = encodeFunctionData({
    abi,
    functionName: 'claimedReserve',
    args: [address, recipient],
  });
  return [call(contracts.ticketBroker, info, 4), call(contracts.ticketBroker, claimed)];
}
/** Answers to {@link senderCalls} for each sender. */
export const CALLS_PER_SENDER = 2;

/** Reads the answers to {@link senderCalls}; undefined when the contract did not answer. */
export function readSender(answers: readonly (Hex | undefined)[]): SenderState | undefined {
  const info = words(answers[0], 4);
  const claimed = words(answers[1], 1);
  if (!info || !claimed) return undefined;
  const [deposit = 0n, withdrawRound = 0n, reserve = 0n, claimedInRound = 0n] = info;
  return {
    deposit: wei(deposit),
    reserve: wei(reserve),
    claimedInRound: wei(claimedInRound),
    claimedByRecipient: wei(claimed[0] ?? 0n),
    withdrawRound,
  };
}

/**
 * What to believe of a sender when providers differ: of everything what lets it pay least, so that
 * the one that inflates its funds gains nothing.
 */
export function lowest(states: readonly [SenderState, ...SenderState[]]): SenderState {
  return states.reduce((a, b) => ({
    deposit: least(a.deposit, b.deposit),
    reserve: least(a.reserve, b.reserve),
    claimedInRound: least(a.claimedInRound, b.claimedInRound),
    claimedByRecipient: most(a.claimedByRecipient, b.claimedByRecipient),
    withdrawRound: soonest(a.withdrawRound, b.withdrawRound),
  }));
}

/** The answer that most providers give, of two the first's; and whether all give it. */
export function majority<T>(answers: readonly T[], keyOf: (answer: T) => string): Majority<T> {
  const counted = new Map<string, { answer: T; count: number }>();
  for (const answer of answers) {
    const seen = counted.get(keyOf(answer));
    if (seen) seen.count += 1;
    else counted.set(keyOf(answer), { answer, count: 1 });
  }
  const [first] = [...counted.values()].sort((a, b) => b.count - a.count);
  return { answer: first?.answer, differ: counted.size > 1 };
}

/** What {@link majority} found; no answer when there were none. */
export interface Majority<T> {
  readonly answer: T | undefined;
  readonly differ: boolean;
}

/** The same text for the same facts. */
export function factsKey(facts: object): string {
  return JSON.stringify(facts, (_, value: unknown) =>
    typeof value === 'bigint' ? `${value}` : value instanceof Uint8Array ? hex(value) : value,
  );
}

/** The 32 bytes of a `bytes32`; undefined when it is none. */
export function word(answer: Hex | undefined): Uint8Array | undefined {
  const bytes = answer === undefined ? undefined : parseHex(answer);
  return bytes?.length === WORD ? bytes : undefined;
}

function call(to: Address, data: Hex, count = 1): Call {
  return { to, data, bytesMax: count * WORD };
}

function words(answer: Hex | undefined, count: number): readonly bigint[] | undefined {
  if (answer === undefined || answer.length !== 2 + count * 2 * WORD) return undefined;
  return Array.from({ length: count }, (_, at) =>
    BigInt(`0x${answer.slice(2 + at * 2 * WORD, 2 + (at + 1) * 2 * WORD)}`),
  );
}

function text(answer: Hex | undefined): string {
  if (answer === undefined) return '';
  try {
    return decodeAbiParameters(parseAbiParameters('string'), answer)[0];
  } catch {
    // No string: nothing that a gateway could call, either.
    return '';
  }
}

function least(a: Wei, b: Wei): Wei {
  return a < b ? a : b;
}

function most(a: Wei, b: Wei): Wei {
  return a > b ? a : b;
}

/** 0 is never. */
function soonest(a: bigint, b: bigint): bigint {
  if (a === 0n || b === 0n) return a + b;
  return a < b ? a : b;
}
