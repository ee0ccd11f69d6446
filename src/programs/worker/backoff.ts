/** First wait; go-livepeer server/ot_rpc.go:RunTranscoder starts with the same. */
const FIRST_MS = 500;
const FACTOR = 1.5;
/** A pool that was away is found again within a minute and a half. */
const LONGEST_MS = 60_000;
/** ± this share, so that a fleet does not come back in one instant. */
const JITTER = 0.5;
/** A connection that lasted this long was good: the next loss starts over. Stock workers never do. */
export const STABLE_MS = 30_000;

/** Growing waits between attempts. */
export interface Backoff {
  /** The next wait in ms. */
  next(): number;
  /** Starts over after a connection that lasted `livedMs`, if that was long enough. */
  lived(livedMs: number): void;
}

/** `random` gives numbers from 0 to below 1. */
export function createBackoff(random: () => number): Backoff {
  let wait = FIRST_MS;
  return {
    next() {
      const jittered = wait * (1 - JITTER + 2 * JITTER * random());
      wait = Math.min(LONGEST_MS, wait * FACTOR);
      return Math.round(jittered);
    },
    lived(livedMs) {
      if (livedMs >= STABLE_MS) wait = FIRST_MS;
    },
  };
}
