import type { z } from 'zod';
import type { definitions } from '../api/definitions.ts';
import type { ParamsOf, RouteDefinition } from '../api/route.ts';

/** Every route by method and path, with its types; nothing of it is there when the program runs. */
type Groups = typeof definitions;
type Definition = { [G in keyof Groups]: Groups[G][keyof Groups[G]] }[keyof Groups];
type ByMethod<M extends 'GET' | 'POST'> = {
  [D in Definition as D extends { readonly method: M } ? D['path'] : never]: D;
};
/** Routes that are read, by path. */
export type Reads = ByMethod<'GET'>;
/** Routes that are posted to, by path. */
export type Posts = ByMethod<'POST'>;

/** What a route answers with. */
export type Answer<D> = D extends { readonly reply: infer R }
  ? R extends z.ZodType
    ? z.output<R>
    : Uint8Array
  : never;
type QueryInput<D> = D extends { readonly query: infer Q extends z.ZodType } ? z.input<Q> : never;
type BodyInput<D> = D extends { readonly body: infer B extends z.ZodType } ? z.input<B> : never;
type Params<D> = D extends RouteDefinition ? ParamsOf<D['path']> : never;

/** What a call takes: params where the path names some, and what the route declares. */
export type CallOptions<D> = (keyof Params<D> extends never
  ? { readonly params?: undefined }
  : { readonly params: Params<D> }) &
  ([QueryInput<D>] extends [never]
    ? { readonly query?: undefined }
    : { readonly query?: Partial<QueryInput<D>> }) &
  ([BodyInput<D>] extends [never]
    ? { readonly body?: undefined }
    : { readonly body: BodyInput<D> });
type Args<D> =
  Record<string, never> extends CallOptions<D>
    ? readonly [options?: CallOptions<D> & Waiting]
    : readonly [options: CallOptions<D> & Waiting];

/** How long a caller waits. */
interface Waiting {
  readonly signal?: AbortSignal;
}

/** Items of a list. */
type Item<D> = Answer<D> extends { readonly items: readonly (infer I)[] } ? I : never;

/** Why the pool refused, as RFC 9457 has it. */
export interface PoolProblem {
  readonly status: number;
  /** For programs: `not_found`. */
  readonly code: string;
  readonly title: string;
  readonly detail?: string;
  readonly advice?: string;
  readonly fields?: readonly { readonly field: string; readonly problem: string }[];
}

/** A refusal of the pool, thrown by every call. */
export class PoolRefusal extends Error {
  override readonly name = 'PoolRefusal';
  readonly problem: PoolProblem;

  constructor(problem: PoolProblem) {
    super(problem.detail ?? problem.title);
    this.problem = problem;
  }
}

/** One snapshot of live values. */
export interface LiveEvent<T> {
  /** Give it back as `after` to go on behind it. */
  readonly id: string;
  readonly value: T;
}

/** A client of one pool, in a browser or in Node: paths are checked, answers have their types. */
export interface Client {
  /** Throws {@link PoolRefusal}, and what `fetch` throws. */
  get<P extends keyof Reads & string>(path: P, ...args: Args<Reads[P]>): Promise<Answer<Reads[P]>>;
  post<P extends keyof Posts & string>(path: P, ...args: Args<Posts[P]>): Promise<Answer<Posts[P]>>;
  /** Every item of a list, page after page. */
  items<P extends keyof Reads & string>(
    path: P,
    ...args: Args<Reads[P]>
  ): AsyncGenerator<Item<Reads[P]>>;
  /** Live values until the connection or `signal` ends. */
  live<P extends keyof Reads & string>(
    path: P,
    options?: { readonly after?: string; readonly signal?: AbortSignal },
  ): AsyncGenerator<LiveEvent<Answer<Reads[P]>>>;
}

/** Where the pool is, and what shows who asks; in a page of the pool neither is needed. */
export interface ClientParts {
  readonly url?: string;
  /** The admin token, or the credential of a worker. */
  readonly token?: string;
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>;
}

/** @example const pool = createClient({ url: 'https://pool.example' }); await pool.get('/api/v1/pool') */
export function createClient(parts: ClientParts = {}): Client {
  const ask = parts.fetch ?? ((url: string, init: RequestInit) => fetch(url, init));
  const shown: Record<string, string> =
    parts.token === undefined ? {} : { authorization: `Bearer ${parts.token}` };

  async function call(method: 'GET' | 'POST', path: string, options: AnyOptions = {}) {
    const url = addressOf(parts.url ?? '', path, options);
    const isPost = method === 'POST';
    const response = await ask(url, {
      method,
      headers: { ...shown, ...(isPost ? { 'content-type': 'application/json' } : {}) },
      ...(isPost ? { body: jsonOf(options.body ?? {}) } : {}),
      ...(options.signal ? { signal: options.signal } : {}),
    });
    if (!response.ok) throw new PoolRefusal(await problemIn(response));
    const isJson = response.headers.get('content-type')?.startsWith('application/json');
    return isJson ? response.json() : new Uint8Array(await response.arrayBuffer());
  }

  async function* items(path: string, options: AnyOptions = {}) {
    for (let cursor: string | undefined; ; ) {
      const query = { ...options.query, ...(cursor === undefined ? {} : { cursor }) };
      const page = (await call('GET', path, { ...options, query })) as {
        readonly items: readonly unknown[];
        readonly next: string | null;
      };
      yield* page.items;
      if (page.next === null) return;
      cursor = page.next;
    }
  }

  async function* live(path: string, options: { after?: string; signal?: AbortSignal } = {}) {
    const { after, signal } = options;
    const response = await ask(addressOf(parts.url ?? '', path, {}), {
      headers: {
        ...shown,
        accept: 'text/event-stream',
        ...(after === undefined ? {} : { 'last-event-id': after }),
      },
      ...(signal ? { signal } : {}),
    });
    if (!response.ok || !response.body) throw new PoolRefusal(await problemIn(response));
    yield* eventsOf(response.body);
  }

  // Each call went through the types of its path above; behind them there is only JSON.
  return {
    get: (path: string, options?: AnyOptions) => call('GET', path, options),
    post: (path: string, options?: AnyOptions) => call('POST', path, options),
    items,
    live,
  } as unknown as Client;
}

interface AnyOptions {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, unknown>>;
  readonly body?: unknown;
  readonly signal?: AbortSignal;
}

function addressOf(base: string, path: string, { params = {}, query = {} }: AnyOptions): string {
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(params[name] ?? ''),
  );
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) search.set(name, String(value));
  }
  const asked = search.size === 0 ? filled : `${filled}?${search}`;
  return base === '' ? asked : new URL(asked, base).href;
}

/** No amount may pass through a float. */
function jsonOf(body: unknown): string {
  return JSON.stringify(body, (_, value) => (typeof value === 'bigint' ? `${value}` : value));
}

async function problemIn(response: Response): Promise<PoolProblem> {
  const { status } = response;
  const other = {
    status,
    code: 'no_pool',
    title: `What answers is not a pool (status ${status}).`,
  };
  if (!response.headers.get('content-type')?.startsWith('application/problem+json')) return other;
  return response.json().catch(() => other) as Promise<PoolProblem>;
}

/** Events of `text/event-stream`: those with data, each with its id. */
async function* eventsOf(body: ReadableStream<Uint8Array>): AsyncGenerator<LiveEvent<unknown>> {
  const decoder = new TextDecoder();
  const reader = body.getReader();
  let rest = '';
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const blocks = `${rest}${decoder.decode(value, { stream: true })}`.split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) {
        const field = (name: string) =>
          block
            .split('\n')
            .find((line) => line.startsWith(`${name}: `))
            ?.slice(name.length + 2);
        const data = field('data');
        if (data !== undefined) yield { id: field('id') ?? '', value: JSON.parse(data) as unknown };
      }
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
