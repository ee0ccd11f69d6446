import type { z } from 'zod';
import type { Actor } from './access.ts';
import type { Change } from './audit.ts';
import type { ApiBindings } from './bindings.ts';
import { boundQuery, openCursor } from './cursor.ts';
import { isOwnForm, refusalOfOrigin } from './origin.ts';
import { type Problem, problems } from './problem.ts';
import type { AnyRequest, ChangeNote, RouteDefinition } from './route.ts';
import { cookieOf } from './session-cookie.ts';

/** A request that was read and checked. */
export interface CheckedCall {
  readonly request: AnyRequest;
  readonly query: URLSearchParams;
  /** Headers that the handler wants on the answer. */
  readonly headers: Headers;
  /** Where a form wants to go on; undefined: it is none. */
  readonly goOn: string | undefined;
  noted(): ChangeNote;
  changeOf(): Change;
}

/** Reads query, body and cursor by the schemas of a route. */
export async function callOf(parts: {
  readonly definition: RouteDefinition;
  readonly request: Request;
  readonly bindings: ApiBindings;
  readonly params: Readonly<Record<string, string>>;
  readonly actor: Actor;
  /** Whether operators are served where it came in. */
  readonly operatorsHere: boolean;
  readonly key: Uint8Array;
}): Promise<CheckedCall | { readonly problem: Problem }> {
  const { definition, request, bindings, params, actor, key } = parts;
  const search = new URL(request.url).searchParams;
  const query = checked(definition.query, Object.fromEntries(search), 'query');
  if ('problem' in query) return query;
  const isPost = definition.method === 'POST';
  const raw = isPost && definition.raw === true;
  const sent = raw ? await request.text() : '';
  const given = isPost && !raw ? await bodyOf(request, bindings, actor, key) : { value: {} };
  if ('problem' in given) return given;
  const body = checked(definition.body, given.value, 'body');
  if ('problem' in body) return body;
  const route = `${definition.method} ${definition.path}`;
  const scope = {
    route: JSON.stringify([route, params]),
    query: boundQuery(search),
    actor: actor.kind === 'nobody' ? '' : actor.id,
  };
  const cursor = openCursor(key, scope, search.get('cursor') ?? undefined);
  if (!cursor) return { problem: problems.cursor };
  const headers = new Headers();
  let note: ChangeNote = {};
  return {
    query: search,
    headers,
    goOn: given.goOn,
    request: {
      params,
      query: query.value,
      body: body.value,
      actor,
      byOperator: parts.operatorsHere && actor.kind === 'operator',
      cursor,
      note: (change) => {
        note = { ...note, ...change };
      },
      header: (name, value) => headers.append(name, value),
      caller: {
        peer: bindings.peer,
        host: bindings.host,
        listener: bindings.listener,
        cookie: cookieOf(request.headers.get('cookie')),
        lastEventId: request.headers.get('last-event-id') ?? undefined,
      },
      raw: {
        body: sent,
        header: (name) => (raw ? (request.headers.get(name) ?? undefined) : undefined),
      },
      sink: bindings.outgoing && { response: bindings.outgoing },
    },
    noted: () => note,
    changeOf: () => ({ actor, route, target: Object.values(params).join('/'), asked: given.value }),
  };
}

function checked(
  schema: z.ZodType | undefined,
  value: unknown,
  where: 'query' | 'body',
): { readonly value: unknown } | { readonly problem: Problem } {
  if (!schema) return { value: {} };
  const read = schema.safeParse(value);
  if (read.success) return { value: read.data };
  const fields = read.error.issues.slice(0, FIELDS_MAX).map(({ path, message }) => ({
    field: path.join('.').slice(0, 100) || where,
    problem: message.slice(0, 200),
  }));
  const named = fields.map(({ field, problem }) => `${field}: ${problem}`).join('; ');
  const code = where === 'query' ? 'query_invalid' : 'setting_invalid';
  const title = `The ${where} is not one that this address takes.`;
  const advice = 'Correct the named fields; /api/v1/openapi.json says what each may be.';
  return { problem: { status: 400, code, title, detail: named, advice, fields } };
}
/** Whoever has more wrong than that reads the description. */
const FIELDS_MAX = 20;

type Body =
  | { readonly value: Readonly<Record<string, unknown>>; readonly goOn?: string | undefined }
  | { readonly problem: Problem };

async function bodyOf(
  request: Request,
  bindings: ApiBindings,
  actor: Actor,
  key: Uint8Array,
): Promise<Body> {
  const type = (request.headers.get('content-type') ?? '').split(';')[0]?.trim().toLowerCase();
  const crossSite = refusalOfOrigin(request, bindings, actor);
  if (crossSite) return { problem: crossSite };
  const text = await request.text();
  if (type === 'application/x-www-form-urlencoded') {
    const { csrf, then, ...value } = Object.fromEntries(new URLSearchParams(text));
    // An empty field of a form says nothing.
    for (const [name, text] of Object.entries(value)) if (text === '') delete value[name];
    if (!isOwnForm(csrf, actor, key)) return { problem: problems.crossSite };
    return { value, goOn: isLocalPath(then) ? then : undefined };
  }
  if (text === '') return { value: {} };
  return objectIn(text);
}

/** A path of this site, and no address of another one. */
export function isLocalPath(path: string | undefined): path is string {
  return path !== undefined && /^\/(?![/\\])[\x21-\x7e]{0,500}$/.test(path);
}

function objectIn(text: string): Body {
  const invalid = (detail: string): Body => ({
    problem: { status: 400, code: 'setting_invalid', title: 'The body is not JSON.', detail },
  });
  try {
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    if (isObject) return { value: value as Record<string, unknown> };
    return invalid('the body must be a JSON object');
  } catch {
    return invalid('the body is not JSON');
  }
}
