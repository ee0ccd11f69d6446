import type { ServerResponse } from 'node:http';
import type { z } from 'zod';
import type { Access, Actor, ActorFor } from './access.ts';
import type { Peer } from './client-address.ts';
import type { Problem } from './problem.ts';

/**
 * How a route is added: a file `<noun>-routes.ts` holds its definitions (what it takes, answers, and
 * who may call it) and a function that gives each its handler:
 *
 * ```ts
 * export const thingsApi = {
 *   list: defineRoute({
 *     method: 'GET', path: '/api/v1/things', access: 'viewer', summary: 'All things.',
 *     query: pageQuery, reply: pageOf(thing), csv: ['id', 'amount.asset', 'amount.amount'],
 *   }),
 * } as const;
 *
 * export function thingsRoutes(parts: ThingsRoutesParts): readonly Route[] {
 *   return [serve(thingsApi.list, async ({ query, cursor, actor }) => ({ items, next }))];
 * }
 * ```
 *
 * The definitions go into `definitions.ts` (types of the client, the description, the test of access),
 * the function into `programs/pool/admin.ts`. Validation, access, problems, ETags, CSV, limits and the
 * audit log come with it. Schemas of replies decide what leaves: a field that they do not name does not.
 */
export interface RouteDefinition {
  readonly method: 'GET' | 'POST';
  /** Parts in braces are params: `/api/v1/workers/{worker}`. */
  readonly path: string;
  readonly access: Access;
  /** A sentence for the reference. */
  readonly summary: string;
  readonly query?: z.ZodObject;
  /** Of a POST; left out: it takes an empty object. */
  readonly body?: z.ZodType;
  /** What is answered, or the media type of what is not JSON. */
  readonly reply: z.ZodType | RawReply;
  /** The status of success, 200 if not given. */
  readonly status?: number;
  /** Columns of the table as CSV, with dots into nested fields; of `items`, or of the reply itself. */
  readonly csv?: readonly string[];
  /**
   * A machine's credential may change this, too: what a worker has to be able to do that has neither
   * a wallet nor a link.
   */
  readonly byCredential?: boolean;
  /** A POST that only reads: it is not in the audit log. */
  readonly reads?: boolean;
  /** The body is whatever was sent: the handler checks a signature over its bytes. */
  readonly raw?: boolean;
  /** Server-sent events of `reply` instead of one answer. */
  readonly stream?: boolean;
}

/** A reply of bytes. */
export interface RawReply {
  readonly type: string;
}

/** Checks the shape of a definition, and keeps its type. */
export function defineRoute<const D extends RouteDefinition>(definition: D): D {
  return definition;
}

/** The names in braces of a path. */
export type ParamsOf<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}`
  ? { readonly [K in Name | keyof ParamsOf<Rest>]: string }
  : // biome-ignore lint/complexity/noBannedTypes: no params is an object without keys.
    {};
/** What a handler is given of the query, after its schema. */
export type QueryOf<D extends RouteDefinition> = D extends { readonly query: infer Q }
  ? z.output<Q & z.ZodType>
  : Readonly<Record<string, never>>;
/** What a handler is given of the body, after its schema. */
export type BodyOf<D extends RouteDefinition> = D extends { readonly body: infer B }
  ? z.output<B & z.ZodType>
  : Readonly<Record<string, never>>;
/** What a handler answers with: what the schema takes. */
export type AnswerOf<D extends RouteDefinition> = D['reply'] extends z.ZodType
  ? Readable<z.input<D['reply']>>
  : Uint8Array;
/** The same without the right to change it, all the way down. */
type Readable<T> = T extends readonly (infer Item)[]
  ? readonly Readable<Item>[]
  : T extends object
    ? { readonly [K in keyof T]: Readable<T[K]> }
    : T;

/** What is summed up of a change in the audit log: never a secret. */
export interface ChangeNote {
  readonly target?: string;
  readonly before?: object;
  readonly after?: object;
}

/** Opaque cursors that are good for the same query of the same caller only. */
export interface Cursor {
  /** What {@link Cursor.write} was given for the page before; undefined: the first page. */
  readonly after: readonly string[] | undefined;
  write(position: readonly string[]): string;
}

/** What a handler is given. */
export interface ApiRequest<D extends RouteDefinition> {
  readonly params: ParamsOf<D['path']>;
  readonly query: QueryOf<D>;
  readonly body: BodyOf<D>;
  readonly actor: ActorFor<D['access']>;
  /** Whether an operator asks, where operators are served: it may see more than everybody. */
  readonly byOperator: boolean;
  readonly cursor: Cursor;
  /** Says more of a change than its body does. */
  note(change: ChangeNote): void;
  /** A header of the answer, such as `set-cookie`. */
  header(name: string, value: string): void;
  readonly caller: Caller;
  readonly raw: RawRequest;
}

/** What was sent, of a route that takes it as it is; empty of others. */
export interface RawRequest {
  readonly body: string;
  header(name: string): string | undefined;
}

/** Where a call came from, as far as connection and proxies tell. */
export interface Caller {
  /** Whom limits count it for. */
  readonly peer: Peer;
  /** `Host` as it was sent: anybody can write anything there. */
  readonly host: string;
  readonly listener: Listener;
  /** The cookie of a session, the hash of which is in `actor`. */
  readonly cookie: string | undefined;
  /** What a reconnecting reader of events had last. */
  readonly lastEventId: string | undefined;
}

/** Which address a call came in at; `inside`: a page of ours that asks for its numbers. */
export type Listener = 'admin' | 'public' | 'inside';

/** What events are written to. */
export interface EventSink {
  readonly response: ServerResponse;
}

/** A definition with what it does. */
export interface Route {
  readonly definition: RouteDefinition;
  handle(request: AnyRequest): Promise<unknown>;
}

/** What every handler is called with; `serve` knows the types. */
export interface AnyRequest {
  readonly params: Readonly<Record<string, string>>;
  readonly query: unknown;
  readonly body: unknown;
  readonly actor: Actor;
  readonly byOperator: boolean;
  readonly cursor: Cursor;
  note(change: ChangeNote): void;
  header(name: string, value: string): void;
  readonly caller: Caller;
  readonly raw: RawRequest;
  /** Undefined inside the process: events need a connection. */
  readonly sink: EventSink | undefined;
}

/** Gives a definition its handler. */
export function serve<const D extends RouteDefinition>(
  definition: D,
  handle: (request: ApiRequest<D>) => Promise<AnswerOf<D>>,
): Route {
  return {
    definition,
    // What the framework hands over went through the schemas of this very definition.
    handle: (request) => handle(request as unknown as ApiRequest<D>),
  };
}

/** Gives a definition of events what writes them; refused with a problem where there is no room. */
export function serveEvents<const D extends RouteDefinition & { readonly stream: true }>(
  definition: D,
  open: (request: ApiRequest<D>, sink: EventSink) => Problem | undefined,
): Route {
  return {
    definition,
    async handle(request) {
      const { sink } = request;
      if (!sink) return undefined;
      return open(request as unknown as ApiRequest<D>, sink);
    },
  };
}
