import { kept } from './kept.ts';
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

/** Reads what everybody may know of the pool; whoever asks at the same time shares the answer. */
export function poolSnapshot(parts: PoolRoutesParts): () => ReturnType<typeof readPool> {
  const { clock } = parts;
  const slow = {
    standing: kept(STANDING_MS, clock, () => readStanding(parts)),
    totals: kept(TOTALS_MS, clock, () => readTotals(parts)),
  };
  return kept(SNAPSHOT_MS, clock, () => readPool(parts, slow));
}

/** `/api/v1/pool`: what everybody may know of the pool. */
export function poolRoutes(pool: ReturnType<typeof poolSnapshot>): readonly Route[] {
  return [serve(poolApi.read, pool)];
}
