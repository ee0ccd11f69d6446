import type { SizeRun } from './inspection.ts';

/** Pictures larger than this have fingerprints; small ones are alike in any two encodes. */
const FINGERPRINT_BYTES_MIN = 512;
/** More than a 300 s segment at 240 Hz has; the rest of a flood is counted without one. */
const FINGERPRINTS_MAX = 72_000;

/** A video codec's way to tell pictures apart; fed with NAL units in stream order. */
export interface NalCounter {
  /** One NAL unit without start code or length; `time` is the tick of the packet it came in. */
  nal(bytes: Uint8Array, start: number, end: number, time: number): void;
  /** No more NAL units. */
  end(): void;
  readonly tally: PictureTally;
  readonly hasParameterSets: boolean;
}

/** What pictures add up to. */
export interface PictureTally {
  readonly frames: number;
  readonly keyFrames: number;
  readonly firstIsKey: boolean;
  readonly sizes: readonly SizeRun[];
  /** Ticks of the counted frames, in stream order; NaN where the packet had none. */
  readonly times: readonly number[];
  readonly fingerprints: readonly number[];
  readonly badNals: number;
}

export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly key: boolean;
  /** A decoder delivers it. */
  readonly shown: boolean;
  readonly time: number;
}

/** Collects pictures as a codec finds them. */
export function pictureTally() {
  let frames = 0;
  let keyFrames = 0;
  let first: boolean | undefined;
  let badNals = 0;
  let sliceBytes = 0;
  let digest = 0;
  const sizes: { width: number; height: number; frames: number }[] = [];
  const times: number[] = [];
  const fingerprints: number[] = [];

  const closePicture = () => {
    if (sliceBytes >= FINGERPRINT_BYTES_MIN && fingerprints.length < FINGERPRINTS_MAX) {
      fingerprints.push(mix(digest, sliceBytes));
    }
    sliceBytes = 0;
    digest = 0;
  };

  return {
    picture({ width, height, key, shown, time }: Picture): void {
      closePicture();
      first ??= key;
      if (key) keyFrames += 1;
      if (!shown) return;
      frames += 1;
      times.push(time);
      const last = sizes[sizes.length - 1];
      if (last && last.width === width && last.height === height) last.frames += 1;
      else sizes.push({ width, height, frames: 1 });
    },
    /** Adds slice data of the current picture to its fingerprint. */
    slice(bytes: Uint8Array, start: number, end: number): void {
      const length = end - start;
      sliceBytes += length;
      // 16 bytes from the middle: beyond headers, and different in any two encodes.
      const from = start + (length >> 1);
      const to = Math.min(from + 16, end);
      for (let at = from; at < to; at += 1) digest = mix(digest, bytes[at] as number);
      digest = mix(digest, length);
    },
    bad(): void {
      badNals += 1;
    },
    end: closePicture,
    get tally(): PictureTally {
      return {
        frames,
        keyFrames,
        firstIsKey: first ?? false,
        sizes,
        times,
        fingerprints,
        badNals,
      };
    },
  };
}

/** One step of FNV-1a over a number. */
function mix(hash: number, value: number): number {
  return Math.imul(hash ^ value ^ 0x811c9dc5, 0x01000193) >>> 0;
}
