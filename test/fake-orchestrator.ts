import { EventEmitter, once } from 'node:events';
import { readFileSync } from 'node:fs';
import {
  createSecureServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { frame, frames } from '../src/http/grpc-client.ts';
import {
  type NotifySegment,
  NotifySegmentSchema,
  type RegisterRequest,
  RegisterRequestSchema,
} from '../src/protocol/gen/lp_rpc_pb.ts';
import { readMultipart } from '../src/protocol/multipart.test-kit.ts';
import { teardownMessage } from '../src/protocol/task.ts';
import { type SelfSigned, selfSigned } from './self-signed.ts';

/** A result as it arrived. */
export interface ArrivedPost {
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** A part of a multipart result. */
export interface ArrivedPart {
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Buffer;
}

/** One registered transcoder. */
export interface Registered {
  readonly request: RegisterRequest;
  readonly stream: ServerHttp2Stream;
  send(message: NotifySegment): void;
  /** Ends with a gRPC status; `undefined`: without trailers. */
  end(status: { code: number; text: string } | undefined): void;
}

/** How the next post is answered; `drop` cuts its connection after the body arrived. */
export type PostAnswer = { readonly status: number; readonly text: string } | 'drop';

type Refusal = { readonly code: number; readonly text: string };

/**
 * An orchestrator as a transcoder sees it, after the recorded conversation of stock nodes: no
 * headers before the first task, sources over HTTP/1.1, results over HTTP/2.
 */
export interface FakeOrchestrator extends AsyncDisposable {
  readonly origin: string;
  readonly identity: SelfSigned;
  readonly sessions: ReadonlySet<ServerHttp2Session>;
  readonly posts: readonly ArrivedPost[];
  readonly sourceRequests: readonly { readonly httpVersion: string; readonly path: string }[];
  /** The next registration that is taken. */
  registered(): Promise<Registered>;
  /** The next post that is answered. */
  posted(): Promise<ArrivedPost>;
  /** The task number `index` of the recorded conversation, its source on this server. */
  task(index: number, change?: (message: NotifySegment) => void): NotifySegment;
  teardown(sessionId: string): NotifySegment;
  /** What a source path answers; the default is 1000 bytes. */
  sources: Map<string, { readonly status: number; readonly body: Buffer } | 'hang'>;
  /** Registrations are refused with these, one after the other, before any is taken. */
  refusals: (Refusal | 'reset' | 'cancel' | 'close')[];
  /** Posts are answered with these, one after the other, then with 200. */
  answers: PostAnswer[];
}

const trace = JSON.parse(
  readFileSync(new URL('./fixtures/wire-trace.json', import.meta.url), 'utf8'),
) as { exchanges: { path: string; pushedMessages?: string[] }[] };
const registration = trace.exchanges.find(
  ({ path }) => path === '/net.Transcoder/RegisterTranscoder',
);
const pushed = (registration?.pushedMessages ?? []).map((text) =>
  Buffer.from(text, 'base64').subarray(5),
);

/** Parts of a result. */
export async function partsOf(post: ArrivedPost): Promise<readonly ArrivedPart[]> {
  const boundary = /boundary=(\S+)$/.exec(post.headers['content-type'] ?? '')?.[1] ?? '';
  const limits = { partsMax: 50, headerBytesMax: 4096, partBytesMax: 1e9 };
  return readMultipart([post.body], boundary, limits);
}

/** Listens on a port of the system's choice, or on the given one to come back after a stop. */
export async function startFakeOrchestrator(
  options: { readonly port?: number; readonly identity?: SelfSigned } = {},
): Promise<FakeOrchestrator> {
  const identity = options.identity ?? selfSigned();
  const server = createSecureServer({
    ...identity,
    allowHTTP1: true,
    settings: { initialWindowSize: 1024 * 1024 },
  });
  const events = new EventEmitter();
  const waiting: { registered: Registered[]; posted: ArrivedPost[] } = {
    registered: [],
    posted: [],
  };
  const sessions = new Set<ServerHttp2Session>();
  const sockets = new Set<Socket>();
  const posts: ArrivedPost[] = [];
  const sourceRequests: { httpVersion: string; path: string }[] = [];
  const fake = {
    sources: new Map(),
    refusals: [],
    answers: [],
  } as Pick<FakeOrchestrator, 'sources' | 'refusals' | 'answers'>;

  async function next<K extends keyof typeof waiting>(kind: K): Promise<(typeof waiting)[K][0]> {
    while (waiting[kind].length === 0) await once(events, kind);
    return waiting[kind].shift() as (typeof waiting)[K][0];
  }

  server.on('session', (session) => {
    sessions.add(session);
    session.on('error', () => {});
    session.on('close', () => sessions.delete(session));
  });
  server.on('connection', (socket: Socket) => sockets.add(socket));
  server.on('sessionError', () => {});
  server.on('request', (request, response) => {
    if (request.httpVersion !== '1.1') return;
    sourceRequests.push({ httpVersion: request.httpVersion, path: request.url });
    const answer = fake.sources.get(request.url) ?? { status: 200, body: Buffer.alloc(1000, 7) };
    if (answer === 'hang') return;
    response.writeHead(answer.status, { 'content-length': String(answer.body.length) });
    response.end(answer.body);
  });
  // Listening to requests brings HTTP/2's compatibility layer, which answers streams itself.
  server.removeAllListeners('stream');
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    const handling =
      headers[':path'] === '/transcodeResults' ? takePost(stream, headers) : register(stream);
    handling.catch(() => {});
  });

  async function register(stream: ServerHttp2Stream): Promise<void> {
    const { value } = await frames(stream as AsyncIterable<Buffer>).next();
    const request = fromBinary(RegisterRequestSchema, value as Uint8Array);
    const refusal = fake.refusals.shift();
    if (refusal === 'reset') return stream.close(2);
    if (refusal === 'cancel') return stream.close(8);
    if (refusal === 'close') return stream.session?.destroy();
    if (refusal) return endWith(stream, refusal);
    const registered: Registered = {
      request,
      stream,
      send(message) {
        if (!stream.headersSent) respond(stream);
        stream.write(frame(toBinary(NotifySegmentSchema, message)));
      },
      end: (status) => endWith(stream, status),
    };
    waiting.registered.push(registered);
    events.emit('registered');
  }

  async function takePost(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    const post = { headers, body: Buffer.concat(chunks) };
    posts.push(post);
    const answer = fake.answers.shift() ?? { status: 200, text: 'OK' };
    if (answer === 'drop') {
      stream.session?.destroy();
      return;
    }
    stream.respond({ ':status': answer.status, 'content-type': 'text/plain' });
    stream.end(answer.text);
    waiting.posted.push(post);
    events.emit('posted');
  }

  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;

  return Object.assign(fake, {
    origin,
    identity,
    sessions,
    posts,
    sourceRequests,
    registered: () => next('registered'),
    posted: () => next('posted'),
    task(index: number, change: (message: NotifySegment) => void = () => {}) {
      const message = fromBinary(NotifySegmentSchema, pushed[index] as Buffer);
      message.url = `${origin}${new URL(message.url).pathname}`;
      change(message);
      return message;
    },
    teardown: teardownMessage,
    async [Symbol.asyncDispose]() {
      for (const session of sessions) session.destroy();
      for (const socket of sockets) socket.destroy();
      const closed = once(server, 'close');
      server.close();
      await closed;
    },
  });
}

function respond(stream: ServerHttp2Stream): void {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
}

function endWith(
  stream: ServerHttp2Stream,
  status: { code: number; text: string } | undefined,
): void {
  const trailers = status && {
    'grpc-status': String(status.code),
    'grpc-message': encodeURIComponent(status.text),
  };
  if (!stream.headersSent && trailers) {
    stream.respond(
      { ':status': 200, 'content-type': 'application/grpc', ...trailers },
      {
        endStream: true,
      },
    );
    return;
  }
  if (trailers) stream.once('wantTrailers', () => stream.sendTrailers(trailers));
  else stream.once('wantTrailers', () => stream.sendTrailers({}));
  stream.end();
}
