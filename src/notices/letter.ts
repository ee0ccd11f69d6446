import type { Instant } from '../base/clock.ts';
import type { ChannelTarget, ChannelType } from './channel.ts';
import { type Notice, noticeLines } from './notice.ts';

/** Notices of one delivery, ready for whatever channel takes them. */
export interface Letter {
  /** The same at every attempt: whoever gets it twice can tell. */
  readonly id: string;
  /** The name of the pool. */
  readonly pool: string;
  /** At least one, the oldest first; none in a letter that only brings a code. */
  readonly notices: readonly Notice[];
  readonly title: string;
  /** Plain text with line breaks, not escaped. */
  readonly text: string;
  readonly at: Instant;
}

/** What became of an attempt. `reason` is a word for the list of dead letters. */
export type SendOutcome =
  | { readonly ok: true }
  | {
      readonly ok: false;
      readonly reason: string;
      /** `never`: to send the same again would not help. `gone`: nothing will ever arrive there. */
      readonly again: 'later' | 'never' | 'gone';
      /** What the service asked for, in milliseconds. */
      readonly afterMs?: number;
    };

/** Sends to channels of one type. Never throws, and never takes longer than its own limit. */
export type Sender<T extends ChannelType> = (
  target: Extract<ChannelTarget, { readonly type: T }>,
  letter: Letter,
) => Promise<SendOutcome>;

/** The senders that this pool has; a type without one cannot be chosen. */
export type Senders = { readonly [T in ChannelType]?: Sender<T> };

/** Text of one letter: what fits a chat message of every service. */
const NOTICES_SHOWN_MAX = 20;

/** Puts notices into one letter. `link` makes the address of what shows more; undefined: nothing does. */
export function letterOf(
  id: string,
  notices: readonly Notice[],
  about: { readonly pool: string; link(notice: Notice): string | undefined },
): Letter {
  const [first] = notices;
  const shown = notices.slice(0, NOTICES_SHOWN_MAX);
  const parts = shown.map((notice) => {
    const link = about.link(notice);
    const lines = [...noticeLines(notice), ...(link ? [link] : [])];
    return (notices.length > 1 ? [notice.title, ...lines] : lines).join('\n');
  });
  const more = notices.length - shown.length;
  if (more > 0) parts.push(`And ${more} more, which the pages of the pool show.`);
  return {
    id,
    pool: about.pool,
    notices,
    title: notices.length === 1 && first ? first.title : `${notices.length} notices`,
    text: parts.join('\n\n'),
    at: first?.at ?? (0 as Instant),
  };
}

/** The letter with the code that shows that a channel is of whom named it. */
export function codeLetter(id: string, pool: string, code: string, at: Instant): Letter {
  return {
    id,
    pool,
    notices: [],
    title: `Your code is ${code}`,
    text: [
      `Somebody wants the notices of the pool ${pool} to come here.`,
      `If that was you, type this code there: ${code}`,
      'It is good for 30 minutes. If it was not you, nothing needs to be done: nothing more is sent.',
    ].join('\n'),
    at,
  };
}

/** Cuts a text to so many characters, and says so. */
export function cutTo(text: string, charactersMax: number): string {
  if (text.length <= charactersMax) return text;
  const cut = text.slice(0, charactersMax - 2).replace(/[\ud800-\udbff]$/, '');
  return `${cut} …`;
}

/** What a status of HTTP means for another attempt. */
export function outcomeOf(
  status: number,
  retryAfter: string | undefined,
  now: number,
): SendOutcome {
  if (status >= 200 && status <= 299) return { ok: true };
  const afterMs = retryAfterMs(retryAfter, now);
  const wait = afterMs === undefined ? {} : { afterMs };
  const reason = `status_${status}`;
  if (status === 429) return { ok: false, reason, again: 'later', ...wait };
  if (status === 410) return { ok: false, reason, again: 'gone' };
  const passes = status === 408 || status === 425 || status >= 500;
  // A redirect is not followed: it could lead into our own network.
  return passes
    ? { ok: false, reason, again: 'later', ...wait }
    : { ok: false, reason, again: 'never' };
}

/** `Retry-After` in milliseconds: seconds, perhaps with a fraction, or a date. */
export function retryAfterMs(text: string | undefined, now: number): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,15}(\.\d{1,9})?$/.test(text)) return Math.ceil(Number(text) * 1000);
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}
