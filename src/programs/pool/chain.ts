import { availableParallelism } from 'node:os';
import type { Address } from 'viem';
import { hex } from '../../base/bytes.ts';
import { TributaryError } from '../../base/errors.ts';
import { wei } from '../../base/money.ts';
import { type Contracts, resolveContracts } from '../../chain/contracts.ts';
import { type Network, networks } from '../../chain/networks.ts';
import { PRICE_FEED_ARBITRUM_ONE, readPriceFeed } from '../../chain/price-feed.ts';
import { openProviders, type Providers } from '../../chain/providers.ts';
import type { Signing } from '../../chain/signing.ts';
import type { Transactions } from '../../chain/transactions.ts';
import { type ChainWatch, openChainWatch } from '../../chain/watch.ts';
import type { Database } from '../../database/database.ts';
import type { Duties } from '../../duties/parts.ts';
import { startRedeeming } from '../../duties/redeem.ts';
import { followPending, type PendingView } from '../../duties/redeem-pending.ts';
import { noteRedeemed } from '../../duties/redeem-seen.ts';
import type { DiscoveryWebhook } from '../../front/discovery-webhook.ts';
import { createSignatures } from '../../front/signatures.ts';
import type { BooksKeeper } from '../../ledger/books-mark.ts';
import { createPayments, type Payments } from '../../payments/payments.ts';
import { openPriceDesk, type PriceDesk } from '../../payments/price-desk.ts';
import type { PriceSheet, Prices } from '../../payments/prices.ts';
import { createRecovery, type Recovery } from '../../payments/recover-threads.ts';
import { parseAddress } from '../../protocol/signature.ts';
import { type ChainAccounts, openAccounts } from './chain-accounts.ts';
import { startChainDuties } from './chain-duties.ts';
import { type ChainPay, chainPay } from './chain-pay.ts';
import { openSigning } from './chain-signing.ts';
import { discoveryOf } from './gateways.ts';
import type { PoolBase } from './pool.ts';
import { followRandSecrets } from './rand-secrets.ts';
import type { GatewayParts } from './serve-front.ts';
import type { PoolSettings } from './settings.ts';
import { sweepPayments } from './sweep-payments.ts';

/** Checking signatures takes 65 us each; beyond four threads the database is the limit. */
const RECOVERY_THREADS_MAX = 4;

/** A pool on chain: what the front is given, and what the duties stand on. */
export interface OpenedChain extends GatewayParts, ChainPay {
  readonly database: Database;
  readonly providers: Providers;
  readonly contracts: Contracts;
  readonly signing: Signing;
  readonly watch: ChainWatch;
  readonly accounts: ChainAccounts;
  /** Whom tickets name; its key may be elsewhere. */
  readonly orchestrator: Address;
  /** The same, and the chain: in whose name workers get their receipts. */
  readonly issuer: { readonly pool: Uint8Array; readonly chainId: bigint };
  readonly payments: Payments;
  readonly priceDesk: PriceDesk;
  /** Starts what the orchestrator does by itself, once gateways can reach it. */
  startDuties(front: Parameters<typeof startChainDuties>[3]): Duties;
  /** Why no gateway can be served yet; undefined: it can. */
  whyNotReady(): string | undefined;
}

/**
 * Opens everything that a pool on chain has and one off-chain has not. What was opened is closed by
 * `started`. Throws what its parts throw: `chain_wrong`, `controller_missing`, `password_wrong`…
 */
export async function openChain(
  settings: PoolSettings,
  base: PoolBase,
  { database, keeper }: { readonly database: Database; readonly keeper: BooksKeeper },
  started: AsyncDisposableStack,
): Promise<OpenedChain> {
  const { clock, log, metrics } = base;
  const network = networkOf(settings);
  const providers = await openProviders({
    urls: settings.ethUrl,
    ...(network.chainId === undefined ? {} : { chainId: network.chainId }),
    ...base,
  });
  started.defer(() => providers.close());
  const contracts = await resolveContracts(providers, controllerOf(settings, network));
  const signing = await openSigning(settings, base, { chainId: providers.chainId, contracts });
  started.defer(() => signing.close());
  const orchestrator = settings.orchestratorAddress ?? (`0x${hex(signing.address)}` as Address);
  const recipient = parseAddress(orchestrator) as Uint8Array;
  const { keep: beforeSend } = keeper;
  const sending = { database, providers, signing, beforeSend };
  const accounts = await openAccounts(settings, base, sending, started);

  const watch = await openChainWatch({
    database,
    providers,
    contracts,
    recipient: orchestrator,
    clock,
    log,
    metrics,
    pollMs: network.pollMs,
    arbitrum: network.arbitrum,
    redeemed: noteRedeemed(database),
  });
  started.defer(() => watch.close());
  const recovery = createRecovery({ threads: recoveryThreads() });
  started.defer(() => recovery.close());
  const priceDesk = await pricesOf(settings, base, { providers, database });
  started.defer(() => priceDesk.close());
  const secrets = await followRandSecrets(database, await signing.sealKey(), base);
  started.defer(() => secrets.close());
  const discovery = discoveryOf(settings, base);
  const redeeming = redeemingOf(settings, base, {
    ...{ database, watch, providers, contracts, network },
    transactions: accounts.of('redeemer'),
  });
  started.defer(() => redeeming.close());
  const payments = paymentsOf(settings, base, {
    ...{ database, recovery, watch, discovery, network, redeeming },
    prices: priceDesk.prices,
    secrets: secrets.current,
    recipient,
  });
  started.defer(sweepPayments({ database, watch, clock, log }));

  const opened: OpenedChain = {
    ...chainPay({ providers, contracts, signing, accounts, orchestrator }),
    database,
    providers,
    contracts,
    signing,
    watch,
    accounts,
    orchestrator,
    issuer: { pool: recipient, chainId: BigInt(providers.chainId) },
    payments,
    priceDesk,
    discovery,
    signatures: createSignatures(recovery),
    startDuties: (front) => startChainDuties(settings, base, opened, front),
    whyNotReady: () => (watch.current() ? undefined : 'the chain has not been read yet'),
  };
  return opened;
}

function networkOf({ network }: PoolSettings): Network {
  if (network === 'offchain') throw new TributaryError('internal', 'there is no chain off-chain');
  return networks[network];
}

function controllerOf({ controller }: PoolSettings, network: Network): Address {
  const address = controller ?? network.controller;
  if (!address) throw new TributaryError('controller_missing', 'No --controller is given.');
  return address;
}

function recoveryThreads(): number {
  return Math.max(1, Math.min(RECOVERY_THREADS_MAX, availableParallelism() - 1));
}

function pricesOf(
  settings: PoolSettings,
  base: PoolBase,
  { providers, database }: { readonly providers: Providers; readonly database: Database },
): Promise<PriceDesk> {
  const feed = settings.priceFeed ?? feedOf(settings);
  return openPriceDesk({
    ...base,
    database,
    sheet: sheetOf(settings),
    ...(feed ? { readFeed: () => readPriceFeed(providers, feed) } : {}),
  });
}

function feedOf({ network }: PoolSettings): Address | undefined {
  return network === 'arbitrum-one' ? PRICE_FEED_ARBITRUM_ONE : undefined;
}

function sheetOf({ price, pricePerGateway, pricePerCapability }: PoolSettings): PriceSheet {
  if (!price) throw new TributaryError('setting_missing', 'No --price is given.');
  return {
    default: price,
    perGateway: pricePerGateway?.perGateway ?? new Map(),
    perCapability: pricePerCapability ?? new Map(),
    perGatewayCapability: pricePerGateway?.perGatewayCapability ?? new Map(),
  };
}

/**
 * Redeems; or, where another program does it or the key that pays for it is elsewhere, follows what is
 * under way: until a block shows it, it is money that its sender has spent.
 */
function redeemingOf(
  { redeemer, maxGasPrice }: PoolSettings,
  base: PoolBase,
  parts: {
    readonly database: Database;
    readonly watch: ChainWatch;
    readonly providers: Providers;
    readonly contracts: Contracts;
    readonly network: Network;
    readonly transactions: Transactions | undefined;
  },
): PendingView {
  const { transactions, network, ...rest } = parts;
  if (!redeemer || !transactions) return followPending({ ...base, ...rest });
  const { redeemGas, batchedGas } = network;
  const ceiling = maxGasPrice === undefined ? {} : { gasPriceMax: maxGasPrice };
  return startRedeeming({
    ...base,
    ...rest,
    transactions,
    rules: { redeemGas, batchedGas, ...ceiling },
  });
}

function paymentsOf(
  settings: PoolSettings,
  base: PoolBase,
  parts: {
    readonly database: Database;
    readonly recovery: Recovery;
    readonly watch: ChainWatch;
    readonly prices: Prices;
    readonly discovery: DiscoveryWebhook | undefined;
    readonly network: Network;
    readonly secrets: Parameters<typeof createPayments>[0]['secrets'];
    readonly recipient: Uint8Array;
    readonly redeeming: PendingView;
  },
): Payments {
  const { discovery, network, watch, redeeming, ...rest } = parts;
  return createPayments({
    ...base,
    ...rest,
    chain: watch,
    rules: {
      ticketEv: wei(settings.ticketEv),
      maxFaceValue: wei(settings.maxFaceValue),
      redeemGas: network.redeemGas,
      adjustPrice: settings.autoAdjustPrice,
    },
    unpaidMax: wei(settings.maxUnpaid),
    pendingOf: redeeming.pendingOf,
    ...(discovery ? { agreedPrice: discovery.agreedPrice } : {}),
  });
}
