import { Hono } from 'hono';
import type { Clock } from '../base/clock.ts';
import { TributaryError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { type Actor, refusalOf } from './access.ts';
import { answerOf, methodRefused, refuse } from './answer.ts';
import type { AuditLog } from './audit.ts';
import type { ApiBindings } from './bindings.ts';
import { callOf } from './call.ts';
import { type Problem, problems } from './problem.ts';
import type { RefusalPages } from './refusal-pages.ts';
import { problemOf } from './replies.ts';
import type { Buckets } from './request-rate.ts';
import type { Route } from './route.ts';
import { createWholeCsv, wantsWhole } from './whole-csv.ts';

/** What the API stands on. */
export interface ApiParts {
  readonly routes: readonly Route[];
  /** Who calls, by what the request shows. */
  identify(request: Request, bindings: ApiBindings): Promise<Actor>;
  /** 32 bytes that all nodes of a pool share: cursors are good at each of them. */
  readonly key: Uint8Array;
  /** Whether operators are served on the public address, too. */
  readonly operatorsEverywhere: boolean;
  readonly clock: Clock;
  /** How much each session or key may ask for. */
  readonly rate: Buckets;
  /** Undefined: changes leave no trace, as in tests of one route. */
  readonly audit?: AuditLog;
  readonly log: Log;
}

/** Every route of the pool, as both its addresses serve it. */
export interface Api {
  readonly routes: readonly Route[];
  /** Pages add theirs here; what is not found at all is answered by the API. */
  readonly app: Hono<{ Bindings: ApiBindings }>;
  /** Who calls, by what the request shows. */
  identify: ApiParts['identify'];
  /** Never rejects. */
  answer(request: Request, bindings: ApiBindings): Promise<Response>;
  /** How many changes were made through it: what was answered before the last may not be true. */
  changes(): number;
}

/** What an address serves: the API alone, or with pages beside it. */
export type ServedApi = Pick<Api, 'answer' | 'changes' | 'identify'> & {
  /** What a browser is sent instead of problem+json; undefined: nothing else. */
  readonly refused?: RefusalPages['of'];
};

/** Puts all routes together under one set of rules. */
export function createApi(parts: ApiParts): Api {
  const { routes, clock, log } = parts;
  const app = new Hono<{ Bindings: ApiBindings }>();
  const seen = new Set<string>();
  const whole = createWholeCsv(clock);
  let made = 0;
  for (const route of routes) {
    const { method, path } = route.definition;
    // The second one would never be reached.
    if (seen.has(`${method} ${path}`)) {
      throw new TributaryError('internal', `${method} ${path} is defined twice`);
    }
    seen.add(`${method} ${path}`);
    app.on(method, honoPath(path), (c) => answer(route, c.req.raw, c.env, c.req.param()));
  }
  // After all others, so that it is reached only by methods that none of them takes.
  for (const path of new Set(routes.map(({ definition }) => definition.path))) {
    app.all(honoPath(path), (c) =>
      unknown(c.req.raw, c.env, methodRefused(routes, path, problems.method)),
    );
  }
  app.notFound((c) => unknown(c.req.raw, c.env, refuse(problems.notFound)));
  app.onError((error) => {
    const problem = problemOf(error);
    if (problem.status >= 500) {
      log.error('api_request_failed', { error: error.message, code: problem.code });
    }
    return refuse(problem);
  });

  async function answer(
    route: Route,
    request: Request,
    bindings: ApiBindings,
    params: Readonly<Record<string, string>>,
  ): Promise<Response> {
    if (!route.definition.csv || !wantsWhole(request)) return run(route, request, bindings, params);
    let pages = 0;
    return whole(request, async (page) => {
      // Strangers have a limit for each request; the pages of one count as if each was asked for.
      const isFree = pages++ === 0 || bindings.peer === undefined;
      if (!isFree && !parts.rate.take(`peer ${bindings.peer}`)) return refuse(problems.tooMany);
      return run(route, page, bindings, params);
    });
  }

  async function run(
    route: Route,
    request: Request,
    bindings: ApiBindings,
    params: Readonly<Record<string, string>>,
  ): Promise<Response> {
    const { definition } = route;
    const { method, access } = definition;
    if (hasMalformedEscape(request.url))
      return unknown(request, bindings, refuse(problems.notFound));
    const actor = bindings.actor ?? (await parts.identify(request, bindings));
    const changes = method === 'POST' && definition.reads !== true;
    const operatorsHere = bindings.listener !== 'public' || parts.operatorsEverywhere;
    const refusal = refusalOf(actor, {
      access,
      changes: changes && definition.byCredential !== true,
      operatorsHere,
    });
    if (refusal) {
      const signIn =
        access === 'worker' || access === 'signed-in' ? problems.credential : problems.admin;
      return refuse(refusal === 'sign_in_needed' ? signIn : REFUSALS[refusal]);
    }
    if (isLimited(actor) && !parts.rate.take(actor.id)) return refuse(problems.tooMany);
    const call = await callOf({
      ...{ definition, request, bindings, params, actor, operatorsHere },
      key: parts.key,
    });
    if ('problem' in call) return refuse(call.problem);
    // Of strangers only what they achieved is kept: anybody can try anything.
    const isKept = changes && parts.audit !== undefined;
    const entry =
      isKept && actor.kind !== 'nobody' ? await parts.audit.begin(call.changeOf()) : undefined;
    try {
      const value = await route.handle(call.request);
      if (definition.stream) return value ? refuse(value as Problem) : bindings.taken();
      const late = isKept && !entry ? await parts.audit.begin(call.changeOf()) : entry;
      await late?.end('done', call.noted());
      return answerOf(definition, value, { request, call });
    } catch (error) {
      const { code } = problemOf(error);
      await entry?.end(`refused: ${code}`, call.noted());
      throw error;
    } finally {
      // Strangers sign in and nothing more: they must not make everybody's answers new.
      if (changes && actor.kind !== 'nobody') made++;
    }
  }

  /** What is not there is said to nobody on the admin address who has not shown the token. */
  async function unknown(
    request: Request,
    bindings: ApiBindings,
    reply: Response,
  ): Promise<Response> {
    if (bindings.listener !== 'admin') return reply;
    const actor = bindings.actor ?? (await parts.identify(request, bindings));
    return actor.kind === 'nobody' ? refuse(problems.admin) : reply;
  }

  return {
    routes,
    app,
    identify: parts.identify,
    answer: async (request, bindings) => app.fetch(request, bindings),
    changes: () => made,
  };
}

const REFUSALS = {
  not_allowed: problems.notAllowed,
  session_needed: problems.sessionNeeded,
  not_here: problems.notHere,
} as const;

/** The admin token is on the machine of the pool, and its commands ask as fast as they need to. */
function isLimited(actor: Actor): actor is Exclude<Actor, { kind: 'nobody' }> {
  return actor.kind === 'worker' || (actor.kind === 'operator' && actor.by !== 'token');
}

function honoPath(path: string): string {
  return path.replaceAll(/\{(\w+)\}/g, ':$1');
}

function hasMalformedEscape(url: string): boolean {
  try {
    decodeURIComponent(new URL(url).pathname);
    return false;
  } catch {
    return true;
  }
}
