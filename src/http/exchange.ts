/** Lower-case names; a header that came several times is joined as HTTP says. */
export type Headers = Readonly<Record<string, string | undefined>>;

/** Why the body of a request could not be read to its end. */
export type BodyFailure = 'too_large' | 'idle' | 'slow' | 'aborted';

/** Thrown out of a body. Expected with hostile or broken peers: turn it into a reply. */
export class BodyError extends Error {
  override readonly name = 'BodyError';
  readonly reason: BodyFailure;

  constructor(reason: BodyFailure) {
    super(`request body: ${reason}`);
    this.reason = reason;
  }
}

/** What a reader of a body is willing to take. */
export interface BodyLimits {
  /** A longer body, declared or sent, throws `too_large`. */
  readonly bytesMax: number;
  /** So long without a byte throws `idle`. */
  readonly idleMs: number;
  /** So long in all throws `slow`. Default: `bodyMs` of the listener. */
  readonly totalMs?: number;
}

/** The connection below an exchange; the same object for every exchange of one connection. */
export interface Connection {
  /**
   * Whether the peer answers within `timeoutMs`: an HTTP/2 PING, which every HTTP/2 peer answers.
   * Over HTTP/1.1, which has no ping, whether the socket is still open. Never rejects.
   */
  ping(timeoutMs: number): Promise<boolean>;
  /** Where the other end is: never to be logged or kept as it is. Undefined when it is gone. */
  readonly remoteAddress?: string | undefined;
  /** No new exchanges; the running ones finish, then it closes. */
  close(): void;
  /** Cuts it now. Running exchanges are aborted. Over HTTP/2 no stream is reset with CANCEL. */
  destroy(): void;
}

/** What follows the headers of a response. */
export interface RespondOptions {
  /** The headers given to {@link Exchange.trailers} will end the response (HTTP/2 only). */
  readonly trailers?: boolean;
  /** Nothing follows: over HTTP/2 the headers themselves end the stream (gRPC's trailers-only). */
  readonly end?: boolean;
}

/**
 * One request and its response, the same over HTTP/2 and HTTP/1.1. Once `aborted` has fired,
 * writes resolve without effect: a handler need not guard each of them.
 */
export interface Exchange {
  readonly protocol: 'h2' | 'http/1.1';
  readonly method: string;
  /** As sent, not decoded, without the query. */
  readonly path: string;
  /** What followed the first `?`, without it; empty when there was none. */
  readonly query: string;
  readonly headers: Headers;
  /** The declared length, checked to be a number; undefined when none was declared. */
  readonly contentLength: number | undefined;
  /** Stands for the remote address in limits; of no use outside this process. */
  readonly peer: string;
  /**
   * The request body as it arrives, with backpressure. Throws {@link BodyError}. Leaving the loop
   * early is fine: what still arrives is thrown away within bounds. To be read once.
   */
  body(limits: BodyLimits): AsyncIterable<Buffer>;
  /**
   * The same without backpressure, cheaper: `each` is called for every piece as it arrives and
   * must not keep it. Resolves with the length. Rejects with {@link BodyError}, or with what `each`
   * threw.
   */
  receive(limits: BodyLimits, each: (bytes: Buffer) => void): Promise<number>;
  /** Fires when the peer goes away before the response was complete. */
  readonly aborted: AbortSignal;
  /** Resolves when the exchange is over, well or not. Never rejects. */
  readonly closed: Promise<void>;
  /**
   * Whether the peer itself took the request back, by a reset with CANCEL on a connection that
   * lives on. Known once `closed` has resolved; always false over HTTP/1.1, where it is just gone.
   */
  readonly cancelled: boolean;
  /** Whether `respond` was called. */
  readonly responded: boolean;
  /** Whether nothing can be sent any more: `end` was called, or the peer is gone. */
  readonly ended: boolean;
  /** Sends status and headers at once. Call it once. */
  respond(
    status: number,
    headers?: Readonly<Record<string, string>>,
    options?: RespondOptions,
  ): void;
  /**
   * Sends bytes (shared memory too). Resolves when they may be overwritten: sent, or the peer is
   * gone. Never rejects. Await it, or the peer's slowness becomes our memory.
   */
  write(chunk: Uint8Array): Promise<void>;
  /** What follows the body, if `respond` announced it. Call it before `end`. */
  trailers(headers: Readonly<Record<string, string>>): void;
  /** Ends the response; also while the peer still sends its request, which then is told to stop. */
  end(chunk?: Uint8Array): Promise<void>;
  readonly connection: Connection;
}
