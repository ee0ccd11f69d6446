import type { Readable, Writable } from 'node:stream';

/** What a request sends: nothing, one buffer, several buffers, or a stream of them. */
export type RequestBody = Uint8Array | readonly Uint8Array[] | AsyncIterable<Uint8Array>;

/** One request to the client's origin. */
export interface ClientRequest {
  readonly method: 'GET' | 'POST' | 'PUT';
  /** Path with query. */
  readonly path: string;
  /** Lower-case names. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: RequestBody;
  /** Limit of the whole exchange in ms, the reading of the answer's body included. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  readonly bodyBytesMax?: number;
  /** HTTP/2 by default; HTTP/1.1 costs less for one large body on an otherwise idle connection. */
  readonly protocol?: 'h2' | 'http/1.1';
}

/** The head of an answer; its body must be read to the end or given up with `cancel`. */
export interface ClientResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Ends only when the whole body arrived; throws `connection_failed` otherwise. */
  readonly body: AsyncIterable<Buffer>;
  /** HTTP/2 trailers, known after the body has ended. */
  trailers(): Readonly<Record<string, string | undefined>>;
  /** Reset code of an HTTP/2 stream that the peer ended early, 0 otherwise. */
  resetCode(): number;
  cancel(): void;
}

/** An outgoing stream and how its answer's head arrives. */
export interface Started {
  readonly writable: Writable;
  readonly head: Promise<Omit<ClientResponse, 'body' | 'cancel'> & { readonly readable: Readable }>;
  destroy(error?: Error): void;
}

/** Headers with one text per name, pseudo-headers left out. */
export function singleValues(headers: object): Record<string, string | undefined> {
  const single: Record<string, string | undefined> = {};
  for (const [name, value] of Object.entries(headers as Record<string, unknown>)) {
    if (name.startsWith(':')) continue;
    single[name] = Array.isArray(value) ? value.join(', ') : String(value);
  }
  return single;
}
