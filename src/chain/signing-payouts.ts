import { type Abi, decodeFunctionData, encodeFunctionData, type Hex } from 'viem';
import { disperseAbi } from './abi/disperse.ts';
import { livepeerTokenAbi } from './abi/livepeer-token.ts';
import { CREATOR, DISPERSE, deployDisperseData } from './disperse.ts';
import type { UnsignedTransaction } from './sign-transaction.ts';

/** The most of a token that leaves, in its base units. */
export interface TokenLimit {
  readonly perTransaction: bigint;
  readonly perDay: bigint;
}

/** What a transaction of a payout account means. */
export type PayoutWork =
  | {
      readonly ok: true;
      readonly method: string;
      readonly eth: bigint;
      /** Base units by the address of the token. */
      readonly tokens: Readonly<Record<Hex, bigint>>;
    }
  | {
      readonly ok: false;
      readonly reason: 'contract' | 'method' | 'arguments' | 'value' | 'recipient';
    };

/**
 * Reads what an account for payouts wants signed: ether or a known token to anybody, alone or
 * through the batch contract. Who workers are the signer cannot know, so it is the limits that
 * decide how much may be lost by a pool that was taken over; it names no recipient that is allowed.
 */
export function readPayout(
  tx: UnsignedTransaction,
  known: {
    readonly tokens: ReadonlyMap<Hex, TokenLimit>;
    /** Contracts of the protocol, to which no payout goes. */
    readonly contracts: ReadonlyMap<Hex, unknown>;
  },
): PayoutWork {
  const to = tx.to.toLowerCase() as Hex;
  if (to === DISPERSE.toLowerCase()) return readBatch(tx, known.tokens);
  if (to === CREATOR.toLowerCase()) {
    if (tx.data !== deployDisperseData) return refused('method');
    return tx.value === 0n ? { ok: true, method: 'deploy', eth: 0n, tokens: {} } : refused('value');
  }
  if (known.tokens.has(to)) return readToken(tx, to);
  if (tx.data !== '0x') return refused('contract');
  if (known.contracts.has(to) || /^0x0{40}$/.test(to)) return refused('recipient');
  return { ok: true, method: 'pay', eth: tx.value, tokens: {} };
}

function readBatch(tx: UnsignedTransaction, tokens: ReadonlyMap<Hex, TokenLimit>): PayoutWork {
  const call = exactly(disperseAbi, tx.data);
  if (!call) return refused('arguments');
  const { functionName: method, args } = call;
  if (method === 'disperseEther') {
    const total = sumOf(args[2]);
    return total === tx.value ? { ok: true, method, eth: total, tokens: {} } : refused('value');
  }
  if (method !== 'disperseToken') return refused('method');
  if (tx.value !== 0n) return refused('value');
  const token = (args[1] as Hex).toLowerCase() as Hex;
  if (!tokens.has(token)) return refused('contract');
  return { ok: true, method, eth: 0n, tokens: { [token]: sumOf(args[3]) } };
}

function readToken(tx: UnsignedTransaction, token: Hex): PayoutWork {
  const call = exactly(livepeerTokenAbi, tx.data);
  if (!call) return refused('arguments');
  if (tx.value !== 0n) return refused('value');
  const { functionName: method, args } = call;
  if (method === 'transfer') {
    return { ok: true, method, eth: 0n, tokens: { [token]: args[1] as bigint } };
  }
  // An allowance for the batch contract is worth nothing to anybody else: it spends its caller's only.
  const isOurs = method === 'approve' && (args[0] as Hex).toLowerCase() === DISPERSE.toLowerCase();
  return isOurs ? { ok: true, method, eth: 0n, tokens: {} } : refused('method');
}

/** A call that is what an encoder would have written; undefined for anything else. */
function exactly(abi: Abi, data: Hex) {
  try {
    const { functionName, args = [] } = decodeFunctionData({ abi, data });
    return encodeFunctionData({ abi, functionName, args }) === data
      ? { functionName, args }
      : undefined;
  } catch {
    return undefined;
  }
}

function sumOf(amounts: unknown): bigint {
  return (amounts as readonly bigint[]).reduce((sum, amount) => sum + amount, 0n);
}

function refused<Reason extends string>(reason: Reason) {
  return { ok: false, reason } as const;
}
