import type { Clock } from '../base/clock.ts';
import type { Peer } from './client-address.ts';
import { type Problem, problems } from './problem.ts';
import { createBuckets } from './request-rate.ts';

/**
 * Answers that are made for one stranger alone, each some milliseconds of the event loop that segments
 * share. A person opens a page a second; what thousands ask alike is made once a second for all.
 */
const EACH = { burst: 60, perSecond: 10 } as const;
/** Of all strangers together: half of the event loop at ten milliseconds each. */
const ALL = { burst: 200, perSecond: 50 } as const;

/** How much is made for those who show neither session nor credential. */
export interface Strangers {
  /** Why an answer is not made now; undefined: it may be. */
  refusalOf(peer: Peer, path: string): Problem | undefined;
}

/** Built files lie in memory, and are for whoever comes. */
export function isBuiltFile(path: string): boolean {
  return path.startsWith('/assets/');
}

/** Events are made once a second for all, and have a limit of their own. */
function isOfEvents(path: string): boolean {
  return path.startsWith('/api/') && path.endsWith('/live');
}

export function createStrangers(clock: Clock): Strangers {
  const each = createBuckets(clock, EACH);
  const all = createBuckets(clock, ALL);
  return {
    refusalOf(peer, path) {
      if (peer === undefined || isBuiltFile(path) || isOfEvents(path)) return undefined;
      if (!each.take(peer)) return problems.tooMany;
      return all.take('') ? undefined : problems.busy;
    },
  };
}
