import type { PoolView } from '../../src/api/pool-view.ts';
import type { Moved, Page, PageParts, Shown } from '../page.ts';
import { PostForm } from '../parts/confirm.tsx';
import type { Frame, RailLink } from '../parts/layout.tsx';
import { signedInAs, type Who } from '../parts/signed-in.ts';
import type { OwnWorker } from './api-views.ts';

/** What a page of somebody who signed in is made from. */
export interface WorkerParts extends PageParts {
  readonly pool: PoolView;
  /** Those that are the reader's, by name. */
  readonly workers: readonly OwnWorker[];
  /** The one that the page is about: as `?worker=` says, else the first. */
  readonly worker: OwnWorker;
  /** What forms of this session carry. */
  readonly token: string | undefined;
}

/** What such a page shows. */
export interface WorkerShown extends Pick<Shown, 'content' | 'status'> {
  readonly title: string;
  /** The link of the rail that it belongs to. */
  readonly current: string;
}

/**
 * A page for workers: whoever is not signed in is sent there and comes back. Undefined: there is no
 * such thing, or it is somebody else's.
 */
export function workerPage(
  path: string,
  show: (parts: WorkerParts) => Promise<WorkerShown | Moved | undefined>,
): Page {
  return {
    path,
    async show(parts) {
      const { reader, request } = parts;
      const reads = await signedInAs('worker', parts);
      if ('location' in reads) return reads;
      const { pool, who } = reads;
      const found = (await reader.json<OwnWorker[]>('/api/v1/me/workers')) ?? [];
      if (found.length === 0) return { frame: workerFrame(pool, NONE), content: <None of={who} /> };
      const workers = found.toSorted((a, b) => (a.name < b.name ? -1 : 1));
      const asked = parts.params.worker ?? request.query.get('worker');
      const worker = workers.find(({ id }) => asked === null || id === asked);
      if (!worker) return undefined;
      const shown = await show({ ...parts, pool, workers, worker, token: who.form });
      if (!shown || 'location' in shown) return shown;
      const { title, current, ...rest } = shown;
      return { ...rest, frame: workerFrame(pool, { title, current }) };
    },
  };
}

const NONE = { title: 'No machine' };

/** Signed in by a wallet at which nobody is paid any more. */
function None({ of }: { readonly of: Who }) {
  return (
    <>
      <h1>No machine is paid at this wallet</h1>
      <p class="prose">
        There was one when you signed in; its payout address has changed since. Sign out, and sign
        in with the wallet that is paid now, or with a link of the operator.
      </p>
      <PostForm action="/api/v1/session/end" token={of.form} goOn="/worker/sign-in">
        <button type="submit">Sign out</button>
      </PostForm>
    </>
  );
}

const LINKS: readonly RailLink[] = [
  { href: '/worker', label: 'Overview' },
  { href: '/worker/earnings', label: 'Earnings' },
  { href: '/worker/payouts', label: 'Payouts' },
  { href: '/worker/why', label: 'Why no work?' },
  { href: '/worker/disputes', label: 'Disputes' },
  { href: '/worker/notices', label: 'Notices' },
  { href: '/worker/settings', label: 'Settings' },
];

/** The frame of a page for workers. */
export function workerFrame(
  pool: Pick<PoolView, 'name'>,
  page: { readonly title: string; readonly current?: string; readonly links?: Frame['links'] },
): Frame {
  return {
    title: page.title,
    description: `${page.title}, for workers of ${pool.name}.`,
    poolName: pool.name,
    links: page.links ?? LINKS,
    current: page.current,
    density: 'medium',
  };
}

/** A path with a query, and the worker where there are several to choose from. */
export function linkOf(
  { workers, worker }: Pick<WorkerParts, 'workers' | 'worker'>,
  path: string,
  query: Readonly<Record<string, string | undefined>> = {},
): string {
  const search = new URLSearchParams();
  if (workers.length > 1) search.set('worker', worker.id);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) search.set(name, value);
  }
  return search.size === 0 ? path : `${path}?${search}`;
}

/** Which machine a page is about, and the way to the same page of another one. */
export function WorkerSwitch({
  of: { workers, worker },
  path,
}: {
  readonly of: Pick<WorkerParts, 'workers' | 'worker'>;
  readonly path: string;
}) {
  if (workers.length < 2) return null;
  return (
    <nav class="switch" aria-label="Machines">
      {workers.map(({ id, name }) => (
        <a key={id} href={`${path}?worker=${id}`} aria-current={id === worker.id || undefined}>
          {name}
        </a>
      ))}
    </nav>
  );
}
