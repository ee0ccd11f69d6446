import type { Instant } from '../base/clock.ts';
import type { NoticeKind } from './kinds.ts';
import type { NoticeOwner } from './notice.ts';
import { URL_CHARACTERS_MAX } from './outbound.ts';

/** Ways on which people are told. */
export const channelTypes = ['email', 'discord', 'telegram', 'ntfy', 'webhook'] as const;
export type ChannelType = (typeof channelTypes)[number];

/** 16 characters of a-z2-7. */
export type ChannelId = string & { readonly __brand: 'ChannelId' };

export function parseChannelId(text: string): ChannelId | undefined {
  return /^[a-z2-7]{16}$/.test(text) ? (text as ChannelId) : undefined;
}

/** Where a channel leads; sealed in the database. */
export type ChannelTarget =
  | { readonly type: 'email'; readonly address: string }
  /** A webhook of a Discord channel: whoever knows the URL writes there. */
  | { readonly type: 'discord'; readonly url: string }
  /** A chat that began to talk with the pool's bot. */
  | { readonly type: 'telegram'; readonly chat: string }
  /** A topic of a server of ntfy. */
  | { readonly type: 'ntfy'; readonly url: string; readonly token?: string }
  /** An endpoint that checks our signature with `secret`. */
  | { readonly type: 'webhook'; readonly url: string; readonly secret: string };

/** A channel as it is shown to whose it is. */
export interface Channel {
  readonly id: ChannelId;
  readonly owner: NoticeOwner;
  readonly type: ChannelType;
  /** Enough to know it by, and not enough to use it. */
  readonly shown: string;
  readonly kinds: readonly NoticeKind[];
  readonly createdAt: Instant;
  /** Undefined: the code that was sent there was not typed in yet. */
  readonly confirmedAt: Instant | undefined;
  readonly stopped: { readonly at: Instant; readonly because: string } | undefined;
}

/** Whether a channel has to show that it is of whom named it: these reach people who did not ask. */
export function needsCode(type: ChannelType): boolean {
  return type === 'email' || type === 'telegram';
}

/** What somebody wrote. */
export interface GivenTarget {
  readonly type: ChannelType;
  /** Address, URL or chat. */
  readonly target: string;
  /** Of ntfy: an access token. */
  readonly token?: string | undefined;
}

export type TargetRefusal =
  | 'email_malformed'
  | 'url_malformed'
  | 'not_discord'
  | 'chat_malformed'
  | 'token_malformed';

/** RFC 5321 has 64 before the @ and 254 in all; quoted names exist and nobody has one. */
const EMAIL =
  /^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}$/;
const EMAIL_CHARACTERS_MAX = 254;
/** A number, negative for groups, or the public name of a channel. */
const CHAT = /^(?:-?\d{4,20}|@[A-Za-z][A-Za-z0-9_]{4,31})$/;
const TOKEN = /^[!-~]{1,200}$/;
const DISCORD_HOSTS: ReadonlySet<string> = new Set([
  'discord.com',
  'discordapp.com',
  'canary.discord.com',
  'ptb.discord.com',
]);
const DISCORD_PATH = /^\/api\/(?:v\d{1,2}\/)?webhooks\/\d{5,25}\/[A-Za-z0-9_-]{10,120}$/;

/**
 * Decodes what somebody wrote. `ownHosts`: `host:port` that the operator allows to stand for the
 * services, in its own network and in tests.
 */
export function readTarget(
  { type, target, token }: GivenTarget,
  options: { readonly ownHosts: readonly string[]; newSecret(): string },
):
  | { readonly ok: true; readonly target: ChannelTarget }
  | { readonly ok: false; readonly reason: TargetRefusal } {
  const given = target.trim();
  switch (type) {
    case 'email': {
      const isAddress = given.length <= EMAIL_CHARACTERS_MAX && EMAIL.test(given);
      return isAddress ? ok({ type, address: given }) : refused('email_malformed');
    }
    case 'telegram':
      return CHAT.test(given) ? ok({ type, chat: given }) : refused('chat_malformed');
    case 'discord': {
      const url = httpUrl(given);
      if (!url) return refused('url_malformed');
      const isOwn = options.ownHosts.includes(hostAndPort(url));
      const isDiscord = DISCORD_HOSTS.has(url.hostname) && url.protocol === 'https:' && !url.port;
      if (!(isOwn || isDiscord) || !DISCORD_PATH.test(url.pathname)) return refused('not_discord');
      return ok({ type, url: url.href });
    }
    case 'ntfy': {
      const url = httpUrl(given);
      if (!url || !/^\/[A-Za-z0-9_-]{1,64}$/.test(url.pathname)) return refused('url_malformed');
      if (token !== undefined && !TOKEN.test(token)) return refused('token_malformed');
      return ok({ type, url: `${url.origin}${url.pathname}`, ...(token ? { token } : {}) });
    }
    case 'webhook': {
      const url = httpUrl(given);
      return url
        ? ok({ type, url: url.href, secret: options.newSecret() })
        : refused('url_malformed');
    }
  }
}

const ok = (target: ChannelTarget) => ({ ok: true as const, target });
const refused = (reason: TargetRefusal) => ({ ok: false as const, reason });

function httpUrl(text: string): URL | undefined {
  if (text.length > URL_CHARACTERS_MAX || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  const isHttp = url.protocol === 'https:' || url.protocol === 'http:';
  if (!isHttp || url.username !== '' || url.password !== '') return undefined;
  url.hash = '';
  return url;
}

function hostAndPort(url: URL): string {
  return `${url.hostname}:${url.port || (url.protocol === 'https:' ? '443' : '80')}`;
}

/** What makes two channels the same place: secrets of ours are no part of it. */
export function placeOf(target: ChannelTarget): string {
  switch (target.type) {
    case 'email':
      // Whether capitals count before the @ is for the server to say; nobody has two such boxes.
      return `email ${target.address.toLowerCase()}`;
    case 'telegram':
      return `telegram ${target.chat.toLowerCase()}`;
    case 'discord':
    case 'ntfy':
    case 'webhook':
      return `${target.type} ${target.url}`;
  }
}

/** Enough of it to know it by. */
export function shownTarget(target: ChannelTarget): string {
  switch (target.type) {
    case 'email': {
      const [name = '', host = ''] = target.address.split('@');
      return `${name.slice(0, 1)}…@${host}`.slice(0, 200);
    }
    case 'telegram':
      return `chat …${target.chat.slice(-3)}`;
    case 'discord':
      return `webhook …${new URL(target.url).pathname.split('/').at(-2)?.slice(-4)}`;
    case 'ntfy':
      return `${new URL(target.url).host}/${new URL(target.url).pathname.slice(1, 4)}…`.slice(
        0,
        200,
      );
    case 'webhook':
      return new URL(target.url).host.slice(0, 200);
  }
}
