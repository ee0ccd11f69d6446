// The shape that both trees have, of RFC 6962 (RFC 9162, section 2.1): n leaves split at the largest
// power of two below n. Positions are plain numbers: 2^53 leaves are more than any pool will have.

/** Which side of the way up a sibling stands on. */
export type Side = 'left' | 'right';

/** The largest power of two below `count`, which is 2 or more. */
export function splitOf(count: number): number {
  let half = 1;
  while (half * 2 < count) half *= 2;
  return half;
}

/**
 * The sides of the siblings on the way from a leaf up to the root: as many as an inclusion proof has
 * to have. Undefined when there is no such leaf.
 */
export function siblingSides(index: number, count: number): readonly Side[] | undefined {
  if (!Number.isSafeInteger(index) || !Number.isSafeInteger(count)) return undefined;
  if (index < 0 || index >= count) return undefined;
  const downwards: Side[] = [];
  let [at, left] = [index, count];
  while (left > 1) {
    const split = splitOf(left);
    if (at < split) {
      downwards.push('right');
      left = split;
    } else {
      downwards.push('left');
      at -= split;
      left -= split;
    }
  }
  return downwards.reverse();
}
