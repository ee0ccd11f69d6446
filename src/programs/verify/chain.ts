import { systemClock } from '../../base/clock.ts';
import { TributaryError } from '../../base/errors.ts';
import { keccak256 } from '../../base/keccak.ts';
import { DISPERSE } from '../../chain/disperse.ts';
import { networkOf } from '../../chain/networks.ts';
import { postJson } from '../../chain/rpc-post.ts';
import type { ChainTransaction, VerifyChain } from '../../epochs/verify-types.ts';

const TIMEOUT_MS = 20_000;
/** A batch of payouts has some hundred logs. */
const BYTES_MAX = 16 * 1024 * 1024;

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
  let id = 0;
  async function ask<T>(method: string, params: readonly unknown[]): Promise<T> {
    id += 1;
    const body = JSON.stringify({ jsonrpc: '2.0', id, method, params });
    const limits = { body, timeoutMs: TIMEOUT_MS, bytesMax: BYTES_MAX };
    const answer = await postJson({ url, headers: {} }, limits, systemClock);
    const value = answer.ok ? (answer.value as { result?: T; error?: unknown }) : undefined;
    if (value && value.error === undefined && 'result' in value) return value.result as T;
    throw new TributaryError('rpc_unavailable', `The node of --rpc does not answer ${method}.`);
  }

  const chainId = BigInt(await ask<string>('eth_chainId', []));
  const network = networkOf(Number(chainId));
  const known = (controller ?? network.controller)?.toLowerCase();
  const contractOf = async (name: string): Promise<string | undefined> => {
    if (known === undefined) return undefined;
    // protocol: Controller.getContract(bytes32): the address under the hash of a name.
    const data = `0x${hash('getContract(bytes32)').slice(0, 8)}${hash(name)}`;
    const word = await ask<string>('eth_call', [{ to: known, data }, 'latest']);
    return /^0x[0-9a-f]{64}$/.test(word) ? `0x${word.slice(26)}` : undefined;
  };

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

function hash(text: string): string {
  return Buffer.from(keccak256(Buffer.from(text))).toString('hex');
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
