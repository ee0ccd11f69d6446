import { createClientAddresses } from '../../api/client-address.ts';
import { type PublicParts, servePublic } from '../../api/public.ts';
import type { Clock } from '../../base/clock.ts';
import { makeDataDir } from '../../base/data-dir.ts';
import { TributaryError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { Metrics } from '../../base/metrics.ts';
import { processMetrics } from '../../base/process-metrics.ts';
import { showHostPort } from '../../base/setting-types.ts';
import { type Database, openDatabase } from '../../database/database.ts';
import { createBooks } from '../../ledger/books.ts';
import { type BooksKeeper, isAtHome, openBooksKeeper } from '../../ledger/books-mark.ts';
import { createLedger } from '../../ledger/ledger.ts';
import type { Notices } from '../../notices/notices.ts';
import { startPresence } from '../../workers/presence.ts';
import { createWorkers } from '../../workers/workers.ts';
import { startAdmin } from './admin.ts';
import { openApi } from './api.ts';
import { offchainGateways } from './gateways.ts';
import { startLocalWorker } from './local-worker.ts';
import { openManifest } from './manifest.ts';
import { openMeasuring } from './measure.ts';
import { openNotices } from './notices.ts';
import { servePages } from './pages.ts';
import { openPay, openTerms, rateBy } from './pay.ts';
import { chainName, offchainName, type PoolName } from './pay-name.ts';
import type { Places } from './places.ts';
import { checkReachable } from './self-check.ts';
import { openFront } from './serve-front.ts';
import type { PoolSettings } from './settings.ts';
import { followSecrets } from './shared-secrets.ts';

/** What a pool takes from the process that it runs in. */
export interface PoolBase {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  /** For the processes that the pool starts. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether its own database waits for the disk. Default: true; tests are quicker without. */
  readonly durable?: boolean;
}

/** A pool that serves. */
export interface RunningPool {
  /** `https://HOST:PORT` as gateways and workers are told. */
  readonly serviceUri: string;
  readonly adminUrl: string;
  /** Where everybody reads what the pool publishes; undefined when that is off. */
  readonly publicUrl: string | undefined;
  /** No new sessions and workers; resolves when running segments are answered. */
  drain(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Starts a pool: database, port 8935, admin address. When a later part fails, those before it are
 * stopped again. Throws what they throw.
 */
export async function startPool(settings: PoolSettings, base: PoolBase): Promise<RunningPool> {
  const { log, clock } = base;
  await using started = new AsyncDisposableStack();
  started.defer(processMetrics(base.metrics));
  // Another one once the chain is open, long before the first contribution.
  let name = offchainName(() => stores.ledger);
  const stores = await openStores(settings, base, started, () => name);
  const { workers, database } = stores;
  const chain = await chainOf(settings, base, stores, started);
  if (chain) name = chainName(chain.issuer, chain.signing);
  const gateways = chain ?? offchainGateways(settings, base);
  // Workers connect as soon as the front is open; what tells of them needs to know the front.
  let notices: Notices | undefined;
  const seenFrom: Notices['places']['seen'] = (...place) => notices?.places.seen(...place);
  const front = await openFront(settings, base, { ...stores, gateways, seenFrom }, started);
  const { dispatch, relay, joinString } = front;
  const duties = chain?.startDuties(front);
  if (duties) started.defer(() => duties.close());
  const measuring = await openMeasuring(base, { ...stores, dispatch, added: relay.added }, started);
  const pay = await openPay(settings, base, { ...stores, chain, name }, started);

  const places: Places = { admin: undefined, public: undefined };
  notices = await openNotices(
    settings,
    base,
    {
      ...{ ...stores, dispatch, places },
      alarms: () => [...(duties?.alarms() ?? []), ...pay.payouts.watch.alarms()],
    },
    started,
  );
  const api = await openApi(
    settings,
    base,
    {
      ...stores,
      places,
      manifest: openManifest(settings, base, {
        ...{ places, name, terms: stores.terms },
        serviceUri: front.serviceUri,
      }),
      contractSays: chain?.paying.chain?.isContractSignature,
      books: createBooks(database),
      epochs: pay.epochs,
      disputes: pay.disputes,
      ...measuring,
      notices,
      ...pay.payouts,
      dispatch,
      quarantine: relay,
      joinString,
      chain: duties?.actions,
      prices: chain?.priceDesk,
      runningTasks: relay.runningTasks,
      latency: relay.latency,
      serviceUri: front.serviceUri,
      identity: name.identity,
      account: name.account,
    },
    started,
  );
  const served = await servePages(api, {
    ...base,
    proofsDir: pay.proofsDir,
    publicUrl: settings.publicUrl,
  });
  const ready = async () =>
    (await whyNotReady(database, front.isDraining())) ?? chain?.whyNotReady();
  const addresses = createClientAddresses(settings.trustedProxy, () =>
    log.warn('proxy_not_trusted'),
  );
  const admin = await startAdmin({ ...base, api: served, ready, addresses }, settings);
  started.defer(() => admin.stop());
  places.admin = admin.url;
  const publicUrl = await startPublic(
    settings,
    { ...base, api: served, proofsDir: pay.proofsDir, addresses },
    started,
  );
  places.public = publicUrl;
  if (settings.localWorker) {
    const { dataDir } = settings;
    const local = await startLocalWorker({ ...base, workers, dataDir, joinString });
    started.defer(() => local.stop());
  }
  void checkReachable({ ...front, clock, log });

  const running = started.move();
  return {
    serviceUri: front.serviceUri,
    adminUrl: admin.url,
    publicUrl,
    drain: front.drain,
    stop: () => running.disposeAsync(),
  };
}

/** Serves everybody what the pool publishes; undefined: that is off. */
async function startPublic(
  { httpAddr }: PoolSettings,
  parts: PublicParts,
  started: AsyncDisposableStack,
): Promise<string | undefined> {
  if (httpAddr === 'off') return undefined;
  const server = await servePublic(parts, httpAddr);
  started.defer(() => server.close());
  return `http://${showHostPort({ host: httpAddr.host || '127.0.0.1', port: server.port })}`;
}

/** What outlives a restart: enrolled workers, contributions, shared secrets. */
async function openStores(
  { dataDir, databaseUrl }: PoolSettings,
  base: PoolBase,
  started: AsyncDisposableStack,
  name: () => PoolName,
) {
  const { log, metrics, durable = true } = base;
  // Others may pass through: an embedded PostgreSQL runs as another user when we are root.
  await makeDataDir(dataDir, 0o711);
  const place = databaseUrl ? { url: databaseUrl } : { dataDir };
  const database = await openDatabase(place, { log, metrics, durable });
  started.defer(() => database.close());
  await database.migrate();
  // Workers may hold receipts, and the chain payouts, that a backup knows nothing of.
  if (!(await isAtHome(database))) {
    const text = 'This database was restored from a backup, or moved, into another cluster.';
    throw new TributaryError('database_restored', text);
  }
  const keeper = await openBooksKeeper({ ...base, database, dataDir });
  started.defer(() => keeper.close());
  const secrets = await followSecrets(database, base.clock);
  started.defer(() => secrets.close());
  const workers = await createWorkers({ database, log, metrics });
  started.defer(() => workers.close());
  const presence = startPresence({ ...base, database });
  started.defer(() => presence.close());
  const terms = openTerms(base, database, name);
  const ledger = createLedger({
    database,
    metrics,
    receipts: { issuer: () => name().identity, rateOf: rateBy(terms) },
  });
  started.defer(() => ledger.close());
  return { database, keeper, secrets, workers, presence, ledger, terms };
}

/** What a chain needs is big, so that it is loaded only with one. */
async function chainOf(
  settings: PoolSettings,
  base: PoolBase,
  stores: { readonly database: Database; readonly keeper: BooksKeeper },
  started: AsyncDisposableStack,
) {
  if (settings.network === 'offchain') return undefined;
  const { openChain } = await import('./chain.ts');
  return openChain(settings, base, stores, started);
}

async function whyNotReady(database: Database, draining: boolean): Promise<string | undefined> {
  if (draining) return 'draining';
  return (await database.healthy()) ? undefined : 'the database does not answer';
}
