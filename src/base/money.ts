/** Whole wei, never negative. */
export type Wei = bigint & { readonly __brand: 'Wei' };
/** Encoded output pixels: width x height x frames, never negative. */
export type Pixels = bigint & { readonly __brand: 'Pixels' };

const WEI_MAX = 2n ** 256n - 1n;
/** Fits PostgreSQL's numeric and int64 on the wire. */
const PIXELS_MAX = 2n ** 63n - 1n;

/** Checks that a bigint is an amount of wei. Throws RangeError otherwise. */
export function wei(value: bigint): Wei {
  if (typeof value !== 'bigint' || value < 0n || value > WEI_MAX) {
    throw new RangeError(`not an amount of wei: ${value}`);
  }
  return value as Wei;
}

/** Checks that a bigint is a count of pixels. Throws RangeError otherwise. */
export function pixels(value: bigint): Pixels {
  if (typeof value !== 'bigint' || value < 0n || value > PIXELS_MAX) {
    throw new RangeError(`not a pixel count: ${value}`);
  }
  return value as Pixels;
}
