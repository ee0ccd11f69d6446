import { instant } from '../base/clock.ts';
import { newConnectionId, type SessionId } from '../base/ids.ts';
import { hmacSha256 } from '../base/mac.ts';
import type { Exchange } from '../http/exchange.ts';
import { GrpcFailure, type GrpcStream } from '../http/grpc.ts';
import { DEFAULT_BITS, readCapabilities, VIDEO_BITS } from '../protocol/capabilities.ts';
import { DEVICES_HEADER, readDevices } from '../protocol/devices.ts';
import type { NotifySegment, RegisterRequest } from '../protocol/gen/lp_rpc_pb.ts';
import { taskMessage, teardownMessage } from '../protocol/task.ts';
import { registerTexts } from '../protocol/texts.ts';
import type { Worker } from '../workers/worker.ts';
import type { SegmentDetail } from './job.ts';
import { WIRE_VERSION } from './orchestrator-info.ts';
import type { FrontParts } from './parts.ts';
import type { Task } from './relay.ts';
import { sourcePath } from './source-url.ts';

/** A rig runs one process per card or per machine; more than this is one credential too few. */
const CONNECTIONS_PER_WORKER_MAX = 32;
/** A claim, not a measurement: beyond it a worker would draw all new sessions to itself. */
const CAPACITY_MAX = 1_000;
/** wire: go-livepeer has no heartbeat; every HTTP/2 peer answers PING. */
const PING_EVERY_MS = 5_000;
const PING_TIMEOUT_MS = 5_000;
/** The source can be fetched as long as the longest gateway waits: 4 x 300 s. */
const SOURCE_SLACK_MS = 10_000;

/**
 * RegisterTranscoder: a worker connects and stays; tasks go down this stream.
 * wire: go-livepeer server/ot_rpc.go:RegisterTranscoder.
 */
export async function registerTranscoder(
  parts: FrontParts,
  request: RegisterRequest,
  stream: GrpcStream<NotifySegment>,
  exchange: Exchange,
): Promise<void> {
  const { workers, relay, presence, log, metrics } = parts;
  admit(parts, request); // strangers are sent away before anything is done for them
  const distanceMs = await roundTrip(parts, exchange);
  const worker = admit(parts, request); // it may have been revoked meanwhile
  const offered = request.capabilities ? readCapabilities(request.capabilities) : undefined;
  const capacity = Math.min(Number(request.capacity), CAPACITY_MAX);
  const connection = newConnectionId();
  const origin = originOf(parts, exchange);
  const machine = {
    connection,
    worker: worker.id,
    capacity,
    bits: (offered?.bits ?? DEFAULT_BITS) & VIDEO_BITS,
    version: offered ? offered.version : WIRE_VERSION,
    distanceMs,
  };
  let revoked = false;

  const report = readDevices(exchange.headers[DEVICES_HEADER]);
  const encoders = report?.encoderSessions;
  relay.join(
    {
      ...machine,
      state: worker.state,
      ...(encoders !== undefined && { encoderSessions: encoders }),
    },
    {
      send: (task) => stream.send(message(parts, origin, task)),
      teardown: (session) => void stream.send(teardownMessage(workerSession(parts, session))),
      end: () => void stream.end('ok'),
    },
  );
  const software = softwareOf(exchange);
  presence.arrived({
    ...machine,
    software,
    ...(report && { device: { devices: report.devices } }),
  });
  parts.seenFrom?.(worker.id, exchange.connection.remoteAddress ?? '');
  metrics.connections.inc();
  log.info('worker_connected', { worker: worker.id, name: worker.name, connection, capacity });
  const stopWatching = workers.onChange((change) => {
    // With a retired secret it could take tasks, but not hand in their results.
    revoked ||= change.worker.id === worker.id && !workers.authenticate(request.secret);
    if (revoked) void stream.end('ok');
  });
  const heartbeat = startHeartbeat(parts, exchange, () => {
    log.warn('worker_silent', { worker: worker.id, connection });
    void stream.end('unavailable');
  });

  // Open at once, so that the worker knows it is in.
  stream.open();
  await stream.closed;
  heartbeat.stop();
  stopWatching();
  const reason = reasonOfLeaving(parts, exchange, revoked);
  relay.leave(connection, reason);
  presence.left(connection, reason);
  metrics.connections.dec();
  log.info('worker_disconnected', { worker: worker.id, connection, reason });
}

/** A goodbye is a reset with CANCEL (go-livepeer on SIGTERM, and our worker); a crash says nothing. */
function reasonOfLeaving(parts: FrontParts, { cancelled }: Exchange, revoked: boolean) {
  if (revoked) return 'revoked';
  if (parts.draining()) return 'pool_stopping';
  return cancelled ? 'closed' : 'lost';
}

/** Ours says so; everything else that speaks this protocol is taken for go-livepeer. */
function softwareOf({ headers }: Exchange): 'tributary' | 'stock' {
  return /^tributary\b/.test(headers['user-agent'] ?? '') ? 'tributary' : 'stock';
}

/** Whose connection this is. Both refusals with UNKNOWN stop a stock transcoder for good. */
function admit(parts: FrontParts, request: RegisterRequest): Worker {
  const worker = parts.workers.authenticate(request.secret);
  if (!worker) throw new GrpcFailure('unknown', registerTexts.secret);
  if (request.capacity <= 0n) throw new GrpcFailure('unknown', registerTexts.capacity);
  if (parts.draining()) throw new GrpcFailure('unavailable', 'the pool is stopping');
  const open = parts.dispatch.worker(worker.id)?.connections.length ?? 0;
  if (open >= CONNECTIONS_PER_WORKER_MAX) {
    throw new GrpcFailure('unavailable', 'this credential has too many connections');
  }
  return worker;
}

/** Milliseconds to the worker and back. A connection that does not answer is of no use. */
async function roundTrip({ clock }: FrontParts, { connection }: Exchange): Promise<number> {
  const askedAt = clock.now();
  if (!(await connection.ping(PING_TIMEOUT_MS))) {
    throw new GrpcFailure('unavailable', 'the connection does not answer');
  }
  return Math.max(0, clock.now() - askedAt);
}

/** Asks the connection for a sign of life again and again, and cuts it when there is none. */
function startHeartbeat(
  { clock }: FrontParts,
  { connection }: Exchange,
  silent: () => void,
): { stop(): void } {
  let stopped = false;
  let timer = clock.after(PING_EVERY_MS, beat);
  function beat(): void {
    void connection.ping(PING_TIMEOUT_MS).then((answered) => {
      if (stopped) return;
      if (answered) timer = clock.after(PING_EVERY_MS, beat);
      else {
        silent();
        connection.destroy();
      }
    });
  }
  return {
    stop() {
      stopped = true;
      timer.cancel();
    },
  };
}

function message(parts: FrontParts, origin: string, task: Task<SegmentDetail>): NotifySegment {
  const { segment } = task.job.detail;
  const secret = parts.sourceSecrets()[0] as Uint8Array;
  const expiresAt = instant(
    parts.clock.now() + Math.max(8_000, 4 * segment.durationMs) + SOURCE_SLACK_MS,
  );
  const path = sourcePath(secret, { task: task.id, worker: task.worker, expiresAt });
  return taskMessage({
    taskId: task.id,
    url: origin + path,
    segment: {
      ...segment,
      // The worker needs a stable name for the session, not the gateway's right to use it.
      authToken: {
        token: new Uint8Array(32),
        sessionId: workerSession(parts, task.job.session),
        expiration: segment.authToken?.expiration ?? 0n,
      },
    },
    orchestratorId: 'offchain',
  });
}

/** The name by which workers know a session: it opens neither its results nor its token. */
function workerSession(parts: FrontParts, session: SessionId): string {
  const secret = parts.sourceSecrets().at(-1) as Uint8Array;
  return hmacSha256(secret).update(`session\0${session}`).digest('hex').slice(0, 32);
}

/** Where this worker reached us: it can fetch from there whatever the public address is. */
function originOf(parts: FrontParts, { headers }: Exchange): string {
  const authority = headers[':authority'] ?? headers.host ?? '';
  const usable = /^(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]{1,253}):\d{1,5}$/.test(authority);
  return usable ? `https://${authority}` : parts.serviceUri;
}
