import { type ClientHttp2Session, connect, type OutgoingHttpHeaders } from 'node:http2';
import { get as httpsGet } from 'node:https';
import {
  create,
  type DescMessage,
  fromBinary,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import { keccak256 } from '../src/base/keccak.ts';
import { bitsOf } from '../src/protocol/capabilities.ts';
import {
  type AuthToken,
  EndTranscodingSessionRequestSchema,
  EndTranscodingSessionResponseSchema,
  type OrchestratorInfo,
  OrchestratorInfoSchema,
  OrchestratorRequestSchema,
  PingPongSchema,
} from '../src/protocol/gen/lp_rpc_pb.ts';
import { presets } from '../src/protocol/profile-presets.ts';
import { encodeSegment, type Segment } from '../src/protocol/segment.ts';
import { decodeTranscodeResult, type TranscodeResult } from '../src/protocol/transcode-result.ts';
import type { VideoProfile } from '../src/protocol/video-profile.ts';
import { framed } from './stock-transcoder.ts';

/** What came back for a POST /segment. */
export interface SegmentReply {
  readonly status: number;
  /** The text of a refusal. */
  readonly text: string;
  /** What followed an early 200. */
  readonly result?: TranscodeResult;
  /** Milliseconds until the status line. */
  readonly headersMs: number;
}

/** The outcome of a unary gRPC call. */
export type RpcReply<T> =
  | { readonly ok: true; readonly message: T }
  | { readonly ok: false; readonly code: number; readonly text: string };

/**
 * An off-chain go-livepeer 0.9 gateway as the recorded conversation shows it, reduced to single
 * calls. It speaks through Node's plain HTTP clients, not through ours.
 */
export interface StockGateway {
  getOrchestrator(profiles?: readonly VideoProfile[]): Promise<RpcReply<OrchestratorInfo>>;
  endSession(token: AuthToken | undefined): Promise<RpcReply<unknown>>;
  ping(value: Uint8Array): Promise<RpcReply<{ value: Uint8Array }>>;
  /** A session, or the failure as an exception: for tests that are about something else. */
  session(): Promise<OrchestratorInfo>;
  submit(
    info: OrchestratorInfo,
    source: Uint8Array,
    changes?: Partial<Segment>,
    headers?: OutgoingHttpHeaders,
  ): Promise<SegmentReply>;
  /** Sends any request; for hostile ones. */
  raw(
    headers: OutgoingHttpHeaders,
    body?: Uint8Array,
  ): Promise<{ status: number; body: Buffer; trailers: Record<string, string> }>;
  /** Downloads over HTTP/1.1 as a gateway does. */
  download(url: string): Promise<{ status: number; body: Buffer }>;
  close(): void;
}

/** The ladder of most tests: one small rendition, so that real transcodes take little. */
export const smallLadder: readonly VideoProfile[] = [presets.P240p30fps16x9];

/** What a stock gateway says of a segment of 2 s, with changes. */
export function segmentOf(
  info: OrchestratorInfo,
  source: Uint8Array,
  changes: Partial<Segment> = {},
): Segment {
  return {
    manifestId: Buffer.from('stream'),
    seq: 0n,
    hash: keccak256(source),
    profiles: smallLadder,
    sig: new Uint8Array(0),
    durationMs: 2_000,
    caps: {
      bits: bitsOf('AuthToken', 'SegmentSlicing', 'H264', 'MPEGTS'),
      words: 1,
      minVersion: '',
    },
    ...(info.authToken ? { authToken: info.authToken } : {}),
    calcPerceptualHash: false,
    forceSessionReinit: false,
    ...changes,
  };
}

export function startStockGateway(port: number): StockGateway {
  const origin = `https://127.0.0.1:${port}`;
  let session: ClientHttp2Session | undefined;
  let seq = 0n;

  function connection(): ClientHttp2Session {
    if (session && !session.destroyed && !session.closed) return session;
    // Go's client has no such limit; Node's default of 10 MB resets parallel segments.
    session = connect(origin, { rejectUnauthorized: false, maxSessionMemory: 512 });
    session.on('error', () => {}); // seen by the request that was under way
    return session;
  }

  function raw(headers: OutgoingHttpHeaders, body?: Uint8Array) {
    return new Promise<{
      status: number;
      body: Buffer;
      trailers: Record<string, string>;
      headersMs: number;
    }>((resolve, reject) => {
      const startedAt = performance.now();
      const stream = connection().request({ ':method': 'POST', ...headers }, { endStream: !body });
      const pieces: Buffer[] = [];
      const trailers: Record<string, string> = {};
      let status = 0;
      let headersMs = 0;
      stream.on('response', (received) => {
        status = Number(received[':status']);
        headersMs = performance.now() - startedAt;
        Object.assign(trailers, received);
      });
      stream.on('trailers', (received) => Object.assign(trailers, received));
      stream.on('data', (piece: Buffer) => pieces.push(piece));
      stream.on('end', () => resolve({ status, body: Buffer.concat(pieces), trailers, headersMs }));
      stream.on('error', reject);
      stream.on('close', () => reject(new Error(`the stream was reset (${stream.rstCode})`)));
      if (body) stream.end(body);
    });
  }

  async function rpc<I extends DescMessage, O extends DescMessage>(
    path: string,
    [input, message]: [I, MessageShape<I>],
    output: O,
  ): Promise<RpcReply<MessageShape<O>>> {
    const reply = await raw(
      {
        ':path': path,
        'content-type': 'application/grpc',
        'user-agent': 'grpc-go/1.68.1',
        te: 'trailers',
      },
      framed(toBinary(input, message)),
    );
    const code = Number(reply.trailers['grpc-status'] ?? -1);
    const text = decodeURIComponent(reply.trailers['grpc-message'] ?? '');
    if (code !== 0) return { ok: false, code, text };
    return { ok: true, message: fromBinary(output, reply.body.subarray(5)) };
  }

  const gateway: StockGateway = {
    getOrchestrator(profiles = smallLadder) {
      const bits = bitsOf('AuthToken', 'SegmentSlicing', 'H264', 'MPEGTS');
      const wide = profiles.some(({ encoder }) => encoder === 'hevc') ? bitsOf('HEVCEncode') : 0n;
      const request = create(OrchestratorRequestSchema, {
        address: new Uint8Array(20),
        capabilities: { bitstring: [bits | wide], constraints: {} },
      });
      return rpc(
        '/net.Orchestrator/GetOrchestrator',
        [OrchestratorRequestSchema, request],
        OrchestratorInfoSchema,
      );
    },
    endSession: (authToken) =>
      rpc(
        '/net.Orchestrator/EndTranscodingSession',
        [
          EndTranscodingSessionRequestSchema,
          create(EndTranscodingSessionRequestSchema, authToken ? { authToken } : {}),
        ],
        EndTranscodingSessionResponseSchema,
      ),
    ping: (value) =>
      rpc(
        '/net.Orchestrator/Ping',
        [PingPongSchema, create(PingPongSchema, { value })],
        PingPongSchema,
      ),
    async session() {
      const reply = await gateway.getOrchestrator();
      if (!reply.ok) throw new Error(`GetOrchestrator: ${reply.text}`);
      return reply.message;
    },
    async submit(info, source, changes = {}, headers = {}) {
      const segment = segmentOf(info, source, { seq: seq++, ...changes });
      const reply = await raw(
        {
          ':path': '/segment',
          'livepeer-segment': encodeSegment(segment),
          'livepeer-payment': '',
          'content-type': 'video/MP2T',
          'content-length': source.length,
          'accept-encoding': 'gzip',
          'user-agent': 'Go-http-client/2.0',
          ...headers,
        },
        source,
      );
      const { status, headersMs } = reply;
      if (status !== 200) return { status, text: reply.body.toString().trim(), headersMs };
      const decoded = decodeTranscodeResult(reply.body);
      if (!decoded.ok) throw new Error(`the result cannot be read: ${decoded.reason}`);
      return { status, text: '', result: decoded.result, headersMs };
    },
    raw,
    download: (url) =>
      new Promise((resolve, reject) => {
        const request = httpsGet(url, { rejectUnauthorized: false, agent: false }, (response) => {
          const pieces: Buffer[] = [];
          response.on('data', (piece: Buffer) => pieces.push(piece));
          response.on('end', () =>
            resolve({ status: response.statusCode ?? 0, body: Buffer.concat(pieces) }),
          );
        });
        request.on('error', reject);
      }),
    close: () => session?.destroy(),
  };
  return gateway;
}
