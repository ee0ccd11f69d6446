import { type Clock, type Instant, systemClock, type Timer } from '../src/base/clock.ts';

/** The machine's clock, with leaps: for what a pool does only after seconds or minutes. */
export interface TravellingClock extends Clock {
  /** Leaps forward; every timer on the way runs at its time, in order. */
  leap(ms: number): void;
}

interface Pending {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
  real: Timer;
}

/** Creates one that starts at the machine's time. */
export function createTravellingClock(): TravellingClock {
  const pending = new Set<Pending>();
  let ahead = 0;
  let order = 0;
  const now = () => systemClock.now() + ahead;

  function arm(timer: Pending): void {
    timer.real = systemClock.after(Math.max(0, timer.at - now()), () => fire(timer));
  }

  function fire(timer: Pending): void {
    if (!pending.delete(timer)) return;
    timer.real.cancel();
    timer.run();
  }

  return {
    now: () => now() as Instant,
    after(ms, run) {
      const timer: Pending = { at: now() + ms, order: order++, run, real: { cancel() {} } };
      pending.add(timer);
      arm(timer);
      return {
        cancel() {
          pending.delete(timer);
          timer.real.cancel();
        },
      };
    },
    leap(ms) {
      const target = now() + ms;
      for (;;) {
        const next = [...pending]
          .filter(({ at }) => at <= target)
          .sort((a, b) => a.at - b.at || a.order - b.order)[0];
        if (!next) break;
        ahead += Math.max(0, next.at - now());
        fire(next);
      }
      ahead += Math.max(0, target - now());
      for (const timer of pending) {
        timer.real.cancel();
        arm(timer);
      }
    },
  };
}
