import {
  type Address,
  decodeFunctionResult,
  encodeEventTopics,
  encodeFunctionData,
  type Hex,
  parseEventLogs,
} from 'viem';
import { TributaryError } from '../base/errors.ts';
import { bondingManagerAbi } from '../chain/abi/bonding-manager.ts';
import { roundsManagerAbi } from '../chain/abi/rounds-manager.ts';
import { ticketBrokerAbi } from '../chain/abi/ticket-broker.ts';
import type { Contracts } from '../chain/contracts.ts';
import type { Providers } from '../chain/providers.ts';
import { field, quantity, toHex } from '../chain/transactions-look.ts';

const feesAbi = [...bondingManagerAbi, ...ticketBrokerAbi] as const;
const [WITHDRAWN] = encodeEventTopics({ abi: bondingManagerAbi, eventName: 'WithdrawFees' });
const [PAID] = encodeEventTopics({ abi: ticketBrokerAbi, eventName: 'WinningTicketTransfer' });

/** What a block did to the fees of the orchestrator. */
export interface FeesInBlock {
  /** Wei that tickets paid for it, whoever redeemed them, and the transactions that did. */
  readonly paid: bigint;
  readonly transactions: readonly Hex[];
  /** Wei of it that reached the orchestrator. */
  readonly reached: bigint;
}

/** The fees of the orchestrator in the protocol, as the chain has them. */
export interface FeesOnChain {
  /** Wei that it can withdraw, as of a block or now. Throws `rpc_unavailable`. */
  held(block: bigint | undefined): Promise<bigint>;
  /** Throws `rpc_unavailable`; `rpc_refused` by a node that keeps no state of that age. */
  inBlock(block: bigint): Promise<FeesInBlock>;
  /** The block that has a transaction; undefined: no node shows it. */
  blockOf(transaction: Hex): Promise<bigint | undefined>;
}

export function createFeesOnChain(parts: {
  readonly providers: Pick<Providers, 'request'>;
  readonly contracts: Pick<Contracts, 'bondingManager' | 'roundsManager' | 'ticketBroker'>;
  readonly orchestrator: Address;
}): FeesOnChain {
  const { providers, contracts, orchestrator } = parts;
  const { bondingManager, roundsManager, ticketBroker } = contracts;
  const own = `0x${orchestrator.slice(2).toLowerCase().padStart(64, '0')}`;

  /** protocol: BondingManager.pendingFees(delegator, endRound). */
  async function held(block: bigint | undefined): Promise<bigint> {
    const at = block === undefined ? 'latest' : toHex(block);
    const call = (to: Address, data: Hex) => providers.request<Hex>('eth_call', [{ to, data }, at]);
    const current = { abi: roundsManagerAbi, functionName: 'currentRound' } as const;
    const round = decodeFunctionResult({
      ...current,
      data: await call(roundsManager, encodeFunctionData(current)),
    });
    const fees = {
      abi: bondingManagerAbi,
      functionName: 'pendingFees',
      args: [orchestrator, round],
    } as const;
    const data = await call(bondingManager, encodeFunctionData(fees));
    return decodeFunctionResult({ ...fees, data });
  }

  async function eventsIn(block: bigint, address: Address, topics: readonly unknown[]) {
    const range = { address, fromBlock: toHex(block), toBlock: toHex(block) };
    const logs = await providers.request<unknown>('eth_getLogs', [{ ...range, topics }]);
    if (Array.isArray(logs)) return parseEventLogs({ abi: feesAbi, logs });
    throw new TributaryError('rpc_unavailable', 'No node tells the events of a block.');
  }

  return {
    held,
    async inBlock(block) {
      const [after, before, tickets, withdrawals] = await Promise.all([
        held(block),
        held(block - 1n),
        eventsIn(block, ticketBroker, [PAID, null, own]),
        eventsIn(block, bondingManager, [WITHDRAWN, own]),
      ]);
      let paid = 0n;
      const transactions = new Set<Hex>();
      for (const { eventName, args, transactionHash } of tickets) {
        if (eventName !== 'WinningTicketTransfer') continue;
        paid += args.amount;
        transactions.add(transactionHash.toLowerCase() as Hex);
      }
      const withdrawn = withdrawals.reduce(
        (sum, { eventName, args }) => (eventName === 'WithdrawFees' ? sum + args.amount : sum),
        0n,
      );
      return { paid, transactions: [...transactions], reached: after - before + withdrawn };
    },
    async blockOf(transaction) {
      const receipt = await providers.request('eth_getTransactionReceipt', [transaction]);
      return quantity(field(receipt, 'blockNumber'));
    },
  };
}
