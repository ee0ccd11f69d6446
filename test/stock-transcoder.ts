import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type OutgoingHttpHeaders,
} from 'node:http2';
import { Agent, request as httpsRequest } from 'node:https';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { SOFTWARE_BITS, writeCapabilities } from '../src/protocol/capabilities.ts';
import {
  type NotifySegment,
  NotifySegmentSchema,
  RegisterRequestSchema,
} from '../src/protocol/gen/lp_rpc_pb.ts';

/** As in the recorded conversation; a stock transcoder draws another one for each answer. */
export const BOUNDARY = '58824b99823990de49cc';

/** How a test's transcoder answers one task. */
export type TaskAnswer =
  | { readonly kind: 'renditions'; readonly renditions: readonly StockRendition[] }
  | { readonly kind: 'error'; readonly text: string }
  /** Any bytes with any headers over those of a good answer: for hostile ones. */
  | { readonly kind: 'raw'; readonly headers: OutgoingHttpHeaders; readonly body: Uint8Array }
  /** Sends nothing, ever. */
  | { readonly kind: 'silence' };

export interface StockRendition {
  readonly bytes: Uint8Array;
  readonly pixels: bigint;
  readonly phash?: Uint8Array;
  /** `video/mp2t` unless told otherwise. */
  readonly contentType?: string;
}

/** How a stream of tasks ended. */
export interface StreamEnd {
  /** The gRPC status, `reset N` without one, or `connection` when there never was a connection. */
  readonly code: string;
  readonly message: string;
  /** The HTTP/2 error code of RST_STREAM; 0 when there was none. 8 stops a stock one for good. */
  readonly rstCode: number;
}

export interface StockOptions {
  readonly port: number;
  readonly credential: string;
  readonly capacity?: number;
  readonly bits?: bigint;
  readonly version?: string;
  /** The RegisterRequest message in place of the usual one: for hostile ones. */
  readonly request?: Uint8Array;
  /** Decides what to post for a task; `source` is what was downloaded. */
  answer(task: NotifySegment, source: Buffer, transcoder: StockTranscoder): Promise<TaskAnswer>;
}

/**
 * A go-livepeer 0.9 transcoder as the recorded conversation shows it: one HTTP/2 connection with the
 * RegisterTranscoder stream, sources over HTTP/1.1, results over another HTTP/2 connection. It
 * speaks bytes of its own, not through our clients, so that both sides cannot share a mistake.
 */
export interface StockTranscoder {
  readonly tasks: readonly NotifySegment[];
  readonly teardowns: readonly string[];
  /** Status and text of every post's reply. */
  readonly posts: readonly { readonly status: number; readonly text: string }[];
  /** The header with a receipt, of those replies that had one. A stock transcoder does not look. */
  readonly receipts: readonly string[];
  /** Protocol and status of every source download. */
  readonly downloads: readonly { readonly protocol: string; readonly status: number }[];
  /** Resolves when the stream ends. */
  readonly ended: Promise<StreamEnd>;
  /** Resolves when the registration was written. */
  readonly registered: Promise<void>;
  /** Resolves when the response headers arrived: the pool took the registration, or refused it. */
  readonly opened: Promise<void>;
  /** Posts an answer for any task id, with any credential. */
  post(
    taskId: bigint,
    answer: Exclude<TaskAnswer, { kind: 'silence' }>,
    credential?: string,
  ): Promise<{ status: number; text: string }>;
  /** Begins an answer of `length` bytes and stays in the middle; resolves when these are sent. */
  begin(taskId: bigint, bytes: Uint8Array, length: number): Promise<void>;
  /** PINGs of the pool that were answered. */
  readonly pings: number;
  /** Resolves when the pool has seen everything that was sent to it so far, PING answers too. */
  roundTrip(): Promise<void>;
  /** Loses the connection of its stream alone; results may still be posted. */
  hangUp(): void;
  /** Cuts everything as SIGKILL does. */
  kill(): void;
  /** Stops as SIGTERM does: the stream is reset with CANCEL. */
  stop(): void;
}

/** Connects and serves until killed. */
export function startStockTranscoder(options: StockOptions): StockTranscoder {
  const origin = `https://127.0.0.1:${options.port}`;
  const agent = new Agent({
    rejectUnauthorized: false,
    ALPNProtocols: ['http/1.1'],
    keepAlive: true,
  });
  const control = connect(origin, { rejectUnauthorized: false });
  let results: ClientHttp2Session | undefined;
  const tasks: NotifySegment[] = [];
  const teardowns: string[] = [];
  const posts: { status: number; text: string }[] = [];
  const receipts: string[] = [];
  let pings = 0;
  control.on('ping', () => {
    pings += 1;
  });
  const downloads: { protocol: string; status: number }[] = [];
  const ended = Promise.withResolvers<StreamEnd>();
  const registered = Promise.withResolvers<void>();
  const opened = Promise.withResolvers<void>();
  control.on('error', (error) => {
    registered.reject(error);
    ended.resolve({ code: 'connection', message: error.message, rstCode: 0 });
  });
  void ended.promise.then(() => opened.reject(new Error('the stream ended before it opened')));
  opened.promise.catch(() => {}); // likewise
  registered.promise.catch(() => {}); // a test that does not look at it sees `ended`

  const stream = control.request(
    {
      ':method': 'POST',
      ':path': '/net.Transcoder/RegisterTranscoder',
      'content-type': 'application/grpc',
      'user-agent': 'grpc-go/1.68.1',
      te: 'trailers',
    },
    { endStream: false },
  );
  const register = create(RegisterRequestSchema, {
    secret: options.credential,
    capacity: BigInt(options.capacity ?? 10),
    capabilities: writeCapabilities({
      bits: options.bits ?? SOFTWARE_BITS,
      capacities: 'one_each',
      version: options.version ?? '0.9.1',
    }),
  });
  const request = options.request ?? toBinary(RegisterRequestSchema, register);
  stream.once('response', () => opened.resolve());
  stream.end(framed(request), () => registered.resolve());

  const transcoder: StockTranscoder = {
    tasks,
    teardowns,
    posts,
    receipts,
    downloads,
    ended: ended.promise,
    registered: registered.promise,
    opened: opened.promise,
    begin(taskId, bytes, length) {
      if (!results || results.closed || results.destroyed) results = openResults(origin);
      const upload = results.request(
        {
          ':method': 'POST',
          ':path': '/transcodeResults',
          authorization: 'Livepeer-Transcoder-1.0',
          credentials: options.credential,
          'content-type': `multipart/mixed; boundary=${BOUNDARY}`,
          taskid: taskId.toString(),
          pixels: '1',
          'content-length': length,
        },
        { endStream: false },
      );
      upload.on('error', () => {}); // nobody waits for a reply
      upload.resume();
      return new Promise((resolve) => {
        upload.write(bytes, () => resolve());
      });
    },
    get pings() {
      return pings;
    },
    roundTrip: () =>
      new Promise((resolve, reject) => {
        control.ping((error) => (error ? reject(error) : resolve()));
      }),
    async post(taskId, answer, credential = options.credential) {
      if (!results || results.closed || results.destroyed) results = openResults(origin);
      const { receipt, ...reply } = await post(results, { taskId, answer, credential });
      posts.push(reply);
      if (receipt !== undefined) receipts.push(receipt);
      return reply;
    },
    hangUp: () => control.destroy(),
    kill() {
      agent.destroy();
      control.destroy();
      results?.destroy();
    },
    stop() {
      stream.close(8); // CANCEL
      control.close();
      agent.destroy();
      results?.destroy();
    },
  };
  follow(stream, control, ended.resolve, (message) => {
    const session = message.segData?.authToken?.sessionId ?? '';
    if (message.url === '' && session !== '') teardowns.push(session);
    else {
      tasks.push(message);
      work(message).catch(() => {
        // A killed transcoder posts nothing; tests see it in what the pool does.
      });
    }
  });
  return transcoder;

  async function work(message: NotifySegment): Promise<void> {
    const source = await download(message.url, agent, downloads);
    const answer =
      typeof source === 'string'
        ? ({ kind: 'error', text: source } as const)
        : await options.answer(message, source, transcoder);
    if (answer.kind !== 'silence') await transcoder.post(message.taskId, answer);
  }
}

function openResults(origin: string): ClientHttp2Session {
  const session = connect(origin, {
    rejectUnauthorized: false,
    settings: { initialWindowSize: 4 * 1024 * 1024 },
  });
  session.on('error', () => {}); // seen by the request that was under way
  return session;
}

/** The body, or the error text of a stock transcoder. */
function download(
  url: string,
  agent: Agent,
  log: { protocol: string; status: number }[],
): Promise<Buffer | string> {
  return new Promise((resolve) => {
    const request = httpsRequest(
      url,
      { agent, headers: { 'User-Agent': 'Go-http-client/1.1', 'Accept-Encoding': 'gzip' } },
      (response) => {
        const pieces: Buffer[] = [];
        log.push({
          protocol: `HTTP/${response.httpVersion}`,
          status: response.statusCode ?? 0,
        });
        response.on('data', (piece: Buffer) => pieces.push(piece));
        response.on('end', () =>
          resolve(
            response.statusCode === 200
              ? Buffer.concat(pieces)
              : `${response.statusCode} ${response.statusMessage}`,
          ),
        );
        response.on('error', (error) => resolve(`Get: ${error.message}`));
      },
    );
    request.on('error', (error) => resolve(`Get: ${error.message}`));
    request.setTimeout(4_000, () => request.destroy(new Error('context deadline exceeded')));
    request.end();
  });
}

function post(
  session: ClientHttp2Session,
  request: {
    taskId: bigint;
    answer: Exclude<TaskAnswer, { kind: 'silence' }>;
    credential: string;
  },
): Promise<{ status: number; text: string; receipt: string | undefined }> {
  const { taskId, answer, credential } = request;
  const failed = answer.kind === 'error';
  const body = bodyOf(answer, BOUNDARY);
  const inputPixels = failed ? '0' : '55296000';
  return new Promise((resolve, reject) => {
    const stream = session.request(
      {
        ':method': 'POST',
        ':path': '/transcodeResults',
        authorization: 'Livepeer-Transcoder-1.0',
        credentials: credential,
        'content-type': failed
          ? 'livepeer/transcoding-error'
          : `multipart/mixed; boundary=${BOUNDARY}`,
        taskid: taskId.toString(),
        pixels: inputPixels,
        'content-length': body.length,
        'accept-encoding': 'gzip',
        'user-agent': 'Go-http-client/2.0',
        ...(answer.kind === 'raw' ? answer.headers : {}),
      },
      { endStream: false },
    );
    let status = 0;
    let receipt: string | undefined;
    const pieces: Buffer[] = [];
    stream.on('response', (headers) => {
      status = Number(headers[':status']);
      receipt = headers['tributary-receipt'] as string | undefined;
    });
    stream.on('data', (piece: Buffer) => pieces.push(piece));
    stream.on('end', () => {
      resolve({ status, text: Buffer.concat(pieces).toString().trim(), receipt });
    });
    stream.on('error', reject);
    stream.on('close', () => reject(new Error(`the post was cut (${stream.rstCode})`)));
    stream.end(body);
  });
}

function bodyOf(answer: Exclude<TaskAnswer, { kind: 'silence' }>, boundary: string): Uint8Array {
  if (answer.kind === 'raw') return answer.body;
  return answer.kind === 'error'
    ? Buffer.from(answer.text)
    : multipart(answer.renditions, boundary);
}

/** Parts with their headers in the order in which Go writes them. */
export function multipart(renditions: readonly StockRendition[], boundary: string): Buffer {
  const pieces: Buffer[] = [];
  const part = (headers: readonly string[], bytes: Uint8Array) => {
    const first = pieces.length === 0 ? '' : '\r\n';
    pieces.push(Buffer.from(`${first}--${boundary}\r\n${headers.join('\r\n')}\r\n\r\n`));
    pieces.push(Buffer.from(bytes));
  };
  for (const { bytes, pixels, phash, contentType = 'video/mp2t' } of renditions) {
    part(
      [`Content-Length: ${bytes.length}`, `Content-Type: ${contentType}`, `Pixels: ${pixels}`],
      bytes,
    );
    if (phash) {
      part([`Content-Length: ${phash.length}`, 'Content-Type: application/octet-stream'], phash);
    }
  }
  return Buffer.concat([...pieces, Buffer.from(`\r\n--${boundary}--\r\n`)]);
}

/** One gRPC message with its 5-byte frame header. */
export function framed(message: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

function follow(
  stream: ClientHttp2Stream,
  control: ClientHttp2Session,
  ended: (end: StreamEnd) => void,
  each: (message: NotifySegment) => void,
): void {
  let held: Buffer = Buffer.alloc(0);
  let status = { code: 'none', message: '' };
  const read = (headers: Record<string, unknown>) => {
    const code = headers['grpc-status'];
    if (code === undefined) return;
    status = {
      code: String(code),
      message: decodeURIComponent(String(headers['grpc-message'] ?? '')),
    };
  };
  stream.on('response', read);
  stream.on('trailers', read);
  stream.on('data', (piece: Buffer) => {
    held = Buffer.concat([held, piece]);
    while (held.length >= 5) {
      const length = held.readUInt32BE(1);
      if (held.length < 5 + length) return;
      each(fromBinary(NotifySegmentSchema, held.subarray(5, 5 + length)));
      held = held.subarray(5 + length);
    }
  });
  stream.on('error', () => {}); // the close that follows says it all
  stream.on('close', () => {
    // Node closes the streams of a lost connection with CANCEL, which nobody has sent.
    const lost = control.destroyed;
    const rstCode = lost ? 0 : (stream.rstCode ?? 0);
    const code = lost ? 'connection' : rstCode ? `reset ${rstCode}` : 'none';
    const reset = { code, message: '' };
    ended({ ...(status.code === 'none' ? reset : status), rstCode });
  });
}
