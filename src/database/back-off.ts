import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

/** A socket that is just being restarted answers within this. */
const FIRST_MS = 25;
/** Long enough not to load a server that starts, short enough for a segment's deadline of 8 s. */
const LONGEST_MS = 1_000;

/** Pauses that double, each shortened by up to a half so that nodes do not come back together. */
export interface BackOff {
  /** Resolves after the next pause; rejects with an AbortError when `signal` fires. */
  pause(signal?: AbortSignal): Promise<void>;
  reset(): void;
}

/** Real time on purpose: it waits for a real server, and must keep the process alive meanwhile. */
export function createBackOff(): BackOff {
  let nextMs = FIRST_MS;
  return {
    async pause(signal) {
      const ms = randomInt(Math.ceil(nextMs / 2), nextMs + 1);
      nextMs = Math.min(nextMs * 2, LONGEST_MS);
      await sleep(ms, undefined, signal ? { signal } : {});
    },
    reset() {
      nextMs = FIRST_MS;
    },
  };
}
