import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import { type Clock, systemClock } from '../base/clock.ts';
import { BodyError, type Exchange } from './exchange.ts';
import { frame } from './grpc-client.ts';

/** The receive limit of gRPC, which go-livepeer keeps. */
const MESSAGE_BYTES_MAX = 4 * 1024 * 1024;
/** Compressed flag and length in front of every message. */
const FRAME_HEADER_BYTES = 5;
/** A request is one message; no honest one needs longer. */
const REQUEST_IDLE_MS = 10_000;
const REQUEST_MS = 20_000;

/** The gRPC status codes that we send. */
const CODES = {
  ok: 0,
  unknown: 2,
  invalid_argument: 3,
  deadline_exceeded: 4,
  resource_exhausted: 8,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
} as const;

/** The name of a status code. `cancelled` is missing: it stops a stock transcoder for good. */
export type GrpcCodeName = keyof typeof CODES;

/** Thrown by a handler: becomes the status of the call. The text is shown to the peer. */
export class GrpcFailure extends Error {
  override readonly name = 'GrpcFailure';
  readonly code: Exclude<GrpcCodeName, 'ok'>;

  constructor(code: Exclude<GrpcCodeName, 'ok'>, text: string) {
    super(text);
    this.code = code;
  }
}

/** What a handler knows about its call besides the request. */
export interface GrpcCall {
  /** Fires when the peer goes away or its `grpc-timeout` has passed. */
  readonly signal: AbortSignal;
}

/** The answers of a server-streaming call. */
export interface GrpcStream<M> {
  /** Sends the response headers now; otherwise the first message does. */
  open(): void;
  /** Resolves when the message is sent, or the peer is gone. Never rejects. */
  send(message: M): Promise<void>;
  /**
   * Ends the call. Both make a stock transcoder reconnect. wire: go-livepeer server/ot_rpc.go
   * checkTranscoderError
   */
  end(status: 'ok' | 'unavailable'): Promise<void>;
  /** Ends the call with a failure. */
  fail(code: Exclude<GrpcCodeName, 'ok'>, text: string): Promise<void>;
  /** Resolves when the call is over, from either side. Never rejects. */
  readonly closed: Promise<void>;
}

/** Whether go-livepeer would take a request for gRPC. wire: go-livepeer server/rpc.go ServeHTTP */
export function isGrpc(exchange: Exchange): boolean {
  const type = exchange.headers['content-type'] ?? '';
  return exchange.protocol === 'h2' && type.startsWith('application/grpc');
}

/** Answers a call of a method that does not exist. */
export function grpcUnimplemented(exchange: Exchange): Promise<void> {
  return sendStatus(exchange, 'unimplemented', 'unknown method');
}

/**
 * Answers a unary call. A {@link GrpcFailure} becomes its status; anything else that is thrown
 * becomes INTERNAL without its text, and is thrown on to be logged.
 */
export async function grpcUnary<I extends DescMessage, O extends DescMessage>(
  exchange: Exchange,
  input: I,
  output: O,
  handler: (request: MessageShape<I>, call: GrpcCall) => Promise<MessageInitShape<O>>,
  clock: Clock = systemClock,
): Promise<void> {
  await answering(exchange, clock, async (call) => {
    const answer = await handler(await readRequest(exchange, input), call);
    if (exchange.ended) return; // its time is up, which was said, or nobody waits
    const bytes = frame(toBinary(output, create(output, answer)));
    exchange.respond(200, { 'content-type': 'application/grpc' }, { trailers: true });
    exchange.trailers(statusHeaders('ok', ''));
    await exchange.end(bytes);
  });
}

/**
 * Answers a server-streaming call. The stream stays open until it is ended, failed or closed by
 * the peer, also after `handler` has resolved. What it throws is treated as in {@link grpcUnary}.
 */
export async function grpcServerStream<I extends DescMessage, O extends DescMessage>(
  exchange: Exchange,
  input: I,
  output: O,
  handler: (
    request: MessageShape<I>,
    stream: GrpcStream<MessageShape<O>>,
    call: GrpcCall,
  ) => Promise<void>,
  clock: Clock = systemClock,
): Promise<void> {
  await answering(exchange, clock, async (call) => {
    const request = await readRequest(exchange, input);
    const open = () => {
      if (exchange.responded) return;
      exchange.respond(200, { 'content-type': 'application/grpc' }, { trailers: true });
    };
    await handler(
      request,
      {
        open,
        send(message) {
          open();
          return exchange.write(frame(toBinary(output, message)));
        },
        end: (status) => sendStatus(exchange, status, ''),
        fail: (code, text) => sendStatus(exchange, code, text),
        get closed() {
          return exchange.closed;
        },
      },
      call,
    );
  });
}

/** Turns what `answer` throws into a status, and keeps the caller's time limit. */
async function answering(
  exchange: Exchange,
  clock: Clock,
  answer: (call: GrpcCall) => Promise<void>,
): Promise<void> {
  if (exchange.method !== 'POST') {
    exchange.respond(405, { allow: 'POST' }, { end: true });
    return;
  }
  if (!/^application\/grpc(\+proto)?\s*(;|$)/.test(exchange.headers['content-type'] ?? '')) {
    exchange.respond(415, {}, { end: true });
    return;
  }
  const timeout = exchange.headers['grpc-timeout'];
  const timeoutMs = timeout === undefined ? undefined : parseTimeout(timeout);
  if (timeout !== undefined && timeoutMs === undefined) {
    return sendStatus(exchange, 'internal', 'malformed grpc-timeout');
  }

  let late: AbortController | undefined;
  if (timeoutMs !== undefined) {
    const expired = new AbortController();
    late = expired;
    const timer = clock.after(timeoutMs, () => {
      expired.abort();
      void sendStatus(exchange, 'deadline_exceeded', 'deadline exceeded');
    });
    void exchange.closed.then(() => timer.cancel());
  }
  const call: GrpcCall = {
    // Made on demand: an idle worker stream needs none.
    get signal() {
      return late ? AbortSignal.any([late.signal, exchange.aborted]) : exchange.aborted;
    },
  };
  try {
    await answer(call);
  } catch (error) {
    if (error instanceof GrpcFailure) return sendStatus(exchange, error.code, error.message);
    if (error instanceof BodyError) {
      const tooLarge = error.reason === 'too_large';
      return sendStatus(
        exchange,
        tooLarge ? 'resource_exhausted' : 'internal',
        tooLarge ? 'message over the limit' : 'message cut short',
      );
    }
    await sendStatus(exchange, 'internal', 'internal error');
    throw error;
  }
}

/** Ends the call: in the headers when nothing was sent yet, else in the trailers. */
async function sendStatus(exchange: Exchange, code: GrpcCodeName, text: string): Promise<void> {
  if (exchange.ended) return;
  const status = statusHeaders(code, text);
  if (exchange.responded) {
    exchange.trailers(status);
    await exchange.end();
  } else {
    exchange.respond(200, { 'content-type': 'application/grpc', ...status }, { end: true });
  }
}

async function readRequest<I extends DescMessage>(
  exchange: Exchange,
  input: I,
): Promise<MessageShape<I>> {
  const pieces: Buffer[] = [];
  await exchange.receive(
    {
      bytesMax: FRAME_HEADER_BYTES + MESSAGE_BYTES_MAX,
      idleMs: REQUEST_IDLE_MS,
      totalMs: REQUEST_MS,
    },
    (bytes) => pieces.push(Buffer.from(bytes)),
  );
  const body = pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces);
  if (body.length < FRAME_HEADER_BYTES) throw new GrpcFailure('internal', 'message cut short');
  const length = body.readUInt32BE(1);
  if (body[0] === 1) throw new GrpcFailure('unimplemented', 'compressed messages are not taken');
  if (body[0] !== 0) throw new GrpcFailure('internal', 'malformed message frame');
  if (length > MESSAGE_BYTES_MAX) {
    throw new GrpcFailure('resource_exhausted', 'message over the limit');
  }
  if (body.length !== FRAME_HEADER_BYTES + length) {
    throw new GrpcFailure('internal', 'not exactly one message');
  }
  try {
    return fromBinary(input, body.subarray(FRAME_HEADER_BYTES));
  } catch {
    throw new GrpcFailure('internal', 'message is not valid protobuf');
  }
}

function statusHeaders(code: GrpcCodeName, text: string): Record<string, string> {
  const status = { 'grpc-status': String(CODES[code]) };
  return text === '' ? status : { ...status, 'grpc-message': encodeText(text) };
}

/** Percent-encodes what is not printable ASCII, and the percent sign, as gRPC wants it. */
function encodeText(text: string): string {
  let encoded = '';
  for (const byte of Buffer.from(text)) {
    const plain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
    encoded += plain
      ? String.fromCharCode(byte)
      : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded;
}

const TIMEOUT_UNIT_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};

/** At most what a Node timer takes, 24 days; undefined when malformed. */
function parseTimeout(text: string): number | undefined {
  const match = /^(\d{1,8})([HMSmun])$/.exec(text);
  if (!match) return undefined;
  const ms = Number(match[1]) * (TIMEOUT_UNIT_MS[match[2] ?? ''] ?? 0);
  return Math.min(Math.ceil(ms), 2 ** 31 - 1);
}
