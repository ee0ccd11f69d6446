import { availableParallelism } from 'node:os';
import { createBlobStore } from '../../base/blob.ts';
import type { Clock } from '../../base/clock.ts';
import { createHashing } from '../../base/hashing.ts';
import { secureFraction, secureRandom } from '../../base/ids.ts';
import type { Log } from '../../base/log.ts';
import type { Metrics } from '../../base/metrics.ts';
import { showHostPort } from '../../base/setting-types.ts';
import { createDispatch } from '../../dispatch/dispatch.ts';
import type { Dispatch } from '../../dispatch/dispatch-types.ts';
import { dispatchMetrics } from '../../dispatch/metrics.ts';
import { createFront } from '../../front/front.ts';
import { createFrontMetrics } from '../../front/metrics.ts';
import { createOutputMemory } from '../../front/output-memory.ts';
import type { FrontParts } from '../../front/parts.ts';
import { createRenditions } from '../../front/renditions.ts';
import { createSegmentRelay, type SegmentRelay } from '../../front/segment-relay.ts';
import { createStreams } from '../../front/streams.ts';
import { type Certificate, keptCertificate } from '../../http/certificate.ts';
import { defaultLimits } from '../../http/limits.ts';
import { listen } from '../../http/listener.ts';
import { createVettedFetch } from '../../http/vetted-fetch.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import { createInspector } from '../../media/inspector.ts';
import type { Credential } from '../../workers/credentials.ts';
import { formatJoinString } from '../../workers/join-string.ts';
import type { Presence } from '../../workers/presence.ts';
import type { Workers } from '../../workers/workers.ts';
import type { PoolSettings } from './settings.ts';
import type { SharedSecrets } from './shared-secrets.ts';
import { openTracing } from './tracing.ts';

/** How often results and sessions that nobody asks for are forgotten. */
const SWEEP_MS = 5_000;
/** For the last replies to leave after the last segment is done. */
const LAST_REPLIES_MS = 1_000;

/** What the front needs to know of gateways and to be paid by them. */
export type GatewayParts = Pick<FrontParts, 'signing' | 'signatures' | 'payments' | 'discovery'>;

interface FrontBase {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}

interface FrontStores {
  readonly secrets: SharedSecrets;
  readonly workers: Workers;
  readonly ledger: Ledger;
  readonly presence: Presence;
  readonly gateways: GatewayParts;
  readonly seenFrom: NonNullable<FrontParts['seenFrom']>;
}

/** Port 8935 while it is served. */
export interface OpenFront {
  readonly dispatch: Dispatch;
  readonly relay: SegmentRelay;
  readonly serviceUri: string;
  /** The account that answers, 20 bytes; zero off-chain. */
  readonly address: Uint8Array;
  readonly pin: string;
  readonly certificate: Certificate;
  joinString(credential: Credential): string;
  isDraining(): boolean;
  /** No new sessions and workers; resolves when running segments are answered. */
  drain(): Promise<void>;
}

/** Port 8935 with everything that stands behind it. */
export async function openFront(
  settings: PoolSettings,
  base: FrontBase,
  { secrets, workers, ledger, presence, gateways, seenFrom }: FrontStores,
  started: AsyncDisposableStack,
): Promise<OpenFront> {
  const { clock, log } = base;
  const threads = settings.threads === 'auto' ? threadsOfMachine() : settings.threads;
  const hashing = createHashing({ threads });
  started.defer(() => hashing.close());
  const inspector = createInspector({ threads });
  started.defer(() => inspector.close());
  const certificate = await keptCertificate({ ...base, ...certificateOf(settings) });
  started.defer(() => certificate.close());

  const tracing = await openTracing(settings, secureFraction);
  if (tracing) started.defer(() => tracing.close());
  const blobs = createBlobStore({ bytesMax: settings.segmentMemory });
  const metrics = createFrontMetrics(base.metrics, () => blobs.bytesInUse);
  const dispatch = createDispatch({ random: secureRandom });
  dispatchMetrics(base.metrics, dispatch);
  const outputs = createOutputMemory();
  const relay = createSegmentRelay({ dispatch, clock, log, ledger, outputs, metrics });
  const renditions = createRenditions(clock);
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
    ...gateways,
    authSecrets: () => secrets.current('auth_token'),
    sourceSecrets: () => secrets.current('source_url').map(({ key }) => key),
    workers,
    presence,
    seenFrom,
    receipts: ledger,
    dispatch,
    relay,
    blobs,
    hashing,
    inspector,
    renditions,
    streams: createStreams(clock),
    outputs,
    fetch: createVettedFetch({
      allowedHosts: settings.allowedHosts,
      allowPrivate: settings.allowedPrivateHosts,
      log,
    }),
    sessionsMax: maxSessions === 'auto' ? undefined : maxSessions,
    tracing,
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
    serviceUri: serviceUri(),
    address: gateways.signing.address,
    pin: certificate.pin,
    certificate,
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

function certificateOf({ dataDir, serviceAddr, tlsCert, tlsKey }: PoolSettings) {
  const files = tlsCert && tlsKey ? { certFile: tlsCert, keyFile: tlsKey } : {};
  return { dataDir, host: serviceAddr.host, ...files };
}

/** One core is left to the event loop; beyond eight threads the network is the limit. */
function threadsOfMachine(): number {
  return Math.max(1, Math.min(8, availableParallelism() - 1));
}
