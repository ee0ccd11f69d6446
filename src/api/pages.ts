import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { ServedApi } from './app.ts';
import type { ApiBindings } from './bindings.ts';
import { type PageProblem, SAFETY, themeOf, wantsPage } from './page-answer.ts';
import type { Ask, PageAssets, PageReply, PageRequest, PageServer } from './page-types.ts';
import { problemIn } from './problem.ts';
import { createRefusalPages, isPassing, type RefusalPages } from './refusal-pages.ts';

/** Beside src/ in the repository, and beside dist/ in a release. */
const BUILT = join(import.meta.dirname, '../../dist-web');
/** Shorter text is not worth it. */
const COMPRESSED_BYTES_MIN = 1_400;
/** Of a page that is made for each reader: more would cost more time than the line does. */
const QUALITY = 4;

const TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

export interface PagesParts {
  /** Asks the API or the published files within the process, as the reader of the page. */
  ask(path: string, reader: Reading): ReturnType<Ask>;
  readonly log: Log;
  /** As the operator set it; undefined: what the reader's browser says. */
  readonly publicUrl: string | undefined;
  /** Milliseconds since 1970. */
  now(): number;
  /** Whose pages: a pool's when left out. */
  readonly pages?: 'pool' | 'directory';
  /** Where the built pages are; the one beside the program when left out. */
  readonly dir?: string;
}

/** Who reads a page, and over which of the addresses. */
export interface Reading {
  readonly request: Request;
  readonly bindings: ApiBindings;
}

/** The pages of the pool. */
export interface Pages {
  /**
   * The page or file of a GET or HEAD; undefined when there is none at this path, so that the API may
   * answer, or {@link Pages.problem}.
   */
  answer(reading: Reading): Promise<Response | undefined>;
  /** The same words as problem+json, as a page: for a reader whose browser asked for one. */
  problem(reading: Reading, problem: PageProblem): Promise<Response>;
  /** Undefined: the pages were not built, and everybody gets problem+json. */
  readonly refusals: RefusalPages | undefined;
}

/** Pages beside an API: whatever is no page is answered by it, and told as a page to a browser. */
export function withPages(api: ServedApi, pages: Pages): ServedApi {
  const { refusals } = pages;

  /** The API; a browser that posted a form, or has to wait, is told so as a page, and not as JSON. */
  async function askApi(reading: Reading): Promise<Response> {
    const { request } = reading;
    const reply = await api.answer(request, reading.bindings);
    const isProblem = reply.headers.get('content-type') === 'application/problem+json';
    const isForm = request.method === 'POST';
    if (!isProblem || !wantsPage(request.headers)) return reply;
    if (!isForm && !isPassing(reply.status)) return reply;
    const problem = problemIn(await reply.text(), reply.headers.get('retry-after'));
    const { status, title, detail = '', advice } = problem;
    // What a change wants of the chain is said in words of its own.
    const isOwn = isForm && /^(?:chain|rpc)_/.test(problem.code);
    if (refusals && isPassing(status) && !isOwn) return refusals.answer(request, problem);
    return pages.problem(reading, {
      ...{ status, title, detail },
      advice: advice ?? 'Go back, correct what was sent, and send it again.',
    });
  }

  return {
    changes: api.changes,
    identify: api.identify,
    ...(refusals && { refused: refusals.of }),
    async answer(request, bindings) {
      const reading = { request, bindings };
      const { pathname } = new URL(request.url);
      if (pathname.startsWith('/api/')) return askApi(reading);
      const page = await pages.answer(reading);
      if (page) return page;
      const reply = await askApi(reading);
      if (reply.status !== 404 || !wantsPage(request.headers)) return reply;
      return pages.problem(reading, {
        status: 404,
        title: 'There is no such page',
        detail: 'The address leads to nothing that this pool has, or had.',
        advice: 'Look for a slip in the address, or begin at the start page.',
      });
    },
  };
}

/** Opens the built pages. A pool whose pages were not built serves everything else, and says so. */
export async function openPages(parts: PagesParts): Promise<Pages> {
  const dir = parts.dir ?? BUILT;
  if (!existsSync(join(dir, 'built.json'))) {
    parts.log.warn('pages_not_built');
    return {
      ...{ answer: async () => undefined, problem: async (_, problem) => plain(problem) },
      refusals: undefined,
    };
  }
  const assets = readAssets(join(dir, 'browser'));
  const files = readFiles(join(dir, 'browser/assets'));
  const url = pathToFileURL(join(dir, 'server/server.js')).href;
  const built = (await import(url)) as {
    readonly server: PageServer;
    readonly directoryServer: PageServer;
  };
  const server = parts.pages === 'directory' ? built.directoryServer : built.server;

  const requestOf = (reading: Reading): PageRequest => {
    const { request, bindings } = reading;
    const url = new URL(request.url);
    return {
      path: url.pathname,
      query: url.searchParams,
      ask: (path) => parts.ask(path, reading),
      assets,
      theme: themeOf(request.headers),
      origin: parts.publicUrl?.replace(/\/$/, '') ?? originOf(bindings.host),
      now: parts.now(),
    };
  };

  const refusals = createRefusalPages((page) =>
    server.problemOf({ ...page, assets: { ...assets, script: undefined } }),
  );

  async function problem(reading: Reading, what: PageProblem): Promise<Response> {
    return htmlResponse(reading.request, await server.problem(requestOf(reading), what));
  }

  return {
    ...{ problem, refusals },
    async answer(reading) {
      const { request } = reading;
      if (request.method !== 'GET' && request.method !== 'HEAD') return undefined;
      const { pathname } = new URL(request.url);
      if (pathname.startsWith('/assets/')) {
        const file = files.get(pathname.slice('/assets/'.length));
        return file && fileResponse(request, file);
      }
      try {
        const reply = await server.page(requestOf(reading));
        if (!reply) return undefined;
        if ('refused' in reply) return refusals.answer(request, problemIn(reply.refused));
        if (reply.poolName !== undefined) refusals.named(reply.poolName);
        return await htmlResponse(request, reply);
      } catch (error) {
        parts.log.error('page_failed', { error: messageOf(error) });
        return problem(reading, {
          status: 500,
          title: 'This page could not be made',
          detail: 'The pool met a fault of its own while it put this page together.',
          advice: 'Try again in a minute. The operator finds the reason in the log of the pool.',
        });
      }
    },
  };
}

/** Plain HTTP is for one's own machine alone; anybody can write anything into `Host`. */
function originOf(host: string): string {
  if (!/^[A-Za-z0-9.:[\]-]{1,255}$/.test(host)) return 'https://POOL';
  const isOwnMachine = /^(?:127\.0\.0\.1|localhost|\[::1\])(?::\d+)?$/.test(host);
  return `${isOwnMachine ? 'http' : 'https'}://${host}`;
}

/** A built file, with whatever it was compressed to. */
interface BuiltFile {
  readonly type: string;
  readonly plain: Uint8Array<ArrayBuffer>;
  readonly br: Uint8Array<ArrayBuffer> | undefined;
  readonly gzip: Uint8Array<ArrayBuffer> | undefined;
}

/** All of them: some hundred kilobytes, so no request for one ever touches the disk. */
function readFiles(dir: string): ReadonlyMap<string, BuiltFile> {
  const names = readdirSync(dir);
  const read = (name: string) =>
    names.includes(name) ? new Uint8Array(readFileSync(join(dir, name))) : undefined;
  return new Map(
    names.flatMap((name): [string, BuiltFile][] => {
      const type = TYPES[extname(name)];
      const bytes = type && read(name);
      return bytes
        ? [[name, { type, plain: bytes, br: read(`${name}.br`), gzip: read(`${name}.gz`) }]]
        : [];
    }),
  );
}

function readAssets(dir: string): PageAssets {
  const manifest = JSON.parse(readFileSync(join(dir, 'manifest.json'), 'utf8')) as Record<
    string,
    { readonly file: string; readonly css?: readonly string[] }
  >;
  const main = manifest['browser/main.ts'];
  return {
    script: `/${main?.file}`,
    styles: (main?.css ?? []).map((file) => `/${file}`),
    icon: `/${manifest['parts/mark.svg']?.file}`,
  };
}

function fileResponse(request: Request, file: BuiltFile): Response {
  const encoding = encodingOf(request, file);
  const body = (encoding && file[encoding === 'br' ? 'br' : 'gzip']) ?? file.plain;
  const headers = {
    ...SAFETY,
    'content-type': file.type,
    'content-length': String(body.byteLength),
    // The name holds the hash of what is in it.
    'cache-control': 'public, max-age=31536000, immutable',
    vary: 'accept-encoding',
    ...(encoding ? { 'content-encoding': encoding } : {}),
  };
  return new Response(request.method === 'HEAD' ? null : body, { headers });
}

function encodingOf(request: Request, file: BuiltFile): 'br' | 'gzip' | undefined {
  const accepted = request.headers.get('accept-encoding') ?? '';
  if (file.br && /\bbr\b/.test(accepted)) return 'br';
  return file.gzip && /\bgzip\b/.test(accepted) ? 'gzip' : undefined;
}

async function htmlResponse(request: Request, reply: PageReply): Promise<Response> {
  const { status, html, location } = reply;
  const etag = `W/"${createHash('sha256').update(html).digest('base64url').slice(0, 22)}"`;
  const headers = new Headers({
    ...SAFETY,
    'content-type': 'text/html; charset=utf-8',
    'content-language': 'en',
    // Asked for again each time, and mostly answered by 304: figures must not be old ones.
    'cache-control': 'private, no-cache',
    vary: 'accept-encoding, cookie',
    etag,
  });
  if (location) headers.set('location', location);
  if (status === 200 && request.headers.get('if-none-match') === etag) {
    return new Response(null, { status: 304, headers });
  }
  const packed = await compressed(html, request.headers.get('accept-encoding') ?? '');
  if (packed.encoding) headers.set('content-encoding', packed.encoding);
  headers.set('content-length', String(packed.body.byteLength));
  return new Response(request.method === 'HEAD' ? null : packed.body, { status, headers });
}

const brotli = promisify<Uint8Array, object, Buffer>(brotliCompress);
const zip = promisify<Uint8Array, object, Buffer>(gzip);

async function compressed(
  html: string,
  accepted: string,
): Promise<{ body: Uint8Array<ArrayBuffer>; encoding?: 'br' | 'gzip' }> {
  const body = new TextEncoder().encode(html);
  if (body.byteLength < COMPRESSED_BYTES_MIN) return { body };
  if (/\bbr\b/.test(accepted)) {
    const params = { [constants.BROTLI_PARAM_QUALITY]: QUALITY };
    return { body: new Uint8Array(await brotli(body, { params })), encoding: 'br' };
  }
  if (/\bgzip\b/.test(accepted)) {
    return { body: new Uint8Array(await zip(body, { level: QUALITY })), encoding: 'gzip' };
  }
  return { body };
}

function plain({ status, title, detail, advice }: PageProblem): Response {
  return new Response(`${title}\n\n${detail}\n${advice}\n`, {
    status,
    headers: { ...SAFETY, 'content-type': 'text/plain; charset=utf-8' },
  });
}
