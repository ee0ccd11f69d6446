import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import { base32, type RandomBytes, secureRandom, type WorkerId } from '../base/ids.ts';
import type { Database } from '../database/database.ts';
import { discordPlain } from './chat-senders.ts';
import {
  countLinks,
  type LinkOwner,
  removeLinks,
  storeLinkCode,
  useLinkCode,
  workersOfDiscordUser,
} from './discord-links-store.ts';
import { cutTo } from './letter.ts';
import type { Seal } from './seal.ts';

/** Ed25519 keys as SubjectPublicKeyInfo begin with this (RFC 8410). */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');
/** A signed request that is older was kept by somebody. */
const AGE_MS_MAX = 5 * 60_000;
const CODE_MS = 10 * 60_000;
/** Workers of one answer; a rig owner with more asks the pages. */
const WORKERS_MAX = 5;
const ANSWER_CHARACTERS_MAX = 2_000;

/** Tries of one Discord user to guess a code, within the life of one. */
const TRIES_MAX = 5;
const TRIES_KEPT = 10_000;

/** A worker as commands are answered of it. */
export interface AskedWorker {
  readonly id: WorkerId;
  readonly name: string;
}

/** What the commands answer with: plain text, a few lines for one worker. */
export interface DiscordAnswers {
  earnings(worker: AskedWorker): Promise<string>;
  status(worker: AskedWorker): Promise<string>;
  why(worker: AskedWorker): Promise<string>;
}

/** Answers commands that people type in Discord. */
export interface DiscordBot {
  /**
   * Answers one interaction, as Discord sends it; undefined: Discord did not sign it, or long ago. See
   * https://docs.discord.com/developers/interactions/overview
   */
  answer(request: {
    readonly signature: string;
    readonly timestamp: string;
    readonly body: string;
  }): Promise<object | undefined>;
  /** A code that links whoever types `/link CODE`; good once, for ten minutes. */
  newCode(owner: LinkOwner): Promise<{ readonly code: string; readonly expiresAt: number }>;
  /** How many Discord users are linked with an owner. */
  links(owner: LinkOwner): Promise<number>;
  unlink(owner: LinkOwner): Promise<number>;
}

/** The commands as they are registered with Discord, once for each application. */
export const discordCommands = [
  { name: 'earnings', type: 1, description: 'What your workers have earned and when you are paid' },
  { name: 'status', type: 1, description: 'Whether your workers work' },
  { name: 'why', type: 1, description: 'Why no work came in the last hour, or how much did' },
  {
    name: 'link',
    type: 1,
    description: 'Link your Discord user with your workers',
    options: [
      { name: 'code', type: 3, required: true, description: 'The code from your notices page' },
    ],
  },
] as const;

const PONG = { type: 1 } as const;
/** EPHEMERAL: only who asked sees the answer. */
const ONLY_ASKER = 64;

/**
 * Whether Discord signed a request (Ed25519 over timestamp and body, by the key of the application).
 * Never throws, whatever is given.
 */
export function isDiscordSigned(
  key: KeyObject,
  request: { readonly signature: string; readonly timestamp: string; readonly body: string },
): boolean {
  const { signature, timestamp, body } = request;
  if (!/^[0-9a-f]{128}$/i.test(signature) || !/^\d{1,12}$/.test(timestamp)) return false;
  const message = Buffer.from(timestamp + body, 'utf8');
  return verify(null, message, key, Buffer.from(signature, 'hex'));
}

/** The key of an application from its 64 hex digits; undefined when it is none. */
export function readDiscordKey(text: string): KeyObject | undefined {
  if (!/^[0-9a-f]{64}$/i.test(text)) return undefined;
  const der = Buffer.concat([SPKI_PREFIX, Buffer.from(text, 'hex')]);
  try {
    return createPublicKey({ key: der, format: 'der', type: 'spki' });
  } catch {
    return undefined;
  }
}

/** Commands of Discord, linked with owners of workers in the tables of the database. */
export function createDiscordBot(parts: {
  readonly key: KeyObject;
  readonly database: Database;
  readonly clock: Pick<Clock, 'now'>;
  readonly seal: Pick<Seal, 'hash'>;
  readonly answers: DiscordAnswers;
  readonly random?: RandomBytes;
}): DiscordBot {
  const { key, database, clock, seal, answers, random = secureRandom } = parts;
  const tries = new Map<string, readonly number[]>();

  function mayTry(user: string): boolean {
    const now = clock.now();
    const recent = (tries.get(user) ?? []).filter((at) => now - at < CODE_MS);
    if (recent.length >= TRIES_MAX) return false;
    if (tries.size >= TRIES_KEPT) tries.clear();
    tries.set(user, [...recent, now]);
    return true;
  }

  async function link(user: string, code: string): Promise<string> {
    if (!mayTry(user)) return 'You tried too often: wait ten minutes.';
    const hash = seal.hash('link', code.trim().toLowerCase());
    const linked = await database.transact((tx) => useLinkCode(tx, hash, user, clock.now()));
    return linked
      ? 'Linked. Ask `/status`, `/earnings` or `/why` from now on.'
      : 'That is not a code, or it was used, or it is older than ten minutes. Have another one made on your notices page.';
  }

  async function ofWorkers(
    user: string,
    say: (worker: AskedWorker) => Promise<string>,
  ): Promise<string> {
    const workers = await workersOfDiscordUser(database, user);
    if (workers.length === 0) {
      return 'Your Discord user is linked with no worker. Have a code made on the notices page of your worker, and type `/link` with it.';
    }
    const parts: string[] = [];
    for (const worker of workers.slice(0, WORKERS_MAX)) {
      parts.push(`**${discordPlain(worker.name)}**\n${discordPlain(await say(worker))}`);
    }
    const more = workers.length - WORKERS_MAX;
    if (more > 0) parts.push(`And ${more} more: see the pages of the pool.`);
    return parts.join('\n\n');
  }

  async function textFor(command: Command): Promise<string> {
    switch (command.name) {
      case 'link':
        return link(command.user, command.code);
      case 'earnings':
      case 'status':
      case 'why': {
        const { name } = command;
        return ofWorkers(command.user, (worker) => answers[name](worker));
      }
      default:
        return 'There is no such command.';
    }
  }

  return {
    async answer(request) {
      if (!isDiscordSigned(key, request)) return undefined;
      if (Math.abs(clock.now() - Number(request.timestamp) * 1000) > AGE_MS_MAX) return undefined;
      const asked = interactionIn(request.body);
      if (!asked) return message('This pool does not know what that is.');
      return asked === 'ping' ? PONG : message(await textFor(asked));
    },
    async newCode(owner) {
      const code = base32(random(10)).slice(0, 12);
      const now = clock.now();
      const expiresAt = now + CODE_MS;
      const hash = seal.hash('link', code);
      await database.transact((tx) => storeLinkCode(tx, { hash, owner, expiresAt }, now));
      return { code, expiresAt };
    },
    links: (owner) => countLinks(database, owner),
    unlink: (owner) => removeLinks(database, owner),
  };
}

function message(text: string): object {
  return {
    type: 4,
    data: {
      content: cutTo(text, ANSWER_CHARACTERS_MAX),
      flags: ONLY_ASKER,
      allowed_mentions: { parse: [] },
    },
  };
}

interface Command {
  readonly name: string;
  /** The id of the Discord user. */
  readonly user: string;
  /** Of `/link`. */
  readonly code: string;
}

/** Reads what Discord signed; undefined: it is neither a ping nor a command of ours. */
function interactionIn(body: string): Command | 'ping' | undefined {
  try {
    const asked = JSON.parse(body) as Interaction | null;
    if (asked?.type === 1) return 'ping';
    if (asked?.type !== 2 || typeof asked.data?.name !== 'string') return undefined;
    // In a server it comes from a member, in a private talk from a user.
    const user = asked.member?.user?.id ?? asked.user?.id;
    if (typeof user !== 'string' || !/^\d{5,25}$/.test(user)) return undefined;
    const value = asked.data.options?.find(({ name }) => name === 'code')?.value;
    return {
      name: asked.data.name,
      user,
      code: typeof value === 'string' ? value.slice(0, 100) : '',
    };
  } catch {
    return undefined;
  }
}

interface Interaction {
  readonly type?: unknown;
  readonly data?: {
    readonly name?: unknown;
    readonly options?: readonly { readonly name?: unknown; readonly value?: unknown }[];
  };
  readonly member?: { readonly user?: { readonly id?: unknown } };
  readonly user?: { readonly id?: unknown };
}
