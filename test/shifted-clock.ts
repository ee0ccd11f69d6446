import { type Clock, instant, systemClock } from '../src/base/clock.ts';

/** The machine's clock with a jump that a test decides on; timers run in real time. */
export interface ShiftedClock extends Clock {
  /** Moves the time that `now` tells, at once. */
  shift(ms: number): void;
}

export function createShiftedClock(): ShiftedClock {
  let shiftedMs = 0;
  return {
    now: () => instant(systemClock.now() + shiftedMs),
    after: systemClock.after,
    shift(ms) {
      shiftedMs += ms;
    },
  };
}
