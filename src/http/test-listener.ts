import { mkdtemp, rm } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { type ClientHttp2Session, type ClientHttp2Stream, connect as connectH2 } from 'node:http2';
import { type RequestOptions, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import type { Clock } from '../base/clock.ts';
import { type Log, quiet } from '../base/log.ts';
import { createMetrics } from '../base/metrics.ts';
import { type Certificate, ownCertificate } from './certificate.ts';
import type { Exchange } from './exchange.ts';
import { defaultLimits, type ListenerLimits } from './limits.ts';
import { type Listener, listen } from './listener.ts';

/** One certificate for all tests of a process. */
let certificate: Promise<Certificate> | undefined;

async function testCertificate(): Promise<Certificate> {
  const dataDir = await mkdtemp(join(tmpdir(), 'tributary-http-'));
  try {
    return await ownCertificate({ dataDir, host: 'localhost', log: quiet });
  } finally {
    await rm(dataDir, { recursive: true });
  }
}

export interface TestListener {
  readonly port: number;
  readonly listener: Listener;
  /** An HTTP/2 session; closed with the test. */
  h2(): ClientHttp2Session;
  /** A TLS socket that offers `alpn`; closed with the test. */
  raw(alpn?: string[]): Promise<TLSSocket>;
  metricsText(): Promise<string>;
}

/** A real TLS listener on a free port of loopback, closed by the test. */
export async function startListener(
  t: TestContext,
  handle: (exchange: Exchange) => Promise<void>,
  options: { limits?: Partial<ListenerLimits>; log?: Log; clock?: Clock } = {},
): Promise<TestListener> {
  certificate ??= testCertificate();
  const metrics = createMetrics();
  const listener = await listen({
    host: '127.0.0.1',
    port: 0,
    certificate: await certificate,
    limits: { ...defaultLimits, ...options.limits },
    handle,
    log: options.log ?? quiet,
    metrics,
    ...(options.clock ? { clock: options.clock } : {}),
  });
  t.after(() => listener.close());
  const { port } = listener;
  return {
    port,
    listener,
    h2() {
      const session = connectH2(`https://127.0.0.1:${port}`, { rejectUnauthorized: false });
      session.on('error', () => {});
      t.after(() => session.destroy());
      return session;
    },
    async raw(alpn) {
      const socket = connectTls({
        port,
        host: '127.0.0.1',
        rejectUnauthorized: false,
        ...(alpn ? { ALPNProtocols: alpn } : {}),
      });
      socket.on('error', () => {});
      t.after(() => socket.destroy());
      await new Promise((resolve, reject) => {
        socket.once('secureConnect', resolve).once('error', reject);
      });
      return socket;
    },
    metricsText: () => metrics.text(),
  };
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Buffer;
  readonly trailers: Readonly<Record<string, unknown>>;
}

/** Waits for the whole answer of an HTTP/2 stream. Rejects when it is reset without one. */
export function answerOf(stream: ClientHttp2Stream): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let headers: Record<string, unknown> = {};
    let trailers: Record<string, unknown> = {};
    const pieces: Buffer[] = [];
    stream.on('response', (received) => {
      headers = received;
    });
    stream.on('trailers', (received) => {
      trailers = received;
    });
    stream.on('data', (piece: Buffer) => pieces.push(piece));
    stream.on('error', reject);
    stream.on('close', () => {
      const status = Number(headers[':status'] ?? 0);
      if (status === 0) return reject(new Error(`no answer, reset code ${stream.rstCode}`));
      resolve({ status, headers, body: Buffer.concat(pieces), trailers });
    });
  });
}

/** One HTTP/1.1 request. */
export function h1(
  port: number,
  options: RequestOptions,
  body?: Uint8Array,
): Promise<Answer & { readonly response: IncomingMessage }> {
  return new Promise((resolve, reject) => {
    const sent = request(
      { port, host: '127.0.0.1', rejectUnauthorized: false, agent: false, ...options },
      (response) => {
        const pieces: Buffer[] = [];
        response.on('data', (piece: Buffer) => pieces.push(piece));
        response.on('error', reject);
        response.on('end', () => {
          const { statusCode: status = 0, headers, trailers } = response;
          resolve({ status, headers, body: Buffer.concat(pieces), trailers, response });
        });
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

/** Everything that a socket receives until it ends. */
export function received(socket: TLSSocket): Promise<string> {
  return new Promise((resolve) => {
    const pieces: Buffer[] = [];
    socket.on('data', (piece: Buffer) => pieces.push(piece));
    socket.on('close', () => resolve(Buffer.concat(pieces).toString('latin1')));
  });
}
