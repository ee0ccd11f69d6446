import type { Role } from '../../src/api/access.ts';
import type { PoolView } from '../../src/api/pool-view.ts';
import type { Moved, Page, PageParts, Shown } from '../page.ts';
import { PostForm } from '../parts/confirm.tsx';
import type { Frame, RailLink } from '../parts/layout.tsx';
import { signedInAs, type Who } from '../parts/signed-in.ts';
import type { AttentionItem, FleetWorker } from './api-views.ts';

/** What a page of an operator is made from. */
export interface OperatorParts extends PageParts {
  readonly pool: PoolView;
  readonly who: Who;
  /** What needs a person now. */
  readonly attention: readonly AttentionItem[];
  /** What forms of this session carry. */
  readonly token: string | undefined;
  /** Whether the reader may do what a role is named for: what it may not is not offered. */
  may(role: Role): boolean;
}

/** What such a page shows. */
export interface OperatorShown extends Pick<Shown, 'content' | 'status'> {
  readonly title: string;
  /** The link of the rail that it belongs to. */
  readonly current: string;
}

/**
 * A page for operators: whoever is not signed in as one is led there and comes back. Undefined: there
 * is no such thing, which is said with the rail beside it. On the public address it says where the
 * console is instead.
 */
export function operatorPage(
  path: string,
  show: (parts: OperatorParts) => Promise<OperatorShown | Moved | undefined>,
): Page {
  return {
    path,
    async show(parts) {
      const reads = await signedInAs('operator', parts);
      if ('location' in reads) return reads;
      const { pool, who } = reads;
      const found = await parts.reader.json<{ items: AttentionItem[] }>(
        '/api/v1/operator/attention',
      );
      if (!found) return notHere(pool);
      const may = (role: Role) => mayDo(who.role, role);
      const attention = found.items;
      const shown = await show({ ...parts, pool, who, attention, token: who.form, may });
      if (!shown) return notThere(pool, linksFor(may));
      if ('location' in shown) return shown;
      const { title, current, content, ...rest } = shown;
      const whole = (
        <>
          {content}
          <SignedIn as={who} />
        </>
      );
      return {
        ...rest,
        content: whole,
        frame: operatorFrame(pool, { title, current, links: linksFor(may) }),
      };
    },
  };
}

/** The same order as the API: viewer < support < owner, viewer < finance < owner. */
function mayDo(role: Role | undefined, wanted: Role): boolean {
  if (role === undefined) return false;
  return role === 'owner' || wanted === 'viewer' || role === wanted;
}

const LINKS: readonly (RailLink & { readonly role?: Role })[] = [
  { href: '/operator', label: 'Now' },
  { href: '/operator/workers', label: 'Workers' },
  { href: '/operator/traffic', label: 'Traffic' },
  { href: '/operator/payouts', label: 'Payouts' },
  { href: '/operator/solvency', label: 'Solvency' },
  { href: '/operator/prices', label: 'Prices' },
  { href: '/operator/disputes', label: 'Disputes' },
  { href: '/operator/incidents', label: 'Incidents' },
  { href: '/operator/notices', label: 'Notices' },
  { href: '/operator/terms', label: 'Terms' },
  { href: '/operator/chain', label: 'Chain' },
  { href: '/operator/audit', label: 'Audit log' },
  { href: '/operator/people', label: 'People', role: 'owner' },
];

function linksFor(may: OperatorParts['may']): readonly RailLink[] {
  return LINKS.filter(({ role }) => role === undefined || may(role));
}

/** The frame of a page for operators. */
export function operatorFrame(
  pool: Pick<PoolView, 'name'>,
  page: { readonly title: string; readonly current?: string; readonly links: Frame['links'] },
): Frame {
  return {
    ...page,
    description: `${page.title}, for operators of ${pool.name}.`,
    poolName: pool.name,
    density: 'dense',
  };
}

/** The names of workers by their ids, for what names them by id alone. */
export async function workerNames({
  reader,
}: Pick<OperatorParts, 'reader'>): Promise<(id: string) => string> {
  const found = await reader.json<readonly Pick<FleetWorker, 'id' | 'name'>[]>('/api/v1/workers');
  const names = new Map(found?.map(({ id, name }) => [id, name]));
  return (id) => names.get(id) ?? id;
}

/** Who acts here, and the way out. */
function SignedIn({ as: { name, role, form } }: { readonly as: Who }) {
  return (
    <div class="signed-in">
      <span>
        Signed in as {name}, {role}.
      </span>
      <PostForm action="/api/v1/session/end" token={form} goOn="/">
        <button type="submit" class="quiet">
          Sign out
        </button>
      </PostForm>
    </div>
  );
}

/** Also for what the reader's role may not see: it is not said that there is something. */
function notThere(pool: PoolView, links: Frame['links']): Shown {
  return {
    status: 404,
    frame: operatorFrame(pool, { title: 'There is no such thing', links }),
    content: (
      <>
        <h1>There is no such thing here</h1>
        <p class="prose">
          It is not among what this pool has, or your role does not show it. Look for a slip in the
          address, or begin at <a href="/operator">what needs you now</a>.
        </p>
      </>
    ),
  };
}

function notHere(pool: PoolView): Shown {
  return {
    status: 403,
    frame: operatorFrame(pool, { title: 'The console is elsewhere', links: [] }),
    content: (
      <>
        <h1>The console is on the admin address</h1>
        <p class="prose">
          This is the address for everybody. Operators are served on the admin address of the pool,
          which `tributary pool` prints when it starts; `--operator-pages everywhere` changes that.
        </p>
      </>
    ),
  };
}
