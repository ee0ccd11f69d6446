import type { Clock, Instant } from '../../base/clock.ts';

/** A segment that knows where it lies in its stream, in milliseconds. */
export interface Timed {
  readonly startMs: number;
  readonly durationMs: number;
}

/** A segment, and since when it waits to be sent; undefined where nothing is live. */
export interface Due<T> {
  readonly segment: T;
  readonly completeAt: Instant | undefined;
}

/**
 * Gives each segment at the moment at which a live encoder would have finished it: a segment that
 * covers 2 s to 4 s comes 4 s after the first call. Late consumers get late segments at once, and
 * read in `completeAt` how late they are.
 */
export async function* livePaced<T extends Timed>(
  segments: AsyncIterable<T>,
  clock: Clock,
): AsyncGenerator<Due<T>> {
  const startedAt = clock.now();
  let originMs: number | undefined;
  for await (const segment of segments) {
    originMs ??= segment.startMs;
    const completeAt = startedAt + segment.startMs - originMs + segment.durationMs;
    if (completeAt > clock.now()) await passed(clock, completeAt - clock.now());
    yield { segment, completeAt: completeAt as Instant };
  }
}

/** Gives each segment as soon as it is asked for. */
export async function* asSoonAsRead<T>(segments: AsyncIterable<T>): AsyncGenerator<Due<T>> {
  for await (const segment of segments) yield { segment, completeAt: undefined };
}

function passed(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(ms, resolve);
  });
}
