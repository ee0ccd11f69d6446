import { concat, toHex, u64 } from '../proofs/bytes.ts';

const MAGIC = new TextEncoder().encode('TRIBANC1');

/**
 * What a transaction carries that writes an epoch into the chain: `TRIBANC1`, the number of the epoch
 * (8 bytes), the digest of its record (32). The policy of the signer allows this form and no other.
 */
export function anchorData(epoch: bigint, digest: Uint8Array): `0x${string}` {
  if (digest.length !== 32) throw new RangeError('the digest of a record has 32 bytes');
  return `0x${toHex(concat(MAGIC, u64(epoch), digest))}`;
}
