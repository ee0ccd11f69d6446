import type { Clock } from '../base/clock.ts';
import { refuse } from './answer.ts';
import { problems } from './problem.ts';
import { PAGE_MAX } from './shapes.ts';

/** Each holds a page of some 300 KB; who comes beyond that comes again in a second. */
const AT_ONCE_MAX = 8;
/** Whoever has asked for as much as it may waits for so long; a download is in no hurry. */
const WAIT_MS = 1_000;
/** A limit that is not free again after that is none of pace. */
const WAITS_MAX = 60;

/** Whether a table is asked for with all its rows: `format=csv&rows=all`. */
export function wantsWhole({ method, url }: Pick<Request, 'method' | 'url'>): boolean {
  const { searchParams: query } = new URL(url);
  return method === 'GET' && query.get('rows') === 'all' && query.get('format') === 'csv';
}

/**
 * Tables with all their rows: follows the pages of a list to their end in place of the caller, who needs
 * no script for it. Each page is asked for as the caller would, with the access that it has then and as
 * fast as it may, and only once the one before was read: a table of any length takes the memory of one
 * page.
 */
export function createWholeCsv(
  clock: Clock,
): (request: Request, ask: (request: Request) => Promise<Response>) => Promise<Response> {
  let running = 0;
  return async (request, ask) => {
    const url = new URL(request.url);
    const name = `${url.pathname.split('/').at(-1) ?? 'table'}.csv`;
    url.searchParams.delete('rows');
    if (!url.searchParams.has('limit')) url.searchParams.set('limit', String(PAGE_MAX));
    const headers = new Headers(request.headers);
    // What somebody has of the first page is not the table.
    headers.delete('if-none-match');
    const page = (target: URL) => ask(new Request(target, { headers }));

    const first = await page(url);
    if (first.status !== 200) return first;
    const answer = new Headers(first.headers);
    answer.set('content-disposition', `attachment; filename="${name}"`);
    let next = nextOf(first, url);
    if (!next) return new Response(await first.text(), { headers: answer });
    if (running >= AT_ONCE_MAX) return refuse(problems.busy);
    for (const one of ['link', 'etag', 'content-length']) answer.delete(one);
    running++;
    const ended = () => {
      running--;
    };
    const begin = await first.text();
    const body = new ReadableStream<Uint8Array>({
      start: (stream) => stream.enqueue(Buffer.from(begin)),
      async pull(stream) {
        try {
          if (!next) {
            ended();
            return stream.close();
          }
          const reply = await patiently(next);
          const text = await reply.text();
          next = nextOf(reply, next);
          // The names of the columns stand in the first page.
          stream.enqueue(Buffer.from(text.slice(text.indexOf('\n') + 1)));
        } catch (error) {
          ended();
          // The connection breaks, so that nobody takes a part for the whole.
          stream.error(error);
        }
      },
      cancel: ended,
    });
    return new Response(body, { headers: answer });

    async function patiently(target: URL): Promise<Response> {
      for (let waits = 0; waits <= WAITS_MAX; waits++) {
        const reply = await page(target);
        if (reply.status === 200) return reply;
        if (reply.status !== 429) break;
        await new Promise<void>((resolve) => clock.after(WAIT_MS, resolve));
      }
      throw new Error('a table was not given to its end');
    }
  };
}

/** Where a page goes on, as its `Link` says. */
function nextOf(reply: Response, from: URL): URL | undefined {
  const path = /<([^>]+)>; rel="next"/.exec(reply.headers.get('link') ?? '')?.[1];
  return path === undefined ? undefined : new URL(path, from);
}
