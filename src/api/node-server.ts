import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { TributaryError } from '../base/errors.ts';
import type { ServedApi } from './app.ts';
import type { ApiBindings } from './bindings.ts';
import type { Peer } from './client-address.ts';
import { type Problem, problemBody, problemHeaders, problems } from './problem.ts';
import type { Listener } from './route.ts';
import { isBuiltFile, type Strangers } from './strangers.ts';

/** Hands a request of Node's server to the API, and its answer back. Rejects when the asker went away. */
export async function passOn(
  api: Omit<ServedApi, 'changes'>,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  parts: {
    readonly listener: Listener;
    readonly peer: Peer;
    readonly bodyBytesMax: number;
    readonly strangers: Strangers;
  },
): Promise<void> {
  const { listener, peer, bodyBytesMax, strangers } = parts;
  const target = incoming.url ?? '';
  // `*`, and addresses of elsewhere, as one would send them to a proxy.
  if (!target.startsWith('/') || !URL.canParse(`http://pool${target}`)) {
    return sendProblem(outgoing, problems.notFound);
  }
  const body = await readBody(incoming, bodyBytesMax);
  if (!body) {
    outgoing.setHeader('connection', 'close');
    return sendProblem(outgoing, problems.bodyTooLarge);
  }
  const { method = 'GET' } = incoming;
  if (!METHODS.has(method)) return sendProblem(outgoing, problems.method);
  const request = new Request(`http://pool${target}`, {
    method,
    headers: headersOf(incoming),
    ...(body.length > 0 && method !== 'GET' && method !== 'HEAD'
      ? { body: body as Uint8Array<ArrayBuffer> }
      : {}),
  });
  let taken = false;
  const unknown: ApiBindings = {
    listener,
    peer,
    host: incoming.headers.host ?? '',
    outgoing,
    taken() {
      taken = true;
      return new Response(null);
    },
  };
  const [path = '/'] = target.split('?');
  // Without a database nobody is known: what needs to know says so in words of its own.
  const actor = isBuiltFile(path)
    ? undefined
    : await api.identify(request, unknown).catch(() => undefined);
  const refusal = actor?.kind === 'nobody' ? strangers.refusalOf(peer, path) : undefined;
  if (refusal) return sendProblem(outgoing, refusal, api.refused);
  // A page is for whoever has the cookie, and asks for its parts in that name.
  const byCookie = incoming.headers.authorization === undefined;
  const response = await api.answer(request, {
    ...unknown,
    ...(actor && byCookie ? { actor } : {}),
  });
  if (!taken) await send(outgoing, response);
}
/** What `Request` can carry; TRACE and CONNECT it refuses to. */
const METHODS: ReadonlySet<string> = new Set([
  ...['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
]);

async function send(outgoing: ServerResponse, response: Response): Promise<void> {
  const isLong = response.body !== null && response.headers.get('content-length') === null;
  const body =
    response.body === null || isLong ? undefined : Buffer.from(await response.arrayBuffer());
  for (const [name, value] of response.headers) {
    if (name !== 'set-cookie') outgoing.setHeader(name, value);
  }
  const cookies = response.headers.getSetCookie();
  if (cookies.length > 0) outgoing.setHeader('set-cookie', cookies);
  outgoing.writeHead(response.status);
  if (!isLong) return void outgoing.end(body);
  await pipeline(Readable.fromWeb(response.body as ReadableStream), outgoing).catch(
    (error: NodeJS.ErrnoException) => {
      // Whoever went away before the end wants no more of it.
      if (error.code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
    },
  );
}

function headersOf(incoming: IncomingMessage): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(incoming.headers)) {
    if (typeof value === 'string') headers.set(name, value);
    else if (value) headers.set(name, value.join(', '));
  }
  return headers;
}

/** Undefined: it is longer than that, and was not read to its end. */
async function readBody(incoming: IncomingMessage, bytesMax: number): Promise<Buffer | undefined> {
  if (Number(incoming.headers['content-length'] ?? 0) > bytesMax) return undefined;
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > bytesMax) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Answers where no route was reached: with `application/problem+json`, or the page that `refused` has. */
export function sendProblem(
  response: ServerResponse,
  problem: Problem,
  refused?: ServedApi['refused'],
): void {
  const page = refused?.(response.req.headers, problem);
  if (page) return void response.writeHead(page.status, page.headers).end(page.body);
  const body = problemBody(problem);
  response.writeHead(problem.status, {
    ...problemHeaders(problem),
    'content-length': Buffer.byteLength(body),
  });
  response.end(body);
}

/** Ends connections that send nothing, or a request too slowly. */
export function boundTimes(
  server: Server,
  times: { readonly headersMs: number; readonly requestMs: number },
): void {
  server.headersTimeout = times.headersMs;
  server.requestTimeout = times.requestMs;
  server.on('clientError', (_, socket) => socket.destroy());
}
/** Both times are looked at this often: every 30 s, as Node does it, lets a stranger hold many for long. */
export const TIMES_CHECKED = { connectionsCheckingInterval: 1_000 } as const;

/** Listens; throws `address_in_use` or `address_invalid` in the words of `texts`. */
export function listening(
  server: Server,
  address: { readonly host: string; readonly port: number },
  texts: { readonly used: string; readonly invalid: string },
): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const used = cause.code === 'EADDRINUSE';
      const code = used ? 'address_in_use' : 'address_invalid';
      reject(new TributaryError(code, used ? texts.used : texts.invalid, { cause }));
    });
    server.listen(address.port, address.host || undefined, () => resolve());
  });
}

/** The port of a server, and how it is closed with all its connections. */
export function running(server: Server): { readonly port: number; close(): Promise<void> } {
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
