import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { serveAdmin } from '../../api/admin.ts';
import { statusRoutes } from '../../api/status-routes.ts';
import { workersRoutes } from '../../api/workers-routes.ts';
import { createBlobStore } from '../../base/blob.ts';
import type { Clock } from '../../base/clock.ts';
import type { ValuesOf } from '../../base/command.ts';
import { adminFiles } from '../../base/data-dir.ts';
import { TributaryError } from '../../base/errors.ts';
import { createHashing } from '../../base/hashing.ts';
import { base32, secureRandom } from '../../base/ids.ts';
import type { Log } from '../../base/log.ts';
import type { Metrics } from '../../base/metrics.ts';
import { type HostPort, showHostPort } from '../../base/setting-types.ts';
import { type Database, openDatabase } from '../../database/database.ts';
import { createSecrets, type Secret } from '../../database/secrets.ts';
import { createDispatch } from '../../dispatch/dispatch.ts';
import { createFront } from '../../front/front.ts';
import { createFrontMetrics } from '../../front/metrics.ts';
import { createOutputMemory } from '../../front/output-memory.ts';
import { createSelfCheck } from '../../front/ping.ts';
import { createRenditions } from '../../front/renditions.ts';
import { createSegmentRelay } from '../../front/segment-relay.ts';
import { createStreams } from '../../front/streams.ts';
import { operatorCertificate, ownCertificate } from '../../http/certificate.ts';
import { defaultLimits } from '../../http/limits.ts';
import { listen } from '../../http/listener.ts';
import { createVettedFetch } from '../../http/vetted-fetch.ts';
import { createLedger } from '../../ledger/ledger.ts';
import { createInspector } from '../../media/inspector.ts';
import { offchainSigner } from '../../protocol/signature.ts';
import type { Credential } from '../../workers/credentials.ts';
import { formatJoinString } from '../../workers/join-string.ts';
import { createWorkers } from '../../workers/workers.ts';
import { startLocalWorker } from './local-worker.ts';
import { checkReachable } from './self-check.ts';
import type { poolCommand } from './settings.ts';

export type PoolSettings = ValuesOf<(typeof poolCommand)['settings']>;

/** A pool that serves. */
export interface RunningPool {
  /** `https://HOST:PORT` as gateways and workers are told. */
  readonly serviceUri: string;
  readonly adminUrl: string;
  /** No new sessions and workers; resolves when running segments are answered. */
  drain(): Promise<void>;
  stop(): Promise<void>;
}

/** How often results that nobody fetched are forgotten. */
const SWEEP_MS = 5_000;

/**
 * Starts a pool: database, front, admin. What was started is stopped again when a later part
 * fails, in reverse order.
 */
export async function startPool(
  settings: PoolSettings,
  base: {
    readonly clock: Clock;
    readonly log: Log;
    readonly metrics: Metrics;
    /** For the processes that the pool starts. */
    readonly env: Readonly<Record<string, string | undefined>>;
  },
): Promise<RunningPool> {
  const { clock, log, metrics, env } = base;
  await using started = new AsyncDisposableStack();
  await mkdir(settings.dataDir, { recursive: true, mode: 0o711 });

  const database = await openDatabase(
    settings.databaseUrl ? { url: settings.databaseUrl } : { dataDir: settings.dataDir },
    { log, metrics },
  );
  started.defer(() => database.close());
  await database.migrate();
  const secrets = await followSecrets(database);
  const workers = await createWorkers({ database, log, metrics });
  started.defer(() => workers.close());
  const ledger = createLedger({ database, metrics });
  started.defer(() => ledger.close());

  const threads = settings.threads === 'auto' ? threadsOfMachine() : settings.threads;
  const hashing = createHashing({ threads });
  started.defer(() => hashing.close());
  const inspector = createInspector({ threads });
  started.defer(() => inspector.close());

  const { dataDir, tlsCert, tlsKey } = settings;
  const certificate =
    tlsCert && tlsKey
      ? await operatorCertificate({ certFile: tlsCert, keyFile: tlsKey, log, clock })
      : await ownCertificate({ dataDir, host: settings.serviceAddr.host, log, clock });
  started.defer(() => certificate.close());

  const frontMetrics = createFrontMetrics(metrics);
  const dispatch = createDispatch({ random: secureRandom });
  const outputs = createOutputMemory();
  const relay = createSegmentRelay({
    dispatch,
    clock,
    log,
    ledger,
    outputs,
    metrics: frontMetrics,
  });
  const renditions = createRenditions(clock);
  const service: { uri: string } = { uri: '' };
  const selfCheck = createSelfCheck(secureRandom);
  let draining = false;

  const handle = createFront({
    clock,
    log,
    metrics: frontMetrics,
    get serviceUri() {
      return service.uri;
    },
    signer: offchainSigner,
    authSecrets: () => secrets.current('auth_token'),
    sourceSecrets: () => secrets.current('source_url').map(({ key }) => key),
    workers,
    dispatch,
    relay,
    blobs: createBlobStore({ bytesMax: settings.segmentMemory }),
    hashing,
    inspector,
    renditions,
    streams: createStreams(clock),
    outputs,
    selfCheck,
    fetch: createVettedFetch({ allowedHosts: settings.allowedHosts, log }),
    sessionsMax: settings.maxSessions === 'auto' ? undefined : settings.maxSessions,
    draining: () => draining,
  });
  const at = settings.listen ?? { host: '', port: settings.serviceAddr.port };
  const listener = await listen({
    host: at.host,
    port: at.port,
    certificate,
    limits: defaultLimits,
    handle,
    log,
    metrics,
    clock,
  });
  started.defer(() => listener.close());
  const serviceAddr: HostPort = {
    host: settings.serviceAddr.host,
    port: settings.serviceAddr.port || listener.port,
  };
  service.uri = `https://${showHostPort(serviceAddr)}`;

  const stopWatching = workers.onChange(({ worker }) =>
    relay.setWorkerState(worker.id, worker.state),
  );
  started.defer(() => stopWatching());
  const sweeping = setInterval(() => {
    renditions.sweep();
    relay.sweep();
  }, SWEEP_MS).unref();
  started.defer(() => clearInterval(sweeping));

  const joinString = (credential: Credential) =>
    formatJoinString({ ...serviceAddr, pin: certificate.pin, credential });
  const files = adminFiles(settings.dataDir);
  const token = settings.adminToken ?? (await keptToken(files.token));
  const admin = await serveAdmin(
    {
      routes: [
        ...workersRoutes({ workers, ledger, dispatch, joinString }),
        ...statusRoutes({
          workers,
          ledger,
          dispatch,
          runningTasks: relay.runningTasks,
          latency: relay.latency,
        }),
      ],
      metrics,
      ready: () => readiness(database, draining),
      token,
      log,
    },
    { ...settings.adminAddr, tokenChosen: settings.adminToken !== undefined },
  );
  started.defer(() => admin.close());
  const adminHost = settings.adminAddr.host || '127.0.0.1';
  const adminUrl = `http://${showHostPort({ host: adminHost, port: admin.port })}`;
  await writeFile(files.address, `${JSON.stringify({ url: adminUrl })}\n`, { mode: 0o644 });
  started.defer(() => rm(files.address, { force: true }));

  if (settings.localWorker) {
    const local = await startLocalWorker({ workers, dataDir, joinString, env, log });
    started.defer(() => local.stop());
  }

  const { pin } = certificate;
  void checkReachable({ serviceUri: service.uri, pin, selfCheck, clock, log });

  const stack = started.move();
  return {
    serviceUri: service.uri,
    adminUrl,
    async drain() {
      draining = true;
      await Promise.race([
        relay.idle(),
        new Promise((r) => clock.after(settings.drainTime, () => r(undefined))),
      ]);
      relay.disconnectAll();
      await listener.drain(1_000);
    },
    stop: () => stack.disposeAsync(),
  };
}

function threadsOfMachine(): number {
  return Math.max(1, Math.min(8, availableParallelism() - 1));
}

async function readiness(database: Database, draining: boolean): Promise<string | undefined> {
  if (draining) return 'draining';
  return (await database.healthy()) ? undefined : 'the database does not answer';
}

/** Keeps the shared keys in memory and takes over what another node rotates. */
async function followSecrets(database: Database) {
  const secrets = createSecrets(database);
  const purposes = ['auth_token', 'source_url'] as const;
  const known = new Map<string, readonly Secret[]>();
  const load = async () => {
    for (const purpose of purposes) known.set(purpose, await secrets.load(purpose));
  };
  await load();
  await secrets.onChange(() => {
    load().catch(() => {
      // The listener calls again when the database is back; until then the known keys go on.
    });
  });
  return { current: (purpose: (typeof purposes)[number]) => known.get(purpose) ?? [] };
}

/** The admin token of this data directory: made once, readable by its owner alone. */
async function keptToken(path: string): Promise<string> {
  try {
    const kept = (await readFile(path, 'utf8')).trim();
    if (kept) return kept;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
      throw new TributaryError('admin_unauthorized', 'the admin token file cannot be read', {
        cause: error,
      });
    }
  }
  const token = base32(secureRandom(32));
  await writeFile(path, `${token}\n`, { mode: 0o600 });
  return token;
}
