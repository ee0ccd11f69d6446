const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
const U64_MAX = 2n ** 64n - 1n;
/** The end of what 16 bytes hold: every quantity of the proofs is below. */
export const U128_END = 2n ** 128n;

/** Lower-case hex without prefix. Runs in a browser, where base/bytes.ts does not. */
export function toHex(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += HEX[byte];
  return text;
}

/** Decodes lower-case hex of exactly `length` bytes; undefined when it is not. */
export function fromHex(text: string, length: number): Uint8Array | undefined {
  if (text.length !== length * 2 || !/^[0-9a-f]*$/.test(text)) return undefined;
  return Uint8Array.from({ length }, (_, at) =>
    Number.parseInt(text.slice(at * 2, at * 2 + 2), 16),
  );
}

/** One byte string after the other. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Whether two byte strings are the same. Not for secrets: the time taken tells where they differ. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at += 1) if (a[at] !== b[at]) return false;
  return true;
}

/** A number as 8 big-endian bytes. Throws RangeError when it does not fit. */
export function u64(value: bigint): Uint8Array {
  if (value < 0n || value > U64_MAX) throw new RangeError(`8 bytes cannot hold ${value}`);
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value);
  return bytes;
}

/** A number as 16 big-endian bytes. Throws RangeError when it does not fit. */
export function u128(value: bigint): Uint8Array {
  if (value < 0n || value >= U128_END) throw new RangeError(`16 bytes cannot hold ${value}`);
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, value >> 64n);
  view.setBigUint64(8, value & U64_MAX);
  return bytes;
}

/** The 16 big-endian bytes at `offset` as a number. */
export function readU128(view: DataView, offset: number): bigint {
  return (view.getBigUint64(offset) << 64n) | view.getBigUint64(offset + 8);
}
