import {
  constants,
  type IncomingHttpHeaders,
  performServerHandshake,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { TLSSocket } from 'node:tls';
import { type BodySource, discardBody, readBody, receiveBody } from './body.ts';
import {
  type ListenerContext,
  parseLength,
  type ServedConnection,
  type ServedExchange,
  serve,
  splitTarget,
} from './context.ts';
import type { BodyLimits, Headers, RespondOptions } from './exchange.ts';
import { ExchangeEnd } from './exchange-end.ts';
import { PendingWrites } from './pending-writes.ts';

const { NGHTTP2_CANCEL, NGHTTP2_NO_ERROR } = constants;

/**
 * DATA frames that peers may send; Go's server grants as much and Go's client uses half of it. A
 * piece then ends where a TLS record does, not at frames as well: half as many pieces.
 */
const FRAME_BYTES_MAX = 1024 * 1024;
/** MiB of bookkeeping that one connection may make us hold (Node's default is 10). */
const SESSION_MEMORY_MIB = 32;
/** Streams that a peer may reset at once and per second: a gateway gives up a few segments, an
 * attacker (CVE-2023-44487) thousands. */
const RESET_BURST = 300;
const RESETS_PER_SECOND = 50;
/** One PING a few seconds is ours; queueing more means that the peer does not answer. */
const PINGS_MAX = 4;
/** After the response, so long may the peer finish its request before it is told to stop. */
const LINGER_MS = 50;

/** Serves HTTP/2 on a socket whose TLS handshake is done and chose `h2`. */
export function serveH2(context: ListenerContext, socket: TLSSocket, peer: string): void {
  const { limits } = context;
  const session = performServerHandshake(socket, {
    settings: {
      enablePush: false,
      initialWindowSize: limits.streamWindowBytes,
      maxFrameSize: FRAME_BYTES_MAX,
      maxConcurrentStreams: limits.streamsPerConnectionMax,
      maxHeaderListSize: limits.headerBytesMax,
    },
    maxHeaderListPairs: limits.headersMax,
    maxSessionMemory: SESSION_MEMORY_MIB,
    maxOutstandingPings: PINGS_MAX,
    streamResetBurst: RESET_BURST,
    streamResetRate: RESETS_PER_SECOND,
  });
  context.connections.add(new H2Connection(context, session, peer));
}

class H2Connection implements ServedConnection {
  readonly protocol = 'h2';
  readonly remoteAddress: string | undefined;
  readonly #context: ListenerContext;
  readonly #session: ServerHttp2Session;
  readonly #running = new Set<H2Exchange>();
  #idleSince: number;
  #greeted = false;

  constructor(context: ListenerContext, session: ServerHttp2Session, peer: string) {
    this.remoteAddress = session.socket.remoteAddress;
    this.#context = context;
    this.#session = session;
    this.#idleSince = context.clock.now();
    context.metrics.connections.inc({ protocol: 'h2' });
    session.setLocalWindowSize(context.limits.connectionWindowBytes);
    session.once('remoteSettings', () => {
      this.#greeted = true;
    });
    // The close that follows says all that we act upon.
    session.on('error', () => {});
    session.once('close', () => {
      context.connections.delete(this);
      context.metrics.connections.dec({ protocol: 'h2' });
    });
    session.on('stream', (stream, headers) => this.#serve(stream, headers, peer));
  }

  #serve(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, peer: string): void {
    const context = this.#context;
    stream.on('error', () => {});
    if (stream.destroyed) return;
    const exchange = new H2Exchange(context, this, stream, headers, peer);
    this.#running.add(exchange);
    context.peers.exchanges.add(peer);
    context.metrics.exchanges.inc({ protocol: 'h2' });
    // After a reset with NO_ERROR Node would wait for ever to send the rest.
    stream.once('aborted', () => stream.destroy());
    stream.once('close', () => {
      // Node resets the streams of a lost connection with CANCEL, too.
      const alive = !this.#session.destroyed && !this.#session.closed;
      exchange.over({ cancelled: alive && stream.rstCode === NGHTTP2_CANCEL });
      this.#running.delete(exchange);
      this.#idleSince = context.clock.now();
      context.peers.exchanges.remove(peer);
      context.metrics.exchanges.dec({ protocol: 'h2' });
    });
    void serve(context, exchange);
  }

  look(now: number): void {
    const { limits, metrics } = this.#context;
    if (!this.#greeted && now - this.#idleSince >= limits.headersMs) {
      metrics.refused.inc({ reason: 'no_first_frame' });
      this.destroy();
    } else if (this.#running.size === 0 && now - this.#idleSince >= limits.idleMs) {
      this.close();
    }
    for (const exchange of this.#running) {
      if (now - (exchange.writes.waitingSince ?? now) < limits.writeMs) continue;
      metrics.refused.inc({ reason: 'stalled_reader' });
      exchange.cut();
    }
  }

  ping(timeoutMs: number): Promise<boolean> {
    const session = this.#session;
    return new Promise((resolve) => {
      if (session.destroyed || session.closed) return resolve(!session.destroyed);
      const timer = this.#context.clock.after(timeoutMs, () => resolve(false));
      const answered = (alive: boolean) => {
        timer.cancel();
        resolve(alive);
      };
      // False when too many are under way: the timer then decides.
      session.ping((error) => answered(error === null));
    });
  }

  close(): void {
    if (!this.#session.destroyed) this.#session.close();
  }

  destroy(): void {
    this.#session.destroy();
  }
}

class H2Exchange implements ServedExchange {
  readonly protocol = 'h2';
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: Headers;
  readonly contentLength: number | undefined;
  readonly peer: string;
  readonly connection: ServedConnection;
  readonly writes = new PendingWrites();
  responded = false;
  cancelled = false;
  readonly #context: ListenerContext;
  readonly #stream: ServerHttp2Stream;
  readonly #end: ExchangeEnd;
  #bodyless = false;
  /** Everything was sent. Not `writableFinished`: Node ends a dying stream by itself. */
  #complete = false;
  #trailers: Readonly<Record<string, string>> | undefined;

  constructor(
    context: ListenerContext,
    connection: ServedConnection,
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    peer: string,
  ) {
    this.#context = context;
    this.#stream = stream;
    this.connection = connection;
    this.peer = peer;
    this.method = headers[':method'] ?? '';
    const target = splitTarget(headers[':path'] ?? '');
    this.path = target.path;
    this.query = target.query;
    this.headers = headers as Headers;
    this.contentLength = parseLength(headers['content-length']);
    this.#end = new ExchangeEnd(() => {
      if (!stream.destroyed) return 'running';
      return this.#complete ? 'complete' : 'cut';
    });
  }

  get aborted(): AbortSignal {
    return this.#end.aborted;
  }

  get closed(): Promise<void> {
    return this.#end.closed;
  }

  get ended(): boolean {
    return this.#stream.destroyed || this.#stream.closed || this.#stream.writableEnded;
  }

  /** The stream is gone. */
  over({ cancelled }: { cancelled: boolean }): void {
    this.cancelled = cancelled;
    this.writes.abandon();
    this.#end.over(this.#complete ? 'complete' : 'cut');
  }

  #source(): BodySource {
    const stream = this.#stream;
    return {
      stream,
      contentLength: this.contentLength,
      clock: this.#context.clock,
      totalMs: this.#context.limits.bodyMs,
      begin: () => {
        if (this.headers.expect?.toLowerCase() === '100-continue' && !stream.headersSent) {
          stream.additionalHeaders({ ':status': 100 });
        }
      },
    };
  }

  body(limits: BodyLimits): AsyncIterable<Buffer> {
    return readBody(this.#source(), limits);
  }

  receive(limits: BodyLimits, each: (bytes: Buffer) => void): Promise<number> {
    return receiveBody(this.#source(), limits, each);
  }

  respond(
    status: number,
    headers: Readonly<Record<string, string>> = {},
    options: RespondOptions = {},
  ): void {
    const stream = this.#stream;
    this.responded = true;
    if (stream.destroyed || stream.closed || stream.headersSent) return;
    this.#bodyless = this.method === 'HEAD' || status === 204 || status === 304;
    if (options.trailers) {
      stream.once('wantTrailers', () => {
        if (!stream.destroyed) stream.sendTrailers({ ...this.#trailers });
      });
    }
    stream.respond(
      { ':status': status, ...headers },
      { waitForTrailers: options.trailers ?? false, endStream: options.end ?? false },
    );
    if (options.end) {
      this.#complete = true;
      this.#stopUpload();
    }
  }

  write(chunk: Uint8Array): Promise<void> {
    const stream = this.#stream;
    if (this.ended || this.#bodyless) return Promise.resolve();
    return this.writes.add(this.#context.clock, (taken) => stream.write(chunk, taken));
  }

  trailers(headers: Readonly<Record<string, string>>): void {
    this.#trailers = headers;
  }

  async end(chunk?: Uint8Array): Promise<void> {
    const stream = this.#stream;
    if (!this.ended) {
      const last = this.#bodyless ? undefined : chunk;
      await this.writes.add(this.#context.clock, (taken) => {
        stream.end(last, () => {
          this.#complete ||= !stream.destroyed && !stream.closed;
          taken();
        });
      });
    }
    this.#stopUpload();
  }

  /** The response is complete; the request perhaps not. */
  #stopUpload(): void {
    const stream = this.#stream;
    if (stream.destroyed || stream.readableEnded) return;
    discardBody(stream);
    // wire: RFC 9113 8.1, a complete response before the end of the request is followed by
    // RST_STREAM NO_ERROR, which tells the peer to stop sending and to keep the response.
    this.#context.clock.after(LINGER_MS, () => {
      if (!stream.destroyed && !stream.closed) stream.close(NGHTTP2_NO_ERROR);
    });
  }

  cut(): void {
    // An error makes it INTERNAL_ERROR. Never CANCEL, after which a stock transcoder would not come
    // back (wire: go-livepeer server/ot_rpc.go), nor `close(code)`, before which Node ends the
    // stream as if the response were whole.
    if (!this.#stream.destroyed) this.#stream.destroy(new Error('cut'));
  }
}
