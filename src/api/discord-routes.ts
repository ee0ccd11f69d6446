import { z } from 'zod';
import type { DiscordBot } from '../notices/discord-bot.ts';
import { Refusal } from './problem.ts';
import { defineRoute, type Route, serve } from './route.ts';

export const discordApi = {
  interactions: defineRoute({
    method: 'POST',
    path: '/api/v1/discord/interactions',
    access: 'public',
    summary:
      'Where Discord asks: commands that people typed, signed with the key of the application.',
    reply: z.looseObject({}),
    reads: true,
    raw: true,
  }),
} as const;

/** `/api/v1/discord/interactions`; undefined: this pool has no application of Discord. */
export function discordRoutes({
  discord,
}: {
  readonly discord: DiscordBot | undefined;
}): readonly Route[] {
  return [
    serve(discordApi.interactions, async ({ raw }) => {
      const answer = await discord?.answer({
        signature: raw.header('x-signature-ed25519') ?? '',
        timestamp: raw.header('x-signature-timestamp') ?? '',
        body: raw.body,
      });
      if (answer) return { ...answer };
      throw new Refusal({
        status: 401,
        code: 'interaction_forged',
        title: 'Discord did not sign this, or a while ago.',
      });
    }),
  ];
}
