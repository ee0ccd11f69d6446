import { readFile, stat } from 'node:fs/promises';
import type { Api, ServedApi } from '../../api/app.ts';
import type { Asked } from '../../api/page-types.ts';
import { openPages, type Reading, withPages } from '../../api/pages.ts';
import { fileBelow } from '../../api/static-files.ts';
import type { PoolBase } from './pool.ts';

const PROOFS = '/proofs/';
/** Some 3,000 workers. Longer lists are for files: reading one for a page would hold up segments. */
const PAGE_FILE_BYTES_MAX = 1024 * 1024;

/** The API with the pages beside it, as both addresses serve them. */
export async function servePages(
  api: Api,
  parts: Pick<PoolBase, 'log' | 'clock'> & {
    readonly proofsDir: string;
    /** Where people find the pool from outside; undefined: as they say themselves. */
    readonly publicUrl: string | undefined;
  },
): Promise<ServedApi> {
  const { proofsDir, publicUrl, log, clock } = parts;
  const pages = await openPages({
    log,
    publicUrl,
    now: () => clock.now(),
    ask: (path, reading) =>
      path.startsWith(PROOFS)
        ? published(proofsDir, path.slice(PROOFS.length))
        : askApi(api, path, reading),
  });
  return withPages(api, pages);
}

async function published(dir: string, asked: string): Promise<Asked> {
  const path = fileBelow(dir, asked);
  if (!path) return { status: 404, text: '' };
  try {
    if ((await stat(path)).size > PAGE_FILE_BYTES_MAX) return { status: 413, text: '' };
    return { status: 200, text: await readFile(path, 'utf8') };
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (['ENOENT', 'ENOTDIR', 'EISDIR'].includes(code)) return { status: 404, text: '' };
    throw error;
  }
}

/** In the name of the reader, over the address that the page is read at: nobody sees more by a page. */
async function askApi(api: Api, path: string, { request, bindings }: Reading): Promise<Asked> {
  const headers = new Headers({ accept: 'application/json' });
  const cookie = request.headers.get('cookie');
  if (cookie !== null) headers.set('cookie', cookie);
  const { outgoing, ...inside } = bindings;
  const asked = new Request(`http://pool${path}`, { headers });
  const reply = await api.answer(asked, inside);
  return { status: reply.status, text: await reply.text() };
}
