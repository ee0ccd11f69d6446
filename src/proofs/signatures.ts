/**
 * Checks Ed25519 (RFC 8032). Handed in: Node does it by OpenSSL (`nodeVerifyEd25519` of
 * node-signatures.ts), a browser by `crypto.subtle` or a library. False for whatever is no key or no
 * signature.
 *
 * @param key 32 bytes
 * @param signature 64 bytes
 */
export type VerifyEd25519 = (
  key: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
) => boolean;
