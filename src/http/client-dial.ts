import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import type { Clock } from '../base/clock.ts';
import { messageOf, TributaryError } from '../base/errors.ts';

/** A reachable peer completes TCP and TLS well within this; go-livepeer allows 2 to 3 s. */
const CONNECT_MS = 5_000;

/** Where to connect, and who must be there. */
export interface DialOptions {
  readonly host: string;
  readonly port: number;
  /** What we offer in ALPN, best first. go-livepeer refuses a peer that selects none. */
  readonly protocols: readonly ('h2' | 'http/1.1')[];
  /** base64url SHA-256 of the server certificate's DER. */
  readonly pin?: string | undefined;
  /** Says of the address that was connected to whether to go on. Default: any. */
  readonly acceptAddress?: ((address: string) => boolean) | undefined;
  readonly clock: Clock;
  readonly signal?: AbortSignal | undefined;
}

/** An open connection and the pin of the certificate that the server showed. */
export interface Dialled {
  readonly socket: TLSSocket;
  readonly pin: string;
  /** IP address of the server. */
  readonly address: string;
}

/** base64url SHA-256 of a certificate's DER: what a join string carries as `pin`. */
export function pinOf(der: Uint8Array): string {
  return createHash('sha256').update(der).digest('base64url');
}

/**
 * Opens a TLS connection and returns it once the peer has proven that it holds the pinned
 * certificate's key. Certificates are not checked against authorities: Livepeer peers are
 * self-signed (wire: go-livepeer server/cert.go). Nothing is written before the pin is checked.
 * Throws `certificate_pin_mismatch`, or `connection_failed` when nobody answers.
 */
export function dialTls(options: DialOptions): Promise<Dialled> {
  const { host, port, clock, signal } = options;
  return new Promise((resolve, reject) => {
    const socket = connect({
      host,
      port,
      ALPNProtocols: [...options.protocols],
      rejectUnauthorized: false,
      ...(isIP(host) === 0 ? { servername: host } : {}),
    });
    const fail = (error: TributaryError) => {
      settle();
      socket.on('error', () => {}); // a late error of a socket that nobody owns any more
      socket.destroy();
      reject(error);
    };
    const failed = (cause: unknown) =>
      fail(new TributaryError('connection_failed', `connection: ${messageOf(cause)}`, { cause }));
    const aborted = () => failed(signal?.reason);
    const closed = () => failed(new Error('closed during the TLS handshake'));
    const timer = clock.after(CONNECT_MS, () => failed(new Error(`no answer in ${CONNECT_MS} ms`)));
    const settle = () => {
      timer.cancel();
      signal?.removeEventListener('abort', aborted);
      socket.off('error', failed);
      socket.off('close', closed);
    };
    socket.once('error', failed);
    socket.once('close', closed);
    signal?.addEventListener('abort', aborted, { once: true });
    if (signal?.aborted) return aborted();
    socket.once('connect', () => {
      if (options.acceptAddress?.(socket.remoteAddress ?? '') === false) {
        failed(new Error('the address is not one that may be connected to'));
      }
    });
    socket.once('secureConnect', () => {
      const der = socket.getPeerX509Certificate()?.raw;
      const pin = der ? pinOf(der) : '';
      if (options.pin !== undefined && pin !== options.pin) {
        fail(
          new TributaryError(
            'certificate_pin_mismatch',
            'the server showed another certificate than the one expected',
          ),
        );
        return;
      }
      settle();
      socket.setNoDelay(true);
      resolve({ socket, pin, address: socket.remoteAddress ?? '' });
    });
  });
}
