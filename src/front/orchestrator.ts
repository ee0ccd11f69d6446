import { create } from '@bufbuild/protobuf';
import { TributaryError } from '../base/errors.ts';
import { newSessionId, secureRandom } from '../base/ids.ts';
import type { Exchange } from '../http/exchange.ts';
import { GrpcFailure } from '../http/grpc.ts';
import { authenticAuthToken, mintAuthToken } from '../protocol/auth-token.ts';
import { readCapabilities } from '../protocol/capabilities.ts';
import { fixedBytes } from '../protocol/fixed-bytes.ts';
import {
  type EndTranscodingSessionRequest,
  type EndTranscodingSessionResponse,
  EndTranscodingSessionResponseSchema,
  type OrchestratorInfo,
  type OrchestratorRequest,
  type PingPong,
  PingPongSchema,
} from '../protocol/gen/lp_rpc_pb.ts';
import { ADDRESS_BYTES } from '../protocol/signature.ts';
import { orchestratorTexts, resultTexts } from '../protocol/texts.ts';
import { orchestratorInfo, pricedCapabilities } from './orchestrator-info.ts';
import type { FrontParts } from './parts.ts';
import { pingReply } from './ping.ts';

/**
 * A gateway asks for price and a session. Allocates nothing: stock gateways with one orchestrator
 * ask once per segment and drop the answer. wire: go-livepeer server/rpc.go:getOrchestrator.
 */
export async function getOrchestrator(
  parts: FrontParts,
  request: OrchestratorRequest,
  exchange: Exchange,
): Promise<OrchestratorInfo> {
  const sender = fixedBytes(request.address, ADDRESS_BYTES);
  if (!(await requestHolds(parts, request))) {
    throw new GrpcFailure('unknown', orchestratorTexts.signature);
  }
  const admitted = await parts.discovery?.ask(sender);
  if (admitted?.ok === false) {
    throw new GrpcFailure('unknown', orchestratorTexts.denied + admitted.text);
  }
  if (!mayBegin(parts, request, exchange)) {
    throw new GrpcFailure('unknown', orchestratorTexts.capped);
  }
  const session = newSessionId(secureRandom);
  const authToken = mintAuthToken(parts.authSecrets(), session, parts.clock.now());
  const capabilities = pricedCapabilities(request.capabilities);
  const asked = { authToken, sender, ...(capabilities ? { capabilities } : {}) };
  const outcome = await orchestratorInfo(parts, asked);
  if (!outcome.ok) throw new GrpcFailure('unknown', outcome.text);
  return outcome.info;
}

async function requestHolds(
  { signatures }: FrontParts,
  { address, sig }: OrchestratorRequest,
): Promise<boolean> {
  try {
    return await signatures.requestHolds(address, sig);
  } catch (error) {
    const busy = error instanceof TributaryError && error.code === 'recovery_busy';
    throw busy ? new GrpcFailure('unknown', resultTexts.busy) : error;
  }
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
export async function ping(parts: FrontParts, request: PingPong): Promise<PingPong> {
  const value = await pingReply(request.value, parts.signing);
  if (!value) throw new GrpcFailure('unknown', 'this value is not signed for strangers');
  return create(PingPongSchema, { value });
}
