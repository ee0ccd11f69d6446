import { createDiscoveryWebhook } from '../../front/discovery-webhook.ts';
import { noSignatures, offchainSigning } from '../../front/signatures.ts';
import type { PoolBase } from './pool.ts';
import type { GatewayParts } from './serve-front.ts';
import type { PoolSettings } from './settings.ts';

/** Off-chain, gateways have no accounts: nobody signs, nobody pays. */
export function offchainGateways(settings: PoolSettings, base: PoolBase): GatewayParts {
  return {
    signing: offchainSigning,
    signatures: noSignatures,
    payments: undefined,
    discovery: discoveryOf(settings, base),
  };
}

/** The operator's own word on who is served. */
export function discoveryOf({ authWebhookUrl: url }: PoolSettings, base: PoolBase) {
  return url === undefined ? undefined : createDiscoveryWebhook({ ...base, url });
}
