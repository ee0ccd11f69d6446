import type { Hex } from 'viem';
import { encodeFunctionData, getAddress, toHex } from 'viem';
import { showEth } from '../../base/amounts.ts';
import { parseHex } from '../../base/bytes.ts';
import type { Clock } from '../../base/clock.ts';
import { TributaryError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { Metrics } from '../../base/metrics.ts';
import { type Wei, wei } from '../../base/money.ts';
import { roundsManagerAbi } from '../../chain/abi/rounds-manager.ts';
import { ticketBrokerAbi } from '../../chain/abi/ticket-broker.ts';
import { type Contracts, resolveContracts } from '../../chain/contracts.ts';
import { networkOf, networks } from '../../chain/networks.ts';
import { openProviders, type Providers } from '../../chain/providers.ts';
import { ownError } from '../../chain/rpc-refusal.ts';
import { signTransaction } from '../../chain/sign-transaction.ts';
import type { SenderChainView } from '../../payments/send-params.ts';
import { addressOf } from '../../protocol/signature.ts';

/** Somebody else's block may change the price of gas and what storage holds. */
const GAS_ROOM = { numerator: 5n, denominator: 4n } as const;
/** A transaction that is not in a block by then is not worth waiting for. */
const RECEIPT_MS_MAX = 5 * 60_000;

/** What a gateway knows of the chain, and its money there. */
export interface GatewayChain {
  /** As of the last look, which is never far back while a provider answers. */
  view(): SenderChainView;
  /** Looks now. Throws TributaryError `rpc_unavailable`. */
  look(): Promise<SenderChainView>;
  /**
   * Puts what is missing of these amounts into the TicketBroker and waits until it is there;
   * answers what it put in. A transaction of this account that is on its way is waited for first.
   *
   * @throws TributaryError `chain_funds_short`, `funding_failed`, `rpc_unavailable`
   */
  fund(wanted: { readonly deposit: Wei; readonly reserve: Wei }): Promise<Funding>;
  close(): Promise<void>;
}

/** What was put into the TicketBroker; `transaction` only where something was. */
export interface Funding {
  /** What was put in, which may be nothing. */
  readonly deposit: Wei;
  readonly reserve: Wei;
  /** What was there before. */
  readonly before: { readonly deposit: Wei; readonly reserve: Wei };
  readonly transaction: Hex | undefined;
}

/** What {@link openGatewayChain} needs. The key stays in this process: it is a gateway for tests. */
export interface GatewayChainParts {
  readonly network: keyof typeof networks;
  readonly urls: readonly string[];
  /** Undefined: the network's own. */
  readonly controller: Uint8Array | undefined;
  /** 32 bytes. */
  readonly key: Uint8Array;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}

/**
 * Connects to the chain and looks once.
 *
 * @throws TributaryError as `openProviders` and `resolveContracts`, `controller_missing` where the
 * network has none and none was given
 */
export async function openGatewayChain(parts: GatewayChainParts): Promise<GatewayChain> {
  const { clock, log } = parts;
  const { chainId, controller: known } = networks[parts.network];
  const controller = parts.controller ? getAddress(toHex(parts.controller)) : known;
  if (!controller) {
    throw new TributaryError('controller_missing', 'This network needs --controller.');
  }
  const providers = await openProviders({
    urls: parts.urls,
    ...(chainId !== undefined && { chainId }),
    clock,
    log,
    metrics: parts.metrics,
  });
  try {
    const contracts = await resolveContracts(providers, controller);
    const address = toHex(addressOf(parts.key));
    let view = await readView(providers, contracts, address);
    const look = async () => {
      view = await readView(providers, contracts, address);
      return view;
    };
    const stop = repeat(clock, networkOf(providers.chainId).pollMs, async () => {
      await look().catch(() => log.warn('chain_unseen'));
    });
    return {
      view: () => view,
      look,
      fund: (wanted) => fund({ ...parts, providers, contracts, address, look }, wanted),
      async close() {
        stop();
        await providers.close();
      },
    };
  } catch (error) {
    await providers.close();
    throw ownError(error) ?? error;
  }
}

/** Calls again so long after each end; answers what stops it. */
function repeat(clock: Clock, ms: number, run: () => Promise<void>): () => void {
  let stopped = false;
  let timer = clock.after(ms, again);
  function again(): void {
    void run().finally(() => {
      if (!stopped) timer = clock.after(ms, again);
    });
  }
  return () => {
    stopped = true;
    timer.cancel();
  };
}

async function readView(
  providers: Providers,
  { ticketBroker, roundsManager }: Contracts,
  address: Hex,
): Promise<SenderChainView> {
  const { client } = providers;
  const rounds = { address: roundsManager, abi: roundsManagerAbi } as const;
  const [block, [sender, reserve], lastInitializedRound] = await Promise.all([
    providers.request<{ number: Hex; l1BlockNumber?: Hex }>('eth_getBlockByNumber', [
      'latest',
      false,
    ]),
    client.readContract({
      address: ticketBroker,
      abi: ticketBrokerAbi,
      functionName: 'getSenderInfo',
      args: [address],
    }),
    client.readContract({ ...rounds, functionName: 'lastInitializedRound' }),
  ]);
  const blockHash = await client.readContract({
    ...rounds,
    functionName: 'blockHashForRound',
    args: [lastInitializedRound],
  });
  return {
    deposit: wei(sender.deposit),
    reserve: wei(reserve.fundsRemaining),
    withdrawRound: sender.withdrawRound,
    lastInitializedRound,
    lastL1Block: BigInt(block.l1BlockNumber ?? block.number),
    round: {
      creationRound: lastInitializedRound,
      creationRoundBlockHash: parseHex(blockHash) ?? new Uint8Array(32),
    },
  };
}

interface FundParts extends GatewayChainParts {
  readonly providers: Providers;
  readonly contracts: Contracts;
  readonly address: Hex;
  look(): Promise<SenderChainView>;
}

async function fund(
  parts: FundParts,
  wanted: { readonly deposit: Wei; readonly reserve: Wei },
): Promise<Funding> {
  const { providers, contracts, address, look } = parts;
  const nonce = await settledNonce(parts);
  const have = await look();
  const deposit = missing(wanted.deposit, have.deposit);
  const reserve = missing(wanted.reserve, have.reserve);
  const before = { deposit: have.deposit, reserve: have.reserve };
  if (deposit + reserve === 0n) return { deposit, reserve, before, transaction: undefined };
  const data = encodeFunctionData({
    abi: ticketBrokerAbi,
    functionName: 'fundDepositAndReserve',
    args: [deposit, reserve],
  });
  const call = { from: address, to: contracts.ticketBroker, value: deposit + reserve, data };
  await requireFunds(parts, call.value);
  const [gas, block, tip] = await Promise.all([
    providers.request<Hex>('eth_estimateGas', [{ ...call, value: toHex(call.value) }]),
    providers.request<{ baseFeePerGas?: Hex }>('eth_getBlockByNumber', ['latest', false]),
    providers.request<Hex>('eth_maxPriorityFeePerGas', []),
  ]);
  const maxPriorityFeePerGas = BigInt(tip);
  const { raw, hash } = signTransaction(parts.key, {
    chainId: providers.chainId,
    nonce,
    to: contracts.ticketBroker,
    value: call.value,
    data,
    gasLimit: (BigInt(gas) * GAS_ROOM.numerator) / GAS_ROOM.denominator,
    maxFeePerGas: 2n * BigInt(block.baseFeePerGas ?? '0x0') + maxPriorityFeePerGas,
    maxPriorityFeePerGas,
  });
  await providers.request('eth_sendRawTransaction', [raw]);
  await mined(parts, hash);
  await look();
  return { deposit, reserve, before, transaction: hash };
}

function missing(wanted: Wei, have: Wei): Wei {
  return wei(wanted > have ? wanted - have : 0n);
}

/** The account's next nonce once nothing of it is on its way: it might be the same funding. */
async function settledNonce(parts: FundParts): Promise<number> {
  const { providers, address } = parts;
  return poll(parts, 'An earlier transaction of this account is in no block.', async () => {
    const [latest, pending] = await Promise.all(
      ['latest', 'pending'].map((at) =>
        providers.request<Hex>('eth_getTransactionCount', [address, at]),
      ),
    );
    return latest !== undefined && latest === pending ? Number(latest) : undefined;
  });
}

async function requireFunds({ providers, address }: FundParts, value: bigint): Promise<void> {
  const balance = BigInt(await providers.request<Hex>('eth_getBalance', [address, 'latest']));
  if (balance > value) return;
  const why = `The gateway's account has ${showEth(balance)}, too little to put in ${showEth(value)}.`;
  throw new TributaryError('chain_funds_short', why);
}

async function mined(parts: FundParts, hash: Hex): Promise<void> {
  const { status } = await poll(parts, `Transaction ${hash} is in no block.`, async () =>
    parts.providers.request<{ status: Hex } | null>('eth_getTransactionReceipt', [hash]),
  );
  if (status !== '0x1') throw new TributaryError('funding_failed', `Transaction ${hash} failed.`);
}

/** Asks until there is an answer. Throws `funding_failed` after {@link RECEIPT_MS_MAX}. */
async function poll<T>(
  { clock, providers }: FundParts,
  late: string,
  ask: () => Promise<T | null | undefined>,
): Promise<T> {
  const until = clock.now() + RECEIPT_MS_MAX;
  for (;;) {
    const answer = await ask();
    if (answer !== null && answer !== undefined) return answer;
    if (clock.now() >= until) throw new TributaryError('funding_failed', late);
    await new Promise<void>((resolve) => {
      clock.after(networkOf(providers.chainId).pollMs, resolve);
    });
  }
}
