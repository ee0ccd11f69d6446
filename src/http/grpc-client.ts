import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import { messageOf, TributaryError } from '../base/errors.ts';
import type { HttpClient } from './client.ts';
import type { ClientResponse } from './client-request.ts';

/** go-livepeer's receive limit, the default of gRPC. */
const MESSAGE_BYTES_MAX = 4 * 1024 * 1024;
/** Compressed flag and length in front of every message. */
const FRAME_HEADER_BYTES = 5;

/** The status codes that Livepeer peers use (gRPC numbers). */
export const GrpcCode = {
  ok: 0,
  cancelled: 1,
  unknown: 2,
  deadlineExceeded: 4,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
} as const;

/** How a call ended. `code` is the gRPC number, `text` the peer's message. */
export interface GrpcStatus {
  readonly code: number;
  readonly text: string;
}

/** A method: its full path and its two message types. */
export interface GrpcMethod<I extends DescMessage, O extends DescMessage> {
  /** `/package.Service/Method`. */
  readonly path: string;
  readonly input: I;
  readonly output: O;
}

/** Options of one call. */
export interface GrpcCallOptions {
  /** Limit of the whole call in ms, told to the peer as `grpc-timeout`. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** Called when the peer's headers are there and say no status yet: it has taken the call. */
  readonly onHeaders?: () => void;
  /** More headers, in small letters. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** A server stream that has been asked for. */
export interface GrpcStream<T> {
  /** Ends when the peer ended the stream, for whatever reason: then `status` says why. */
  readonly messages: AsyncIterable<T>;
  /** Settles once the messages have been read to their end; never rejects. */
  readonly status: Promise<GrpcStatus>;
}

/**
 * One request, one answer. A failed connection is a status (`unavailable`), like the peer's own;
 * only `certificate_pin_mismatch` throws, because retrying it would be wrong.
 */
export async function grpcCall<I extends DescMessage, O extends DescMessage>(
  client: HttpClient,
  method: GrpcMethod<I, O>,
  message: MessageInitShape<I>,
  options: GrpcCallOptions = {},
): Promise<
  { readonly ok: true; readonly message: MessageShape<O> } | ({ readonly ok: false } & GrpcStatus)
> {
  const stream = grpcReadStream(client, method, message, options);
  let answer: MessageShape<O> | undefined;
  for await (const received of stream.messages) answer ??= received;
  const status = await stream.status;
  if (status.code !== GrpcCode.ok) return { ok: false, ...status };
  if (!answer) return { ok: false, code: GrpcCode.internal, text: 'answer without a message' };
  return { ok: true, message: answer };
}

/**
 * One request, many answers. Leaving the loop over `messages` early cancels the stream. As in
 * {@link grpcCall} everything but a pin mismatch becomes a status; that one throws out of the loop.
 */
export function grpcReadStream<I extends DescMessage, O extends DescMessage>(
  client: HttpClient,
  method: GrpcMethod<I, O>,
  message: MessageInitShape<I>,
  options: GrpcCallOptions = {},
): GrpcStream<MessageShape<O>> {
  const { promise: status, resolve: settle } = Promise.withResolvers<GrpcStatus>();

  async function* messages(): AsyncGenerator<MessageShape<O>> {
    let response: ClientResponse | undefined;
    try {
      response = await client.request({
        method: 'POST',
        path: method.path,
        headers: {
          'content-type': 'application/grpc',
          'user-agent': 'tributary',
          te: 'trailers',
          ...options.headers,
          ...(options.timeoutMs === undefined ? {} : { 'grpc-timeout': `${options.timeoutMs}m` }),
        },
        body: frame(toBinary(method.input, create(method.input, message))),
        bodyBytesMax: Number.POSITIVE_INFINITY,
        ...(options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs }),
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      });
      if (response.headers['grpc-status'] === undefined) options.onHeaders?.();
      for await (const bytes of frames(response.body)) yield fromBinary(method.output, bytes);
      settle(statusOf(response));
    } catch (error) {
      if (error instanceof TributaryError && error.code === 'certificate_pin_mismatch') {
        settle({ code: GrpcCode.unavailable, text: error.message });
        throw error;
      }
      settle(failureStatus(error, response, options.signal));
    } finally {
      settle({ code: GrpcCode.cancelled, text: 'cancelled by us' }); // the reader left early
    }
  }
  return { messages: messages(), status };
}

/** Prefixes a message with its gRPC frame header. */
export function frame(message: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(FRAME_HEADER_BYTES + message.length);
  framed.writeUInt8(0, 0);
  framed.writeUInt32BE(message.length, 1);
  framed.set(message, FRAME_HEADER_BYTES);
  return framed;
}

/** Cuts a body into messages. Throws when a frame is compressed, over the limit or incomplete. */
export async function* frames(body: AsyncIterable<Buffer>): AsyncGenerator<Uint8Array> {
  let held: Buffer = Buffer.alloc(0);
  for await (const chunk of body) {
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    while (held.length >= FRAME_HEADER_BYTES) {
      const length = held.readUInt32BE(1);
      if (held[0] !== 0) throw new Error('compressed message');
      if (length > MESSAGE_BYTES_MAX) throw new Error('message over the limit');
      if (held.length < FRAME_HEADER_BYTES + length) break;
      yield held.subarray(FRAME_HEADER_BYTES, FRAME_HEADER_BYTES + length);
      held = held.subarray(FRAME_HEADER_BYTES + length);
    }
  }
  if (held.length > 0) throw new Error('message cut short');
}

/** The status that the peer sent: in the trailers, or in the headers when it sent nothing else. */
function statusOf(response: ClientResponse): GrpcStatus {
  const code = response.trailers()['grpc-status'] ?? response.headers['grpc-status'];
  const text = response.trailers()['grpc-message'] ?? response.headers['grpc-message'] ?? '';
  if (code !== undefined && /^\d{1,3}$/.test(code)) {
    return { code: Number(code), text: decodeText(text) };
  }
  if (response.status !== 200) {
    const code = response.status === 404 ? GrpcCode.unimplemented : GrpcCode.unavailable;
    return { code, text: `HTTP status ${response.status}` };
  }
  return { code: GrpcCode.unavailable, text: 'stream ended without a status' };
}

function failureStatus(
  error: unknown,
  response: ClientResponse | undefined,
  signal: AbortSignal | undefined,
): GrpcStatus {
  if (signal?.aborted) return { code: GrpcCode.cancelled, text: 'cancelled by us' };
  // A server may send its status and then reset the stream with NO_ERROR or CANCEL.
  if (response) {
    const sent = response.trailers()['grpc-status'] ?? response.headers['grpc-status'];
    if (sent !== undefined) return statusOf(response);
  }
  if (error instanceof TributaryError && error.code === 'request_timed_out') {
    return { code: GrpcCode.deadlineExceeded, text: error.message };
  }
  return { code: GrpcCode.unavailable, text: messageOf(error) };
}

/** grpc-message is percent-encoded; what does not decode is shown as it came. */
function decodeText(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
