import type { PoolStatus } from './pool-api.ts';

/** A worker seen busy so many times in a row is in the middle of a segment, not at its edge. */
const SEEN_BUSY = 2;
/** A kill that hit the gap between two segments proves nothing; then it is tried again. */
const KILLS_MAX = 3;

/** What to do about the workers now. */
export type KillDecision =
  | { readonly act: 'wait' }
  | { readonly act: 'kill'; readonly worker: string }
  /** The killed worker's segment was taken up by another. */
  | { readonly act: 'survived'; readonly worker: string };

/** Decides when the demo kills which worker, from what the pool says. */
export interface Killing {
  /** Looks at one status; `due` from the middle of the stream on. */
  decide(status: PoolStatus, due: boolean): KillDecision;
  readonly kills: number;
  readonly survived: boolean;
}

/**
 * Kills the worker that runs a task, and again if that hit no segment: the count of retries in the
 * pool says whether one was lost with the worker.
 */
export function createKilling(): Killing {
  const seen = new Map<string, number>();
  let kills = 0;
  let survived = false;
  let current: { worker: string; retriedBefore: number; okBefore: number } | undefined;
  return {
    decide(status, due) {
      const { retried, ok } = status.segments;
      if (survived || !due) return { act: 'wait' };
      if (current) {
        const { worker, retriedBefore, okBefore } = current;
        if (retried > retriedBefore && ok > okBefore) {
          survived = true;
          current = undefined;
          return { act: 'survived', worker };
        }
        const missed = retried === retriedBefore && ok > okBefore + 1;
        if (!missed || kills >= KILLS_MAX) return { act: 'wait' };
        current = undefined;
      }
      for (const { name, runningTasks } of status.workers) {
        seen.set(name, runningTasks > 0 ? (seen.get(name) ?? 0) + 1 : 0);
      }
      const busy = status.workers.find(({ name }) => (seen.get(name) ?? 0) >= SEEN_BUSY);
      if (!busy) return { act: 'wait' };
      seen.clear();
      kills += 1;
      current = { worker: busy.name, retriedBefore: retried, okBefore: ok };
      return { act: 'kill', worker: busy.name };
    },
    get kills() {
      return kills;
    },
    get survived() {
      return survived;
    },
  };
}
