import { z } from 'zod';
import { TributaryError } from '../base/errors.ts';
import { kindsOf } from '../notices/channels.ts';
import type { NoticeOwner } from '../notices/notice.ts';
import type { Notices } from '../notices/notices.ts';
import type { Workers } from '../workers/workers.ts';
import { addedChannel, beforeOf, changedChannel, newChannel } from './me-notices-routes.ts';
import {
  atomFeed,
  channelView,
  choicesView,
  letterView,
  noticeView,
  showChannel,
  showKinds,
  showLetter,
  showNotice,
} from './notices-views.ts';
import { defineRoute, type Route, serve } from './route.ts';
import { done, pageOf, pageQuery } from './shapes.ts';

/** What the routes of all notices stand on. */
export interface NoticesRoutesParts {
  readonly notices: Notices;
  readonly workers: Pick<Workers, 'show'>;
  /** The name of the pool. */
  poolName(): Promise<string>;
  /** The address of a page; undefined: nobody outside could open it. */
  link(page: string): string | undefined;
}

const PATH = '/api/v1/notices';
const CHANNEL = `${PATH}/channels/{channel}`;
/** Entries of the feed: readers of feeds ask often. */
const FEED_MAX = 50;

export const noticesApi = {
  open: defineRoute({
    method: 'GET',
    path: PATH,
    access: 'public',
    summary: 'What everybody is told: downtime, terms, pauses of payouts, messages; newest first.',
    query: pageQuery,
    reply: pageOf(noticeView),
    csv: ['id', 'at', 'kind', 'title', 'since', 'until', 'todo'],
  }),
  feed: defineRoute({
    method: 'GET',
    path: `${PATH}.atom`,
    access: 'public',
    summary: 'The same as a feed.',
    reply: { type: 'application/atom+xml; charset=utf-8' },
  }),
  all: defineRoute({
    method: 'GET',
    path: `${PATH}/all`,
    access: 'viewer',
    summary: 'Every notice, of one worker or one kind if asked; newest first.',
    query: pageQuery.extend({
      worker: z.string().max(64).optional(),
      kind: z.string().max(40).optional(),
    }),
    reply: pageOf(noticeView),
    csv: ['id', 'at', 'kind', 'worker', 'title', 'since', 'until', 'todo'],
  }),
  send: defineRoute({
    method: 'POST',
    path: PATH,
    access: 'support',
    summary: 'Send a message to every worker and into the public feed, or to one worker.',
    body: z.object({
      title: z.string().max(200),
      text: z.string().max(2_000).describe('Plain text.'),
      todo: z.string().max(200).optional().describe('What must be done; left out: nothing.'),
      until: z.iso
        .datetime({ offset: true })
        .transform((value) => Date.parse(value))
        .optional(),
      worker: z.string().max(64).optional(),
    }),
    reply: done,
    status: 201,
  }),
  letters: defineRoute({
    method: 'GET',
    path: `${PATH}/letters`,
    access: 'viewer',
    summary: 'Letters with notices: those that wait, were sent, or were given up.',
    query: pageQuery.extend({ state: z.enum(['waiting', 'sent', 'dead']).optional() }),
    reply: pageOf(letterView),
    csv: ['id', 'state', 'type', 'owner', 'attempts', 'createdAt', 'nextAt', 'reason'],
  }),
  replay: defineRoute({
    method: 'POST',
    path: `${PATH}/letters/{letter}/replay`,
    access: 'support',
    summary: 'Send a letter that has ended once more, under the same id.',
    reply: done,
  }),
  replayDead: defineRoute({
    method: 'POST',
    path: `${PATH}/replay-dead`,
    access: 'support',
    summary: 'Send every letter that was given up once more.',
    reply: z.object({ letters: z.int() }),
  }),
  channels: defineRoute({
    method: 'GET',
    path: `${PATH}/channels`,
    access: 'viewer',
    summary: 'Where whoever runs the pool is told.',
    reply: choicesView,
  }),
  addChannel: defineRoute({
    method: 'POST',
    path: `${PATH}/channels`,
    access: 'owner',
    summary: 'Add a channel of the pool itself.',
    body: newChannel,
    reply: addedChannel,
    status: 201,
  }),
  changeChannel: defineRoute({
    method: 'POST',
    path: CHANNEL,
    access: 'owner',
    summary: 'Choose kinds anew, stop a channel of the pool, or start it again.',
    body: changedChannel,
    reply: channelView,
  }),
  removeChannel: defineRoute({
    method: 'POST',
    path: `${CHANNEL}/remove`,
    access: 'owner',
    summary: 'Remove a channel of the pool.',
    reply: done,
  }),
  confirmChannel: defineRoute({
    method: 'POST',
    path: `${CHANNEL}/confirm`,
    access: 'owner',
    summary: 'Type in the code that was sent to a channel of the pool.',
    body: z.object({ code: z.string().max(20) }),
    reply: channelView,
  }),
  testChannel: defineRoute({
    method: 'POST',
    path: `${CHANNEL}/test`,
    access: 'owner',
    summary: 'Send a test to a channel of the pool, or another code.',
    reply: done,
  }),
} as const;

const pool: NoticeOwner = { kind: 'pool', id: '' };

/** `/api/v1/notices`: the public feed, and what operators do with notices. */
export function noticesRoutes(parts: NoticesRoutesParts): readonly Route[] {
  const { notices, workers } = parts;
  const { channels } = notices;
  return [
    serve(noticesApi.open, async ({ query, cursor }) => {
      const page = { before: beforeOf(cursor.after), limit: query.limit };
      const items = await notices.open(page);
      const last = items.length === query.limit ? items.at(-1) : undefined;
      return {
        items: items.map(showNotice),
        next: last ? cursor.write([String(last.id)]) : null,
      };
    }),
    serve(noticesApi.feed, async () =>
      atomFeed(await notices.open({ before: undefined, limit: FEED_MAX }), {
        pool: await parts.poolName(),
        url: parts.link(`${PATH}.atom`) ?? 'urn:tributary:notices',
        link: parts.link,
      }),
    ),
    serve(noticesApi.all, async ({ query, cursor }) => {
      const { worker, kind, limit } = query;
      const id = worker === undefined ? undefined : await idOf(worker);
      const page = { before: beforeOf(cursor.after), limit };
      const items = await notices.all({ worker: id, kind }, page);
      const last = items.length === limit ? items.at(-1) : undefined;
      return {
        items: items.map(showNotice),
        next: last ? cursor.write([String(last.id)]) : null,
      };
    }),
    serve(noticesApi.send, async ({ body }) => {
      const { worker, ...message } = body;
      await notices.send({ ...message, ...(worker ? { worker: await idOf(worker) } : {}) });
      return {};
    }),
    serve(noticesApi.letters, async ({ query, cursor }) => {
      const [createdAt, id] = cursor.after ?? [];
      const before = createdAt && id ? { createdAt: Number(createdAt), id } : undefined;
      const { state, limit } = query;
      const items = await notices.letters({ ...(state ? { state } : {}), before, limit });
      const last = items.length === limit ? items.at(-1) : undefined;
      return {
        items: items.map(showLetter),
        next: last ? cursor.write([String(last.createdAt), last.id]) : null,
      };
    }),
    serve(noticesApi.replay, async ({ params }) => {
      await notices.replay(params.letter === 'dead' ? '' : params.letter);
      return {};
    }),
    serve(noticesApi.replayDead, async () => ({ letters: await notices.replay('dead') })),
    serve(noticesApi.channels, async () => ({
      types: [...notices.types],
      kinds: showKinds(kindsOf(pool)),
      channels: (await channels.list(pool)).map(showChannel),
      discord: null,
    })),
    serve(noticesApi.addChannel, async ({ body, note }) => {
      const { channel, secret } = await channels.add(pool, body);
      note({ target: `${channel.type} ${channel.shown}` });
      return { channel: showChannel(channel), secret: secret ?? null };
    }),
    serve(noticesApi.changeChannel, async ({ params, body }) =>
      showChannel(await channels.change(pool, params.channel, body)),
    ),
    serve(noticesApi.removeChannel, async ({ params }) => {
      await channels.remove(pool, params.channel);
      return {};
    }),
    serve(noticesApi.confirmChannel, async ({ params, body }) =>
      showChannel(await channels.confirm(pool, params.channel, body.code)),
    ),
    serve(noticesApi.testChannel, async ({ params }) => {
      await channels.test(pool, params.channel);
      return {};
    }),
  ];

  async function idOf(ref: string) {
    const found = await workers.show(ref);
    if (found) return found.id;
    throw new TributaryError('worker_unknown', 'There is no such worker.');
  }
}
