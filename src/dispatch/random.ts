import type { RandomBytes } from '../base/ids.ts';

/** One call for many ids: a system call per task id costs more than the decision itself. */
const DRAW_BYTES = 2048;

/** The same bytes as `random` gives, fetched in larger pieces. */
export function pooled(random: RandomBytes): RandomBytes {
  let held = new Uint8Array(0);
  let used = 0;
  return (size) => {
    if (size > DRAW_BYTES) return random(size);
    if (used + size > held.length) {
      held = Uint8Array.from(random(DRAW_BYTES));
      used = 0;
    }
    used += size;
    return held.subarray(used - size, used);
  };
}

/** A uniform integer in [0, below), `below` at most 2^31. Not secret: for choosing candidates. */
export type Pick = (below: number) => number;

/** xoshiro128** (Blackman and Vigna, 2018) seeded once from `random`. */
export function createPick(random: RandomBytes): Pick {
  const seed = Uint8Array.from(random(16));
  const view = new DataView(seed.buffer);
  let a = view.getUint32(0) | 1; // a state of only zeros would stay there
  let b = view.getUint32(4);
  let c = view.getUint32(8);
  let d = view.getUint32(12);
  return (below) => {
    const mixed = Math.imul(b, 5);
    const result = Math.imul((mixed << 7) | (mixed >>> 25), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = (d << 11) | (d >>> 21);
    // Multiply and shift: the bias is below 2^-20 for every fleet that fits in a process.
    return Math.floor((result / 4_294_967_296) * below);
  };
}
