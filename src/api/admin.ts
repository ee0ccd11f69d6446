import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { messageOf, TributaryError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Metrics } from '../base/metrics.ts';
import { failure, json, text } from './replies.ts';

/** Most requests are a name and an address; terms with thousands of members in groups are longest. */
const BODY_BYTES_MAX = 512 * 1024;

/** What a request that passed the token check may do. */
export interface Route {
  readonly method: 'GET' | 'POST';
  /** Segments in braces are handed over: `/api/v1/workers/{worker}`. */
  readonly path: string;
  handle(request: {
    readonly params: Readonly<Record<string, string>>;
    /** What stands behind the question mark. */
    readonly query: URLSearchParams;
    /** The JSON object of a POST, `{}` when it has none. */
    readonly body: Readonly<Record<string, unknown>>;
  }): Promise<{ readonly status: number; readonly value: unknown }>;
}

/** What the admin listener stands on. */
export interface AdminParts {
  readonly routes: readonly Route[];
  readonly metrics: Metrics;
  /** Why the pool is not ready, or undefined when it is. */
  ready(): Promise<string | undefined>;
  readonly token: string;
  readonly log: Log;
}

/** A running admin listener. */
export interface Admin {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Serves `/healthz`, `/readyz`, `/metrics` to anyone who reaches the address, and `/api/v1` to who
 * shows the token. Throws `admin_exposed` unless the host is loopback or the token was chosen by
 * the operator, and `address_in_use`.
 */
export async function serveAdmin(
  parts: AdminParts,
  address: { readonly host: string; readonly port: number; readonly tokenChosen: boolean },
): Promise<Admin> {
  if (!isLoopback(address.host) && !address.tokenChosen) {
    throw new TributaryError('admin_exposed', 'the admin address is not loopback and has no token');
  }
  const server = createServer((request, response) => {
    answer(parts, request, response).catch((error: unknown) => {
      const ours = response.headersSent || failure(response, error);
      if (ours) parts.log.error('admin_request_failed', { error: messageOf(error) });
    });
  });
  server.headersTimeout = 5_000;
  server.requestTimeout = 10_000;
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
  parts: AdminParts,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const [path = '/', search = ''] = (request.url ?? '/').split('?');
  if (path === '/healthz') return text(response, 200, 'ok\n');
  if (path === '/readyz') {
    const reason = await parts.ready();
    return text(response, reason ? 503 : 200, `${reason ?? 'ready'}\n`);
  }
  if (path === '/metrics') {
    const body = await parts.metrics.text();
    return text(response, 200, body, 'text/plain; version=0.0.4; charset=utf-8');
  }
  if (!authorized(parts.token, request)) {
    throw new TributaryError('admin_unauthorized', 'the admin token is missing or wrong');
  }
  const found = parts.routes
    .map((route) => ({ route, params: matchPath(route.path, path) }))
    .filter(({ params }) => params !== undefined);
  const match = found.find(({ route }) => route.method === request.method);
  if (!match) {
    const known = found.length > 0;
    return json(response, known ? 405 : 404, {
      code: known ? 'method_not_allowed' : 'not_found',
      message: known ? 'this path does not take that method' : 'there is no such path',
      advice: 'See the reference of the admin API.',
    });
  }
  const body = request.method === 'POST' ? await readObject(request) : {};
  const { status, value } = await match.route.handle({
    params: match.params ?? {},
    query: new URLSearchParams(search),
    body,
  });
  json(response, status, value);
}

function matchPath(pattern: string, path: string): Record<string, string> | undefined {
  const wanted = pattern.split('/');
  const given = path.split('/');
  if (wanted.length !== given.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, part] of wanted.entries()) {
    const actual = given[index] as string;
    if (part.startsWith('{')) {
      const decoded = decode(actual);
      if (!decoded) return undefined;
      params[part.slice(1, -1)] = decoded;
    } else if (part !== actual) return undefined;
  }
  return params;
}

function decode(part: string): string | undefined {
  try {
    return decodeURIComponent(part);
  } catch {
    return undefined; // a malformed escape names nothing
  }
}

/** Compares hashes, so that neither content nor length of the token shows in the time. */
function authorized(token: string, request: IncomingMessage): boolean {
  const given = request.headers.authorization ?? '';
  const hash = (value: string) => createHash('sha256').update(value).digest();
  return timingSafeEqual(hash(given), hash(`Bearer ${token}`));
}

async function readObject(request: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > BODY_BYTES_MAX)
      throw new TributaryError('setting_invalid', 'the body is too large');
    chunks.push(chunk);
  }
  if (length === 0) return {};
  const value = parseJson(Buffer.concat(chunks).toString());
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TributaryError('setting_invalid', 'the body must be a JSON object');
  }
  return value as Record<string, unknown>;
}

function parseJson(source: string): unknown {
  try {
    return JSON.parse(source);
  } catch (cause) {
    throw new TributaryError('setting_invalid', 'the body is not JSON', { cause });
  }
}

/** Whether a listen host reaches only this machine. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host);
}

function listening(server: Server, address: { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const used = cause.code === 'EADDRINUSE';
      const code = used ? 'address_in_use' : 'address_invalid';
      reject(new TributaryError(code, 'the admin address cannot be used', { cause }));
    });
    server.listen(address.port, address.host, () => resolve());
  });
}
