import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { TributaryError } from '../base/errors.ts';
import type { Api } from './app.ts';
import type { ApiBindings } from './bindings.ts';
import { type Problem, problemBody, problemHeaders, problems } from './problem.ts';
import type { Listener } from './route.ts';

/** Hands a request of Node's server to the API, and its answer back. Rejects when the asker went away. */
export async function passOn(
  api: Pick<Api, 'answer'>,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  { listener, bodyBytesMax }: { readonly listener: Listener; readonly bodyBytesMax: number },
): Promise<void> {
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
  const bindings: ApiBindings = {
    listener,
    peer: incoming.socket.remoteAddress ?? '',
    host: incoming.headers.host ?? '',
    outgoing,
    taken() {
      taken = true;
      return new Response(null);
    },
  };
  const response = await api.answer(request, bindings);
  if (!taken) await send(outgoing, response);
}
/** What `Request` can carry; TRACE and CONNECT it refuses to. */
const METHODS: ReadonlySet<string> = new Set([
  ...['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
]);

async function send(outgoing: ServerResponse, response: Response): Promise<void> {
  const body = response.body === null ? undefined : Buffer.from(await response.arrayBuffer());
  for (const [name, value] of response.headers) {
    if (name !== 'set-cookie') outgoing.setHeader(name, value);
  }
  const cookies = response.headers.getSetCookie();
  if (cookies.length > 0) outgoing.setHeader('set-cookie', cookies);
  outgoing.writeHead(response.status);
  outgoing.end(body);
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

/** Answers with `application/problem+json` where no route was reached. */
export function sendProblem(response: ServerResponse, problem: Problem): void {
  const body = problemBody(problem);
  response.writeHead(problem.status, {
    ...problemHeaders(problem),
    'content-length': Buffer.byteLength(body),
  });
  response.end(body);
}

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
