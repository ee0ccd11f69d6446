/**
 * Reads bits of a NAL unit, skipping emulation prevention bytes (00 00 03). Past the end it gives
 * zeros and sets `overrun`, so that hostile input can neither throw nor loop.
 */
export interface BitReader {
  /** Up to 32 bits, unsigned. */
  u(bits: number): number;
  flag(): boolean;
  skip(bits: number): void;
  /** Exp-Golomb, unsigned; at most 2^32 - 2. */
  ue(): number;
  /** Exp-Golomb, signed. */
  se(): number;
  readonly overrun: boolean;
}

/** A reader of `bytes[start, end)`. One reader is reused per thread: a new start ends the old one. */
export function bitReader(): BitReader & {
  start(bytes: Uint8Array, start: number, end: number): void;
} {
  let data: Uint8Array = new Uint8Array(0);
  let position = 0;
  let limit = 0;
  let zeros = 0;
  let held = 0;
  let left = 0;
  let overrun = false;

  const bit = (): number => {
    if (left === 0) {
      if (position >= limit) {
        overrun = true;
        return 0;
      }
      let byte = data[position++] as number;
      if (zeros >= 2 && byte === 3) {
        zeros = 0;
        if (position >= limit) {
          overrun = true;
          return 0;
        }
        byte = data[position++] as number;
      }
      zeros = byte === 0 ? zeros + 1 : 0;
      held = byte;
      left = 8;
    }
    left -= 1;
    return (held >> left) & 1;
  };

  const u = (bits: number): number => {
    let value = 0;
    for (let index = 0; index < bits; index += 1) value = value * 2 + bit();
    return value;
  };

  const ue = (): number => {
    let length = 0;
    while (length < 32 && !overrun && bit() === 0) length += 1;
    return length === 0 ? 0 : 2 ** length - 1 + u(length);
  };

  return {
    start(bytes, start, end) {
      data = bytes;
      position = start;
      limit = end;
      zeros = 0;
      left = 0;
      overrun = false;
    },
    u,
    ue,
    flag: () => bit() === 1,
    skip(bits) {
      for (let index = 0; index < bits && !overrun; index += 1) bit();
    },
    se() {
      const code = ue();
      return code % 2 === 1 ? (code + 1) / 2 : -code / 2;
    },
    get overrun() {
      return overrun;
    },
  };
}
