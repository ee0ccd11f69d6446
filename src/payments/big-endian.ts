import { hex } from '../base/bytes.ts';

const WORD_BYTES = 32;
const WORD_END = 2n ** 256n;

/** The number in big-endian bytes of any length; none is 0. */
export function readBigEndian(bytes: Uint8Array): bigint {
  return bytes.length === 0 ? 0n : BigInt(`0x${hex(bytes)}`);
}

/**
 * The shortest big-endian bytes of a number, none for 0: how integers travel on the wire and enter
 * the commitment. Throws RangeError below 0. Wire: Go big.Int.Bytes.
 */
export function bigEndian(value: bigint): Uint8Array {
  if (value < 0n) throw new RangeError('a negative number has no such bytes');
  if (value === 0n) return new Uint8Array(0);
  const digits = value.toString(16);
  return Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex');
}

/** A number as the 32 bytes of a uint256. Throws RangeError when it is none. */
export function word(value: bigint): Uint8Array {
  if (value < 0n || value >= WORD_END) throw new RangeError('a uint256 is from 0 to 2^256 - 1');
  return Buffer.from(value.toString(16).padStart(WORD_BYTES * 2, '0'), 'hex');
}
