import { hash } from 'node:crypto';
import type { ProofHashing } from './hashing.ts';

/** SHA-256 by OpenSSL: about a microsecond for a receipt. */
export const nodeHashing: ProofHashing = {
  sha256: (bytes) => hash('sha256', bytes, 'buffer'),
};

/** {@link nodeHashing}, for callers that make their parts. */
export function createNodeHashing(): ProofHashing {
  return nodeHashing;
}
