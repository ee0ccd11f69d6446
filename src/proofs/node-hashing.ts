import { hash } from 'node:crypto';
import type { ProofHashing } from './hashing.ts';

/** SHA-256 by OpenSSL: about a microsecond for a receipt. */
export const nodeHashing: ProofHashing = {
  // A copy, so that a hash that is kept does not keep the pool of Buffers that it came from.
  sha256: (bytes) => new Uint8Array(hash('sha256', bytes, 'buffer')),
};

/** {@link nodeHashing}, for callers that make their parts. */
export function createNodeHashing(): ProofHashing {
  return nodeHashing;
}
