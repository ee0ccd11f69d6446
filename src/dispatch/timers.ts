/** What a timer wakes: it carries the time of its one valid entry, Infinity when it has none. */
export interface Timed {
  timerAt: number;
}

/**
 * One pending time for each thing, earliest first. Arming later than what is armed does nothing:
 * the thing looks at itself when it wakes and arms again. So a running job costs one entry, not one
 * for each of its deadlines.
 */
export interface Timers<T extends Timed> {
  arm(thing: T, at: number): void;
  disarm(thing: T): void;
  nextAt(): number | undefined;
  /** Takes the earliest thing that is due at `now`; it is no longer armed. */
  takeDue(now: number): T | undefined;
}

export function createTimers<T extends Timed>(): Timers<T> {
  // Two arrays side by side: the times stand close together, and sifting reads only them.
  const times: number[] = [];
  const things: T[] = [];

  const insert = (thing: T, at: number): void => {
    let index = times.length;
    times.push(at);
    things.push(thing);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if ((times[parent] as number) <= at) break;
      times[index] = times[parent] as number;
      things[index] = things[parent] as T;
      index = parent;
    }
    times[index] = at;
    things[index] = thing;
  };

  const removeTop = (): void => {
    const at = times.pop() as number;
    const thing = things.pop() as T;
    const size = times.length;
    if (size === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= size) break;
      if (child + 1 < size && (times[child + 1] as number) < (times[child] as number)) child++;
      if ((times[child] as number) >= at) break;
      times[index] = times[child] as number;
      things[index] = things[child] as T;
      index = child;
    }
    times[index] = at;
    things[index] = thing;
  };

  /** Disarmed things leave their entries behind; they go when they come to the top. */
  const nextAt = (): number | undefined => {
    while (times.length > 0) {
      if ((things[0] as T).timerAt === times[0]) return times[0];
      removeTop();
    }
    return undefined;
  };

  return {
    arm(thing, at) {
      if (at >= thing.timerAt) return;
      thing.timerAt = at;
      insert(thing, at);
    },
    disarm(thing) {
      thing.timerAt = Number.POSITIVE_INFINITY;
    },
    nextAt,
    takeDue(now) {
      const at = nextAt();
      if (at === undefined || at > now) return undefined;
      const thing = things[0] as T;
      removeTop();
      thing.timerAt = Number.POSITIVE_INFINITY;
      return thing;
    },
  };
}
