import type { z } from 'zod';
import { TributaryError } from '../base/errors.ts';
import { directoryView, listedPool, standing, wholePool } from './directory-views.ts';
import { defineRoute, type Route, serve } from './route.ts';
import { pageOf, pageQuery } from './shapes.ts';

/** Of the list as CSV. */
const columns: readonly string[] = [
  'id',
  'url',
  'standing',
  'lookedAt',
  'says.name',
  'says.orchestrator',
  'says.terms.version',
  'measured.uptime30.page',
  'measured.uptime30.service',
  'measured.epochsHeld',
  'measured.epochsPublished',
  'measured.payouts',
  'measured.payoutsOnChain',
  'measured.payoutsLate',
  'measured.workersOverdue',
];

export const directoryApi = {
  about: defineRoute({
    method: 'GET',
    path: '/api/v1/directory',
    access: 'public',
    summary: 'What this directory looks at, and how often.',
    reply: directoryView,
  }),
  list: defineRoute({
    method: 'GET',
    path: '/api/v1/pools',
    access: 'public',
    summary: 'Every pool: what it says of itself, and what was measured.',
    query: pageQuery.extend({ standing: standing.optional() }),
    reply: pageOf(listedPool),
    csv: columns,
  }),
  read: defineRoute({
    method: 'GET',
    path: '/api/v1/pools/{pool}',
    access: 'public',
    summary: 'One pool with its terms, days, epochs and what was found in each.',
    reply: wholePool,
  }),
  manifest: defineRoute({
    method: 'GET',
    path: '/api/v1/pools/{pool}/manifest',
    access: 'public',
    summary: 'The newest manifest that was in order, as the pool signed it.',
    reply: { type: 'application/json; charset=utf-8' },
  }),
} as const;

/** Where the routes of a directory read. */
export interface DirectoryRoutesParts {
  about(): z.input<typeof directoryView>;
  /** In the order of the seed list. */
  list(): readonly z.input<typeof listedPool>[];
  read(id: string): z.input<typeof wholePool> | undefined;
  manifest(id: string): string | undefined;
}

/** `/api/v1/pools` and what belongs to it. */
export function directoryRoutes(parts: DirectoryRoutesParts): readonly Route[] {
  const found = <T>(value: T | undefined): T => {
    if (value !== undefined) return value;
    throw new TributaryError('pool_unknown', 'There is no such pool in this directory.');
  };
  return [
    serve(directoryApi.about, async () => parts.about()),
    serve(directoryApi.list, async ({ query, cursor }) => {
      const all = parts
        .list()
        .filter((one) => query.standing === undefined || one.standing === query.standing);
      const [after] = cursor.after ?? [];
      const from = after === undefined ? 0 : all.findIndex(({ id }) => id === after) + 1;
      const items = all.slice(from, from + query.limit);
      const last = items.at(-1);
      const goesOn = last !== undefined && from + items.length < all.length;
      return { items, next: goesOn ? cursor.write([last.id]) : null };
    }),
    serve(directoryApi.read, async ({ params: { pool } }) => found(parts.read(pool))),
    serve(directoryApi.manifest, async ({ params: { pool } }) =>
      Buffer.from(found(parts.manifest(pool))),
    ),
  ];
}
