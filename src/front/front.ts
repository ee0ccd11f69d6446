import { messageOf } from '../base/errors.ts';
import { BodyError, type Exchange } from '../http/exchange.ts';
import { grpcServerStream, grpcUnary, grpcUnimplemented, isGrpc } from '../http/grpc.ts';
import {
  EndTranscodingSessionRequestSchema,
  EndTranscodingSessionResponseSchema,
  NotifySegmentSchema,
  OrchestratorInfoSchema,
  OrchestratorRequestSchema,
  PingPongSchema,
  RegisterRequestSchema,
} from '../protocol/gen/lp_rpc_pb.ts';
import { segmentTexts } from '../protocol/texts.ts';
import { endTranscodingSession, getOrchestrator, ping } from './orchestrator.ts';
import type { FrontParts } from './parts.ts';
import { postPayment, postRefreshPayment } from './payment.ts';
import { getReceipts } from './receipts.ts';
import { registerTranscoder } from './register-transcoder.ts';
import { plain } from './replies.ts';
import { postSegment } from './segment.ts';
import { getSource, getStream } from './stream.ts';
import { postTranscodeResults } from './transcode-results.ts';

/**
 * Handles one request on port 8935. gRPC and plain HTTP share the port and even the connection, so
 * each request is looked at by itself. Never rejects: a fault of ours ends as 500 and in the log.
 */
export function createFront(parts: FrontParts): (exchange: Exchange) => Promise<void> {
  const rpcs: Readonly<Record<string, (exchange: Exchange) => Promise<void>>> = {
    '/net.Orchestrator/GetOrchestrator': (exchange) =>
      grpcUnary(exchange, OrchestratorRequestSchema, OrchestratorInfoSchema, (request) =>
        getOrchestrator(parts, request, exchange),
      ),
    '/net.Orchestrator/EndTranscodingSession': (exchange) =>
      grpcUnary(
        exchange,
        EndTranscodingSessionRequestSchema,
        EndTranscodingSessionResponseSchema,
        async (request) => endTranscodingSession(parts, request),
      ),
    '/net.Orchestrator/Ping': (exchange) =>
      grpcUnary(exchange, PingPongSchema, PingPongSchema, (request) => ping(parts, request)),
    '/net.Transcoder/RegisterTranscoder': (exchange) =>
      grpcServerStream(exchange, RegisterRequestSchema, NotifySegmentSchema, (request, stream) =>
        registerTranscoder(parts, request, stream, exchange),
      ),
  };

  return async (exchange) => {
    try {
      if (isGrpc(exchange)) {
        const rpc = rpcs[exchange.path];
        return await (rpc ? rpc(exchange) : grpcUnimplemented(exchange));
      }
      await route(parts, exchange);
    } catch (error) {
      if (error instanceof BodyError) return;
      parts.log.error('request_failed', { error: messageOf(error) });
      if (!exchange.responded) await plain(exchange, 500, segmentTexts.internal);
      else exchange.connection.destroy();
    }
  };
}

/** No route looks at the method, as in go-livepeer, except that reading ones only read. */
function route(parts: FrontParts, exchange: Exchange): Promise<void> {
  const { path } = exchange;
  if (path === '/segment') return postSegment(parts, exchange);
  if (path === '/payment') return postPayment(parts, exchange);
  if (path === '/refresh-payment') return postRefreshPayment(parts, exchange);
  if (path === '/transcodeResults') return postTranscodeResults(parts, exchange);
  if (path === '/proofs/receipts') return getReceipts(parts, exchange);
  if (path.startsWith('/source/')) return getSource(parts, exchange);
  if (path.startsWith('/stream/')) return getStream(parts, exchange);
  if (path === '/healthz') return plain(exchange, 200, 'ok');
  return plain(exchange, 404, '404 page not found');
}
