import type { Clock } from '../base/clock.ts';
import { cutTo, outcomeOf, retryAfterMs, type Sender, type SendOutcome } from './letter.ts';
import type { Outbound, Posted } from './outbound.ts';

/** Discord takes 2,000 characters; escaping makes some of ours two. */
const DISCORD_CHARACTERS_MAX = 2_000;
/** Telegram takes 4,096. */
const TELEGRAM_CHARACTERS_MAX = 4_096;
/** ntfy makes a file of what has more than 4,096 bytes. */
const NTFY_CHARACTERS_MAX = 1_300;

interface ChatParts {
  readonly outbound: Pick<Outbound, 'post'>;
  readonly clock: Pick<Clock, 'now'>;
}

/** Posts to a webhook of a Discord channel. Nothing in it is taken for markup, and nobody is called. */
export function discordSender({ outbound, clock }: ChatParts): Sender<'discord'> {
  return async (target, letter) => {
    const posted = await postJson(outbound, target.url, {
      content: cutTo(
        `**${discordPlain(letter.title)}**\n${discordPlain(letter.text)}`,
        DISCORD_CHARACTERS_MAX,
      ),
      username: cutTo(discordName(letter.pool), 80),
      allowed_mentions: { parse: [] },
      // SUPPRESS_EMBEDS: a link to our pages needs no preview.
      flags: 4,
    });
    if (!posted.ok) return unreachable(posted);
    const { status, body } = posted;
    // A webhook that somebody deleted stays so, whatever the status is called.
    if (status === 401 || status === 404)
      return { ok: false, reason: `status_${status}`, again: 'gone' };
    if (status === 429)
      return later(
        status,
        retryIn(body, ['retry_after']) ?? retryAfterMs(posted.retryAfter, clock.now()),
      );
    return outcomeOf(status, posted.retryAfter, clock.now());
  };
}

/** Text of people and of machines as it stands, in Discord's markup. */
export function discordPlain(text: string): string {
  // A zero width space keeps @ and < from calling somebody, should the list of mentions fail.
  return text.replace(/[\\*_~`|>#[\]()-]/g, '\\$&').replace(/[@<]/g, '$&\u200b');
}

/** Discord refuses names with its own in them. */
function discordName(pool: string): string {
  return /discord|clyde|```|@everyone|^everyone$|^here$/i.test(pool) ? 'Pool' : pool || 'Pool';
}

/** Sends by the pool's bot. The text is plain: no parse mode, no preview of links. */
export function telegramSender(
  { outbound, clock }: ChatParts,
  { apiUrl, token }: { readonly apiUrl: string; readonly token: string },
): Sender<'telegram'> {
  const url = `${apiUrl.replace(/\/$/, '')}/bot${token}/sendMessage`;
  return async ({ chat }, letter) => {
    const posted = await postJson(outbound, url, {
      chat_id: chat,
      text: cutTo(`${letter.title}\n\n${letter.text}\n\n${letter.pool}`, TELEGRAM_CHARACTERS_MAX),
      link_preview_options: { is_disabled: true },
    });
    if (!posted.ok) return unreachable(posted);
    const { status, body } = posted;
    // The person blocked the bot, or the group is no more.
    if (status === 403) return { ok: false, reason: 'status_403', again: 'gone' };
    if (status === 429) {
      return later(
        status,
        retryIn(body, ['parameters', 'retry_after']) ??
          retryAfterMs(posted.retryAfter, clock.now()),
      );
    }
    // 401 and 404: the operator's token is wrong, and may be right tomorrow.
    if (status === 401 || status === 404) return later(status, undefined);
    return outcomeOf(status, posted.retryAfter, clock.now());
  };
}

/** Publishes to a topic of ntfy, as JSON to the server itself, so that no text is a header. */
export function ntfySender({ outbound, clock }: ChatParts): Sender<'ntfy'> {
  return async ({ url, token }, letter) => {
    const { origin, pathname } = new URL(url);
    const posted = await postJson(
      outbound,
      `${origin}/`,
      {
        topic: pathname.slice(1),
        title: cutTo(`${letter.title} (${letter.pool})`, 250),
        message: cutTo(letter.text, NTFY_CHARACTERS_MAX),
      },
      token === undefined ? {} : { authorization: `Bearer ${token}` },
    );
    if (!posted.ok) return unreachable(posted);
    return outcomeOf(posted.status, posted.retryAfter, clock.now());
  };
}

function postJson(
  outbound: Pick<Outbound, 'post'>,
  url: string,
  body: object,
  headers: Readonly<Record<string, string>> = {},
): Promise<Posted> {
  return outbound.post(url, {
    headers: { 'content-type': 'application/json; charset=utf-8', ...headers },
    body: JSON.stringify(body),
  });
}

/** An address that is not allowed today was given when it was: its name points elsewhere now. */
export function unreachable({ reason }: Extract<Posted, { readonly ok: false }>): SendOutcome {
  return { ok: false, reason, again: 'later' };
}

function later(status: number, afterMs: number | undefined): SendOutcome {
  const wait = afterMs === undefined ? {} : { afterMs };
  return { ok: false, reason: `status_${status}`, again: 'later', ...wait };
}

/** Seconds in a JSON answer, as milliseconds. */
function retryIn(body: string, path: readonly string[]): number | undefined {
  try {
    const whole: unknown = JSON.parse(body);
    const value = path.reduce<unknown>((inner, name) => (inner as Inner)?.[name], whole);
    const isTime = typeof value === 'number' && value >= 0 && Number.isFinite(value);
    return isTime ? Math.ceil(value * 1000) : undefined;
  } catch {
    return undefined;
  }
}
type Inner = Readonly<Record<string, unknown>> | null | undefined;
