import { timingSafeEqual } from 'node:crypto';
import { hmacSha256 } from '../base/mac.ts';
import type { Actor } from './access.ts';
import type { ApiBindings } from './bindings.ts';
import { type Problem, problems } from './problem.ts';

/**
 * Why a change is not taken from where it comes: a browser sends cookies along with what other sites ask
 * it to send. A token in a header is never sent by itself, so whoever shows one may come from anywhere.
 * Browsers say of every POST where it is from, and no page can change what they say; what says nothing
 * is a script, which has to send JSON.
 */
export function refusalOfOrigin(
  request: Request,
  { host, listener }: ApiBindings,
  actor: Actor,
): Problem | undefined {
  if (listener === 'inside' || showsToken(actor)) return undefined;
  const { headers } = request;
  const site = headers.get('sec-fetch-site');
  if (site !== null && site !== 'same-origin') return problems.crossSite;
  const origin = headers.get('origin');
  // Behind a proxy that writes a host of its own, only the word of the browser helps.
  if (site === null && origin !== null && hostOf(origin) !== host) return problems.crossSite;
  const type = (headers.get('content-type') ?? '').split(';')[0]?.trim().toLowerCase();
  const isForm = type === 'application/x-www-form-urlencoded';
  if (isForm && site === null && origin === null) return problems.crossSite;
  return isForm || type === 'application/json' ? undefined : problems.bodyType;
}

function showsToken(actor: Actor): boolean {
  return actor.kind !== 'nobody' && (actor.by === 'token' || actor.by === 'credential');
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}

/** What a form of a session carries: another site cannot know it. */
export function formToken(session: string, key: Uint8Array): string {
  return hmacSha256(key)
    .update(JSON.stringify(['form', session]))
    .digest('base64url');
}

/** Whether a form is one that we gave to this session; without a session there is nothing to abuse. */
export function isOwnForm(given: string | undefined, actor: Actor, key: Uint8Array): boolean {
  if (actor.kind === 'nobody') return true;
  if (actor.session === undefined) return false;
  const wanted = Buffer.from(formToken(actor.session, key));
  const shown = Buffer.from(given ?? '');
  return shown.length === wanted.length && timingSafeEqual(shown, wanted);
}
