import { z } from 'zod';
import { hex } from '../base/bytes.ts';
import type { Clock } from '../base/clock.ts';
import { type Actor, type OperatorActor, roles, type WorkerActor } from './access.ts';
import { formToken } from './origin.ts';
import { problems, Refusal } from './problem.ts';
import { createRequestRate } from './request-rate.ts';
import { defineRoute, type Route, serve } from './route.ts';
import { setCookie } from './session-cookie.ts';
import type { Sessions, SignedIn, SignInResult } from './sessions.ts';
import type { Holder } from './sessions-store.ts';
import { done, moment } from './shapes.ts';
import type { SignInRefusal } from './siwe.ts';

/** A person tries a few times; a contract wallet costs a question to the chain. */
const TRIES = { burst: 20, perSecond: 0.5 } as const;

/** What the routes of sessions stand on. */
export interface SessionRoutesParts {
  readonly sessions: Sessions;
  /** The key of forms; see `origin.ts`. */
  readonly key: Uint8Array;
  readonly clock: Clock;
}

const who = z.object({
  kind: z.enum(['nobody', 'worker', 'operator']),
  name: z.string().optional(),
  role: z.enum(roles).optional(),
  workers: z.array(z.string()).optional().describe('The ids of those that are yours.'),
  by: z.enum(['token', 'wallet', 'link', 'credential']).optional(),
  form: z.string().optional().describe('What forms of this session carry as `csrf`.'),
});

const entered = z.object({ kind: z.enum(['worker', 'operator']), expiresAt: moment });

export const sessionApi = {
  who: defineRoute({
    method: 'GET',
    path: '/api/v1/session',
    access: 'public',
    summary: 'Who you are to this pool.',
    reply: who,
  }),
  challenge: defineRoute({
    method: 'POST',
    path: '/api/v1/session/challenge',
    access: 'public',
    summary: 'What a message of EIP-4361 must hold to sign in here; good once, for five minutes.',
    reply: z.object({
      nonce: z.string(),
      expiresAt: moment,
      chainId: z.int(),
      statement: z.string(),
    }),
    reads: true,
  }),
  wallet: defineRoute({
    method: 'POST',
    path: '/api/v1/session/wallet',
    access: 'public',
    summary: 'Sign in with a wallet: as the workers that are paid there, or as an operator.',
    body: z.object({
      message: z.string().max(4_096),
      signature: z.string().max(10_000),
      as: z.enum(['worker', 'operator']).default('worker'),
    }),
    reply: entered,
  }),
  link: defineRoute({
    method: 'POST',
    path: '/api/v1/session/link',
    access: 'public',
    summary: 'Sign in with the token of a link, once.',
    body: z.object({ token: z.string().max(200) }),
    reply: entered,
  }),
  list: defineRoute({
    method: 'GET',
    path: '/api/v1/session/all',
    access: 'signed-in',
    summary: 'Every session of yours that is valid.',
    reply: z.array(
      z.object({
        id: z.string(),
        by: z.string(),
        createdAt: moment,
        expiresAt: moment,
        isThis: z.boolean(),
      }),
    ),
  }),
  end: defineRoute({
    method: 'POST',
    path: '/api/v1/session/end',
    access: 'signed-in',
    summary: 'Sign out.',
    reply: done,
  }),
  revoke: defineRoute({
    method: 'POST',
    path: '/api/v1/session/revoke',
    access: 'signed-in',
    summary: 'End another session of yours, or all the others.',
    body: z.object({ id: z.string().max(64).optional() }),
    reply: z.object({ ended: z.int() }),
  }),
} as const;

/** `/api/v1/session`: sign in, see who you are, sign out. */
export function sessionRoutes({ sessions, key, clock }: SessionRoutesParts): readonly Route[] {
  const tries = createRequestRate(clock, TRIES);
  return [
    serve(sessionApi.who, async ({ actor }) => whoIs(actor, key)),
    serve(sessionApi.challenge, async () => ({ ...sessions.challenge(), statement: STATEMENT })),
    serve(sessionApi.wallet, async ({ body, caller, header, note }) => {
      if (!tries.take(caller.peer)) throw new Refusal(problems.tooMany);
      const { message, signature, as } = body;
      const { holder, ...session } = granted(await sessions.signIn(message, signature, as));
      note({ target: nameOf(holder) });
      header('set-cookie', cookieFor(session, clock));
      return { kind: as, expiresAt: session.expiresAt };
    }),
    serve(sessionApi.link, async ({ body, caller, header, note }) => {
      if (!tries.take(caller.peer)) throw new Refusal(problems.tooMany);
      const { holder, ...session } = granted(await sessions.useLink(body.token));
      note({ target: nameOf(holder) });
      header('set-cookie', cookieFor(session, clock));
      const kind = 'operator' in holder ? ('operator' as const) : ('worker' as const);
      return { kind, expiresAt: session.expiresAt };
    }),
    serve(sessionApi.list, async ({ actor }) => {
      const all = await sessions.ofSamePerson(sessionOf(actor));
      return all.map(({ hash, by, createdAt, expiresAt }) => ({
        id: hex(hash).slice(0, ID_CHARS),
        ...{ by, createdAt, expiresAt },
        isThis: hex(hash) === actor.session,
      }));
    }),
    serve(sessionApi.end, async ({ actor, header }) => {
      await sessions.end(sessionOf(actor));
      header('set-cookie', setCookie('', 0));
      return {};
    }),
    serve(sessionApi.revoke, async ({ actor, body, note }) => {
      const own = sessionOf(actor);
      const others = (await sessions.ofSamePerson(own))
        .map(({ hash }) => hex(hash))
        .filter((one) => one !== own && (body.id === undefined || one.startsWith(body.id)));
      const chosen = body.id === undefined || body.id.length === ID_CHARS ? others : [];
      for (const one of chosen) await sessions.end(one);
      note({ after: { ended: chosen.length } });
      return { ended: chosen.length };
    }),
  ];
}
/** Enough of a hash to name a session among those of one person. */
const ID_CHARS = 16;
const STATEMENT = 'Sign in to see and manage your machines and pay. This costs nothing.';

function whoIs(actor: Actor, key: Uint8Array) {
  if (actor.kind === 'nobody') return { kind: actor.kind };
  const form = actor.session === undefined ? {} : { form: formToken(actor.session, key) };
  return actor.kind === 'operator'
    ? { kind: actor.kind, name: actor.name, role: actor.role, by: actor.by, ...form }
    : { kind: actor.kind, workers: actor.workers, by: actor.by, ...form };
}

function nameOf(holder: Holder): string {
  if ('address' in holder) return holder.address;
  return 'operator' in holder ? holder.operator : holder.worker;
}

function sessionOf({ session = '' }: OperatorActor | WorkerActor): string {
  return session;
}

function cookieFor({ token, expiresAt }: Pick<SignedIn, 'token' | 'expiresAt'>, clock: Clock) {
  return setCookie(token, Math.floor((expiresAt - clock.now()) / 1000));
}

function granted(result: SignInResult): SignedIn {
  if (result.ok) return result;
  const { title, advice } = REFUSALS[result.reason];
  throw new Refusal({ status: 401, code: result.reason, title, advice });
}

const AGAIN = 'Sign in again: each message is good once, for five minutes.';
const REFUSALS: Readonly<Record<SignInRefusal, { title: string; advice: string }>> = {
  message_malformed: {
    title: 'This is no message of EIP-4361.',
    advice: 'Sign the message as the sign-in page makes it.',
  },
  foreign_domain: {
    title: 'This message was signed for another site.',
    advice: 'Somebody may have tried to sign in with it; sign only what a page of this pool shows.',
  },
  foreign_uri: {
    title: 'This message names another site.',
    advice: 'Sign only what a page of this pool shows.',
  },
  other_chain: {
    title: 'This message is for another chain.',
    advice: 'Switch the wallet to the chain of the pool, and sign in again.',
  },
  message_expired: { title: 'This message is too old.', advice: AGAIN },
  message_not_yet_valid: {
    title: 'This message is not valid yet.',
    advice: 'Set the clock of your device, and sign in again.',
  },
  nonce_invalid: { title: 'This message is too old, or not from here.', advice: AGAIN },
  nonce_used: { title: 'Somebody signed in with this message already.', advice: AGAIN },
  signature_wrong: {
    title: 'The wallet did not sign this message.',
    advice: 'Sign with the account that the message names.',
  },
  wallet_unknown: {
    title: 'No worker is paid at this wallet.',
    advice: 'Ask the operator for a link, and set your payout address there.',
  },
  link_invalid: {
    title: 'This link was used, or is older than ten minutes.',
    advice: 'Ask the operator for another one.',
  },
};
