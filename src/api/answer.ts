import { hash } from 'node:crypto';
import type { z } from 'zod';
import { type CheckedCall, isLocalPath } from './call.ts';
import { csvOf } from './csv.ts';
import { namesTag } from './etag.ts';
import { type Problem, problemBody, problemHeaders, SAFE } from './problem.ts';
import { jsonText } from './replies.ts';
import type { Route, RouteDefinition } from './route.ts';

/** The answer to a call that was handled: JSON or CSV with a tag, or bytes. */
export function answerOf(
  definition: RouteDefinition,
  value: unknown,
  { request, call }: { readonly request: Request; readonly call: CheckedCall },
): Response {
  const { status = 200, access } = definition;
  const headers = new Headers({ ...SAFE, vary: 'accept, authorization, cookie' });
  for (const [name, text] of call.headers) headers.append(name, text);
  if (call.goOn !== undefined) {
    headers.set('location', goOnOf(call.goOn, value));
    return new Response(null, { status: 303, headers });
  }
  if (access === 'public' && definition.method === 'GET') {
    // For pages of others, too; a browser sends them no cookie along.
    headers.set('access-control-allow-origin', '*');
  }
  const { body, type } = bodyOf(definition, value, { request, call, headers });
  headers.set('content-type', type);
  if (definition.method !== 'GET') {
    headers.set('cache-control', 'no-store');
    return finished(body, { status, headers });
  }
  // Asked for again each time, and mostly answered by 304.
  const isForAll = access === 'public' && call.request.actor.kind === 'nobody';
  headers.set('cache-control', isForAll ? 'no-cache' : 'private, no-cache');
  const etag = `"${hash('sha256', body, 'base64url').slice(0, 22)}"`;
  headers.set('etag', etag);
  if (namesTag(request.headers.get('if-none-match'), etag))
    return new Response(null, { status: 304, headers });
  return finished(body, { status, headers });
}

/**
 * Where a form goes on, with `{fields}` of the reply in it: `/operator/payouts/plans/{digest}`. Still a path of
 * this site when there is no such field: `/{x}/elsewhere.example` would lead elsewhere.
 */
function goOnOf(path: string, reply: unknown): string {
  const filled = filledIn(path, reply);
  return isLocalPath(filled) ? filled : '/';
}

function filledIn(path: string, reply: unknown): string {
  const fields = (reply ?? {}) as Readonly<Record<string, unknown>>;
  return path.replaceAll(/\{(\w{1,40})\}/g, (_, name: string) => {
    const field = fields[name];
    const isShort = typeof field === 'string' || typeof field === 'number';
    return isShort ? encodeURIComponent(String(field).slice(0, 100)) : '';
  });
}

function finished(body: string | Uint8Array, init: { status: number; headers: Headers }): Response {
  init.headers.set('content-length', String(Buffer.byteLength(body)));
  return new Response(body as Uint8Array<ArrayBuffer>, init);
}

function bodyOf(
  definition: RouteDefinition,
  value: unknown,
  { request, call, headers }: { request: Request; call: CheckedCall; headers: Headers },
): { readonly body: string | Uint8Array; readonly type: string } {
  const { reply, csv } = definition;
  if (!('parse' in reply)) return { body: value as Uint8Array, type: reply.type };
  // The schema decides what leaves: what it does not name stays here.
  const shown = (reply as z.ZodType).parse(value ?? {});
  if (!csv || !wantsCsv(request, call.query)) {
    return { body: jsonText(shown), type: 'application/json; charset=utf-8' };
  }
  const { items = shown, next } = shown as { items?: unknown; next?: string | null };
  if (next) headers.set('link', `<${nextUrl(request, next)}>; rel="next"`);
  headers.set('content-disposition', 'attachment');
  return { body: csvOf(items as unknown[], csv), type: 'text/csv; charset=utf-8' };
}

function wantsCsv(request: Request, query: URLSearchParams): boolean {
  const format = query.get('format');
  if (format !== null) return format === 'csv';
  return /(^|,)\s*text\/csv\b/.test(request.headers.get('accept') ?? '');
}

function nextUrl(request: Request, next: string): string {
  const url = new URL(request.url);
  url.searchParams.set('cursor', next);
  return `${url.pathname}${url.search}`;
}

/** A problem as the answer. */
export function refuse(problem: Problem): Response {
  const body = problemBody(problem);
  return new Response(body, {
    status: problem.status,
    headers: {
      ...problemHeaders(problem),
      'content-length': String(Buffer.byteLength(body)),
    },
  });
}

/** 405, with the methods that the path takes. */
export function methodRefused(routes: readonly Route[], path: string, problem: Problem): Response {
  const reply = refuse(problem);
  const taken = routes.filter(({ definition }) => definition.path === path);
  const methods = new Set(taken.map(({ definition }) => definition.method));
  const all = methods.has('GET') ? ['GET', 'HEAD', ...methods] : [...methods];
  reply.headers.set('allow', [...new Set(all)].join(', '));
  return reply;
}
