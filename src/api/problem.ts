/** What a request is refused with, as RFC 9457 has it; `code` is for programs, `title` for people. */
export interface Problem {
  readonly status: number;
  /** One word that does not change: `not_found`. */
  readonly code: string;
  /** One sentence. */
  readonly title: string;
  /** What was wrong this time; never what was asked, so that no page shows what somebody else wrote. */
  readonly detail?: string;
  /** What to do about it. */
  readonly advice?: string;
  /** Which fields of a body or query are wrong, and how. */
  readonly fields?: readonly { readonly field: string; readonly problem: string }[];
  /** Seconds after which to try again. */
  readonly retryAfter?: number;
}

/** When to try again what needs a database or a chain that is away: so soon the pool knows that it is back. */
export const AWAY_SECONDS = 10;

/** The problems that any route may answer with. */
export const problems = {
  notFound: { status: 404, code: 'not_found', title: 'There is nothing at this address.' },
  method: {
    status: 405,
    code: 'method_not_allowed',
    title: 'This address does not take that method.',
  },
  tooLong: { status: 414, code: 'address_too_long', title: 'The address is too long.' },
  query: { status: 400, code: 'query_invalid', title: 'The query is not one that is known here.' },
  cursor: {
    status: 400,
    code: 'cursor_invalid',
    title: 'This cursor is not of this query.',
    advice: 'Take `next` of the page before, with the same query, or begin without a cursor.',
  },
  body: { status: 413, code: 'body_refused', title: 'A request to this address has no body.' },
  bodyTooLarge: { status: 413, code: 'body_too_large', title: 'The body is too large.' },
  bodyType: {
    status: 415,
    code: 'body_type_refused',
    title: 'The body must be JSON, or a form of this site.',
    advice: 'Send `content-type: application/json`.',
  },
  crossSite: {
    status: 403,
    code: 'cross_site_refused',
    title: 'A change must come from a page of this pool.',
    advice: 'Repeat it on the page itself; scripts send JSON, with a token instead of a cookie.',
  },
  admin: {
    status: 401,
    code: 'admin_unauthorized',
    title: 'An operator must sign in, or show the admin token.',
    advice: 'Use the token file of the running pool, or a link of `tributary operators link NAME`.',
  },
  credential: {
    status: 401,
    code: 'credential_unknown',
    title: 'Sign in, or give the credential of a worker: Authorization: Bearer trib_…',
  },
  notAllowed: {
    status: 403,
    code: 'not_allowed',
    title: 'This needs another role.',
    advice: 'Ask an owner of the pool; `GET /api/v1/session` says which role you have.',
  },
  sessionNeeded: {
    status: 403,
    code: 'session_needed',
    title: "A machine's credential reads, and changes nothing.",
    advice: 'Sign in with the wallet that is paid, or with a link of the operator.',
  },
  notHere: {
    status: 403,
    code: 'not_here',
    title: 'Operators are served on the admin address of the pool.',
    advice: 'Use the admin address, or see --operator-pages.',
  },
  tooMany: {
    status: 429,
    code: 'too_many_requests',
    title: 'Too many requests; wait a second.',
    retryAfter: 1,
  },
  busy: {
    status: 503,
    code: 'busy',
    title: 'Too many are served at this moment; try again in a second.',
    retryAfter: 1,
  },
  streams: {
    status: 503,
    code: 'streams_full',
    title: 'Too many follow the live values at this moment.',
    advice: 'Ask for the values now and then, or try again in a minute.',
    retryAfter: 60,
  },
  ours: { status: 500, code: 'internal', title: 'The request could not be handled.' },
} as const satisfies Record<string, Problem>;

/** A refusal of a route that has no code among the errors: sign-in, and what only the API knows. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.title);
    this.problem = problem;
  }
}

/** A problem as it came back from {@link problemBody}, with what its headers said. */
export function problemIn(text: string, retryAfter?: string | null): Problem {
  const problem = JSON.parse(text) as Problem;
  const known = Object.values(problems).find(({ code }) => code === problem.code);
  const seconds = retryAfter
    ? Number(retryAfter)
    : known && 'retryAfter' in known && known.retryAfter;
  return { ...problem, retryAfter: seconds || AWAY_SECONDS };
}

/** A problem as it goes out. */
export function problemBody({ retryAfter: _, ...problem }: Problem): string {
  const { status, code, title, ...rest } = problem;
  return `${JSON.stringify({ type: 'about:blank', title, status, code, ...rest })}\n`;
}

/** Sent with everything that is no page: it shows nothing, and nobody may frame it. */
export const SAFE = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
} as const;

/** Headers of a problem. */
export function problemHeaders({ status, retryAfter }: Problem): Record<string, string> {
  return {
    ...SAFE,
    'content-type': 'application/problem+json',
    'cache-control': 'no-store',
    ...(status === 401 ? { 'www-authenticate': 'Bearer' } : {}),
    ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }),
  };
}
