import { hex } from '../base/bytes.ts';
import { keccak256 } from '../base/keccak.ts';
import type { Signing } from '../chain/signing.ts';
import type { Recovery } from '../payments/recover-threads.ts';
import { fixedBytes, sameBytes } from '../protocol/fixed-bytes.ts';
import {
  ADDRESS_BYTES,
  orchestratorRequestMessage,
  personalDigest,
  ZERO_ADDRESS,
} from '../protocol/signature.ts';

/** What the front lets sign. */
export type FrontSigning = Pick<Signing, 'address' | 'signResult' | 'signPing'>;

/** Off-chain: no account, empty signatures. Wire: go-livepeer core/orchestrator.go:Sign. */
export const offchainSigning: FrontSigning = {
  address: ZERO_ADDRESS,
  signResult: async () => new Uint8Array(0),
  signPing: async () => new Uint8Array(0),
};

/**
 * Discovery requests whose signature held. A gateway signs one message for all of them, so that a
 * known one costs nothing: about 3 MB when full.
 */
const REQUESTS_KEPT = 10_000;

/** Whether gateways are who they say. Throws `recovery_busy` when too many ask at once. */
export interface Signatures {
  /** The signature over a message, by an address of whatever length. */
  hold(claim: Claim): Promise<boolean>;
  /** The signature of a GetOrchestrator request. Wire: go-livepeer server/rpc.go:genOrchestratorReq. */
  requestHolds(address: Uint8Array, sig: Uint8Array): Promise<boolean>;
}

/** Who is said to have signed what. */
export interface Claim {
  readonly address: Uint8Array;
  readonly message: Uint8Array;
  readonly sig: Uint8Array;
}

/** Off-chain there is no account to check against: go-livepeer accepts anything then. */
export const noSignatures: Signatures = {
  hold: async () => true,
  requestHolds: async () => true,
};

/** Checks signatures on threads: those that arrive together go there together. */
export function createSignatures(recovery: Pick<Recovery, 'recoverBatch'>): Signatures {
  let waiting: { readonly claim: Claim; readonly answer: PromiseWithResolvers<boolean> }[] = [];
  const held = new Set<string>();

  function flush(): void {
    const batch = waiting;
    waiting = [];
    const signed = batch.map(({ claim: { message, sig } }) => ({
      digest: personalDigest(keccak256(message)),
      sig,
    }));
    recovery.recoverBatch(signed).then(
      (signers) => {
        for (const [at, { claim, answer }] of batch.entries()) {
          const signer = signers[at];
          const address = fixedBytes(claim.address, ADDRESS_BYTES);
          answer.resolve(signer !== undefined && sameBytes(signer, address));
        }
      },
      (error: unknown) => {
        for (const { answer } of batch) answer.reject(error);
      },
    );
  }

  function hold(claim: Claim): Promise<boolean> {
    const answer = Promise.withResolvers<boolean>();
    if (waiting.push({ claim, answer }) === 1) setImmediate(flush);
    return answer.promise;
  }

  return {
    hold,
    async requestHolds(address, sig) {
      const key = `${hex(fixedBytes(address, ADDRESS_BYTES))} ${hex(sig)}`;
      if (held.has(key)) return true;
      const holds = await hold({ address, message: orchestratorRequestMessage(address), sig });
      if (holds) remember(key);
      return holds;
    },
  };

  function remember(key: string): void {
    held.add(key);
    for (const oldest of held) {
      if (held.size <= REQUESTS_KEPT) break;
      held.delete(oldest);
    }
  }
}
