import {
  type Abi,
  type Address,
  decodeErrorResult,
  encodeFunctionData,
  type Hex,
  isHex,
  toHex,
} from 'viem';
import { bondingManagerAbi } from '../chain/abi/bonding-manager.ts';
import { livepeerGovernorAbi } from '../chain/abi/livepeer-governor.ts';
import { livepeerTokenAbi } from '../chain/abi/livepeer-token.ts';
import { pollAbi } from '../chain/abi/poll.ts';
import { roundsManagerAbi } from '../chain/abi/rounds-manager.ts';
import { serviceRegistryAbi } from '../chain/abi/service-registry.ts';
import type { Contracts } from '../chain/contracts.ts';
import type { Intent, IntentId } from '../chain/journal-types.ts';
import type { Providers } from '../chain/providers.ts';
import { ownError, RpcRefusal } from '../chain/rpc-refusal.ts';
import type { Transactions } from '../chain/transactions.ts';
import type { DutiesParts } from './parts.ts';
import type { Call } from './plan-types.ts';

/** An estimate is of now; until the call is in a block, others may have made it a little dearer. */
const GAS_MARGIN = { numerator: 13n, denominator: 10n } as const;

const abis: Readonly<Record<Call['contract'], Abi>> = {
  token: livepeerTokenAbi,
  bondingManager: bondingManagerAbi,
  roundsManager: roundsManagerAbi,
  serviceRegistry: serviceRegistryAbi,
  governor: livepeerGovernorAbi,
  poll: pollAbi,
  account: [],
};

/** A call as bytes. */
export interface Encoded {
  readonly from: Address;
  readonly to: Address;
  readonly value: bigint;
  readonly data: Hex;
}

/** What sending stands on. */
export type SendingParts = Pick<
  DutiesParts,
  'providers' | 'contracts' | 'orchestrator' | 'node' | 'transactions'
>;

/** The journal that a call goes through; undefined: the key is kept elsewhere. */
export function journalFor(
  { transactions }: Pick<DutiesParts, 'transactions'>,
  from: Call['from'],
): Transactions | undefined {
  if (from === 'orchestrator') return transactions.orchestrator;
  if (from === 'reward_caller') return transactions.rewardCaller;
  return transactions.node ?? transactions.orchestrator ?? transactions.rewardCaller;
}

/** Bytes and accounts of a call. */
export function encode(parts: SendingParts, call: Call): Encoded {
  const from = journalFor(parts, call.from)?.account.address ?? parts.orchestrator;
  const data =
    call.method === ''
      ? '0x'
      : encodeFunctionData({
          abi: abis[call.contract],
          functionName: call.method,
          args: [...call.args],
        });
  return { from, to: targetOf(call, parts.contracts), value: call.value, data };
}

function targetOf(call: Call, contracts: Contracts): Address {
  if ('at' in call) return call.at;
  const address = contracts[call.contract];
  if (!address) throw new RangeError(`this network has no ${call.contract}`);
  return address;
}

/** Gas of a call as it would run now, or what the contract says against it. */
export type Estimate =
  | { readonly ok: true; readonly gas: bigint; readonly gasLimit: bigint }
  | { readonly ok: false; readonly text: string };

/**
 * Tries a call on the newest block.
 *
 * @throws TributaryError `rpc_unavailable`
 */
export async function estimate(
  providers: Pick<Providers, 'request'>,
  { from, to, value, data }: Encoded,
): Promise<Estimate> {
  try {
    const call = { from, to, data, ...(value > 0n ? { value: toHex(value) } : {}) };
    const gas = BigInt(await providers.request<Hex>('eth_estimateGas', [call]));
    return { ok: true, gas, gasLimit: (gas * GAS_MARGIN.numerator) / GAS_MARGIN.denominator };
  } catch (error) {
    const own = ownError(error);
    if (own instanceof RpcRefusal) return { ok: false, text: refusalText(own) };
    throw own ?? error;
  }
}

/** The contract's own words, without what a node puts around them. */
function refusalText(refusal: RpcRefusal): string {
  const data = isHex(refusal.data) ? refusal.data : undefined;
  if (data !== undefined && data !== '0x') {
    try {
      const abi = Object.values(abis).flat();
      const { errorName, args } = decodeErrorResult({ abi, data });
      return errorName === 'Error' || errorName === 'Panic' ? String(args?.[0]) : errorName;
    } catch {
      // An error that no contract of ours declares: the node's text says what it can.
    }
  }
  return refusal.message.replace(/^(?:execution reverted|VM Exception[^:]*)(?:: ?|, ?)?/i, '');
}

/** Something for the journal. */
export function intentOf(
  id: string,
  { to, value, data }: Encoded,
  more: { readonly gasLimit: bigint; readonly worthWei?: bigint },
): Intent {
  return {
    id: id as IntentId,
    to,
    value,
    data,
    gasLimit: more.gasLimit,
    worthWei: more.worthWei,
  };
}

/**
 * Waits until an intent is in a block, or will never be. In a block is enough for what follows: if
 * the block is undone, the journal brings the transaction into another one.
 */
export async function landed(
  parts: Pick<DutiesParts, 'watch'>,
  transactions: Transactions,
  id: IntentId,
): Promise<Landing> {
  let stop = () => {};
  const included = new Promise<Landing>((resolve) => {
    stop = parts.watch.onBlock(() => {
      const entry = transactions.progress(id);
      if (entry?.state !== 'included') return;
      const { inclusion, attempts } = entry;
      const done = attempts.find(({ hash }) => hash === inclusion.hash);
      // A cancel in a block means that the work is not done, or not yet.
      if (done?.kind === 'work') resolve(landingOf(inclusion));
    });
  });
  const settled = transactions
    .settled(id)
    .then(
      (entry): Landing =>
        entry.state === 'final' ? landingOf(entry.inclusion) : { ok: false, reason: entry.reason },
    );
  try {
    return await Promise.race([included, settled]);
  } finally {
    stop();
    // Closing the journal rejects it after somebody else won the race.
    settled.catch(() => {});
  }
}

/** How an intent ended, as far as it is to be seen. */
export type Landing =
  | { readonly ok: true; readonly transaction: Hex; readonly block: bigint }
  | {
      readonly ok: false;
      readonly reason: 'reverted' | 'withdrawn' | 'refused' | 'not_needed';
      readonly transaction?: Hex;
    };

function landingOf(inclusion: { hash: Hex; block: bigint; succeeded: boolean }): Landing {
  const { hash: transaction, block } = inclusion;
  return inclusion.succeeded
    ? { ok: true, transaction, block }
    : { ok: false, reason: 'reverted', transaction };
}
