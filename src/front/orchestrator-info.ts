import { create } from '@bufbuild/protobuf';
import { DEFAULT_BITS, VIDEO_BITS, writeCapabilities } from '../protocol/capabilities.ts';
import {
  type AuthToken,
  type OrchestratorInfo,
  OrchestratorInfoSchema,
} from '../protocol/gen/lp_rpc_pb.ts';
import type { FrontParts } from './parts.ts';

/**
 * The version that gateways compare with their minimum: the go-livepeer release whose wire we
 * serve.
 */
export const WIRE_VERSION = '0.9.1';

/**
 * What the pool says of itself: summed capabilities, never who its workers are.
 * wire: go-livepeer server/rpc.go:orchestratorInfoWithCaps.
 */
export function orchestratorInfo(
  parts: FrontParts,
  authToken: Omit<AuthToken, '$typeName' | '$unknown'>,
): OrchestratorInfo {
  return create(OrchestratorInfoSchema, {
    transcoder: parts.serviceUri,
    address: parts.signer.address,
    capabilities: writeCapabilities({
      bits: offeredBits(parts),
      capacities: 'one_each',
      version: WIRE_VERSION,
      minVersion: WIRE_VERSION,
    }),
    authToken,
  });
}

/** Video capabilities only: those that every orchestrator has and those of connected workers. */
export function offeredBits(parts: FrontParts): bigint {
  return DEFAULT_BITS | (parts.dispatch.bits() & VIDEO_BITS);
}
