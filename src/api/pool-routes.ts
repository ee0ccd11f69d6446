import type { Clock } from '../base/clock.ts';
import { type PoolFactsParts, readPool, readStanding, readTotals } from './pool-facts.ts';
import { poolView } from './pool-view.ts';
import { defineRoute, type Route, serve } from './route.ts';

/** What everybody sees is put together at most this often, however many look. */
const SNAPSHOT_MS = 2_000;
/** Sums over all that was ever done. */
const TOTALS_MS = 10_000;
/** The chain moves in rounds of hours; providers are paid by the question. */
const STANDING_MS = 60_000;

/** What the route of the pool stands on. */
export type PoolRoutesParts = PoolFactsParts;

export const poolApi = {
  read: defineRoute({
    method: 'GET',
    path: '/api/v1/pool',
    access: 'public',
    summary: 'Who the pool is, what it promises now, what flows through it, and how it stands.',
    reply: poolView,
  }),
} as const;

/** `/api/v1/pool`: what everybody may know of the pool. */
export function poolRoutes(parts: PoolRoutesParts): readonly Route[] {
  const { clock } = parts;
  const slow = {
    standing: kept(STANDING_MS, clock, () => readStanding(parts)),
    totals: kept(TOTALS_MS, clock, () => readTotals(parts)),
  };
  const snapshot = kept(SNAPSHOT_MS, clock, () => readPool(parts, slow));
  return [serve(poolApi.read, snapshot)];
}

/** Reads at most once in `ms`; whoever asks meanwhile shares the answer. */
function kept<T>(ms: number, clock: Clock, read: () => Promise<T>): () => Promise<T> {
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
