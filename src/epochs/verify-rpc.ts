import { DISPERSE } from '../chain/disperse.ts';
import { openPlainRpc } from '../chain/plain-rpc.ts';
import type { ChainTransaction, VerifyChain } from './verify-types.ts';

/**
 * One node of a chain, asked the few questions of the verifier.
 *
 * @param controller of the Livepeer contracts, by which their addresses are found
 * @throws TributaryError `rpc_unavailable`
 */
export async function openVerifyChain(
  url: string,
  controller: string | undefined,
): Promise<VerifyChain> {
  const { chainId, network, ask, contractOf } = await openPlainRpc(url, controller);
  return {
    chainId: async () => chainId,
    async finalBlock() {
      const { finality } = network;
      if ('tag' in finality) {
        const block = await ask<{ number: string }>('eth_getBlockByNumber', [finality.tag, false]);
        return BigInt(block.number);
      }
      return BigInt(await ask<string>('eth_blockNumber', [])) - BigInt(finality.depth);
    },
    async transaction(hashOf) {
      const [found, receipt] = await Promise.all([
        ask<RpcTransaction | null>('eth_getTransactionByHash', [hashOf]),
        ask<RpcReceipt | null>('eth_getTransactionReceipt', [hashOf]),
      ]);
      return found && receipt ? decode(found, receipt) : undefined;
    },
    contracts: {
      ticketBroker: await contractOf('TicketBroker'),
      bondingManager: await contractOf('BondingManager'),
      livepeerToken: await contractOf('LivepeerToken'),
      disperse: DISPERSE.toLowerCase(),
    },
  };
}

interface RpcTransaction {
  readonly from: string;
  readonly to: string | null;
  readonly value: string;
  readonly input: string;
}

interface RpcReceipt {
  readonly blockNumber: string;
  readonly status: string;
  readonly gasUsed: string;
  readonly effectiveGasPrice: string;
  readonly logs: readonly {
    readonly address: string;
    readonly topics: readonly string[];
    readonly data: string;
  }[];
}

function decode(found: RpcTransaction, receipt: RpcReceipt): ChainTransaction {
  return {
    from: found.from.toLowerCase(),
    to: found.to?.toLowerCase(),
    value: BigInt(found.value),
    input: found.input.toLowerCase(),
    block: BigInt(receipt.blockNumber),
    succeeded: BigInt(receipt.status) === 1n,
    gasWei: BigInt(receipt.gasUsed) * BigInt(receipt.effectiveGasPrice),
    logs: receipt.logs.map(({ address, topics, data }) => ({
      address: address.toLowerCase(),
      topics: topics.map((topic) => topic.toLowerCase()),
      data: data.toLowerCase(),
    })),
  };
}
