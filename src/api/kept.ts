import type { Clock } from '../base/clock.ts';

/** Reads at most once in `ms`; whoever asks meanwhile shares the answer. */
export function kept<T>(ms: number, clock: Clock, read: () => Promise<T>): () => Promise<T> {
  let last: { readonly at: number; readonly value: Promise<T> } | undefined;
  return () => {
    const now = clock.now();
    if (last && now - last.at < ms) return last.value;
    const value = read();
    last = { at: now, value };
    // What failed is asked again by the next.
    value.catch(() => {
      last = undefined;
    });
    return value;
  };
}
