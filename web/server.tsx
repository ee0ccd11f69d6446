import { renderToString } from 'preact-render-to-string';
import type { PageReply, PageRequest, PageServer } from '../src/api/page-types.ts';
import { directoryFrame, loadDirectory } from './directory/frame.tsx';
import { directoryPages } from './directory/pages.ts';
import { operatorPages } from './operator/pages.ts';
import type { Page, Shown } from './page.ts';
import { Document, type Frame } from './parts/layout.tsx';
import { findPage } from './paths.ts';
import { problemPage } from './problem.tsx';
import { publicPages } from './public/pages.ts';
import { AddressRefused, NotRead, readerOf } from './public/reader.ts';
import { workerPages } from './worker/pages.ts';

/** What a pool imports of the built pages: every page, of every audience. */
export const server: PageServer = serverOf(
  [...publicPages, ...workerPages, ...operatorPages],
  frameOf,
  bareFrame,
);

/** What a directory imports of them. */
export const directoryServer: PageServer = serverOf(
  directoryPages,
  directoryFrameOf,
  (name, title) => directoryFrame({ name: name ?? 'Directory' }, { title, description: title }),
);

function serverOf(
  pages: readonly Page[],
  problemFrame: (request: PageRequest, title: string) => Promise<Frame>,
  frameNamed: (name: string | undefined, title: string) => Frame,
): PageServer {
  return {
    async page(request) {
      const found = findPage(pages, request.path);
      if (!found) return undefined;
      const reader = readerOf(request.ask);
      try {
        const shown = await found.page.show({ reader, request, params: found.params });
        if (!shown) return undefined;
        if ('location' in shown) return { status: 308, html: '', ...shown };
        const { poolName } = shown.frame;
        return { status: shown.status ?? 200, html: documentOf(request, shown), poolName };
      } catch (error) {
        const refused = refusedIn(error);
        if (refused !== undefined) return { refused };
        if (error instanceof AddressRefused) return problem(request, WRONG_ADDRESS);
        throw error;
      }
    },
    problem,
    problemOf({ name, problem, ...parts }) {
      return documentOf(parts, problemPage(frameNamed(name, problem.title), problem));
    },
  };

  async function problem(request: PageRequest, what: PageProblem): Promise<PageReply> {
    const shown = problemPage(await problemFrame(request, what.title), what);
    return { status: what.status, html: documentOf(request, shown) };
  }
}

type PageProblem = Parameters<PageServer['problem']>[1];
const WRONG_ADDRESS: PageProblem = {
  status: 400,
  title: 'This address is not whole, or too old',
  detail: 'What stands behind the question mark is not of a list that this pool has now.',
  advice: 'Take it away, or open the page anew from the start page.',
};

async function directoryFrameOf({ ask }: PageRequest, title: string): Promise<Frame> {
  return directoryFrame(await loadDirectory(readerOf(ask)), { title, description: title });
}

/** The frame of a problem: of the pool when it can say who it is, and bare when that is the problem. */
async function frameOf({ ask }: PageRequest, title: string): Promise<Frame> {
  try {
    const pool = await readerOf(ask).json<{ readonly name: string }>('/api/v1/pool');
    return bareFrame(pool?.name, title);
  } catch {
    return bareFrame(undefined, title); // the reader sees the first problem, not the second
  }
}

function bareFrame(name: string | undefined, title: string): Frame {
  const poolName = name ?? 'Pool';
  return { title, description: title, poolName, links: [], density: 'airy' };
}

/** What a page asked for and was refused for the moment, as text. */
function refusedIn(error: unknown): string | undefined {
  if (!(error instanceof NotRead)) return undefined;
  const { status, text } = error.asked;
  return status === 429 || status === 503 ? text : undefined;
}

function documentOf(
  { assets, theme }: Pick<PageRequest, 'assets' | 'theme'>,
  { frame, content }: Shown,
): string {
  const html = renderToString(
    <Document frame={frame} assets={assets} theme={theme}>
      {content}
    </Document>,
  );
  return `<!doctype html>${html}`;
}
