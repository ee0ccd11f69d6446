import type { Clock } from '../../base/clock.ts';

/** A segment that knows where it lies in its stream, in milliseconds. */
export interface Timed {
  readonly startMs: number;
  readonly durationMs: number;
}

/**
 * Gives each segment at the moment at which a live encoder would have finished it: a segment that
 * covers 2 s to 4 s comes 4 s after the first call. Late consumers get late segments at once.
 */
export async function* livePaced<T extends Timed>(
  segments: AsyncIterable<T>,
  clock: Clock,
): AsyncGenerator<T> {
  const startedAt = clock.now();
  let originMs: number | undefined;
  for await (const segment of segments) {
    originMs ??= segment.startMs;
    const dueMs = segment.startMs - originMs + segment.durationMs;
    const waitMs = startedAt + dueMs - clock.now();
    if (waitMs > 0) await passed(clock, waitMs);
    yield segment;
  }
}

function passed(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(ms, resolve);
  });
}
