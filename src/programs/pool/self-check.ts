import type { Clock } from '../../base/clock.ts';
import { TributaryError } from '../../base/errors.ts';
import { secureRandom } from '../../base/ids.ts';
import type { Log } from '../../base/log.ts';
import { connectHttp } from '../../http/client.ts';
import { grpcCall } from '../../http/grpc-client.ts';
import { sameBytes } from '../../protocol/fixed-bytes.ts';
import { PingPongSchema } from '../../protocol/gen/lp_rpc_pb.ts';
import { signedBy, ZERO_ADDRESS } from '../../protocol/signature.ts';

/** wire: go-livepeer server/rpc.go, the time that an orchestrator's own ping may take. */
const PING_MS = 8_000;
/** The longest value that is signed for anybody; see front/ping.ts. */
const NONCE_BYTES = 31;

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
  /** 20 bytes: who has to have signed the answer; zero off-chain. */
  readonly address: Uint8Array;
  readonly clock: Clock;
  readonly log: Log;
}): Promise<boolean> {
  const client = connectHttp({ origin: parts.serviceUri, pin: parts.pin, clock: parts.clock });
  try {
    const value = secureRandom(NONCE_BYTES);
    const reply = await grpcCall(client, ping, { value }, { timeoutMs: PING_MS });
    const ours = reply.ok && isOurs(parts.address, value, reply.message.value);
    if (ours) {
      parts.log.info('service_reachable');
      return true;
    }
    const reason = reply.ok ? 'another account answers' : 'no answer';
    parts.log.warn('service_unreachable', { reason: `${reason} at the service address` });
  } catch (error) {
    // Only a wrong certificate throws: somebody else answers there.
    const code = error instanceof TributaryError ? error.code : 'internal';
    parts.log.warn('service_unreachable', { code });
  } finally {
    client.close();
  }
  return false;
}

function isOurs(address: Uint8Array, value: Uint8Array, sig: Uint8Array): boolean {
  return sameBytes(address, ZERO_ADDRESS) || signedBy(address, value, sig);
}
