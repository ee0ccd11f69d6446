import type { Clock } from '../../base/clock.ts';
import { DEFAULT_BITS, writeCapabilities } from '../../protocol/capabilities.ts';
import { orchestratorRequestMessage, type Signer } from '../../protocol/signature.ts';
import type { Transport } from './transport.ts';

/** What an orchestrator says that sees too little money of ours. Wire: go-livepeer pm/recipient.go. */
const UNSEEN = 'insufficient sender reserve';
/** Stock orchestrators look at the chain every 5 s; after this long it is another reason. */
const SEEN_MS_MAX = 30_000;
const ASK_AGAIN_MS = 500;
const REQUEST_MS = 5_000;

/**
 * Waits after a funding until the orchestrators have seen it, or for 30 s: the first segment would
 * find nobody to take it. Those that refuse for another reason, or do not answer, are not waited for.
 */
export async function untilMoneyIsSeen(
  parts: { readonly transport: Transport; readonly signer: Signer; readonly clock: Clock },
  services: readonly string[],
): Promise<void> {
  const { transport, signer, clock } = parts;
  const { address } = signer;
  const sig = signer.sign(orchestratorRequestMessage(address));
  const capabilities = writeCapabilities({ bits: DEFAULT_BITS });
  const until = clock.now() + SEEN_MS_MAX;
  await Promise.all(
    services.map(async (service) => {
      for (;;) {
        const request = { address, sig, capabilities };
        const answer = await transport.getOrchestrator(service, request, REQUEST_MS);
        if (answer.ok) {
          const { transcoder, authToken } = answer.value;
          if (authToken) await transport.endSession(transcoder, authToken, REQUEST_MS);
          return;
        }
        if (!answer.text.includes(UNSEEN) || clock.now() >= until) return;
        await new Promise<void>((resolve) => void clock.after(ASK_AGAIN_MS, resolve));
      }
    }),
  );
}
