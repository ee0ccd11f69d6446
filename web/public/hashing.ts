import { sha256 } from '@noble/hashes/sha2';
import type { ProofHashing } from '../../src/proofs/hashing.ts';

/** SHA-256 wherever a page is rendered. */
export const hashing: ProofHashing = { sha256: (bytes) => sha256(bytes) };
