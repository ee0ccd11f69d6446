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

interface Entry<T> {
  readonly at: number;
  readonly thing: T;
}

export function createTimers<T extends Timed>(): Timers<T> {
  const heap: Entry<T>[] = [];

  /** Disarmed things leave their entries behind; they go when they come to the top. */
  const top = (): Entry<T> | undefined => {
    for (;;) {
      const first = heap[0];
      if (!first || first.thing.timerAt === first.at) return first;
      removeTop(heap);
    }
  };

  return {
    arm(thing, at) {
      if (at >= thing.timerAt) return;
      thing.timerAt = at;
      insert(heap, { at, thing });
    },
    disarm(thing) {
      thing.timerAt = Number.POSITIVE_INFINITY;
    },
    nextAt: () => top()?.at,
    takeDue(now) {
      const first = top();
      if (!first || first.at > now) return undefined;
      removeTop(heap);
      first.thing.timerAt = Number.POSITIVE_INFINITY;
      return first.thing;
    },
  };
}

function insert<T>(heap: Entry<T>[], entry: Entry<T>): void {
  let index = heap.push(entry) - 1;
  while (index > 0) {
    const parent = (index - 1) >> 1;
    const above = heap[parent] as Entry<T>;
    if (above.at <= entry.at) break;
    heap[index] = above;
    index = parent;
  }
  heap[index] = entry;
}

function removeTop<T>(heap: Entry<T>[]): void {
  const last = heap.pop() as Entry<T>;
  const size = heap.length;
  if (size === 0) return;
  let index = 0;
  for (;;) {
    let child = 2 * index + 1;
    if (child >= size) break;
    if (child + 1 < size && (heap[child + 1] as Entry<T>).at < (heap[child] as Entry<T>).at)
      child++;
    const below = heap[child] as Entry<T>;
    if (below.at >= last.at) break;
    heap[index] = below;
    index = child;
  }
  heap[index] = last;
}
