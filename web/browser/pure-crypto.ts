import { ed25519 } from '@noble/curves/ed25519';
import { secp256k1 } from '@noble/curves/secp256k1';
import { sha256 } from '@noble/hashes/sha2';
import { keccak_256 } from '@noble/hashes/sha3';
import type { VerifyParts } from '../../src/epochs/verify-types.ts';

/** The hashes that were computed, so that a seal can say what it stands on. */
export interface Counted {
  hashes: number;
}

/**
 * Hashes and signatures in plain JavaScript: another implementation than the pool's own, and one
 * that needs no permission of the policy, as WebAssembly would. Synchronous, as the verifier is;
 * WebCrypto would make each of its hashes wait for a turn.
 */
export function pureCrypto(
  counted: Counted,
): Pick<VerifyParts, 'hashing' | 'verifyEd25519' | 'keccak256' | 'recover'> {
  return {
    hashing: {
      sha256(bytes) {
        counted.hashes += 1;
        return sha256(bytes);
      },
    },
    verifyEd25519(key, message, signature) {
      try {
        return ed25519.verify(signature, message, key, { zip215: false });
      } catch {
        return false; // no key or no signature at all
      }
    },
    keccak256: (bytes) => keccak_256(bytes),
    recover(digest, signature) {
      const recovery = recoveryOf(signature);
      if (recovery === undefined) return undefined;
      try {
        const point = secp256k1.Signature.fromCompact(signature.subarray(0, 64))
          .addRecoveryBit(recovery)
          .recoverPublicKey(digest)
          .toRawBytes(false);
        return keccak_256(point.subarray(1)).subarray(12);
      } catch {
        return undefined; // signs for nobody
      }
    },
  };
}

/** The last of 65 bytes: 27 or 28, or 0 or 1. */
function recoveryOf(signature: Uint8Array): 0 | 1 | undefined {
  const value = signature[64];
  if (signature.length !== 65) return undefined;
  if (value === 27 || value === 0) return 0;
  return value === 28 || value === 1 ? 1 : undefined;
}
