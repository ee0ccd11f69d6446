import type { Clock } from '../base/clock.ts';

/** How often something may happen: at most `burst` at once, and `perSecond` in the long run. */
export interface Allowance {
  readonly burst: number;
  readonly perSecond: number;
}

/** Counts one thing of one connection. The returned function is false once there is too much of it. */
export function createAllowance(clock: Clock, { burst, perSecond }: Allowance): () => boolean {
  let left = burst;
  let at = clock.now();
  return () => {
    const now = clock.now();
    left = Math.min(burst, left + (Math.max(0, now - at) * perSecond) / 1000) - 1;
    at = now;
    return left >= 0;
  };
}
