import { timingSafeEqual } from 'node:crypto';
import type { RandomBytes } from '../base/ids.ts';
import type { Signer } from '../protocol/signature.ts';

/**
 * Longest value that is signed for a stranger. What has a meaning when signed is longer: one
 * rendition hash has 32 bytes, a segment at least 64, a ticket 232, an address text 42.
 */
const STRANGER_BYTES_MAX = 31;
const NONCE_BYTES = 32;

/** Remembers the nonces with which the pool asks itself whether it is reachable. */
export interface SelfCheck {
  /** A fresh value that {@link pingReply} will sign once. */
  nonce(): Uint8Array;
  /** Whether the value is a nonce of ours; it is not one a second time. */
  take(value: Uint8Array): boolean;
}

export function createSelfCheck(random: RandomBytes): SelfCheck {
  let expected: Uint8Array | undefined;
  return {
    nonce() {
      expected = random(NONCE_BYTES);
      return expected;
    },
    take(value) {
      if (!expected || value.length !== NONCE_BYTES || !timingSafeEqual(expected, value)) {
        return false;
      }
      expected = undefined;
      return true;
    },
  };
}

/**
 * The signature that answers a Ping, or undefined when the value could mean something elsewhere.
 * wire: go-livepeer server/rpc.go:ping.
 */
export function pingReply(
  value: Uint8Array,
  { signer, selfCheck }: { signer: Signer; selfCheck: SelfCheck },
): Uint8Array | undefined {
  const harmless = value.length > 0 && value.length <= STRANGER_BYTES_MAX;
  return harmless || selfCheck.take(value) ? signer.sign(value) : undefined;
}
