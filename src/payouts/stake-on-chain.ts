import { decodeEventLog, encodeEventTopics, type Hex } from 'viem';
import { exactAsset } from '../base/amounts.ts';
import { LPT } from '../base/asset.ts';
import { bondingManagerAbi } from '../chain/abi/bonding-manager.ts';
import type { Providers } from '../chain/providers.ts';
import { field, hashOf, quantity, toHex } from '../chain/transactions-look.ts';
import { ownStake } from '../duties/own-stake.ts';
import { receiptLogs } from './logs.ts';
import { lptMoved } from './lpt-moved.ts';
import type { Recipient } from './plan-types.ts';

const abi = bondingManagerAbi;
const topicOf = (eventName: 'Bond' | 'WithdrawStake' | 'TranscoderSlashed' | 'TransferBond') =>
  encodeEventTopics({ abi, eventName })[0];
const OF_FIRST = ['WithdrawStake', 'TranscoderSlashed', 'TransferBond'] as const;
const DECIMALS = 18;

/** LPT that became stake of an account, or ceased to be. */
export interface StakeEvent {
  readonly transaction: Hex;
  readonly block: bigint;
  readonly is: 'bonded' | 'withdrawn' | 'slashed' | 'transferred';
  /** What happened, in words. */
  readonly text: string;
}

/** The stake of the orchestrator, as the chain has it. */
export interface StakeOnChain {
  /** LPT that it has in the protocol; see duties/own-stake.ts. */
  held(block: bigint | undefined, enough: bigint): Promise<bigint>;
  /** What changed the stake of the pool's accounts behind a block, up to another one; oldest first. */
  events(range: { readonly after: bigint; readonly until: bigint }): Promise<readonly StakeEvent[]>;
  /** LPT that a transaction brought to the treasury, less what it took from it. */
  lptMoved(transaction: Hex): Promise<bigint>;
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
  const words = owners.map((one) => `0x${one.slice(2).padStart(64, '0')}`);
  return {
    held: (block, enough) => ownStake(parts, block, enough),
    lptMoved: (transaction) => lptMoved(parts, transaction),
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
        ].map((topics) => providers.request<unknown>('eth_getLogs', [{ ...range, topics }])),
      );
      return found
        .flatMap((logs) => (Array.isArray(logs) ? logs.map(eventIn) : []))
        .filter((event) => event !== undefined)
        .sort((a, b) => Number(a.block - b.block) || a.index - b.index);
    },
  };
}

function eventIn(entry: unknown): (StakeEvent & { readonly index: number }) | undefined {
  const transaction = hashOf(field(entry, 'transactionHash'));
  const block = quantity(field(entry, 'blockNumber'));
  const index = Number(quantity(field(entry, 'logIndex')) ?? 0n);
  const [log] = receiptLogs([entry]) ?? [];
  if (!transaction || block === undefined || !log) return undefined;
  const told = decodeEventLog({
    abi,
    topics: log.topics as [Hex, ...Hex[]],
    data: log.data as Hex,
  });
  const shown = (amount: bigint) => exactAsset(amount, LPT, DECIMALS);
  const seen = { transaction, block, index };
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
