import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { adminFiles } from '../base/data-dir.ts';
import { type ErrorCode, errorAdvice, messageOf, TributaryError } from '../base/errors.ts';
import { harmless } from '../base/terminal.ts';

/** A pool answers in milliseconds; one that has not after this long is not going to. */
const ANSWER_MS_MAX = 15_000;

const workerView = z.object({
  id: z.string(),
  name: z.string(),
  state: z.enum(['active', 'paused', 'draining', 'revoked']),
  /** The state in words, where the pool knows more than `state`: "Quarantined until 14:05: …". */
  status: z.string().optional(),
  payoutAddress: z.string().nullish(),
  /** ISO 8601. */
  createdAt: z.string().optional(),
  validSecrets: z.number().optional(),
  connections: z.number().optional(),
  /** Sessions that it serves now, and how many it takes. */
  sessions: z.number().optional(),
  capacity: z.number().optional(),
  /** Segments credited and attempts failed since it was enrolled. */
  segments: z.number().optional(),
  failures: z.number().optional(),
  /** Credited pixels, a decimal integer. */
  pixels: z.string().regex(/^\d+$/).optional(),
});

/** A worker as the admin API shows it. */
export type WorkerView = z.infer<typeof workerView>;

const enrolment = z.object({
  id: z.string(),
  name: z.string(),
  credential: z.string(),
  join: z.string(),
});

/** A new credential; the pool keeps only its hash, so this is the one time it can be seen. */
export type Enrolment = z.infer<typeof enrolment>;

/** The workers of a running pool. Every call throws a {@link TributaryError} when refused. */
export interface AdminClient {
  list(): Promise<readonly WorkerView[]>;
  show(worker: string): Promise<WorkerView>;
  add(name: string, payoutAddress: string | undefined): Promise<Enrolment>;
  rotate(worker: string): Promise<Enrolment>;
  change(worker: string, to: 'revoke' | 'pause' | 'resume' | 'drain'): Promise<void>;
}

/** Where the pool is, from options or from its data directory. */
export interface Whereabouts {
  readonly dataDir: string | undefined;
  readonly adminUrl: string | undefined;
  readonly adminToken: string | undefined;
}

/**
 * Finds the admin address and token: what is given wins over the files in the data directory.
 *
 * @throws TributaryError `setting_missing`, `admin_unreachable` (no pool has run there) or
 *   `admin_unauthorized` (the token file belongs to somebody else)
 */
export function findPool(given: Whereabouts): RunningPool {
  const files = given.dataDir === undefined ? undefined : adminFiles(given.dataDir);
  if (!files && (!given.adminUrl || !given.adminToken)) {
    throw new TributaryError(
      'setting_missing',
      'Which pool? Give --data-dir, or --admin-url together with TRIBUTARY_ADMIN_TOKEN.',
    );
  }
  const url = given.adminUrl ?? readAddress(files?.address as string);
  const token = given.adminToken ?? readToken(files?.token as string);
  return { url, token };
}

/** Where a running pool takes commands, and what shows that it may be commanded. */
export interface RunningPool {
  readonly url: string;
  readonly token: string;
}

/** One request of the admin API: the JSON that it answers with, or its refusal as an error. */
export type AdminCall = (
  method: 'GET' | 'POST',
  path: string,
  body?: object,
  answerMs?: number,
) => Promise<unknown>;

/**
 * Calls the admin API of a pool. Throws `admin_unreachable`, `admin_unauthorized`, `admin_refused`, or
 * what the pool refused with. Bigints of a body go as decimal strings.
 */
export function callerOf(pool: RunningPool): AdminCall {
  return async (method, path, body, answerMs = ANSWER_MS_MAX) => {
    const response = await send(pool, method, path, body, answerMs);
    const text = await response.text();
    if (response.ok) return parse(text);
    throw refusal(response.status, text);
  };
}

/** A client of the pool at `url`, whose admin token is `token`. */
export function createAdminClient(pool: RunningPool): AdminClient {
  const call = callerOf(pool);
  const at = (worker: string) => `/api/v1/workers/${encodeURIComponent(worker)}`;
  const rows = z.object({ workers: z.array(workerView) }).transform(({ workers }) => workers);
  return {
    list: async () =>
      decode(z.union([z.array(workerView), rows]), await call('GET', '/api/v1/workers')),
    show: async (worker) => decode(workerView, await call('GET', at(worker))),
    add: async (name, payoutAddress) => {
      const wanted = payoutAddress === undefined ? { name } : { name, payoutAddress };
      return decode(enrolment, await call('POST', '/api/v1/workers', wanted));
    },
    rotate: async (worker) => decode(enrolment, await call('POST', `${at(worker)}/rotate`)),
    change: async (worker, to) => {
      await call('POST', `${at(worker)}/${to}`);
    },
  };
}

/**
 * What people call each worker of a pool, revoked ones too; of whom the pool does not know, the id. A
 * name may be given again once its worker is revoked: that one has its id behind it.
 */
export async function workerNames(pool: RunningPool): Promise<(id: string) => string> {
  const workers = await createAdminClient(pool).list();
  const called = Map.groupBy(workers, ({ name }) => name.toLowerCase());
  const names = new Map(
    workers.map(({ id, name, state }) => {
      const isShared = (called.get(name.toLowerCase())?.length ?? 0) > 1;
      return [id, harmless(state === 'revoked' && isShared ? `${name} (${id})` : name)];
    }),
  );
  return (id) => names.get(id) ?? id;
}

async function send(
  pool: RunningPool,
  method: string,
  path: string,
  body: object | undefined,
  answerMs: number,
): Promise<Response> {
  if (!/^[\x21-\x7e]+$/.test(pool.token)) {
    throw new TributaryError('admin_unauthorized', 'The admin token holds spaces or other signs.');
  }
  const headers: Record<string, string> = { authorization: `Bearer ${pool.token}` };
  if (body) headers['content-type'] = 'application/json';
  try {
    return await fetch(new URL(path, pool.url), {
      method,
      headers,
      // The token goes where it was meant to go, and nowhere that an answer points to.
      redirect: 'error',
      signal: AbortSignal.timeout(answerMs),
      ...(body ? { body: jsonOf(body) } : {}),
    });
  } catch (cause) {
    throw new TributaryError('admin_unreachable', `No pool answers at ${pool.url}.`, { cause });
  }
}

/** No amount may pass through a float. */
function jsonOf(body: object): string {
  return JSON.stringify(body, (_, value) => (typeof value === 'bigint' ? `${value}` : value));
}

/** A problem as RFC 9457 has it: `detail` says what it was this time, `title` what kind it is. */
const refused = z.object({
  code: z.string(),
  title: z.string(),
  detail: z.string().optional(),
  advice: z.string().optional(),
});

function refusal(status: number, text: string): TributaryError {
  const body = refused.safeParse(parseOrUndefined(text));
  if (!body.success) {
    return new TributaryError('admin_refused', `The pool answered with status ${status}.`);
  }
  const { code, title, detail, advice } = body.data;
  const message = detail ?? title;
  if (Object.hasOwn(errorAdvice, code)) return new TributaryError(code as ErrorCode, message);
  return new TributaryError('admin_refused', advice ? `${message}. ${advice}` : message);
}

function readAddress(path: string): string {
  const missing = 'No pool has left its address there';
  const parsed = z.object({ url: z.url() }).safeParse(parseOrUndefined(readText(path, missing)));
  if (parsed.success) return parsed.data.url;
  throw new TributaryError('admin_unreachable', `${path} does not hold the address of a pool.`);
}

function readToken(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (cause) {
    const message = `The admin token cannot be read (${messageOf(cause)}).`;
    throw new TributaryError('admin_unauthorized', message, { cause });
  }
}

function readText(path: string, otherwise: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const message = `${otherwise} (${messageOf(cause)}).`;
    throw new TributaryError('admin_unreachable', message, { cause });
  }
}

function parse(text: string): unknown {
  const value = parseOrUndefined(text);
  if (value !== undefined || text === '') return value;
  throw new TributaryError('admin_refused', 'What answers at the admin address is not a pool.');
}

function parseOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // not JSON: the caller says what it wanted
  }
}

/** What the pool said, if it is what was expected. Throws `admin_refused`. */
export function decode<T>(schema: z.ZodType<T>, value: unknown): T {
  const decoded = schema.safeParse(value);
  if (decoded.success) return decoded.data;
  throw new TributaryError(
    'admin_refused',
    'The pool answered something else than this version expects; are both of the same version?',
  );
}
