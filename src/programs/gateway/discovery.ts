import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import {
  type CapabilityBits,
  compatible,
  readCapabilities,
  toBitstring,
  writeCapabilities,
} from '../../protocol/capabilities.ts';
import { sameBytes } from '../../protocol/fixed-bytes.ts';
import type { OrchestratorInfo } from '../../protocol/gen/lp_rpc_pb.ts';
import { orchestratorRequestMessage, type Signer, ZERO_ADDRESS } from '../../protocol/signature.ts';
import type { Answer, Transport } from './transport.ts';

/** After this a round ends with whoever has answered. go-livepeer: `-discoveryTimeout`. */
const ROUND_MS = 500;
/** After this it ends in any case. Wire: go-livepeer discovery/discovery.go. */
const ROUND_MS_MAX = 6_000;
/** One request in a round: connecting included, so a little above the stock dial timeout of 3 s. */
const REQUEST_MS = 5_000;
/** Wire: go-livepeer server/broadcast.go:refreshSession. */
const REFRESH_MS = 2_500;

/** An orchestrator that would take the job. */
export interface Found {
  /** `info.transcoder`: where segments go. */
  readonly service: string;
  readonly info: OrchestratorInfo;
}

/** Asks orchestrators whether they would take a job. */
export interface Discovery {
  /** All in parallel; those that would, in order of their answers. */
  find(services: readonly string[], bits: CapabilityBits): Promise<readonly Found[]>;
  /** A new session at an orchestrator already in use. */
  renew(service: string, bits: CapabilityBits): Promise<Answer<OrchestratorInfo>>;
}

/** The request is signed once, as by a stock gateway: it holds neither time nor target. */
export function createDiscovery(parts: {
  readonly transport: Transport;
  readonly signer: Signer;
  readonly clock: Clock;
  readonly log: Log;
}): Discovery {
  const { transport, signer, clock, log } = parts;
  const { address } = signer;
  // Who pays should read what orchestrators say of its money; off-chain they have little to say.
  const unfitEvent = sameBytes(address, ZERO_ADDRESS) ? log.debug : log.warn;
  const sig = signer.sign(orchestratorRequestMessage(address));

  const ask = async (service: string, bits: CapabilityBits, timeoutMs: number) => {
    const capabilities = writeCapabilities({ bits });
    const answer = await transport.getOrchestrator(
      service,
      { address, sig, capabilities },
      timeoutMs,
    );
    if (!answer.ok) return answer;
    const text = unfit(answer.value, bits);
    return text === undefined ? answer : { ok: false as const, text };
  };

  return {
    async find(services, bits) {
      const found: Found[] = [];
      const first = Promise.withResolvers<void>();
      const asked = services.map(async (service) => {
        const answer = await ask(service, bits, REQUEST_MS);
        if (!answer.ok) return unfitEvent('orchestrator_unfit', { error: answer.text });
        const info = answer.value;
        // Two addresses of one orchestrator are one.
        if (!found.some((other) => other.service === info.transcoder)) {
          found.push({ service: info.transcoder, info });
        }
        first.resolve();
      });
      const over = Promise.withResolvers<void>();
      const timers = [
        clock.after(ROUND_MS, () => void first.promise.then(over.resolve)),
        clock.after(ROUND_MS_MAX, over.resolve),
      ];
      await Promise.race([Promise.all(asked), over.promise]);
      for (const timer of timers) timer.cancel();
      return [...found];
    },
    renew: (service, bits) => ask(service, bits, REFRESH_MS),
  };
}

/** Why an orchestrator cannot be used for a job; undefined when it can. */
export function unfit(info: OrchestratorInfo, bits: CapabilityBits): string | undefined {
  if (!URL.canParse(info.transcoder) || new URL(info.transcoder).protocol !== 'https:') {
    return 'the orchestrator names no usable service address';
  }
  const job = { bits, words: toBitstring(bits).length, minVersion: '' };
  if (!compatible(job, readCapabilities(info.capabilities))) return 'incompatible capabilities';
  if (!info.authToken) return 'missing auth token';
  return undefined;
}
