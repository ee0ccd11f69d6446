import type { Address, Hex } from 'viem';
import { type Admin, serveAdmin } from '../../api/admin.ts';
import type { Clock } from '../../base/clock.ts';
import { makeDataDir } from '../../base/data-dir.ts';
import { TributaryError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { Metrics } from '../../base/metrics.ts';
import { processMetrics } from '../../base/process-metrics.ts';
import { showHostPort } from '../../base/setting-types.ts';
import { type Contracts, resolveContracts } from '../../chain/contracts.ts';
import { networks } from '../../chain/networks.ts';
import { openProviders, type Providers } from '../../chain/providers.ts';
import type { Signing } from '../../chain/signing.ts';
import { startSigner } from '../../chain/signing-child.ts';
import { openTransactions } from '../../chain/transactions.ts';
import { openChainWatch } from '../../chain/watch.ts';
import { type Database, openDatabase } from '../../database/database.ts';
import { type Redeeming, startRedeeming } from '../../duties/redeem.ts';
import { noteRedeemed } from '../../duties/redeem-seen.ts';
import { poolDatabase } from './database-place.ts';
import type { RedeemerSettings } from './settings.ts';

/** What a redeemer takes from the process that it runs in. */
export interface RedeemerBase {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  /** For its signer. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** A redeemer at work. */
export interface RunningRedeemer {
  /** Who pays the gas. */
  readonly account: Hex;
  readonly adminUrl: string;
  readonly redeeming: Redeeming;
  /** Ends; what is under way is gone on with by the next start, or by nobody else's key. */
  stop(): Promise<void>;
}

/**
 * Starts redeeming on the database of a pool: with an account, a journal and a place in the chain of
 * its own. When a later part fails, those before it are stopped again. Throws what they throw.
 */
export async function startRedeemer(
  settings: RedeemerSettings,
  base: RedeemerBase,
): Promise<RunningRedeemer> {
  await using started = new AsyncDisposableStack();
  started.defer(processMetrics(base.metrics));
  const network = networks[settings.network];
  await makeDataDir(settings.dataDir, 0o700);
  const database = await databaseOf(settings, base, started);
  const providers = await openProviders({
    urls: settings.ethUrl,
    ...(network.chainId === undefined ? {} : { chainId: network.chainId }),
    ...base,
  });
  started.defer(() => providers.close());
  const contracts = await resolveContracts(providers, controllerOf(settings));
  const signing = await startSigning(settings, base, { providers, contracts });
  started.defer(() => signing.close());
  const account = accountOf(signing);
  const { maxGasPrice } = settings;
  const transactions = await openTransactions({
    ...base,
    ...{ database, providers, signing },
    account: { chainId: providers.chainId, address: account },
    ...(maxGasPrice === undefined ? {} : { rules: { maxFeePerGas: maxGasPrice } }),
  });
  started.defer(() => transactions.close());
  const watch = await openChainWatch({
    ...base,
    ...{ database, providers, contracts },
    recipient: settings.orchestratorAddress,
    pollMs: network.pollMs,
    arbitrum: network.arbitrum,
    follower: 'redeemer',
    redeemed: noteRedeemed(database),
  });
  started.defer(() => watch.close());
  const { redeemGas, batchedGas } = network;
  const redeeming = startRedeeming({
    ...base,
    ...{ database, watch, transactions, contracts, providers },
    rules: {
      redeemGas,
      batchedGas,
      ...(maxGasPrice === undefined ? {} : { gasPriceMax: maxGasPrice }),
    },
  });
  started.defer(() => redeeming.close());
  const admin = await serveHealth(settings, base, async () => {
    if (!watch.current()) return 'the chain has not been read yet';
    return (await database.healthy()) ? undefined : 'the database does not answer';
  });
  started.defer(() => admin.close());

  const running = started.move();
  const host = settings.adminAddr.host || '127.0.0.1';
  return {
    account,
    adminUrl: `http://${showHostPort({ host, port: admin.port })}`,
    redeeming,
    stop: () => running.disposeAsync(),
  };
}

async function databaseOf(
  { databaseUrl, poolDataDir }: RedeemerSettings,
  { log, metrics }: RedeemerBase,
  started: AsyncDisposableStack,
): Promise<Database> {
  let url = databaseUrl;
  if (poolDataDir !== undefined) {
    const place = await poolDatabase(poolDataDir);
    started.defer(() => place.release());
    url = place.url;
  }
  if (url === undefined) throw new TributaryError('setting_missing', 'No database is given.');
  const database = await openDatabase({ url }, { log, metrics });
  started.defer(() => database.close());
  await database.migrate();
  return database;
}

function controllerOf({ controller, network }: RedeemerSettings): Address {
  const address = controller ?? networks[network].controller;
  if (!address) throw new TributaryError('controller_missing', 'No --controller is given.');
  return address;
}

/** A signer that knows nothing but the redeeming of tickets for one orchestrator. */
function startSigning(
  settings: RedeemerSettings,
  base: RedeemerBase,
  { providers, contracts }: { readonly providers: Providers; readonly contracts: Contracts },
): Promise<Signing> {
  const { dataDir, keystore, passwordFile, account, orchestratorAddress, signerPolicy } = settings;
  const address = contracts.ticketBroker.toLowerCase() as Hex;
  return startSigner(
    {
      dataDir,
      chain:
        settings.network === 'arbitrum-one'
          ? { network: 'arbitrum-one' }
          : {
              network: 'devnet',
              chainId: providers.chainId,
              contracts: [{ contract: 'TicketBroker', address }],
            },
      main: { keystore, passwordFile, account },
      roles: ['redeemer'],
      orchestrator: orchestratorAddress,
      policyFile: signerPolicy,
      settings: ['--log-level', settings.logLevel],
    },
    base,
  );
}

function accountOf(signing: Signing): Hex {
  const account = signing.accounts.find(({ roles }) => roles.includes('redeemer'));
  if (!account) throw new TributaryError('internal', 'the signer has no account that redeems');
  return account.address;
}

function serveHealth(
  { adminAddr }: RedeemerSettings,
  { log, metrics }: RedeemerBase,
  ready: () => Promise<string | undefined>,
): Promise<Admin> {
  // Nothing can be done here, so that everybody who reaches the address may look.
  return serveAdmin({ api: undefined, metrics, ready, log }, { ...adminAddr, tokenChosen: true });
}
