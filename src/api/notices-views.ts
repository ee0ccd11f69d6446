import { z } from 'zod';
import { type Channel, channelTypes } from '../notices/channel.ts';
import type { DeliveryView } from '../notices/deliveries-store.ts';
import { type NoticeKind, noticeKinds } from '../notices/kinds.ts';
import type { Notice } from '../notices/notice.ts';
import { moment } from './shapes.ts';

const kindNames = Object.keys(noticeKinds) as [NoticeKind, ...NoticeKind[]];
const kind = z.enum(kindNames);

/** A notice as it is read. */
export const noticeView = z.object({
  id: z.string(),
  kind,
  at: moment,
  title: z.string(),
  text: z.string().describe('What happened, and why: plain text.'),
  affected: z.string(),
  since: moment,
  until: moment.nullable(),
  todo: z.string().nullable().describe('What must be done; null: nothing.'),
  page: z.string().nullable().describe('A page of the pool that shows more.'),
  worker: z.string().nullable(),
});

export function showNotice(notice: Notice): z.input<typeof noticeView> {
  const { id, until, todo, page, worker, ...rest } = notice;
  return {
    ...rest,
    id: String(id),
    until: until ?? null,
    todo: todo ?? null,
    page: page ?? null,
    worker: worker ?? null,
  };
}

/** A channel as its owner sees it. */
export const channelView = z.object({
  id: z.string(),
  type: z.enum(channelTypes),
  shown: z.string().describe('Enough to know it by, and not enough to use it.'),
  kinds: z.array(kind),
  createdAt: moment,
  confirmed: z.boolean().describe('False: the code that was sent there was not typed in yet.'),
  stopped: z.object({ at: moment, because: z.string() }).nullable(),
});

export function showChannel(channel: Channel): z.input<typeof channelView> {
  const { id, type, shown, kinds, createdAt, confirmedAt, stopped } = channel;
  const confirmed = confirmedAt !== undefined;
  return { id, type, shown, kinds: [...kinds], createdAt, confirmed, stopped: stopped ?? null };
}

/** What somebody can choose from. */
export const choicesView = z.object({
  types: z.array(z.enum(channelTypes)).describe('Those that this pool can send to.'),
  kinds: z.array(z.object({ kind, title: z.string(), to: z.string() })),
  channels: z.array(channelView),
  discord: z
    .object({ linked: z.int().describe('Discord users that may ask for your workers.') })
    .nullable()
    .describe('Null: this pool answers no commands in Discord.'),
});

export function showKinds(kinds: readonly NoticeKind[]) {
  return kinds.map((each) => ({
    kind: each,
    title: noticeKinds[each].title,
    to: noticeKinds[each].to,
  }));
}

/** A letter with notices, as operators see it. */
export const letterView = z.object({
  id: z.string(),
  state: z.enum(['waiting', 'sent', 'dead']),
  type: z.enum(channelTypes),
  shown: z.string(),
  owner: z.string().describe('Whose channel: address, worker, operator or pool, and its id.'),
  notices: z.array(z.string()),
  attempts: z.int(),
  createdAt: moment,
  nextAt: moment.nullable().describe('The next attempt; null when it has ended.'),
  endedAt: moment.nullable(),
  reason: z.string().nullable().describe('Why the last attempt came to nothing.'),
});

export function showLetter(letter: DeliveryView): z.input<typeof letterView> {
  const { id, state, type, shown, owner, notices, attempts, createdAt, endedAt, reason } = letter;
  return {
    ...{ id, state, type, shown, attempts, createdAt },
    owner: `${owner.kind} ${owner.id}`.trim(),
    notices: notices.map(String),
    nextAt: state === 'waiting' ? letter.nextAt : null,
    endedAt: endedAt ?? null,
    reason: reason ?? null,
  };
}

/** Public notices as an Atom feed (RFC 4287), for readers of feeds. */
export function atomFeed(
  notices: readonly Notice[],
  about: { readonly pool: string; readonly url: string; link(page: string): string | undefined },
): Uint8Array {
  const newest = notices[0]?.at ?? 0;
  const entries = notices.map((notice) => {
    const href = about.link(notice.page ?? '/incidents');
    const text = [notice.text, `Affected: ${notice.affected}`, notice.todo ?? ''].join('\n').trim();
    return [
      '<entry>',
      `<id>${xml(`${about.url}/${notice.id}`)}</id>`,
      `<title>${xml(notice.title)}</title>`,
      `<updated>${new Date(notice.at).toISOString()}</updated>`,
      ...(href === undefined ? [] : [`<link href="${xml(href)}"/>`]),
      `<category term="${notice.kind}"/>`,
      `<content type="text">${xml(text)}</content>`,
      '</entry>',
    ].join('');
  });
  const feed = [
    '<?xml version="1.0" encoding="utf-8"?>',
    '<feed xmlns="http://www.w3.org/2005/Atom">',
    `<id>${xml(about.url)}</id>`,
    `<title>${xml(`Notices of ${about.pool}`)}</title>`,
    `<author><name>${xml(about.pool)}</name></author>`,
    `<updated>${new Date(newest).toISOString()}</updated>`,
    ...entries,
    '</feed>',
    '',
  ].join('\n');
  return Buffer.from(feed);
}

/** Text of people within XML. Control characters are none of its characters. */
function xml(text: string): string {
  return text
    .replace(/[^\P{Cc}\n\t]/gu, ' ')
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/"/g, '&quot;');
}
