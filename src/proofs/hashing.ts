/**
 * SHA-256, which Node, browsers and Python's standard library all have: the hash of receipts, trees
 * and published files. Handed in, so that the proofs run wherever somebody checks them; Node's is
 * `nodeHashing` of node-hashing.ts.
 */
export interface ProofHashing {
  /** The 32 bytes of SHA-256. */
  sha256(bytes: Uint8Array): Uint8Array;
}

/** Bytes of a hash. */
export const HASH_BYTES = 32;

/** 32 zero bytes: stands where there is nothing to hash, as before the first receipt. */
export const ZERO_HASH: Uint8Array = new Uint8Array(HASH_BYTES);
