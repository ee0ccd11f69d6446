import { type BodySource, readBody, receiveBody } from './body.ts';
import { type ListenerContext, parseLength, type ServedExchange, splitTarget } from './context.ts';
import type { BodyLimits, Connection, Headers, RespondOptions } from './exchange.ts';
import { ExchangeEnd, type ExchangeState } from './exchange-end.ts';
import { H2Body } from './h2-body.ts';
import { CODE } from './h2-frames.ts';
import type { Field } from './hpack-tables.ts';
import { PendingWrites } from './pending-writes.ts';

/** After the response, so long may the peer finish its request before it is told to stop. */
const LINGER_MS = 50;
const NOTHING = new Uint8Array(0);

/** What an exchange needs of its connection. */
export interface H2Wire {
  /** Sends a header block at once. */
  headers(stream: number, fields: readonly Field[], options: { readonly end: boolean }): void;
  /** There is something to send in {@link H2Exchange.outgoing}. */
  wantsToSend(exchange: H2Exchange): void;
  /** Lets the peer send so many bytes again. */
  grant(exchange: H2Exchange, bytes: number): void;
  reset(stream: number, code: number): void;
  /** The stream is done with. */
  over(exchange: H2Exchange): void;
}

/** Bytes to be sent, and who is to be told when they were. */
interface Chunk {
  readonly bytes: Uint8Array;
  at: number;
  readonly taken: () => void;
}

/** What waits on a stream for the peer's windows. */
interface Outgoing {
  readonly chunks: Chunk[];
  /** Set once nothing is to follow the chunks but these trailers, if any. */
  end?: { readonly trailers: readonly Field[] | undefined };
}

/** One request and its response on a stream of HTTP/2. */
export class H2Exchange implements ServedExchange {
  readonly protocol = 'h2';
  readonly id: number;
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: Headers;
  readonly contentLength: number | undefined;
  readonly peer: string;
  readonly connection: Connection;
  readonly writes = new PendingWrites();
  /** What the peer lets us send on this stream. */
  sendWindow: number;
  /** What the peer may still send, and what of its bytes is used up and not yet granted again. */
  receiveWindow: number;
  ungranted = 0;
  readonly outgoing: Outgoing = { chunks: [] };
  responded = false;
  cancelled = false;
  /** The peer has said all of its request. */
  requestEnded: boolean;
  readonly #context: ListenerContext;
  readonly #wire: H2Wire;
  readonly #body: H2Body;
  readonly #end: ExchangeEnd;
  #state: ExchangeState = 'running';
  #received = 0;
  #bodyless = false;
  #announcesTrailers = false;
  #trailers: readonly Field[] | undefined;

  constructor(
    context: ListenerContext,
    wire: H2Wire,
    request: {
      readonly id: number;
      readonly headers: Headers;
      readonly ended: boolean;
      readonly sendWindow: number;
      readonly connection: Connection;
      readonly peer: string;
    },
  ) {
    const { headers } = request;
    this.#context = context;
    this.#wire = wire;
    this.id = request.id;
    this.connection = request.connection;
    this.peer = request.peer;
    this.headers = headers;
    this.method = headers[':method'] ?? '';
    const target = splitTarget(headers[':path'] ?? '');
    this.path = target.path;
    this.query = target.query;
    this.contentLength = parseLength(headers['content-length']);
    this.requestEnded = request.ended;
    this.sendWindow = request.sendWindow;
    this.receiveWindow = context.limits.streamWindowBytes;
    this.#body = new H2Body({
      used: (bytes) => wire.grant(this, bytes),
      begin: () => this.#continue(),
    });
    this.#end = new ExchangeEnd(() => this.#state);
  }

  get aborted(): AbortSignal {
    return this.#end.aborted;
  }

  get closed(): Promise<void> {
    return this.#end.closed;
  }

  get ended(): boolean {
    return this.#state !== 'running' || this.outgoing.end !== undefined;
  }

  /** Bytes of the request. False when they are more than were declared. */
  data(bytes: Buffer): boolean {
    this.#received += bytes.length;
    if (this.#received > (this.contentLength ?? Number.POSITIVE_INFINITY)) return false;
    this.#body.data(bytes);
    return true;
  }

  /** The request is whole. False when it is less than was declared. */
  requestEnds(): boolean {
    this.requestEnded = true;
    if (this.#received < (this.contentLength ?? 0)) return false;
    this.#body.ended();
    return true;
  }

  /** The last byte of the response is on its way. */
  responseSent(): void {
    if (this.#state !== 'running') return;
    this.#state = 'complete';
    if (this.requestEnded) {
      this.#over();
      return;
    }
    // wire: RFC 9113 8.1, a complete response before the end of the request is followed by
    // RST_STREAM NO_ERROR, which tells the peer to stop sending and to keep the response.
    this.#context.clock.after(LINGER_MS, () => {
      if (this.requestEnded) return;
      this.#wire.reset(this.id, CODE.none);
      this.requestEnded = true;
      this.#over();
    });
  }

  /** The request came to its end after the response had. */
  finish(): void {
    if (this.#state === 'complete') this.#over();
  }

  /** The stream or its connection is gone. */
  gone({ cancelled = false } = {}): void {
    this.requestEnded = true;
    if (this.#state === 'running') {
      this.#state = 'cut';
      this.cancelled = cancelled;
    }
    this.#over();
  }

  #over(): void {
    this.outgoing.chunks.length = 0;
    this.#body.gone();
    this.writes.abandon();
    this.#wire.over(this);
    this.#end.over(this.#state === 'complete' ? 'complete' : 'cut');
  }

  #continue(): void {
    const { expect } = this.headers;
    if (expect?.toLowerCase() !== '100-continue' || this.responded || this.ended) return;
    this.#wire.headers(this.id, [[':status', '100']], { end: false });
  }

  #source(): BodySource {
    const { clock, limits } = this.#context;
    const { contentLength } = this;
    return { incoming: this.#body, contentLength, clock, totalMs: limits.bodyMs };
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
    if (this.responded || this.ended) {
      this.responded = true;
      return;
    }
    this.responded = true;
    this.#bodyless = this.method === 'HEAD' || status === 204 || status === 304;
    this.#announcesTrailers = options.trailers ?? false;
    const fields: Field[] = [[':status', String(status)], ...fieldsOf(headers)];
    const end = options.end || this.#bodyless;
    this.#wire.headers(this.id, fields, { end });
    if (!end) return;
    this.outgoing.end = { trailers: undefined };
    this.#body.drop();
    this.responseSent();
  }

  write(chunk: Uint8Array): Promise<void> {
    if (this.ended || this.#bodyless || chunk.length === 0) return Promise.resolve();
    return this.#send(chunk);
  }

  trailers(headers: Readonly<Record<string, string>>): void {
    this.#trailers = fieldsOf(headers);
  }

  async end(chunk?: Uint8Array): Promise<void> {
    if (this.ended) return;
    this.outgoing.end = { trailers: this.#announcesTrailers ? this.#trailers : undefined };
    this.#body.drop();
    await this.#send(chunk && !this.#bodyless ? chunk : NOTHING);
  }

  #send(bytes: Uint8Array): Promise<void> {
    return this.writes.add(this.#context.clock, (taken) => {
      this.outgoing.chunks.push({ bytes, at: 0, taken });
      this.#wire.wantsToSend(this);
    });
  }

  cut(): void {
    if (this.#state === 'cut') return;
    // Never CANCEL, after which a stock transcoder would not come back
    // (wire: go-livepeer server/ot_rpc.go).
    this.#wire.reset(this.id, CODE.internal);
    this.gone();
  }
}

function fieldsOf(headers: Readonly<Record<string, string>>): Field[] {
  return Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]);
}
