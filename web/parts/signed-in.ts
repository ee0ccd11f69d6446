import type { z } from 'zod';
import type { PoolView } from '../../src/api/pool-view.ts';
import type { sessionApi } from '../../src/api/session-routes.ts';
import type { Moved, PageParts } from '../page.ts';

/** Who reads a page. */
export type Who = z.output<(typeof sessionApi)['who']['reply']>;

/** Of which pool a page is, and who reads it; undefined: the API does not say who. */
export interface PoolAndReader {
  readonly pool: PoolView;
  readonly who: Who | undefined;
}

/** Where each kind of reader signs in. */
const SIGN_IN = { worker: '/worker/sign-in', operator: '/operator/sign-in' } as const;

/** How every page for somebody who may sign in begins. */
export async function poolAndReader({ reader }: Pick<PageParts, 'reader'>): Promise<PoolAndReader> {
  const [pool, who] = await Promise.all([
    reader.json<PoolView>('/api/v1/pool'),
    reader.json<Who>('/api/v1/session'),
  ]);
  if (!pool) throw new Error('the pool does not say who it is');
  return { pool, who };
}

/** The same for a page that is only for workers, or for operators: others sign in, and come back. */
export async function signedInAs(
  kind: keyof typeof SIGN_IN,
  parts: Pick<PageParts, 'reader' | 'request'>,
): Promise<(PoolAndReader & { readonly who: Who }) | Moved> {
  const { pool, who } = await poolAndReader(parts);
  if (who?.kind === kind) return { pool, who };
  const { path, query } = parts.request;
  const here = query.size === 0 ? path : `${path}?${query}`;
  return { status: 303, location: `${SIGN_IN[kind]}?then=${encodeURIComponent(here)}` };
}
