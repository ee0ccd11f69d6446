import type { AddressInfo } from 'node:net';
import { createServer, DEFAULT_CIPHERS, type TLSSocket } from 'node:tls';
import { type Clock, systemClock, type Timer } from '../base/clock.ts';
import { messageOf, TributaryError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Metrics } from '../base/metrics.ts';
import type { Certificate } from './certificate.ts';
import type { ListenerContext } from './context.ts';
import type { Exchange } from './exchange.ts';
import { createH1Server } from './h1.ts';
import { serveH2 } from './h2.ts';
import type { ListenerLimits } from './limits.ts';
import { httpMetrics } from './metrics.ts';
import { createPeers } from './peers.ts';

/** How often connections are looked at for having idled or hung too long. */
const LOOK_MS = 1_000;
/** Connections waiting to be accepted while the event loop is busy: a pool's workers at once. */
const BACKLOG = 1_024;
/** wire: Go's own first choice where processors have AES; the longer key costs a third more. */
const CIPHERS = `TLS_AES_128_GCM_SHA256:${DEFAULT_CIPHERS}`;

export interface ListenOptions {
  /** Empty: every interface. */
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly certificate: Certificate;
  readonly limits: ListenerLimits;
  /**
   * Answers one exchange; may go on after it resolves. What it throws is answered with 500. When
   * it resolves without having responded, that is answered with 404.
   */
  readonly handle: (exchange: Exchange) => Promise<void>;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly clock?: Clock;
}

/** One open TLS port for gRPC, HTTP/2 and HTTP/1.1. */
export interface Listener {
  readonly port: number;
  /** Open connections past their handshake. */
  readonly connections: number;
  /**
   * Takes no new connections and no new exchanges; resolves when the running ones have ended.
   * After `ms` the rest is cut.
   */
  drain(ms: number): Promise<void>;
  /** Cuts everything now. */
  close(): Promise<void>;
  /** Reads the certificate's files again. False when they are no good: the old one stays. */
  reloadCertificate(): Promise<boolean>;
}

/**
 * Listens with TLS and serves by what ALPN chose; a peer without ALPN gets HTTP/1.1. Throws
 * `address_in_use`, `port_refused` or `certificate_unusable`.
 */
export async function listen(options: ListenOptions): Promise<Listener> {
  const { certificate, limits, log } = options;
  const clock = options.clock ?? systemClock;
  const metrics = httpMetrics(options.metrics);
  const peers = createPeers();
  const context: ListenerContext = {
    limits,
    clock,
    log,
    metrics,
    peers,
    connections: new Set(),
    handle: options.handle,
  };
  const h1 = createH1Server(context);

  const secured = () => ({ ...certificate.current(), ciphers: CIPHERS });
  const server = createServer({
    ...secured(),
    ALPNProtocols: ['h2', 'http/1.1'],
    handshakeTimeout: limits.handshakeMs,
    minVersion: 'TLSv1.2',
    noDelay: true,
    keepAlive: true,
    // wire: Go's listener, so that a peer whose machine vanished is noticed even when idle
    keepAliveInitialDelay: 15_000,
  });
  const stopFollowing = certificate.onChange(() => server.setSecureContext(secured()));

  let draining = false;
  const sockets = new Set<{ destroy(): unknown }>();
  server.on('connection', (socket) => {
    const peer = socket.remoteAddress && peers.nameOf(socket.remoteAddress);
    const refusal = peer ? refusalOf(peer) : 'gone';
    if (!peer || refusal) {
      metrics.refused.inc({ reason: refusal ?? 'gone' });
      socket.destroy();
      return;
    }
    sockets.add(socket);
    peers.connections.add(peer);
    socket.once('close', () => {
      sockets.delete(socket);
      peers.connections.remove(peer);
    });
  });
  const refusalOf = (peer: string) => {
    if (sockets.size >= limits.connectionsMax) return 'connections';
    if (peers.connections.of(peer) >= limits.connectionsPerAddressMax) {
      return 'connections_per_address';
    }
    return undefined;
  };

  server.on('secureConnection', (socket: TLSSocket) => {
    socket.on('error', () => {});
    if (!socket.remoteAddress || draining) {
      socket.destroy();
      return;
    }
    const peer = peers.nameOf(socket.remoteAddress);
    if (socket.alpnProtocol === 'h2') serveH2(context, socket, peer);
    else h1.serve(socket, peer);
  });
  server.on('tlsClientError', (_error, socket) => {
    metrics.refused.inc({ reason: 'tls_handshake' });
    socket.destroy();
  });
  server.on('error', (error) => log.error('listener_failed', { error: messageOf(error) }));

  let looking: Timer;
  const look = () => {
    const now = clock.now();
    for (const connection of context.connections) connection.look(now);
    looking = clock.after(LOOK_MS, look);
  };
  looking = clock.after(LOOK_MS, look);

  let closed: Promise<void> | undefined;
  const stop = () => {
    closed ??= new Promise<void>((resolve) => server.close(() => resolve()));
    return closed;
  };
  const finish = async () => {
    for (const connection of context.connections) connection.destroy();
    for (const socket of sockets) socket.destroy();
    await stop();
    looking.cancel();
    stopFollowing();
  };

  await open(server, options.host, options.port);
  const { port } = server.address() as AddressInfo;

  return {
    port,
    get connections() {
      return context.connections.size;
    },
    async drain(ms) {
      draining = true;
      const stopped = stop();
      for (const connection of context.connections) connection.close();
      const late = Promise.withResolvers<void>();
      const timer = clock.after(ms, late.resolve);
      await Promise.race([stopped, late.promise]);
      timer.cancel();
      await finish();
    },
    close: finish,
    reloadCertificate: () => certificate.reload(),
  };
}

function open(server: ReturnType<typeof createServer>, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (cause: NodeJS.ErrnoException) => {
      const code = cause.code === 'EADDRINUSE' ? 'address_in_use' : 'port_refused';
      reject(new TributaryError(code, `cannot listen on port ${port}`, { facts: { port }, cause }));
    };
    server.once('error', failed);
    server.listen({ ...(host === '' ? {} : { host }), port, backlog: BACKLOG }, () => {
      server.off('error', failed);
      resolve();
    });
  });
}
