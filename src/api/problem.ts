import type { ServerResponse } from 'node:http';

/** What a stranger is refused with, as RFC 9457 has it; `code` is for programs, `title` for people. */
export interface Problem {
  readonly status: number;
  /** One word that does not change: `not_found`. */
  readonly code: string;
  /** One sentence. */
  readonly title: string;
  /** Seconds after which to try again. */
  readonly retryAfter?: number;
}

/** The problems of the public address; none of them repeats what was asked. */
export const problems = {
  notFound: { status: 404, code: 'not_found', title: 'There is nothing at this address.' },
  method: {
    status: 405,
    code: 'method_not_allowed',
    title: 'Only GET and HEAD are answered here.',
  },
  tooLong: { status: 414, code: 'address_too_long', title: 'The address is too long.' },
  query: { status: 400, code: 'query_invalid', title: 'The query is not one that is known here.' },
  body: { status: 413, code: 'body_refused', title: 'A request to this address has no body.' },
  credential: {
    status: 401,
    code: 'credential_unknown',
    title: 'Give the credential of a worker: Authorization: Bearer trib_…',
  },
  tooMany: {
    status: 429,
    code: 'too_many_requests',
    title: 'Too many requests from this address; wait a second.',
    retryAfter: 1,
  },
  busy: {
    status: 503,
    code: 'busy',
    title: 'Too many are served at this moment; try again in a second.',
    retryAfter: 1,
  },
  ours: { status: 500, code: 'internal', title: 'The request could not be handled.' },
} as const satisfies Record<string, Problem>;

/** Answers with `application/problem+json`. */
export function sendProblem(response: ServerResponse, problem: Problem): void {
  const { status, code, title, retryAfter } = problem;
  const body = `${JSON.stringify({ type: 'about:blank', status, code, title })}\n`;
  response.writeHead(status, {
    'content-type': 'application/problem+json',
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...(status === 401 ? { 'www-authenticate': 'Bearer' } : {}),
    ...(status === 405 ? { allow: 'GET, HEAD' } : {}),
    ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }),
  });
  response.end(body);
}
