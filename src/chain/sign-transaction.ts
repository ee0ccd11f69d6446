import { createRequire } from 'node:module';
import { type Hex, serializeTransaction } from 'viem';
import { hex, parseHex } from '../base/bytes.ts';
import { keccak256 } from '../base/keccak.ts';

/** What we use of the untyped `secp256k1` addon: deterministic (RFC 6979), with a low s. */
interface Secp256k1 {
  ecdsaSign(digest: Uint8Array, key: Uint8Array): { signature: Uint8Array; recid: number };
}

const secp256k1 = createRequire(import.meta.url)('secp256k1') as Secp256k1;

/** A transaction of type 2 (EIP-1559) before it is signed. Amounts in wei. */
export interface UnsignedTransaction {
  readonly chainId: number;
  readonly nonce: number;
  /** An address in lower case or with its checksum. */
  readonly to: Hex;
  readonly value: bigint;
  readonly data: Hex;
  readonly gasLimit: bigint;
  readonly maxFeePerGas: bigint;
  readonly maxPriorityFeePerGas: bigint;
}

/** Bytes for `eth_sendRawTransaction`, and the hash by which every node knows them. */
export interface SignedTransaction {
  readonly raw: Hex;
  readonly hash: Hex;
}

/** Signs with a 32-byte private key; the same transaction always gives the same bytes. */
export function signTransaction(key: Uint8Array, tx: UnsignedTransaction): SignedTransaction {
  const { gasLimit, ...rest } = tx;
  const unsigned = { ...rest, gas: gasLimit, type: 'eip1559' as const };
  const digest = keccak256(bytesOf(serializeTransaction(unsigned)));
  const { signature, recid } = secp256k1.ecdsaSign(digest, key);
  const raw = serializeTransaction(unsigned, {
    r: `0x${hex(signature.subarray(0, 32))}`,
    s: `0x${hex(signature.subarray(32, 64))}`,
    yParity: recid,
  });
  return { raw, hash: transactionHash(raw) };
}

/** The hash of signed bytes. */
export function transactionHash(raw: Hex): Hex {
  return `0x${hex(keccak256(bytesOf(raw)))}`;
}

function bytesOf(text: Hex): Uint8Array {
  const bytes = parseHex(text);
  if (!bytes) throw new RangeError('not hex');
  return bytes;
}
