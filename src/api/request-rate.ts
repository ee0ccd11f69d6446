import type { Clock } from '../base/clock.ts';
import type { Peer } from './client-address.ts';

/** A verifier reads a dozen files for each epoch, as fast as it gets them. */
const BURST = 400;
const PER_SECOND = 100;
/** Some hundred bytes each; whoever comes from more addresses than that is not held up by this. */
const PEERS_MAX = 10_000;

/** How much each may still ask for, by a name that says who it is. */
export interface Buckets {
  /** Takes one request from what `who` has left; false: it has to wait. */
  take(who: string): boolean;
}

interface Bucket {
  left: number;
  at: number;
}

/** A bucket of requests for each that fills up again by itself. */
export function createBuckets(
  clock: Clock,
  { burst = BURST, perSecond = PER_SECOND }: { burst?: number; perSecond?: number } = {},
): Buckets {
  const buckets = new Map<string, Bucket>();
  return {
    take(who) {
      const now = clock.now();
      const known = buckets.get(who);
      const left = known ? refilled(known, now) : burst;
      // Set anew, so that the map is in the order of the last request.
      buckets.delete(who);
      buckets.set(who, { left: Math.max(0, left - 1), at: now });
      if (buckets.size > PEERS_MAX) buckets.delete(buckets.keys().next().value as string);
      return left >= 1;
    },
  };

  function refilled({ left, at }: Bucket, now: number): number {
    return Math.min(burst, left + (Math.max(0, now - at) * perSecond) / 1000);
  }
}

/** Buckets by address, as `client-address.ts` has it. Programs of this machine are not limited. */
export function createRequestRate(
  clock: Clock,
  limits: { burst?: number; perSecond?: number } = {},
): { take(peer: Peer): boolean } {
  const buckets = createBuckets(clock, limits);
  return { take: (peer) => peer === undefined || buckets.take(peer) };
}
