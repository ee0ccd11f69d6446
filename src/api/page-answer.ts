import type { IncomingHttpHeaders } from 'node:http';
import type { PageRequest, PageServer } from './page-types.ts';

/**
 * What a page may do: run and look by the pool's own files, talk to the pool alone. No inline script
 * or style, nothing of anybody else, no frame around it.
 */
export const CONTENT_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "worker-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Headers of everything that a browser shows. */
export const SAFETY = {
  'content-security-policy': CONTENT_POLICY,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
} as const;

/** What a reader is told when something went wrong. */
export type PageProblem = Parameters<PageServer['problem']>[1];

type AskedBy = Headers | IncomingHttpHeaders;

/** Whether whoever asks is a person with a browser, and not a program. */
export function wantsPage(headers: AskedBy): boolean {
  return headerOf(headers, 'accept').includes('text/html');
}

/** What a reader chose with the switch. */
export function themeOf(headers: AskedBy): PageRequest['theme'] {
  const chosen = /(?:^|; )theme=(light|dark)(?:;|$)/.exec(headerOf(headers, 'cookie'));
  return chosen?.[1] as PageRequest['theme'];
}

function headerOf(headers: AskedBy, name: 'accept' | 'cookie'): string {
  return (headers instanceof Headers ? headers.get(name) : headers[name]) ?? '';
}
