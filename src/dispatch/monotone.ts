import type { Instant } from '../base/clock.ts';

/**
 * How far one event may carry time past a timer that was due. A longer gap is a clock that was set
 * forward or a process that was asleep, not a late timer; the event loop is never busy for so long.
 * Little enough that a job between two of its deadlines does not lose the later one too.
 */
const LATE_TIMER_MS = 1_000;

/** Time that only moves forward, and never leaps over pending work, made from a wall clock. */
export interface Monotone {
  /**
   * Takes the wall clock's `now`; gives the time to reckon with. `dueAt`: the next timer; `rang`:
   * the shell says that it rang, which it measures in elapsed time, whatever the clock shows.
   */
  advance(now: Instant, dueAt: number | undefined, rang: boolean): number;
  /** A wall-clock instant of the same moment as the last `advance`, on the inner scale. */
  inner(wall: Instant): number;
  /** An inner time on the wall clock's scale. */
  wall(inner: number): Instant;
}

/**
 * A wall clock steps (NTP, suspend, an operator). A step back must not freeze timers, and a step
 * forward must not fail every running job at once.
 */
export function createMonotone(): Monotone {
  let offset = 0;
  let last = Number.NEGATIVE_INFINITY;
  return {
    advance(now, dueAt, rang) {
      let time = now + offset;
      const latest = dueAt === undefined ? time : Math.max(last, dueAt + LATE_TIMER_MS);
      if (time < last) time = rang && dueAt !== undefined ? Math.max(last, dueAt) : last;
      else if (time > latest) time = latest;
      offset = time - now;
      last = time;
      return time;
    },
    inner: (wall) => wall + offset,
    wall: (inner) => (inner - offset) as Instant,
  };
}
