/** Segments over which the speed is told: about a minute of one live stream. */
const SPEED_SEGMENTS = 32;

/** Counts of a worker since its start. */
export interface Tally {
  posted(segment: {
    readonly mediaMs: number;
    readonly transcodeMs: number;
    readonly pixels: bigint;
  }): void;
  failed(text: string): void;
  /** Something other than a segment went wrong. */
  trouble(text: string): void;
  readonly segments: number;
  readonly failures: number;
  readonly pixels: bigint;
  /** Media time per transcode time of one session, over the last segments; undefined before any. */
  readonly speed: number | undefined;
  readonly lastError: string | undefined;
}

/** Starts at zero. */
export function createTally(): Tally {
  const recent: { mediaMs: number; transcodeMs: number }[] = [];
  let segments = 0;
  let failures = 0;
  let pixels = 0n;
  let lastError: string | undefined;
  return {
    posted(segment) {
      segments++;
      pixels += segment.pixels;
      recent.push(segment);
      if (recent.length > SPEED_SEGMENTS) recent.shift();
    },
    failed(text) {
      failures++;
      lastError = text;
    },
    trouble(text) {
      lastError = text;
    },
    get segments() {
      return segments;
    },
    get failures() {
      return failures;
    },
    get pixels() {
      return pixels;
    },
    get speed() {
      if (recent.length === 0) return undefined;
      const media = recent.reduce((sum, { mediaMs }) => sum + mediaMs, 0);
      const took = recent.reduce((sum, { transcodeMs }) => sum + transcodeMs, 0);
      return media / Math.max(1, took);
    },
    get lastError() {
      return lastError;
    },
  };
}
