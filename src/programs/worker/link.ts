import type { Clock, Instant } from '../../base/clock.ts';
import { messageOf, TributaryError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { connectHttp, type HttpClient } from '../../http/client.ts';
import { GrpcCode, type GrpcStatus, grpcReadStream } from '../../http/grpc-client.ts';
import { writeCapabilities } from '../../protocol/capabilities.ts';
import { devicesHeader, type OfferedDevice } from '../../protocol/devices.ts';
import {
  type NotifySegment,
  NotifySegmentSchema,
  RegisterRequestSchema,
} from '../../protocol/gen/lp_rpc_pb.ts';
import { registerTexts } from '../../protocol/texts.ts';
import { createBackoff } from './backoff.ts';

/** What we say we are; gateways may set a minimum. Wire: go-livepeer build version. */
export const WIRE_VERSION = '0.9.1';
/**
 * A stock orchestrator sends no headers before its first task, so that silence of this length after
 * the request counts as taken. A refusal comes at once.
 */
const SETTLE_MS = 1_000;
/** With headers there, a Go server may still refuse in its trailers, in the same moment. */
const SETTLE_HEADERS_MS = 100;
/** Both sides of the connection: a pool that fell silent is left after 25 s at the latest. */
const HEARTBEAT = { everyMs: 15_000, timeoutMs: 10_000 };

const registerTranscoder = {
  path: '/net.Transcoder/RegisterTranscoder',
  input: RegisterRequestSchema,
  output: NotifySegmentSchema,
};

/** Where to register, and as whom. */
export interface Orchestrator {
  /** `https://HOST:PORT`. */
  readonly origin: string;
  /** From the join string; a stock orchestrator has none. */
  readonly pin: string | undefined;
  readonly credential: string;
}

/** What the orchestrator is told of us. */
export interface Offer {
  /** Sessions at once. */
  readonly capacity: number;
  readonly bits: bigint;
  /**
   * What the pool shows its owner of the machine, and how many encoders it opens at once; a stock
   * orchestrator does not look at it.
   */
  readonly devices: readonly OfferedDevice[];
}

/** How it stands with the orchestrator. */
export type LinkState =
  | { readonly state: 'connecting' }
  | { readonly state: 'connected'; readonly since: Instant }
  | { readonly state: 'waiting'; readonly until: Instant; readonly reason: string }
  | { readonly state: 'closed' }
  /** For good: trying again would change nothing. */
  | { readonly state: 'refused'; readonly error: TributaryError };

/** One registration: the certificate that was shown at it tells a restarted orchestrator apart. */
export interface Registration {
  readonly serverPin: string;
  /** IP address of the orchestrator: tells whether it is in our own network. */
  readonly serverAddress: string;
}

/** A worker's standing connection to its orchestrator. */
export interface Link {
  readonly state: LinkState;
  /** Says goodbye and stays away. */
  close(): void;
  /** Settles when the link is closed or refused. */
  readonly ended: Promise<void>;
}

/**
 * Registers and stays registered: any end of the stream but the two fatal texts is followed by
 * another attempt, after a growing wait that starts over once a connection was stable.
 * Wire: go-livepeer server/ot_rpc.go:runTranscoder.
 */
export function keepLinked(parts: {
  readonly orchestrator: Orchestrator;
  readonly offer: Offer;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  readonly onMessage: (message: NotifySegment, registration: Registration) => void;
  readonly onState: (state: LinkState) => void;
}): Link {
  const { orchestrator, clock, log } = parts;
  const backoff = createBackoff(parts.random);
  const closing = new AbortController();
  let state: LinkState = { state: 'connecting' };
  let everConnected = false;

  const become = (next: LinkState) => {
    state = next;
    parts.onState(next);
  };

  async function stayLinked(): Promise<void> {
    while (!closing.signal.aborted) {
      become({ state: 'connecting' });
      const startedAt = clock.now();
      const end = await linkOnce();
      if (closing.signal.aborted) break;
      if (end.fatal) {
        log.error('worker_refused', { reason: end.fatal.code });
        return become({ state: 'refused', error: end.fatal });
      }
      backoff.lived(clock.now() - startedAt);
      const wait = backoff.next();
      log.warn('worker_disconnected', { code: String(end.code), ms: wait });
      become({ state: 'waiting', until: (clock.now() + wait) as Instant, reason: end.reason });
      await pause(wait);
    }
    become({ state: 'closed' });
  }

  async function linkOnce(): Promise<LinkEnd> {
    const client = connectHttp({
      origin: orchestrator.origin,
      pin: orchestrator.pin,
      clock,
      heartbeat: HEARTBEAT,
    });
    try {
      const { pin, address } = await client.connect(closing.signal);
      return await readTasks(client, { serverPin: pin, serverAddress: address });
    } catch (error) {
      return connectionEnd(error, everConnected);
    } finally {
      client.close();
    }
  }

  async function readTasks(client: HttpClient, registration: Registration): Promise<LinkEnd> {
    let taken = false;
    const take = () => {
      if (taken) return;
      taken = true;
      everConnected = true;
      settled.cancel();
      log.info('worker_connected', { capacity: parts.offer.capacity });
      become({ state: 'connected', since: clock.now() });
    };
    let settled = clock.after(SETTLE_MS, take);
    const onHeaders = () => {
      settled.cancel();
      if (!taken) settled = clock.after(SETTLE_HEADERS_MS, take);
    };
    const stream = grpcReadStream(
      client,
      registerTranscoder,
      {
        secret: orchestrator.credential,
        capacity: BigInt(parts.offer.capacity),
        capabilities: writeCapabilities({
          bits: parts.offer.bits,
          capacities: 'one_each',
          version: WIRE_VERSION,
        }),
      },
      {
        signal: closing.signal,
        onHeaders,
        headers: devicesHeader(parts.offer.devices),
      },
    );
    try {
      for await (const message of stream.messages) {
        take();
        parts.onMessage(message, registration);
      }
      return statusEnd(await stream.status);
    } finally {
      settled.cancel();
    }
  }

  function pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        timer.cancel();
        closing.signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = clock.after(ms, done);
      closing.signal.addEventListener('abort', done, { once: true });
    });
  }

  const ended = stayLinked();
  return {
    get state() {
      return state;
    },
    close: () => closing.abort(),
    ended,
  };
}

/** How one connection ended. */
export interface LinkEnd {
  readonly code: number;
  /** For people. */
  readonly reason: string;
  readonly fatal?: TributaryError;
}

/** The two texts that stop a worker, by their exact wording; all else is worth another attempt. */
export function statusEnd({ code, text }: GrpcStatus): LinkEnd {
  if (text === registerTexts.secret) {
    const fatal = new TributaryError(
      'credential_invalid',
      'The orchestrator refuses the credential.',
    );
    return { code, reason: text, fatal };
  }
  if (text === registerTexts.capacity) {
    const fatal = new TributaryError(
      'capacity_refused',
      'The orchestrator refuses a worker without capacity.',
    );
    return { code, reason: text, fatal };
  }
  switch (code) {
    case GrpcCode.ok:
      return { code, reason: 'the orchestrator ended the connection' };
    case GrpcCode.unimplemented:
      return { code, reason: 'what answers there takes no workers' };
    default:
      return { code, reason: text.replace(/^connection: /, 'the connection was ') };
  }
}

/**
 * A wrong certificate at the first attempt is a wrong join string or a stranger: no second attempt.
 * Later it may be a passing obstacle, such as a captive portal, and nothing is sent to it either.
 */
function connectionEnd(error: unknown, everConnected: boolean): LinkEnd {
  const mismatch = error instanceof TributaryError && error.code === 'certificate_pin_mismatch';
  return {
    code: GrpcCode.unavailable,
    reason: plainReason(error),
    ...(mismatch && !everConnected ? { fatal: error } : {}),
  };
}

/** What people make of a failed connection, without the address, which they know. */
export function plainReason(error: unknown): string {
  const cause = error instanceof TributaryError ? error.cause : error;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  return reasons[code] ?? messageOf(error).replace(/^connection: /, '');
}
const reasons: Readonly<Partial<Record<string, string>>> = {
  ECONNREFUSED: 'nobody listens at that address',
  ENOTFOUND: 'that host name is not known',
  EAI_AGAIN: 'host names cannot be looked up now',
  ECONNRESET: 'the other side cut the connection',
  EHOSTUNREACH: 'that host cannot be reached',
  ENETUNREACH: 'that network cannot be reached',
  ETIMEDOUT: 'no answer',
};
