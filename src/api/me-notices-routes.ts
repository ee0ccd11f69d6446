import { z } from 'zod';
import { channelTypes } from '../notices/channel.ts';
import { kindsOf } from '../notices/channels.ts';
import type { DiscordBot } from '../notices/discord-bot.ts';
import type { LinkOwner } from '../notices/discord-links-store.ts';
import type { NoticeOwner } from '../notices/notice.ts';
import type { Notices } from '../notices/notices.ts';
import type { OperatorActor, WorkerActor } from './access.ts';
import {
  channelView,
  choicesView,
  noticeView,
  showChannel,
  showKinds,
  showNotice,
} from './notices-views.ts';
import { Refusal } from './problem.ts';
import { defineRoute, type Route, serve } from './route.ts';
import { done, moment, pageOf, pageQuery } from './shapes.ts';

/** What the routes of one's own notices stand on. */
export interface MeNoticesRoutesParts {
  readonly notices: Notices;
  /** Undefined: this pool answers no commands in Discord. */
  readonly discord: DiscordBot | undefined;
}

/** A list, or from a form one text with commas. */
const kinds = z
  .union([
    z.array(z.string().max(40)).max(50),
    z
      .string()
      .max(1_000)
      .transform((text) => text.split(',').filter(Boolean)),
  ])
  .describe('Names of kinds; all, if it is left out.');
const yesNo = z.union([
  z.boolean(),
  z.enum(['true', 'false']).transform((word) => word === 'true'),
]);

/** What a channel is made of; for operators' routes, too. */
export const newChannel = z.object({
  type: z.enum(channelTypes),
  target: z.string().max(2_048).describe('The address, URL or chat. It is kept sealed.'),
  token: z.string().max(200).optional().describe('Of ntfy: an access token.'),
  kinds: kinds.optional(),
});
/** What is changed of one. */
export const changedChannel = z.object({ kinds: kinds.optional(), stopped: yesNo.optional() });
/** A channel that was just made. */
export const addedChannel = z.object({
  channel: channelView,
  secret: z
    .string()
    .nullable()
    .describe('Of a webhook: checks our signature. Shown in this answer and nowhere else.'),
});
const CHANNEL = '/api/v1/me/notices/channels/{channel}';

export const meNoticesApi = {
  choices: defineRoute({
    method: 'GET',
    path: '/api/v1/me/notices',
    access: 'signed-in',
    summary: 'Where you are told of what, and what you can choose.',
    reply: choicesView,
  }),
  add: defineRoute({
    method: 'POST',
    path: '/api/v1/me/notices/channels',
    access: 'signed-in',
    summary: 'Be told on another channel; e-mail and Telegram get a code first.',
    body: newChannel,
    reply: addedChannel,
    status: 201,
  }),
  change: defineRoute({
    method: 'POST',
    path: CHANNEL,
    access: 'signed-in',
    summary: 'Choose kinds anew, stop a channel, or start it again.',
    body: changedChannel,
    reply: channelView,
  }),
  remove: defineRoute({
    method: 'POST',
    path: `${CHANNEL}/remove`,
    access: 'signed-in',
    summary: 'Remove a channel, and the letters that wait for it.',
    reply: done,
  }),
  confirm: defineRoute({
    method: 'POST',
    path: `${CHANNEL}/confirm`,
    access: 'signed-in',
    summary: 'Type in the code that was sent to a channel.',
    body: z.object({ code: z.string().max(20) }),
    reply: channelView,
  }),
  test: defineRoute({
    method: 'POST',
    path: '/api/v1/me/notices/test',
    access: 'signed-in',
    summary: 'Send a test to a channel, or another code where it is not confirmed.',
    body: z.object({ channel: z.string().max(40) }),
    reply: done,
  }),
  history: defineRoute({
    method: 'GET',
    path: '/api/v1/me/notices/history',
    access: 'worker',
    summary: 'What you were told, whether or not you have a channel; the newest first.',
    query: pageQuery,
    reply: pageOf(noticeView),
    csv: ['id', 'at', 'kind', 'worker', 'title', 'since', 'until', 'todo'],
  }),
  discordCode: defineRoute({
    method: 'POST',
    path: '/api/v1/me/notices/discord',
    access: 'signed-in',
    summary: 'A code to type in Discord: /link CODE. Good once, for ten minutes.',
    reply: z.object({ code: z.string(), expiresAt: moment }),
  }),
  discordUnlink: defineRoute({
    method: 'POST',
    path: '/api/v1/me/notices/discord/unlink',
    access: 'signed-in',
    summary: 'Take the link with every Discord user back.',
    reply: z.object({ unlinked: z.int() }),
  }),
} as const;

/** Whose channels somebody sees: of a wallet all its workers have the same. */
function ownerOf(actor: WorkerActor | OperatorActor): NoticeOwner {
  if (actor.kind === 'operator') return { kind: 'operator', id: actor.id };
  return linkOwnerOf(actor);
}

function linkOwnerOf(actor: WorkerActor | OperatorActor): LinkOwner {
  const [worker] = actor.kind === 'worker' ? actor.workers : [];
  if (actor.kind === 'worker' && actor.by === 'wallet') return { kind: 'address', id: actor.id };
  if (worker !== undefined) return { kind: 'worker', id: worker };
  throw new Refusal({
    status: 403,
    code: 'not_allowed',
    title: 'This is for owners of workers.',
  });
}

/** `/api/v1/me/notices`: what somebody chooses to be told, and was told. */
export function meNoticesRoutes({ notices, discord }: MeNoticesRoutesParts): readonly Route[] {
  const { channels } = notices;

  function bot(): DiscordBot {
    if (discord) return discord;
    throw new Refusal({
      status: 409,
      code: 'notice_channel_refused',
      title: 'This pool answers no commands in Discord.',
    });
  }

  return [
    serve(meNoticesApi.choices, async ({ actor }) => {
      const owner = ownerOf(actor);
      const linked = actor.kind === 'worker' ? await discord?.links(linkOwnerOf(actor)) : undefined;
      return {
        types: [...notices.types],
        kinds: showKinds(kindsOf(owner)),
        channels: (await channels.list(owner)).map(showChannel),
        discord: linked === undefined ? null : { linked },
      };
    }),
    serve(meNoticesApi.add, async ({ actor, body, note }) => {
      const { channel, secret } = await channels.add(ownerOf(actor), body);
      note({ target: `${channel.type} ${channel.shown}` });
      return { channel: showChannel(channel), secret: secret ?? null };
    }),
    serve(meNoticesApi.change, async ({ actor, params, body }) =>
      showChannel(await channels.change(ownerOf(actor), params.channel, body)),
    ),
    serve(meNoticesApi.remove, async ({ actor, params }) => {
      await channels.remove(ownerOf(actor), params.channel);
      return {};
    }),
    serve(meNoticesApi.confirm, async ({ actor, params, body }) =>
      showChannel(await channels.confirm(ownerOf(actor), params.channel, body.code)),
    ),
    serve(meNoticesApi.test, async ({ actor, body }) => {
      await channels.test(ownerOf(actor), body.channel);
      return {};
    }),
    serve(meNoticesApi.history, async ({ actor, query, cursor }) => {
      const page = { before: beforeOf(cursor.after), limit: query.limit };
      const items = await notices.ofWorkers(actor.workers, page);
      const last = items.length === query.limit ? items.at(-1) : undefined;
      return {
        items: items.map(showNotice),
        next: last ? cursor.write([String(last.id)]) : null,
      };
    }),
    serve(meNoticesApi.discordCode, async ({ actor }) => bot().newCode(linkOwnerOf(actor))),
    serve(meNoticesApi.discordUnlink, async ({ actor }) => ({
      unlinked: await bot().unlink(linkOwnerOf(actor)),
    })),
  ];
}

/** The number behind which a page goes on. */
export function beforeOf(after: readonly string[] | undefined): bigint | undefined {
  const [id] = after ?? [];
  return id === undefined ? undefined : BigInt(id);
}
