import { create } from '@bufbuild/protobuf';
import { newSessionId, secureRandom } from '../base/ids.ts';
import type { Exchange } from '../http/exchange.ts';
import { GrpcFailure } from '../http/grpc.ts';
import { authenticAuthToken, mintAuthToken } from '../protocol/auth-token.ts';
import { readCapabilities } from '../protocol/capabilities.ts';
import {
  type EndTranscodingSessionRequest,
  type EndTranscodingSessionResponse,
  EndTranscodingSessionResponseSchema,
  type OrchestratorInfo,
  type OrchestratorRequest,
  type PingPong,
  PingPongSchema,
} from '../protocol/gen/lp_rpc_pb.ts';
import { orchestratorRequestSigned } from '../protocol/signature.ts';
import { orchestratorTexts } from '../protocol/texts.ts';
import { orchestratorInfo } from './orchestrator-info.ts';
import type { FrontParts } from './parts.ts';
import { pingReply } from './ping.ts';

/**
 * A gateway asks for price and a session. Allocates nothing: stock gateways with one orchestrator
 * ask once per segment and drop the answer. wire: go-livepeer server/rpc.go:getOrchestrator.
 */
export function getOrchestrator(
  parts: FrontParts,
  request: OrchestratorRequest,
  exchange: Exchange,
): OrchestratorInfo {
  const offchain = parts.signer.address.every((byte) => byte === 0);
  if (!offchain && !orchestratorRequestSigned(request.address, request.sig)) {
    throw new GrpcFailure('unknown', orchestratorTexts.signature);
  }
  if (!mayBegin(parts, request, exchange)) {
    throw new GrpcFailure('unknown', orchestratorTexts.capped);
  }
  const session = newSessionId(secureRandom);
  return orchestratorInfo(parts, mintAuthToken(parts.authSecrets(), session, parts.clock.now()));
}

/**
 * A full pool sends new gateways away, but lets one that has a stream running renew its session.
 * wire: go-livepeer server/broadcast.go, session refresh.
 */
function mayBegin(parts: FrontParts, request: OrchestratorRequest, { peer }: Exchange): boolean {
  const { bits, minVersion } = readCapabilities(request.capabilities);
  const needs = minVersion === '' ? { bits } : { bits, minVersion };
  const { dispatch, sessionsMax, streams } = parts;
  const limited = sessionsMax !== undefined && dispatch.summary().sessions >= sessionsMax;
  if (!parts.draining() && !limited && dispatch.hasCapacity(needs)) return true;
  return streams.isActive(peer) && dispatch.summary().connections > 0;
}

/** A gateway is done with a stream. wire: go-livepeer server/rpc.go:endTranscodingSession. */
export function endTranscodingSession(
  parts: FrontParts,
  request: EndTranscodingSessionRequest,
): EndTranscodingSessionResponse {
  const token = authenticAuthToken(parts.authSecrets(), request.authToken);
  if (!token.ok) throw new GrpcFailure('unknown', orchestratorTexts.tokenInvalid);
  parts.relay.endSession(token.sessionId);
  parts.renditions.endSession(token.sessionId);
  return create(EndTranscodingSessionResponseSchema);
}

/** Proof that the pool holds its key, for its own self-check; nothing that is worth something. */
export function ping(parts: FrontParts, request: PingPong): PingPong {
  const value = pingReply(request.value, parts);
  if (!value) throw new GrpcFailure('unknown', 'this value is not signed for strangers');
  return create(PingPongSchema, { value });
}
