import type { Clock } from '../../base/clock.ts';
import { TributaryError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { SelfCheck } from '../../front/ping.ts';
import { connectHttp } from '../../http/client.ts';
import { grpcCall } from '../../http/grpc-client.ts';
import { PingPongSchema } from '../../protocol/gen/lp_rpc_pb.ts';

/** wire: go-livepeer server/rpc.go, the time that an orchestrator's own ping may take. */
const PING_MS = 8_000;

const ping = {
  path: '/net.Orchestrator/Ping',
  input: PingPongSchema,
  output: PingPongSchema,
} as const;

/**
 * Calls the pool by the address that it publishes, as a gateway would, and says in the log whether
 * that reached us. A stock orchestrator stops when it does not; behind some routers a machine cannot
 * reach its own public address although everybody else can, so we go on.
 */
export async function checkReachable(parts: {
  readonly serviceUri: string;
  readonly pin: string;
  readonly selfCheck: SelfCheck;
  readonly clock: Clock;
  readonly log: Log;
}): Promise<boolean> {
  const client = connectHttp({ origin: parts.serviceUri, pin: parts.pin, clock: parts.clock });
  try {
    const value = parts.selfCheck.nonce();
    const reply = await grpcCall(client, ping, { value }, { timeoutMs: PING_MS });
    if (reply.ok) {
      parts.log.info('service_reachable');
      return true;
    }
    parts.log.warn('service_unreachable', { reason: 'no answer at the service address' });
  } catch (error) {
    // Only a wrong certificate throws: somebody else answers there.
    const code = error instanceof TributaryError ? error.code : 'internal';
    parts.log.warn('service_unreachable', { code });
  } finally {
    client.close();
  }
  return false;
}
