/** Virtual time: what is to happen, in order of time and, within a moment, of being asked for. */
export interface Clockwork {
  readonly now: number;
  after(ms: number, run: () => void): void;
  /** Runs everything up to and including `end`. */
  runUntil(end: number): void;
}

export function createClockwork(): Clockwork {
  const heap: { at: number; order: number; run: () => void }[] = [];
  let now = 0;
  let order = 0;

  const before = (a: number, b: number): boolean => {
    const x = heap[a] as (typeof heap)[number];
    const y = heap[b] as (typeof heap)[number];
    return x.at < y.at || (x.at === y.at && x.order < y.order);
  };
  const swap = (a: number, b: number): void => {
    const held = heap[a] as (typeof heap)[number];
    heap[a] = heap[b] as (typeof heap)[number];
    heap[b] = held;
  };
  const takeFirst = () => {
    const first = heap[0];
    const last = heap.pop();
    if (!first || !last || heap.length === 0) return first;
    heap[0] = last;
    for (let index = 0; ; ) {
      let child = 2 * index + 1;
      if (child >= heap.length) return first;
      if (child + 1 < heap.length && before(child + 1, child)) child++;
      if (!before(child, index)) return first;
      swap(child, index);
      index = child;
    }
  };

  return {
    get now() {
      return now;
    },
    after(ms, run) {
      let index = heap.push({ at: now + Math.max(0, ms), order: order++, run }) - 1;
      while (index > 0 && before(index, (index - 1) >> 1)) {
        swap(index, (index - 1) >> 1);
        index = (index - 1) >> 1;
      }
    },
    runUntil(end) {
      for (;;) {
        const first = heap[0];
        if (!first || first.at > end) break;
        takeFirst();
        now = first.at;
        first.run();
      }
      now = end;
    },
  };
}
