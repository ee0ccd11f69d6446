import { createRequire } from 'node:module';
import { keccak256 } from '../base/keccak.ts';
import { fixedBytes, sameBytes } from './fixed-bytes.ts';

/** Bytes of an Ethereum address. */
export const ADDRESS_BYTES = 20;
/** r (32), s (32), v (1: 27 or 28). */
export const SIGNATURE_BYTES = 65;

const HASH_BYTES = 32;
/** Half of the curve's order: a signature with a higher s is the twin of one with a lower s. */
const S_MAX = Buffer.from(
  '7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0',
  'hex',
);
const PREFIX = Buffer.from('\x19Ethereum Signed Message:\n32', 'latin1');

/** What we use of the untyped `secp256k1` addon; every function throws on bad input. */
interface Secp256k1 {
  privateKeyVerify(key: Uint8Array): boolean;
  publicKeyCreate(key: Uint8Array, compressed: boolean): Uint8Array;
  ecdsaSign(digest: Uint8Array, key: Uint8Array): { signature: Uint8Array; recid: number };
  ecdsaRecover(sig: Uint8Array, recid: number, digest: Uint8Array, compressed: boolean): Uint8Array;
}

const secp256k1 = createRequire(import.meta.url)('secp256k1') as Secp256k1;

/** The 20 zero bytes that stand for an account off-chain. */
export const ZERO_ADDRESS: Uint8Array = new Uint8Array(ADDRESS_BYTES);

/** Signs the messages of the wire with one account. */
export interface Signer {
  /** 20 bytes. */
  readonly address: Uint8Array;
  /**
   * 65 bytes over `personalDigest(keccak256(message))`; empty off-chain. The message of a result is
   * its concatenated rendition hashes, of a ticket its 232 packed bytes, of a segment its flat form.
   */
  sign(message: Uint8Array): Uint8Array;
}

/** Off-chain: the zero address and empty signatures. Wire: go-livepeer core/orchestrator.go:Sign. */
export const offchainSigner: Signer = {
  address: ZERO_ADDRESS,
  sign: () => new Uint8Array(0),
};

/** A signer that holds its 32-byte private key in memory. Throws RangeError on an invalid key. */
export function keySigner(key: Uint8Array): Signer {
  return { address: addressOf(key), sign: (message) => signMessage(key, message) };
}

/**
 * What is really signed: keccak-256 of Ethereum's personal-message prefix and the 32-byte hash.
 * Wire: go-livepeer eth/accountmanager.go:Sign.
 */
export function personalDigest(hash: Uint8Array): Uint8Array {
  if (hash.length !== HASH_BYTES) throw new RangeError(`a hash has 32 bytes, not ${hash.length}`);
  return keccak256(Buffer.concat([PREFIX, hash]));
}

/** Signs `personalDigest(keccak256(message))`: 65 bytes r, s, v with v 27 or 28 and a low s. */
export function signMessage(key: Uint8Array, message: Uint8Array): Uint8Array {
  return signDigest(key, personalDigest(keccak256(message)));
}

/**
 * Signs 32 bytes as they are: 65 bytes r, s, v with v 27 or 28 and a low s. Only for digests that the
 * caller built out of typed fields: whoever chooses the bytes chooses what is signed.
 */
export function signDigest(key: Uint8Array, digest: Uint8Array): Uint8Array {
  const { signature, recid } = secp256k1.ecdsaSign(digest, key);
  const sig = new Uint8Array(SIGNATURE_BYTES);
  sig.set(signature);
  sig[64] = 27 + recid;
  return sig;
}

/**
 * The address that made a signature over a 32-byte digest; undefined when it is none: another
 * length, a v other than 27 and 28, a high s. About 65 us. Wire: go-livepeer crypto/verify.go.
 */
export function recover(digest: Uint8Array, sig: Uint8Array): Uint8Array | undefined {
  if (sig.length !== SIGNATURE_BYTES || digest.length !== HASH_BYTES) return undefined;
  const v = sig[64];
  if (v !== 27 && v !== 28) return undefined;
  if (Buffer.compare(sig.subarray(32, 64), S_MAX) > 0) return undefined;
  try {
    return addressOfPublicKey(secp256k1.ecdsaRecover(sig.subarray(0, 64), v - 27, digest, false));
  } catch {
    return undefined; // r or s is zero, or no point of the curve belongs to r
  }
}

/** Whether `address` (cropped or padded to 20 bytes, as go-livepeer does) signed the message. */
export function signedBy(address: Uint8Array, message: Uint8Array, sig: Uint8Array): boolean {
  const signer = recover(personalDigest(keccak256(message)), sig);
  return signer !== undefined && sameBytes(signer, fixedBytes(address, ADDRESS_BYTES));
}

/**
 * Whether a gateway's GetOrchestrator request carries its own signature: over the ASCII text of its
 * checksum address. Wire: go-livepeer server/rpc.go:genOrchestratorReq.
 */
export function orchestratorRequestSigned(address: Uint8Array, sig: Uint8Array): boolean {
  return signedBy(address, orchestratorRequestMessage(address), sig);
}

/** The message that a gateway signs, once, for all its GetOrchestrator requests. */
export function orchestratorRequestMessage(address: Uint8Array): Uint8Array {
  return Buffer.from(checksumAddress(address), 'latin1');
}

/** The address of a private key. Throws RangeError when the key is not one. */
export function addressOf(key: Uint8Array): Uint8Array {
  if (key.length !== 32 || !secp256k1.privateKeyVerify(key)) {
    throw new RangeError('not a private key');
  }
  return addressOfPublicKey(secp256k1.publicKeyCreate(key, false));
}

function addressOfPublicKey(uncompressed: Uint8Array): Uint8Array {
  return keccak256(uncompressed.subarray(1)).subarray(HASH_BYTES - ADDRESS_BYTES);
}

/** An address as EIP-55 text with `0x`: 42 characters. */
export function checksumAddress(address: Uint8Array): string {
  const digits = Buffer.from(fixedBytes(address, ADDRESS_BYTES)).toString('hex');
  const hash = keccak256(Buffer.from(digits, 'latin1'));
  let text = '0x';
  for (let i = 0; i < digits.length; i++) {
    const nibble = ((hash[i >> 1] as number) >> (i % 2 === 0 ? 4 : 0)) & 15;
    const digit = digits[i] as string;
    text += nibble >= 8 ? digit.toUpperCase() : digit;
  }
  return text;
}

/**
 * Decodes an address that a person typed: 40 hex digits after `0x`, with the right checksum if both
 * cases occur. Undefined otherwise.
 */
export function parseAddress(text: string): Uint8Array | undefined {
  if (!/^0x[0-9a-fA-F]{40}$/.test(text)) return undefined;
  const address = Buffer.from(text.slice(2), 'hex');
  const digits = text.slice(2);
  const mixed = digits !== digits.toLowerCase() && digits !== digits.toUpperCase();
  return mixed && checksumAddress(address) !== text ? undefined : address;
}
