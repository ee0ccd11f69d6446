import { systemClock } from '../base/clock.ts';
import { TributaryError } from '../base/errors.ts';
import { keccak256 } from '../base/keccak.ts';
import { type Network, networkOf } from './networks.ts';
import { postJson } from './rpc-post.ts';

const TIMEOUT_MS = 20_000;
/** A batch of payouts has some hundred logs. */
const BYTES_MAX = 16 * 1024 * 1024;

/** One node of a chain, asked a few questions without a library. */
export interface PlainRpc {
  readonly chainId: bigint;
  readonly network: Network;
  /** What it answers with; throws `rpc_unavailable`. */
  ask<T>(method: string, params: readonly unknown[]): Promise<T>;
  /** The address of a Livepeer contract by its name, in lower case; undefined without a Controller. */
  contractOf(name: string): Promise<string | undefined>;
  /** Hex digits that `function(address)` of a contract answers with, in words of 32 bytes. */
  readOf(contract: string, signature: string, address: string): Promise<string>;
}

/** @param controller of the Livepeer contracts; undefined: that of the network, where it has one */
export async function openPlainRpc(url: string, controller: string | undefined): Promise<PlainRpc> {
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
  return {
    chainId,
    network,
    ask,
    async contractOf(name) {
      if (known === undefined) return undefined;
      // protocol: Controller.getContract(bytes32): the address under the hash of a name.
      const data = `0x${hash('getContract(bytes32)').slice(0, 8)}${hash(name)}`;
      const word = await ask<string>('eth_call', [{ to: known, data }, 'latest']);
      return /^0x[0-9a-f]{64}$/.test(word) ? `0x${word.slice(26)}` : undefined;
    },
    async readOf(contract, signature, address) {
      const data = `0x${hash(signature).slice(0, 8)}${address.slice(2).padStart(64, '0')}`;
      const answer = await ask<string>('eth_call', [{ to: contract, data }, 'latest']);
      if (/^0x(?:[0-9a-f]{64})*$/.test(answer)) return answer.slice(2);
      throw new TributaryError(
        'rpc_unavailable',
        'The node of --rpc answers a call with no words.',
      );
    },
  };
}

function hash(text: string): string {
  return Buffer.from(keccak256(Buffer.from(text))).toString('hex');
}
