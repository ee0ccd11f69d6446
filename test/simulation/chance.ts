import type { RandomBytes } from '../../src/base/ids.ts';
import { createPick } from '../../src/dispatch/random.ts';
import { seededBytes } from '../../src/dispatch/table.test-kit.ts';

/** All the luck of one world, from one seed. */
export interface Chance {
  /** True in `share` of the cases. */
  hits(share: number): boolean;
  /** Uniform in [low, high). */
  between(low: number, high: number): number;
  /** An integer in [low, high]. */
  whole(low: number, high: number): number;
  oneOf<T>(things: readonly T[]): T;
  readonly bytes: RandomBytes;
}

export function createChance(seed: number): Chance {
  const pick = createPick(seededBytes(seed));
  const fraction = () => pick(0x7fff_ffff) / 0x7fff_ffff;
  return {
    hits: (share) => share > 0 && fraction() < share,
    between: (low, high) => low + fraction() * (high - low),
    whole: (low, high) => low + pick(high - low + 1),
    oneOf: (things) => things[pick(things.length)] as (typeof things)[number],
    bytes: (size) => Uint8Array.from({ length: size }, () => pick(256)),
  };
}
