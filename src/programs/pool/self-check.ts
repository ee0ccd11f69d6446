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
export async function checkReachable(
  parts: WhereAndWho & { readonly pin: string; readonly log: Log },
): Promise<boolean> {
  const { log } = parts;
  try {
    const outcome = await ask(parts);
    if (outcome === 'ours') {
      log.info('service_reachable');
      return true;
    }
    const who = outcome === 'foreign' ? 'another account answers' : 'no answer';
    log.warn('service_unreachable', { reason: `${who} at the service address` });
  } catch (error) {
    // Only a wrong certificate throws: somebody else answers there.
    const code = error instanceof TributaryError ? error.code : 'internal';
    log.warn('service_unreachable', { code });
  }
  return false;
}

/** Whether somebody answers there who holds the key of the account. Never rejects. */
export async function answersAs(parts: WhereAndWho): Promise<boolean> {
  return (await ask(parts).catch(() => 'silent')) === 'ours';
}

interface WhereAndWho {
  readonly serviceUri: string;
  /** 20 bytes: who has to have signed the answer; zero off-chain. */
  readonly address: Uint8Array;
  /** Of the certificate; undefined: any will do, as for stock gateways. */
  readonly pin?: string;
  readonly clock: Clock;
}

async function ask({
  serviceUri: origin,
  address,
  pin,
  clock,
}: WhereAndWho): Promise<'ours' | 'foreign' | 'silent'> {
  const client = connectHttp({ origin, clock, ...(pin === undefined ? {} : { pin }) });
  try {
    const value = secureRandom(NONCE_BYTES);
    const reply = await grpcCall(client, ping, { value }, { timeoutMs: PING_MS });
    if (!reply.ok) return 'silent';
    const anybody = sameBytes(address, ZERO_ADDRESS);
    return anybody || signedBy(address, value, reply.message.value) ? 'ours' : 'foreign';
  } finally {
    client.close();
  }
}
