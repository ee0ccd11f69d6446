import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Clock, systemClock } from '../base/clock.ts';
import { messageOf, TributaryError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { type Problem, problems, sendProblem } from './problem.ts';
import { createRequestRate } from './request-rate.ts';
import { fileBelow, sendFile } from './static-files.ts';

/** The longest path that is published has about 60 characters. */
const TARGET_CHARACTERS_MAX = 1_024;
const HEADER_BYTES_MAX = 8 * 1024;
/** Each may hold an open file; the usual limit of a process is 1,024 of them. */
const CONNECTIONS_MAX = 512;
const ANSWERS_MAX = 128;
/** Most of what is asked for is there in milliseconds. */
const HEADERS_MS = 5_000;
const IDLE_MS = 10_000;
/** A list of 100,000 workers over a slow line takes a minute; a reader that takes nothing, less. */
const SILENT_MS = 30_000;

/** An answer of a route. */
export type PublicReply =
  | { readonly problem: Problem }
  | { readonly type: string; readonly body: string | Uint8Array; readonly headers?: Headers };
type Headers = Readonly<Record<string, string>>;

/** Something that is made for each request; everything else below `/proofs/` is a file. */
export interface PublicRoute {
  /** As it stands in the address: `/proofs/receipts`. */
  readonly path: string;
  handle(request: {
    readonly query: URLSearchParams;
    /** What `Authorization: Bearer` carried. */
    readonly credential: string | undefined;
  }): Promise<PublicReply>;
}

/** What the public address stands on. */
export interface PublicParts {
  /** Served below `/proofs/`; it need not exist yet. */
  readonly proofsDir: string;
  readonly routes: readonly PublicRoute[];
  readonly log: Log;
  readonly clock?: Clock;
}

/** A running public address. */
export interface PublicServer {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Serves to everybody what the pool publishes, in plain HTTP; for the internet a proxy in front adds
 * TLS. Throws `address_in_use` or `address_invalid`.
 */
export async function servePublic(
  parts: PublicParts,
  address: { readonly host: string; readonly port: number },
): Promise<PublicServer> {
  const rate = createRequestRate(parts.clock ?? systemClock);
  let answering = 0;
  const server = createServer({ maxHeaderSize: HEADER_BYTES_MAX }, (request, response) => {
    if (answering >= ANSWERS_MAX) return sendProblem(response, problems.busy);
    if (!rate.take(request.socket.remoteAddress ?? '')) {
      return sendProblem(response, problems.tooMany);
    }
    answering++;
    answer(parts, request, response)
      .catch((error: unknown) => {
        parts.log.error('public_request_failed', { error: messageOf(error) });
        if (response.headersSent) response.destroy();
        else sendProblem(response, problems.ours);
      })
      .finally(() => answering--);
  });
  server.maxConnections = CONNECTIONS_MAX;
  server.headersTimeout = HEADERS_MS;
  server.requestTimeout = HEADERS_MS;
  server.keepAliveTimeout = IDLE_MS;
  server.setTimeout(SILENT_MS, (socket) => socket.destroy());
  server.on('clientError', (_, socket) => socket.destroy());
  await listening(server, address);
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(
  parts: PublicParts,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const refusal = refusalOf(request);
  if (refusal) {
    response.setHeader('connection', 'close');
    return sendProblem(response, refusal);
  }
  const [path = '/', ...query] = (request.url ?? '/').split('?');
  const route = parts.routes.find((one) => one.path === path);
  if (route) {
    const reply = await route.handle({
      query: new URLSearchParams(query.join('?')),
      credential: bearerOf(request),
    });
    return 'problem' in reply
      ? sendProblem(response, reply.problem)
      : send(request, response, reply);
  }
  const file = path.startsWith(PROOFS)
    ? fileBelow(parts.proofsDir, path.slice(PROOFS.length))
    : undefined;
  if (file && (await sendFile(request, response, file))) return;
  sendProblem(response, problems.notFound);
}
const PROOFS = '/proofs/';

function refusalOf(request: IncomingMessage): Problem | undefined {
  if (request.method !== 'GET' && request.method !== 'HEAD') return problems.method;
  if ((request.url ?? '').length > TARGET_CHARACTERS_MAX) return problems.tooLong;
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
  return (length ?? '0') !== '0' || encoding !== undefined ? problems.body : undefined;
}

function bearerOf(request: IncomingMessage): string | undefined {
  return /^Bearer ([\x21-\x7e]{1,512})$/.exec(request.headers.authorization ?? '')?.[1];
}

function send(
  request: IncomingMessage,
  response: ServerResponse,
  { type, body, headers }: Exclude<PublicReply, { problem: Problem }>,
): void {
  response.writeHead(200, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...headers,
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

function listening(server: Server, address: { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const used = cause.code === 'EADDRINUSE';
      const code = used ? 'address_in_use' : 'address_invalid';
      const message = used
        ? `another program listens at port ${address.port}, the public address of --http-addr`
        : 'the public address of --http-addr cannot be used';
      reject(new TributaryError(code, message, { cause }));
    });
    server.listen(address.port, address.host || undefined, () => resolve());
  });
}
