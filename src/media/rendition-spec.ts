/**
 * What one rendition must be. Structurally compatible with `VideoProfile` of protocol/, so that a
 * profile of a job can be passed as it is.
 */
export interface RenditionSpec {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  /** Bits per second; 0 leaves the rate to the encoder. */
  readonly bitrate: number;
  /** Numerator of the frame rate; 0 keeps the timing of the input. */
  readonly fps: number;
  /** Denominator of the frame rate; 0 means 1. */
  readonly fpsDen: number;
  readonly format: 'mpegts' | 'mp4';
  readonly h264Profile: 'default' | 'baseline' | 'main' | 'high' | 'constrained_high';
  /** Milliseconds between key frames; -1 makes every frame a key frame; 0 leaves it to the encoder. */
  readonly gop: number;
  readonly encoder: 'h264' | 'hevc' | 'vp8' | 'vp9';
  /** Constant quality (CRF) with the bitrate as maximum; 0 is off. */
  readonly quality: number;
}

/** Which part of the input to transcode, in milliseconds from its first frame. */
export interface Clip {
  readonly fromMs: number;
  readonly toMs: number;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

/**
 * Sizes between which stock transcoders clamp a request (wire: lpms ffmpeg/ffmpeg.go). VP8 and VP9
 * have no row there; the row of H.264 is used, as it is the narrower one.
 */
const SIZE_LIMITS = {
  h264: { widthMin: 146, heightMin: 50, max: 4096 },
  hevc: { widthMin: 132, heightMin: 40, max: 8192 },
  vp8: { widthMin: 146, heightMin: 50, max: 4096 },
  vp9: { widthMin: 146, heightMin: 50, max: 4096 },
} as const;

const clamp = (value: number, low: number, high: number): number =>
  Math.min(Math.max(value, low), high);

const even = (value: number): number => Math.trunc(value / 2) * 2;

/**
 * The size a transcoder delivers: the larger side asked for becomes the larger side of the input,
 * the other follows the input's aspect ratio, both even; so a portrait input stays portrait.
 * A smaller side below the codec's minimum is lifted to it and the larger side follows instead.
 * Source: wire-transcoder rules of lpms ffmpeg/ffmpeg.go createCOutputParams.
 */
export function renditionSize(
  spec: Pick<RenditionSpec, 'width' | 'height' | 'encoder'>,
  input: Size,
): Size {
  const limits = SIZE_LIMITS[spec.encoder];
  const width = clamp(spec.width, limits.widthMin, limits.max);
  const height = clamp(spec.height, limits.heightMin, limits.max);
  const larger = Math.max(width, height);
  if (input.width >= input.height) {
    if ((larger * input.height) / input.width >= limits.heightMin) {
      return { width: even(larger), height: follow(larger, input.height, input.width) };
    }
    const low = limits.heightMin;
    return { width: follow(low, input.width, input.height), height: low };
  }
  if ((larger * input.width) / input.height >= limits.widthMin) {
    return { width: follow(larger, input.width, input.height), height: even(larger) };
  }
  const low = limits.widthMin;
  return { width: low, height: follow(low, input.height, input.width) };
}

/** FFmpeg's scale filter with -2: rounded to the nearest multiple of two, at least two. */
function follow(side: number, numerator: number, denominator: number): number {
  return Math.max(2, Math.round((side * numerator) / (denominator * 2)) * 2);
}
