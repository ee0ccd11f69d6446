import { mkdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { createBlobStore } from '../../base/blob.ts';
import type { Clock } from '../../base/clock.ts';
import { createHashing } from '../../base/hashing.ts';
import { secureRandom } from '../../base/ids.ts';
import type { Log } from '../../base/log.ts';
import type { Metrics } from '../../base/metrics.ts';
import { watchProcess } from '../../base/process-metrics.ts';
import { showHostPort } from '../../base/setting-types.ts';
import { type Database, openDatabase } from '../../database/database.ts';
import { createDispatch } from '../../dispatch/dispatch.ts';
import { dispatchMetrics } from '../../dispatch/metrics.ts';
import { createFront } from '../../front/front.ts';
import { createFrontMetrics } from '../../front/metrics.ts';
import { createOutputMemory } from '../../front/output-memory.ts';
import { createSelfCheck } from '../../front/ping.ts';
import { createRenditions } from '../../front/renditions.ts';
import { createSegmentRelay } from '../../front/segment-relay.ts';
import { createStreams } from '../../front/streams.ts';
import { type Certificate, operatorCertificate, ownCertificate } from '../../http/certificate.ts';
import { defaultLimits } from '../../http/limits.ts';
import { listen } from '../../http/listener.ts';
import { createVettedFetch } from '../../http/vetted-fetch.ts';
import { createLedger } from '../../ledger/ledger.ts';
import { createInspector } from '../../media/inspector.ts';
import { offchainSigner } from '../../protocol/signature.ts';
import type { Credential } from '../../workers/credentials.ts';
import { formatJoinString } from '../../workers/join-string.ts';
import { createWorkers } from '../../workers/workers.ts';
import { startAdmin } from './admin.ts';
import { startLocalWorker } from './local-worker.ts';
import { checkReachable } from './self-check.ts';
import type { PoolSettings } from './settings.ts';
import { followSecrets } from './shared-secrets.ts';

/** What a pool takes from the process that it runs in. */
export interface PoolBase {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  /** For the processes that the pool starts. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** A pool that serves. */
export interface RunningPool {
  /** `https://HOST:PORT` as gateways and workers are told. */
  readonly serviceUri: string;
  readonly adminUrl: string;
  /** No new sessions and workers; resolves when running segments are answered. */
  drain(): Promise<void>;
  stop(): Promise<void>;
}

/** How often results and sessions that nobody asks for are forgotten. */
const SWEEP_MS = 5_000;
/** For the last replies to leave after the last segment is done. */
const LAST_REPLIES_MS = 1_000;

/**
 * Starts a pool: database, port 8935, admin address. When a later part fails, those before it are
 * stopped again. Throws what they throw.
 */
export async function startPool(settings: PoolSettings, base: PoolBase): Promise<RunningPool> {
  const { log, clock } = base;
  await using started = new AsyncDisposableStack();
  started.defer(watchProcess(base.metrics));
  const stores = await openStores(settings, base, started);
  const { workers, ledger, database } = stores;
  const front = await openFront(settings, base, stores, started);
  const { dispatch, relay, joinString } = front;

  const admin = await startAdmin(
    {
      ...base,
      workers,
      ledger,
      dispatch,
      joinString,
      runningTasks: relay.runningTasks,
      latency: relay.latency,
      ready: () => whyNotReady(database, front.isDraining()),
    },
    settings,
  );
  started.defer(() => admin.stop());
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
    drain: front.drain,
    stop: () => running.disposeAsync(),
  };
}

/** What outlives a restart: enrolled workers, contributions, shared secrets. */
async function openStores(
  { dataDir, databaseUrl }: PoolSettings,
  { log, metrics }: PoolBase,
  started: AsyncDisposableStack,
) {
  // Others may pass through: an embedded PostgreSQL runs as another user when we are root.
  await mkdir(dataDir, { recursive: true, mode: 0o711 });
  const place = databaseUrl ? { url: databaseUrl } : { dataDir };
  const database = await openDatabase(place, { log, metrics });
  started.defer(() => database.close());
  await database.migrate();
  const secrets = await followSecrets(database);
  started.defer(() => secrets.close());
  const workers = await createWorkers({ database, log, metrics });
  started.defer(() => workers.close());
  const ledger = createLedger({ database, metrics });
  started.defer(() => ledger.close());
  return { database, secrets, workers, ledger };
}

/** Port 8935 with everything that stands behind it. */
async function openFront(
  settings: PoolSettings,
  base: PoolBase,
  { secrets, workers, ledger }: Awaited<ReturnType<typeof openStores>>,
  started: AsyncDisposableStack,
) {
  const { clock, log } = base;
  const threads = settings.threads === 'auto' ? threadsOfMachine() : settings.threads;
  const hashing = createHashing({ threads });
  started.defer(() => hashing.close());
  const inspector = createInspector({ threads });
  started.defer(() => inspector.close());
  const certificate = await openCertificate(settings, base);
  started.defer(() => certificate.close());

  const blobs = createBlobStore({ bytesMax: settings.segmentMemory });
  const metrics = createFrontMetrics(base.metrics, () => blobs.bytesInUse);
  const dispatch = createDispatch({ random: secureRandom });
  dispatchMetrics(base.metrics, dispatch);
  const outputs = createOutputMemory();
  const relay = createSegmentRelay({ dispatch, clock, log, ledger, outputs, metrics });
  const renditions = createRenditions(clock);
  const selfCheck = createSelfCheck(secureRandom);
  const { maxSessions, serviceAddr } = settings;
  // Port 0 is known only once the listener is open; no request comes before that.
  let port = serviceAddr.port;
  const serviceUri = () => `https://${showHostPort({ host: serviceAddr.host, port })}`;
  let draining = false;

  const handle = createFront({
    clock,
    log,
    metrics,
    get serviceUri() {
      return serviceUri();
    },
    signer: offchainSigner,
    authSecrets: () => secrets.current('auth_token'),
    sourceSecrets: () => secrets.current('source_url').map(({ key }) => key),
    workers,
    dispatch,
    relay,
    blobs,
    hashing,
    inspector,
    renditions,
    streams: createStreams(clock),
    outputs,
    selfCheck,
    fetch: createVettedFetch({
      allowedHosts: settings.allowedHosts,
      allowPrivate: settings.allowedPrivateHosts,
      log,
    }),
    sessionsMax: maxSessions === 'auto' ? undefined : maxSessions,
    draining: () => draining,
  });
  const at = settings.listen ?? { host: '', port };
  const listener = await listen({ ...base, ...at, certificate, limits: defaultLimits, handle });
  started.defer(() => listener.close());
  port ||= listener.port;
  const stopWatching = workers.onChange(({ worker }) =>
    relay.setWorkerState(worker.id, worker.state),
  );
  started.defer(stopWatching);
  const sweeping = setInterval(() => {
    renditions.sweep();
    relay.sweep();
  }, SWEEP_MS).unref();
  started.defer(() => clearInterval(sweeping));

  return {
    dispatch,
    relay,
    selfCheck,
    serviceUri: serviceUri(),
    pin: certificate.pin,
    joinString: (credential: Credential) =>
      formatJoinString({ host: serviceAddr.host, port, pin: certificate.pin, credential }),
    isDraining: () => draining,
    async drain() {
      draining = true;
      const patience = Promise.withResolvers<void>();
      const timer = clock.after(settings.drainTime, patience.resolve);
      await Promise.race([relay.idle(), patience.promise]);
      timer.cancel();
      relay.disconnectAll();
      await listener.drain(LAST_REPLIES_MS);
    },
  };
}

function openCertificate(
  { dataDir, serviceAddr, tlsCert, tlsKey }: PoolSettings,
  { log, clock }: PoolBase,
): Promise<Certificate> {
  return tlsCert && tlsKey
    ? operatorCertificate({ certFile: tlsCert, keyFile: tlsKey, log, clock })
    : ownCertificate({ dataDir, host: serviceAddr.host, log, clock });
}

/** One core is left to the event loop; beyond eight threads the network is the limit. */
function threadsOfMachine(): number {
  return Math.max(1, Math.min(8, availableParallelism() - 1));
}

async function whyNotReady(database: Database, draining: boolean): Promise<string | undefined> {
  if (draining) return 'draining';
  return (await database.healthy()) ? undefined : 'the database does not answer';
}
