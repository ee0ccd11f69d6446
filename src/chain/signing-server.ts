import { chmod, lstat, unlink } from 'node:fs/promises';
import { createServer, connect as dial, type Server, type Socket } from 'node:net';
import { dirname, resolve } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import type { Clock, Timer } from '../base/clock.ts';
import { TributaryError } from '../base/errors.ts';
import { makeFolder } from '../base/folder.ts';
import type { Log } from '../base/log.ts';
import type { Vault } from './signing-vault.ts';
import {
  createFrameReader,
  decodeRequest,
  encodeAnswer,
  encodeHello,
  type Frame,
} from './signing-wire.ts';

/** The pool's nodes and a redeemer; each needs one. */
const CONNECTIONS_MAX = 64;
/** Mutual TLS within a data centre takes milliseconds. */
const HANDSHAKE_MS = 10_000;
/** A frame that began must end: the largest takes 0.1 s at 10 Mbit/s. */
const FRAME_MS = 10_000;
/** Answers that a client has not read yet; then no more of its requests are looked at. */
const UNREAD_BYTES_MAX = 1024 * 1024;

/** Where a signer listens. The certificates in PEM; `clientCa` vouches for who may connect. */
export type SignerListen =
  | { readonly socket: string }
  | {
      readonly host: string;
      readonly port: number;
      readonly cert: string;
      readonly key: string;
      readonly clientCa: string;
    };

/** A listening signer. */
export interface SignerServer {
  /** Of TLS, also where 0 was asked for; undefined with a Unix socket. */
  readonly port: number | undefined;
  close(): Promise<void>;
}

/**
 * Serves a vault. A Unix socket has mode 0600 in a directory of mode 0700, which is made where it is
 * missing; what a killed signer left there is removed.
 *
 * @throws TributaryError `signer_exposed`, `address_in_use`, `certificate_unusable`
 */
export async function serveSigner(
  listen: SignerListen,
  parts: { readonly vault: Vault; readonly clock: Clock; readonly log: Log },
): Promise<SignerServer> {
  const sockets = new Set<Socket>();
  const accept = (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    serve(socket, parts);
  };
  const server = 'socket' in listen ? createServer(accept) : tlsServer(listen, accept, parts.log);
  server.maxConnections = CONNECTIONS_MAX;
  if ('socket' in listen) await bindSocket(server, resolve(listen.socket));
  else await bind(server, { host: listen.host || '::', port: listen.port });
  const at = server.address();
  return {
    port: typeof at === 'object' && at ? at.port : undefined,
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** Requests of a connection are answered one after the other, in their order. */
function serve(
  socket: Socket,
  { vault, clock, log }: { readonly vault: Vault; readonly clock: Clock; readonly log: Log },
): void {
  const reader = createFrameReader();
  let late: Timer | undefined;
  const end = () => {
    late?.cancel();
    socket.destroy();
  };
  socket.on('error', end);
  socket.on('close', end);
  socket.on('end', end);
  socket.on('drain', () => socket.resume());
  socket.on('data', (chunk: Buffer) => {
    const frames = reader.take(chunk);
    if (!frames) {
      socket.removeAllListeners('data');
      socket.end(encodeAnswer(0, vault.malformed()), () => socket.destroy());
      return;
    }
    for (const frame of frames) socket.write(answerTo(frame, vault, log));
    if (socket.writableLength > UNREAD_BYTES_MAX) socket.pause();
    if (frames.length > 0 || !late) {
      late?.cancel();
      late = reader.within ? clock.after(FRAME_MS, end) : undefined;
    }
  });
  socket.write(encodeHello(vault.accounts));
}

function answerTo(frame: Frame, vault: Vault, log: Log): Uint8Array {
  const request = decodeRequest(frame);
  if (!request) return encodeAnswer(frame.number, vault.malformed());
  try {
    return encodeAnswer(frame.number, vault.answer(request));
  } catch (error) {
    // The text of what was thrown may tell more than a client should know.
    log.error('signing_failed', {
      ...(error instanceof TributaryError && { code: error.code }),
    });
    const text = 'The signer could not do it; its log says why.';
    return encodeAnswer(frame.number, { kind: 'refused', reason: 'failed', text });
  }
}

function tlsServer(
  listen: Exclude<SignerListen, { socket: string }>,
  accept: (socket: Socket) => void,
  log: Log,
): Server {
  try {
    const server = createTlsServer(
      {
        cert: listen.cert,
        key: listen.key,
        ca: listen.clientCa,
        requestCert: true,
        rejectUnauthorized: true,
        minVersion: 'TLSv1.3',
        handshakeTimeout: HANDSHAKE_MS,
      },
      accept,
    );
    server.on('tlsClientError', (error) => {
      log.warn('signer_client_refused', { code: (error as NodeJS.ErrnoException).code ?? 'tls' });
    });
    return server;
  } catch (cause) {
    const why = 'The certificate, its key or the CA of clients cannot be used.';
    throw new TributaryError('certificate_unusable', why, { cause });
  }
}

async function bindSocket(server: Server, path: string): Promise<void> {
  const dir = dirname(path);
  await makeFolder(dir, { mode: 0o700 }).catch((cause) => {
    throw new TributaryError('signer_exposed', `${dir} cannot be made.`, { cause });
  });
  const { mode, uid } = await lstat(dir);
  if ((mode & 0o077) !== 0 || uid !== process.getuid?.()) {
    throw new TributaryError('signer_exposed', `Others than its owner may enter ${dir}.`);
  }
  if (await isStale(path)) await unlink(path);
  await bind(server, { path });
  await chmod(path, 0o600);
}

/** A socket that nobody answers at. What is no socket stays, and binding fails. */
async function isStale(path: string): Promise<boolean> {
  const found = await lstat(path).catch(() => undefined);
  if (!found?.isSocket()) return false;
  return new Promise((done) => {
    const probe = dial(path);
    probe.once('connect', () => {
      probe.destroy();
      done(false);
    });
    probe.once('error', () => done(true));
  });
}

function bind(server: Server, at: { path: string } | { host: string; port: number }) {
  return new Promise<void>((done, reject) => {
    server.once('error', (cause) => {
      const where = 'path' in at ? at.path : `port ${at.port}`;
      reject(
        new TributaryError('address_in_use', `The signer cannot listen at ${where}.`, { cause }),
      );
    });
    server.listen(at, () => done());
  });
}
