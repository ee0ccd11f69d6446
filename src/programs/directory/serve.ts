import { randomBytes } from 'node:crypto';
import packageJson from '../../../package.json' with { type: 'json' };
import { nobody } from '../../api/access.ts';
import { createApi } from '../../api/app.ts';
import { createClientAddresses } from '../../api/client-address.ts';
import { directoryRoutes } from '../../api/directory-routes.ts';
import { openapiRoute } from '../../api/openapi.ts';
import { openPages, withPages } from '../../api/pages.ts';
import { type PublicServer, servePublic } from '../../api/public.ts';
import { createBuckets } from '../../api/request-rate.ts';
import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { Directory } from '../../directory/directory.ts';
import { judge } from '../../directory/standing.ts';
import type { DirectorySettings } from './settings.ts';
import { listedView, wholeView } from './views.ts';

/** Pools are judged at most this often, however many look. */
const JUDGED_MS = 1_000;

/** Serves pages and API of a directory. Throws `address_in_use` or `address_invalid`. */
export async function serveDirectory(
  { name, httpAddr, every, trustedProxy }: DirectorySettings,
  parts: {
    readonly directory: Directory;
    readonly clock: Clock;
    readonly log: Log;
    /** Undefined: no chain is looked at. */
    readonly chainId: bigint | undefined;
  },
): Promise<PublicServer> {
  const { directory, clock, log, chainId } = parts;
  const judged = judgedBy(directory, clock);
  const one = (id: string) => judged().find(({ record }) => record.seed.id === id);
  const routes = directoryRoutes({
    about: () => ({
      name,
      version: packageJson.version,
      pools: directory.records().length,
      everyMs: every,
      chainId: chainId === undefined ? null : String(chainId),
    }),
    list: () => judged().map((pool) => listedView(pool, clock.now())),
    read(id) {
      const found = one(id);
      return found && wholeView(found, clock.now());
    },
    manifest: (id) => one(id)?.record.manifest?.text,
  });
  const api = createApi({
    routes: [...routes, openapiRoute(routes)],
    identify: async () => nobody,
    key: randomBytes(32),
    operatorsEverywhere: false,
    clock,
    rate: createBuckets(clock),
    log,
  });
  const pages = await openPages({
    log,
    now: () => clock.now(),
    pages: 'directory',
    publicUrl: undefined,
    async ask(path, { bindings }) {
      const { outgoing, ...inside } = bindings;
      const headers = { accept: 'application/json' };
      const reply = await api.answer(new Request(`http://directory${path}`, { headers }), inside);
      return { status: reply.status, text: await reply.text() };
    },
  });
  const addresses = createClientAddresses(trustedProxy, () => log.warn('proxy_not_trusted'));
  return servePublic({ api: withPages(api, pages), addresses, log, clock }, httpAddr);
}

function judgedBy(directory: Directory, clock: Clock): () => ReturnType<typeof judge> {
  let last: { readonly at: number; readonly judged: ReturnType<typeof judge> } | undefined;
  return () => {
    const now = clock.now();
    if (!last || now - last.at >= JUDGED_MS) last = { at: now, judged: judge(directory.records()) };
    return last.judged;
  };
}
