/** What one listener takes from its peers, each of whom may be hostile. */
export interface ListenerLimits {
  /** Open sockets in all. Beyond: closed at once. */
  readonly connectionsMax: number;
  /** Open sockets of one remote address (of one /64 in IPv6). Beyond: closed at once. */
  readonly connectionsPerAddressMax: number;
  /** Requests running at once from one remote address. Beyond: answered 503. */
  readonly exchangesPerAddressMax: number;
  /** Streams on one HTTP/2 connection, announced in SETTINGS. */
  readonly streamsPerConnectionMax: number;
  /** Bytes of all header fields of a request. */
  readonly headerBytesMax: number;
  /** Header fields of a request. */
  readonly headersMax: number;
  /** From accepted socket to finished TLS handshake. */
  readonly handshakeMs: number;
  /** From the handshake to the first frame (h2), from the first byte to the last header (h1). */
  readonly headersMs: number;
  /** From the first to the last byte of a request body, unless its reader says otherwise. */
  readonly bodyMs: number;
  /** A response that its peer takes nothing of for so long is cut. */
  readonly writeMs: number;
  /** A connection without a running exchange is closed after this. */
  readonly idleMs: number;
  /** HTTP/2 receive window of a stream. */
  readonly streamWindowBytes: number;
  /** HTTP/2 receive window of a connection. */
  readonly connectionWindowBytes: number;
}

const KIB = 1024;
const MIB = 1024 * KIB;

export const defaultLimits: ListenerLimits = {
  // 2,000 workers with a task connection and a result connection each, gateways besides.
  connectionsMax: 10_000,
  // A farm behind one address translator is a good customer; a thousand workers there is one, too.
  connectionsPerAddressMax: 2_000,
  exchangesPerAddressMax: 4_000,
  // wire: golang.org/x/net/http2 server, as stock orchestrators run it
  streamsPerConnectionMax: 250,
  // A payment of 600 tickets, the most that one set of ticket parameters allows, takes 59 KB.
  headerBytesMax: 160 * KIB,
  headersMax: 128,
  handshakeMs: 10_000,
  headersMs: 10_000,
  // 300 MB, the largest body of the protocol, at 10 Mbit/s.
  bodyMs: 240_000,
  // Stock peers give up a download after 4 s; an idle task stream writes nothing and is not meant.
  writeMs: 60_000,
  // wire: go-livepeer server/rpc.go HTTPIdleTimeout
  idleMs: 600_000,
  // Go's server grants 1 MiB; twice that takes a 2 s segment of 6 Mbit/s in one round trip.
  streamWindowBytes: 2 * MIB,
  connectionWindowBytes: 16 * MIB,
};
