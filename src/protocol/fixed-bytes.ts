/**
 * The last `length` bytes, or the bytes with zeros before them: how go-livepeer reads addresses and
 * hashes of a wrong length. Wire: go-ethereum common.BytesToAddress, BytesToHash.
 */
export function fixedBytes(bytes: Uint8Array, length: number): Uint8Array {
  if (bytes.length === length) return bytes;
  const fixed = new Uint8Array(length);
  const tail = bytes.subarray(Math.max(0, bytes.length - length));
  fixed.set(tail, length - tail.length);
  return fixed;
}

/** Whether two byte strings are the same. Not for secrets: the time taken tells where they differ. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
