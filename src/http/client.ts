import { Agent, request as httpsRequest } from 'node:https';
import type { Duplex, Readable, Writable } from 'node:stream';
import type { Clock } from '../base/clock.ts';
import { messageOf, TributaryError } from '../base/errors.ts';
import { dialTls } from './client-dial.ts';
import {
  type ClientRequest,
  type ClientResponse,
  type RequestBody,
  type Started,
  singleValues,
} from './client-request.ts';
import { createSessions, type Heartbeat, type Peer } from './client-sessions.ts';

/** A peer that sends more than this as one body is broken: go-livepeer's own limit. */
const BODY_BYTES_MAX = 300_000_000;
/** Parallel HTTP/1.1 connections to one origin; more would only share the same bandwidth. */
const HTTP1_SOCKETS_MAX = 32;

/** Where a client connects and what it insists on. */
export interface ClientOptions {
  /** `https://HOST:PORT`. */
  readonly origin: string;
  /** base64url SHA-256 of the server certificate's DER; without it any certificate is accepted. */
  readonly pin?: string | undefined;
  /** Says of the IP address that a connection reached whether to use it. Default: any. */
  readonly acceptAddress?: (address: string) => boolean;
  readonly clock: Clock;
  /** Ask the peer for a sign of life on the HTTP/2 session; a silent one is dropped. */
  readonly heartbeat?: Heartbeat;
}

/** Our outgoing HTTP to one origin. */
export interface HttpClient {
  readonly origin: string;
  /**
   * Resolves when the answer's headers are there, perhaps while our body is still going out.
   * Throws `connection_failed`, `certificate_pin_mismatch` or `request_timed_out`.
   */
  request(request: ClientRequest): Promise<ClientResponse>;
  /** Opens the HTTP/2 session now, and says who answered. Throws alike. */
  connect(signal?: AbortSignal): Promise<Peer>;
  /** Ends every connection; requests under way fail. */
  close(): void;
}

/** Opens no connection yet; the first request does, and later ones reuse or renew it. */
export function connectHttp(options: ClientOptions): HttpClient {
  const url = new URL(options.origin);
  if (url.protocol !== 'https:') {
    throw new TributaryError('address_invalid', 'the origin must start with https://');
  }
  const target = {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? 443 : Number(url.port),
    pin: options.pin,
    acceptAddress: options.acceptAddress,
    clock: options.clock,
  };
  const sessions = createSessions(target, url.host, options.heartbeat);
  const agent = new PinnedAgent(async () => {
    const { socket } = await dialTls({ ...target, protocols: ['http/1.1'] });
    return socket;
  });
  const closing = new AbortController();

  async function request(request: ClientRequest): Promise<ClientResponse> {
    const abort = new AbortController();
    const timer =
      request.timeoutMs === undefined
        ? undefined
        : options.clock.after(request.timeoutMs, () =>
            abort.abort(
              new TributaryError('request_timed_out', `no answer in ${request.timeoutMs} ms`),
            ),
          );
    const signals = [abort.signal, closing.signal];
    if (request.signal) signals.push(request.signal);
    const signal = AbortSignal.any(signals);
    try {
      const started = await start(request, signal);
      return await exchange(request, started, signal, () => timer?.cancel());
    } catch (error) {
      timer?.cancel();
      throw asTributaryError(signal.aborted ? signal.reason : error);
    }
  }

  async function start(request: ClientRequest, signal: AbortSignal): Promise<Started> {
    if (signal.aborted) throw signal.reason;
    if (request.protocol === 'http/1.1') return startHttp1(request, url, agent);
    return sessions.start(request, signal);
  }

  return {
    origin: url.origin,
    request,
    async connect(given) {
      const signal = given ? AbortSignal.any([given, closing.signal]) : closing.signal;
      try {
        return await sessions.connect(signal);
      } catch (error) {
        throw asTributaryError(error);
      }
    },
    close() {
      closing.abort(new TributaryError('connection_failed', 'connection: closed by us'));
      sessions.close();
      agent.destroy();
    },
  };
}

async function exchange(
  request: ClientRequest,
  started: Started,
  signal: AbortSignal,
  over: () => void,
): Promise<ClientResponse> {
  const bytesMax = request.bodyBytesMax ?? BODY_BYTES_MAX;
  const stop = () => started.destroy(asTributaryError(signal.reason));
  const finish = () => {
    over();
    signal.removeEventListener('abort', stop);
  };
  signal.addEventListener('abort', stop, { once: true });
  // An answer may come before our body is out, and may make the rest of it pointless.
  sendBody(started.writable, request.body).catch((error) => started.destroy(error));
  try {
    const { readable, ...head } = await started.head;
    return {
      ...head,
      body: readBody(readable, { head, bytesMax, signal, finish }),
      cancel() {
        finish();
        started.destroy();
      },
    };
  } catch (error) {
    finish();
    throw error;
  }
}

async function sendBody(to: Writable, body: RequestBody | undefined): Promise<void> {
  if (body === undefined) {
    to.end();
  } else if (body instanceof Uint8Array) {
    to.end(body);
  } else {
    for await (const chunk of body) {
      if (to.destroyed || to.writableEnded) return;
      if (!to.write(chunk)) await drained(to);
    }
    to.end();
  }
}

function drained(stream: Writable): Promise<void> {
  if (!stream.writableNeedDrain || stream.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      stream.off('drain', done);
      stream.off('close', done);
      resolve();
    };
    stream.on('drain', done);
    stream.on('close', done);
  });
}

async function* readBody(
  readable: Readable,
  parts: {
    readonly head: Pick<ClientResponse, 'headers' | 'resetCode'>;
    readonly bytesMax: number;
    readonly signal: AbortSignal;
    readonly finish: () => void;
  },
): AsyncGenerator<Buffer> {
  const { head, bytesMax, signal, finish } = parts;
  let length = 0;
  try {
    for await (const chunk of readable as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > bytesMax) {
        throw new TributaryError('connection_failed', `connection: body over ${bytesMax} bytes`);
      }
      yield chunk;
    }
    const promised = head.headers['content-length'];
    const whole = promised === undefined || Number(promised) === length;
    // Node ends an HTTP/2 body quietly when the peer resets it, so the reset code decides.
    if (!whole || head.resetCode() !== 0) {
      throw new TributaryError('connection_failed', 'connection: lost before the end');
    }
  } catch (error) {
    throw asTributaryError(signal.aborted ? signal.reason : error);
  } finally {
    finish();
    if (!readable.readableEnded) readable.destroy();
  }
}

/** Reads a whole body of at most `bytesMax` bytes as text: for short answers and errors. */
export async function readText(response: ClientResponse, bytesMax: number): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response.body) {
    length += chunk.length;
    if (length > bytesMax) break;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function startHttp1(request: ClientRequest, url: URL, agent: Agent): Started {
  const outgoing = httpsRequest({
    host: url.hostname,
    port: url.port === '' ? 443 : Number(url.port),
    method: request.method,
    path: request.path,
    headers: { host: url.host, ...request.headers },
    agent,
  });
  const head: Started['head'] = new Promise((resolve, reject) => {
    outgoing.once('response', (incoming) => {
      resolve({
        status: incoming.statusCode ?? 0,
        headers: singleValues(incoming.headers),
        readable: incoming,
        trailers: () => incoming.trailers,
        resetCode: () => 0,
      });
    });
    outgoing.on('error', reject);
  });
  return { writable: outgoing, head, destroy: (error) => outgoing.destroy(error) };
}

/** Keep-alive connections that hand a socket to a request only after its pin was checked. */
class PinnedAgent extends Agent {
  readonly #dial: () => Promise<Duplex>;

  constructor(dial: () => Promise<Duplex>) {
    super({ keepAlive: true, maxSockets: HTTP1_SOCKETS_MAX, maxCachedSessions: 0 });
    this.#dial = dial;
  }

  override createConnection(
    _options: unknown,
    callback?: (error: Error | null, stream: Duplex) => void,
  ): undefined {
    this.#dial().then(
      (socket) => callback?.(null, socket),
      (error) => callback?.(error, undefined as unknown as Duplex),
    );
    return undefined;
  }
}

function asTributaryError(error: unknown): TributaryError {
  if (error instanceof TributaryError) return error;
  return new TributaryError('connection_failed', `connection: ${messageOf(error)}`, {
    cause: error,
  });
}
