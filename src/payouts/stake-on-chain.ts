import {
  decodeEventLog,
  decodeFunctionResult,
  encodeEventTopics,
  encodeFunctionData,
  type Hex,
} from 'viem';
import { exactAsset } from '../base/amounts.ts';
import { LPT } from '../base/asset.ts';
import type { Instant } from '../base/clock.ts';
import { TributaryError } from '../base/errors.ts';
import { bondingManagerAbi } from '../chain/abi/bonding-manager.ts';
import { blockTime } from '../chain/block-time.ts';
import { networkOf } from '../chain/networks.ts';
import type { Providers } from '../chain/providers.ts';
import { finalBlock } from '../chain/transactions-find.ts';
import { field, hashOf, quantity, toHex } from '../chain/transactions-look.ts';
import { ownReward } from '../duties/own-reward.ts';
import { ownStake } from '../duties/own-stake.ts';
import { gasIn, receiptLogs } from './logs.ts';
import { lptMoved } from './lpt-moved.ts';
import type { Recipient } from './plan-types.ts';

const abi = bondingManagerAbi;
const OF_FIRST = ['WithdrawStake', 'TranscoderSlashed', 'TransferBond'] as const;
const OF_ORCHESTRATOR = ['Reward', 'WithdrawFees'] as const;
type EventName = 'Bond' | (typeof OF_FIRST | typeof OF_ORCHESTRATOR)[number];
const topicOf = (eventName: EventName) => encodeEventTopics({ abi, eventName })[0];
const DECIMALS = 18;

/** LPT that became stake of an account, or ceased to be; or fees that left the orchestrator. */
export interface StakeEvent {
  readonly transaction: Hex;
  readonly block: bigint;
  /** The place of the transaction in its block. */
  readonly place: bigint;
  readonly is: 'bonded' | 'withdrawn' | 'slashed' | 'transferred' | 'rewarded' | 'fees_withdrawn';
  /** Of fees alone: wei, and whether an account of the pool got them. */
  readonly fees?: { readonly amount: bigint; readonly to: 'treasury' | 'external' };
  /** What happened, in words. */
  readonly text: string;
}

/** The stake of the orchestrator, as the chain has it. */
export interface StakeOnChain {
  /** LPT that it has in the protocol; see duties/own-stake.ts. */
  held(block: bigint | undefined, enough: bigint): Promise<bigint>;
  /**
   * What changed the stake of the pool's accounts behind a block, up to another one, with rewards and
   * fees of the orchestrator; oldest first.
   */
  events(range: { readonly after: bigint; readonly until: bigint }): Promise<readonly StakeEvent[]>;
  /** LPT that a transaction brought to the treasury, less what it took from it. */
  lptMoved(transaction: Hex): Promise<bigint>;
  /** Wei that the treasury paid for gas of a transaction; 0: another account did. */
  gasOf(transaction: Hex): Promise<bigint>;
  /** LPT that the reward call of a block added to it; see duties/own-reward.ts. */
  reward(block: bigint): Promise<bigint>;
  /** The newest block that is final; undefined: no node says it. */
  finalBlock(): Promise<bigint | undefined>;
  /** When a block was made. */
  timeOf(block: bigint): Promise<Instant>;
}

export function createStakeOnChain(parts: {
  readonly providers: Providers;
  readonly bondingManager: Hex;
  /** Of LPT. */
  readonly token: Hex;
  readonly orchestrator: Hex;
  /** In lower case. */
  readonly treasury: readonly Recipient[];
}): StakeOnChain {
  const { providers, bondingManager, orchestrator, treasury } = parts;
  const owners = [...new Set([orchestrator.toLowerCase(), ...treasury])];
  const wordOf = (address: string) => `0x${address.slice(2).toLowerCase().padStart(64, '0')}`;
  const words = owners.map(wordOf);
  return {
    held: (block, enough) => ownStake(parts, block, enough),
    lptMoved: (transaction) => lptMoved(parts, transaction),
    async gasOf(transaction) {
      const receipt = await providers.request('eth_getTransactionReceipt', [transaction]);
      const wei = gasIn(receipt);
      if (wei === undefined)
        throw new TributaryError('rpc_unavailable', 'No node has the receipt.');
      const from = String(field(receipt, 'from')).toLowerCase() as Recipient;
      return treasury.includes(from) ? wei : 0n;
    },
    reward: (block) => ownReward(parts, block),
    finalBlock: () => finalBlock(providers, networkOf(providers.chainId).finality),
    timeOf: (block) => blockTime(providers, block),
    async events({ after, until }) {
      const range = {
        address: bondingManager,
        fromBlock: toHex(after + 1n),
        toBlock: toHex(until),
      };
      const found = await Promise.all(
        [
          [OF_FIRST.map(topicOf), words],
          [topicOf('Bond'), null, null, words],
          [OF_ORCHESTRATOR.map(topicOf), wordOf(orchestrator)],
        ].map((topics) => providers.request<unknown>('eth_getLogs', [{ ...range, topics }])),
      );
      return found
        .flatMap((logs) => (Array.isArray(logs) ? logs.map((log) => eventIn(log, treasury)) : []))
        .filter((event) => event !== undefined)
        .sort((a, b) => Number(a.block - b.block) || a.index - b.index);
    },
  };
}

/** Which of the accounts is an orchestrator, now; undefined: none of them. */
export async function orchestratorAmong(
  { providers, bondingManager }: { readonly providers: Providers; readonly bondingManager: Hex },
  accounts: readonly Hex[],
): Promise<Hex | undefined> {
  for (const account of accounts) {
    const asked = { abi, functionName: 'isRegisteredTranscoder', args: [account] } as const;
    const call = { to: bondingManager, data: encodeFunctionData(asked) };
    const data = await providers.request<Hex>('eth_call', [call, 'latest']);
    if (decodeFunctionResult({ ...asked, data })) return account;
  }
  return undefined;
}

function eventIn(
  entry: unknown,
  treasury: readonly Recipient[],
): (StakeEvent & { readonly index: number }) | undefined {
  const transaction = hashOf(field(entry, 'transactionHash'));
  const block = quantity(field(entry, 'blockNumber'));
  const place = quantity(field(entry, 'transactionIndex')) ?? 0n;
  const index = Number(quantity(field(entry, 'logIndex')) ?? 0n);
  const [log] = receiptLogs([entry]) ?? [];
  if (!transaction || block === undefined || !log) return undefined;
  const told = decodeEventLog({
    abi,
    topics: log.topics as [Hex, ...Hex[]],
    data: log.data as Hex,
  });
  const shown = (amount: bigint) => exactAsset(amount, LPT, DECIMALS);
  const seen = { transaction, block, place, index };
  switch (told.eventName) {
    case 'Bond':
      return { ...seen, is: 'bonded', text: `bonded ${shown(told.args.additionalAmount)}` };
    case 'WithdrawStake': {
      const { amount, delegator } = told.args;
      return {
        ...seen,
        is: 'withdrawn',
        text: `withdrew ${shown(amount)} of stake to ${delegator}`,
      };
    }
    case 'Reward':
      return { ...seen, is: 'rewarded', text: `brought ${shown(told.args.amount)} of rewards` };
    case 'WithdrawFees': {
      const { amount, recipient } = told.args;
      const isOwn = treasury.includes(recipient.toLowerCase() as Recipient);
      const fees = { amount, to: isOwn ? 'treasury' : 'external' } as const;
      return { ...seen, is: 'fees_withdrawn', fees, text: `withdrew fees to ${recipient}` };
    }
    case 'TranscoderSlashed':
      return { ...seen, is: 'slashed', text: `slashed ${shown(told.args.penalty)} of stake` };
    case 'TransferBond': {
      const { amount, newDelegator } = told.args;
      return {
        ...seen,
        is: 'transferred',
        text: `moved ${shown(amount)} of stake to ${newDelegator}`,
      };
    }
    default:
      return undefined;
  }
}
