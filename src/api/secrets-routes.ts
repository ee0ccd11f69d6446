import { z } from 'zod';
import type { Database } from '../database/database.ts';
import { createSecrets, type Secret } from '../database/secrets.ts';
import { AUTH_TOKEN_SECONDS } from '../protocol/auth-token.ts';
import { demandConsequence } from './consequence.ts';
import { defineRoute, type Route, serve } from './route.ts';
import { moment } from './shapes.ts';

/**
 * How long the version before stays valid: as long as a token lives, and five minutes more, in which
 * another node may go on with it before it hears of the new one.
 */
const OVERLAP_MS = (AUTH_TOKEN_SECONDS + 5 * 60) * 1_000;

const list = z.object({
  secrets: z.array(
    z.object({
      secret: z.enum(['auth-token']),
      version: z.int(),
      createdAt: moment,
      validUntil: moment.nullable().describe('Null: this version makes the tokens now.'),
    }),
  ),
});

export const secretsApi = {
  list: defineRoute({
    method: 'GET',
    path: '/api/v1/secrets',
    access: 'owner',
    summary: 'Which versions of the secrets are valid, newest first; never the secrets themselves.',
    reply: list,
  }),
  rotate: defineRoute({
    method: 'POST',
    path: '/api/v1/secrets/auth-token/rotate',
    access: 'owner',
    summary: 'Make the tokens of sessions with a new secret from now on, on all nodes.',
    body: z.object({
      atOnce: z
        .boolean()
        .optional()
        .describe('Refuse the tokens there are; gateways have to begin new sessions.'),
      confirm: z.string().max(300).optional(),
    }),
    reply: list,
  }),
} as const;

/** `/api/v1/secrets`: versions of what tokens of sessions are made with. */
export function secretsRoutes({ database }: { readonly database: Database }): readonly Route[] {
  const secrets = createSecrets(database);
  const versions = async () => ({ secrets: (await secrets.load('auth_token')).map(viewOf) });
  return [
    serve(secretsApi.list, versions),
    serve(secretsApi.rotate, async ({ body: { atOnce = false, confirm }, actor, note }) => {
      if (atOnce) demandConsequence(actor, confirm, 'end all sessions');
      const { version } = await secrets.rotate('auth_token', atOnce ? 0 : OVERLAP_MS);
      note({ target: 'auth-token', after: { version, atOnce } });
      return versions();
    }),
  ];
}

function viewOf({ version, createdAt, retiredAt }: Secret) {
  return { secret: 'auth-token' as const, version, createdAt, validUntil: retiredAt ?? null };
}
