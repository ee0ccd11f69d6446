import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { TLSSocket } from 'node:tls';
import {
  type BodyReader,
  type BodySource,
  type IncomingBody,
  readBody,
  receiveBody,
} from './body.ts';
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

/**
 * After a reply that came before the end of the request: how long and how much more is read and
 * dropped. Closing at once would make the kernel reset the connection, and the reply with it.
 */
const LINGER_MS = 1_000;
const LINGER_BYTES = 4 * 1024 * 1024;

/** Up to here the rest of a request is read and dropped, and the connection goes on. */
const REST_BYTES_MAX = 256 * 1024;
/** Requests sent ahead of their responses. No peer of ours does; one may overlap by a race. */
const PIPELINED_MAX = 4;

/** Serves HTTP/1.1 on sockets whose TLS handshake is done and chose it, or chose nothing. */
export interface H1Server {
  serve(socket: TLSSocket, peer: string): void;
}

export function createH1Server(context: ListenerContext): H1Server {
  const { limits } = context;
  const connections = new WeakMap<object, H1Connection>();
  // It never listens, so its own time limits never run; ServedConnection.look does their work.
  const server: Server = createServer({
    maxHeaderSize: limits.headerBytesMax,
    keepAliveTimeout: 0,
    joinDuplicateHeaders: true,
  });
  server.maxHeadersCount = limits.headersMax;
  server.on('request', (request, response) => {
    connections.get(request.socket)?.serve(request, response);
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const connection = connections.get(socket);
    // Every further piece of a broken request fails once more.
    if (connection?.broken) return;
    if (connection) connection.broken = true;
    const tooLarge = error.code === 'HPE_HEADER_OVERFLOW';
    context.metrics.refused.inc({ reason: tooLarge ? 'header_too_large' : 'malformed_request' });
    if (!socket.writable || connection?.busy) return socket.destroy();
    const status = tooLarge ? '431 Request Header Fields Too Large' : '400 Bad Request';
    socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
    // What the peer still sends is read and dropped, or the kernel would reset the reply as well.
    socket.resume();
    context.clock.after(LINGER_MS, () => socket.destroy());
  });
  return {
    serve(socket, peer) {
      connections.set(socket, new H1Connection(context, socket, peer));
      server.emit('connection', socket);
    },
  };
}

class H1Connection implements ServedConnection {
  readonly protocol = 'http/1.1';
  readonly #context: ListenerContext;
  readonly #socket: TLSSocket;
  readonly #peer: string;
  readonly #running = new Set<H1Exchange>();
  #idleSince: number;
  /** Bytes received up to the end of the last exchange. */
  #bytesSeen: number;
  /** When bytes of a request were first seen that has not begun yet. */
  #partialSince: number | undefined;
  #used = false;
  /** What it sent was not HTTP. */
  broken = false;
  #closing = false;

  constructor(context: ListenerContext, socket: TLSSocket, peer: string) {
    this.#context = context;
    this.#socket = socket;
    this.#peer = peer;
    this.#idleSince = context.clock.now();
    this.#bytesSeen = socket.bytesRead;
    context.connections.add(this);
    context.metrics.connections.inc({ protocol: 'http/1.1' });
    socket.on('error', () => {});
    socket.once('close', () => {
      context.connections.delete(this);
      context.metrics.connections.dec({ protocol: 'http/1.1' });
    });
    const destroySoon = socket.destroySoon.bind(socket);
    // Node calls this after the last response, with no regard to a request that still arrives.
    socket.destroySoon = () => {
      if ([...this.#running].some((exchange) => exchange.unread())) this.#linger();
      else destroySoon();
    };
  }

  get busy(): boolean {
    return this.#running.size > 0;
  }

  get closing(): boolean {
    return this.#closing;
  }

  serve(request: IncomingMessage, response: ServerResponse): void {
    const context = this.#context;
    const peer = this.#peer;
    if (this.#running.size >= PIPELINED_MAX) {
      context.metrics.refused.inc({ reason: 'pipelined' });
      this.destroy();
      return;
    }
    this.#used = true;
    this.#partialSince = undefined;
    const exchange = new H1Exchange(context, this, request, response, peer);
    this.#running.add(exchange);
    context.peers.exchanges.add(peer);
    context.metrics.exchanges.inc({ protocol: 'http/1.1' });
    request.on('error', () => {});
    response.on('error', () => {});
    response.once('close', () => {
      exchange.over();
      this.#running.delete(exchange);
      this.#idleSince = context.clock.now();
      this.#bytesSeen = this.#socket.bytesRead;
      context.peers.exchanges.remove(peer);
      context.metrics.exchanges.dec({ protocol: 'http/1.1' });
      if (this.#closing && !this.busy) this.#socket.destroySoon();
    });
    void serve(context, exchange);
  }

  #linger(): void {
    const { clock } = this.#context;
    const socket = this.#socket;
    const until = socket.bytesRead + LINGER_BYTES;
    socket.end();
    const look = (waitedMs: number) => {
      if (socket.destroyed) return;
      if (waitedMs >= LINGER_MS || socket.bytesRead >= until) socket.destroy();
      else clock.after(50, () => look(waitedMs + 50));
    };
    look(0);
  }

  look(now: number): void {
    const { limits, metrics } = this.#context;
    const cutFor = (reason: string) => {
      metrics.refused.inc({ reason });
      this.destroy();
    };
    for (const { writes } of this.#running) {
      if (now - (writes.waitingSince ?? now) >= limits.writeMs) cutFor('stalled_reader');
    }
    if (this.busy) return;
    if (this.#socket.bytesRead === this.#bytesSeen) {
      const patienceMs = this.#used ? limits.idleMs : limits.headersMs;
      if (now - this.#idleSince >= patienceMs) this.destroy();
      return;
    }
    this.#partialSince ??= now;
    if (now - this.#partialSince >= limits.headersMs) cutFor('slow_headers');
  }

  ping(): Promise<boolean> {
    return Promise.resolve(!this.#socket.destroyed);
  }

  close(): void {
    this.#closing = true;
    if (!this.busy) this.#socket.destroySoon();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

class H1Exchange implements ServedExchange {
  readonly protocol = 'http/1.1';
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: Headers;
  readonly contentLength: number | undefined;
  readonly peer: string;
  readonly connection: H1Connection;
  readonly writes = new PendingWrites();
  readonly #context: ListenerContext;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #end: ExchangeEnd;
  responded = false;
  readonly cancelled = false;

  constructor(
    context: ListenerContext,
    connection: H1Connection,
    request: IncomingMessage,
    response: ServerResponse,
    peer: string,
  ) {
    this.#context = context;
    this.#request = request;
    this.#response = response;
    this.connection = connection;
    this.peer = peer;
    this.method = request.method ?? '';
    const target = splitTarget(request.url ?? '');
    this.path = target.path;
    this.query = target.query;
    this.headers = request.headers as Headers;
    this.contentLength = parseLength(request.headers['content-length']);
    this.#end = new ExchangeEnd(() => {
      if (!response.destroyed && !response.closed) return 'running';
      return response.writableFinished ? 'complete' : 'cut';
    });
  }

  get aborted(): AbortSignal {
    return this.#end.aborted;
  }

  get closed(): Promise<void> {
    return this.#end.closed;
  }

  get ended(): boolean {
    return this.#response.destroyed || this.#response.writableEnded;
  }

  /** The response was sent, or the socket is gone. */
  over(): void {
    this.writes.abandon();
    this.#end.over(this.#response.writableFinished ? 'complete' : 'cut');
  }

  /** Whether the peer may still be sending this request. */
  unread(): boolean {
    const declared = this.#request.headers['transfer-encoding'] !== undefined || this.contentLength;
    return Boolean(declared) && !this.#request.complete;
  }

  #source(): BodySource {
    const { clock, limits } = this.#context;
    const { contentLength } = this;
    const incoming = incomingOf(this.#request);
    return { incoming, contentLength, clock, totalMs: limits.bodyMs };
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
    const response = this.#response;
    this.responded = true;
    if (response.destroyed || response.headersSent) return;
    // A reply before the end of the request ends the connection: its rest is worth nothing.
    const last = this.connection.closing || (this.unread() && !this.#smallRest());
    response.writeHead(status, last ? { ...headers, connection: 'close' } : { ...headers });
    if (options.end) void this.end();
    else response.flushHeaders();
  }

  #smallRest(): boolean {
    return this.contentLength !== undefined && this.contentLength <= REST_BYTES_MAX;
  }

  write(chunk: Uint8Array): Promise<void> {
    const response = this.#response;
    if (this.ended) return Promise.resolve();
    return this.writes.add(this.#context.clock, (taken) => response.write(chunk, taken));
  }

  trailers(): void {}

  async end(chunk?: Uint8Array): Promise<void> {
    const response = this.#response;
    if (this.ended) return;
    // What still comes of an unread or half-read body falls on the floor.
    this.#request.removeAllListeners('data').resume();
    await this.writes.add(this.#context.clock, (taken) => response.end(chunk, taken));
  }

  cut(): void {
    this.#response.destroy();
    this.connection.destroy();
  }
}

/** Node has answered `Expect: 100-continue` by itself. */
function incomingOf(request: IncomingMessage): IncomingBody {
  let reader: BodyReader | undefined;
  const data = (bytes: Buffer) => reader?.data(bytes);
  const end = () => reader?.end();
  const gone = () => reader?.gone();
  return {
    get paused() {
      return request.isPaused();
    },
    start(given) {
      if (request.readableEnded) return given.end();
      if (request.destroyed) return given.gone();
      reader = given;
      request.on('data', data).on('end', end).on('close', gone);
    },
    stop() {
      if (!reader) return;
      reader = undefined;
      request.off('data', data).off('end', end).off('close', gone);
      if (!request.readableEnded) request.pause();
    },
    pause: () => void request.pause(),
    resume: () => void request.resume(),
  };
}
