import { randomInt, randomUUID, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import { TributaryError } from '../base/errors.ts';
import { base32, type RandomBytes, secureRandom } from '../base/ids.ts';
import type { Log } from '../base/log.ts';
import type { Database } from '../database/database.ts';
import type { Transaction } from '../database/transaction.ts';
import {
  type Channel,
  type ChannelId,
  type ChannelTarget,
  type ChannelType,
  type GivenTarget,
  needsCode,
  parseChannelId,
  placeOf,
  readTarget,
  shownTarget,
  type TargetRefusal,
} from './channel.ts';
import {
  addChannel,
  channelsOf,
  chooseKinds,
  codeOf,
  confirmChannel,
  countTry,
  lockChannel,
  lockOwner,
  removeChannel,
  type StoredChannel,
  startChannel,
  stopChannel,
  storeCode,
} from './channels-store.ts';
import { noteEvent } from './events-store.ts';
import {
  isChoosable,
  type NoticeKind,
  operatorKinds,
  ownerKinds,
  parseNoticeKind,
} from './kinds.ts';
import { codeLetter, type Senders } from './letter.ts';
import { isOperators, type NoticeOwner } from './notice.ts';
import type { Outbound } from './outbound.ts';
import type { Seal } from './seal.ts';
import { sendTo } from './sending.ts';

/** A person has a mailbox, a phone and a chat, perhaps twice. */
const CHANNELS_MAX = 10;
const CODE_MS = 30 * 60_000;
/** Of a million codes. */
const CODE_TRIES_MAX = 5;
/** Codes that an owner may cause to be sent, and tests, within an hour. */
const SENT_PER_HOUR = 5;
const HOUR_MS = 3_600_000;

/** What an owner chooses. */
export interface Channels {
  list(owner: NoticeOwner): Promise<readonly Channel[]>;
  /**
   * Adds a channel; `secret` is how a webhook checks our signature, in this answer and nowhere else.
   * Throws `notice_channel_invalid` for what cannot be a channel, `notice_channel_refused`.
   */
  add(
    owner: NoticeOwner,
    given: GivenTarget & { readonly kinds?: readonly string[] | undefined },
  ): Promise<{ readonly channel: Channel; readonly secret: string | undefined }>;
  /** Chooses kinds anew, stops a channel, or starts it again. Throws `notice_channel_unknown`. */
  change(
    owner: NoticeOwner,
    id: string,
    wanted: {
      readonly kinds?: readonly string[] | undefined;
      readonly stopped?: boolean | undefined;
    },
  ): Promise<Channel>;
  remove(owner: NoticeOwner, id: string): Promise<void>;
  /** Types in the code that was sent. */
  confirm(owner: NoticeOwner, id: string, code: string): Promise<Channel>;
  /** Sends another code, or to a channel that is confirmed a test. */
  test(owner: NoticeOwner, id: string): Promise<void>;
  /** Resolves when no code is on its way. */
  idle(): Promise<void>;
}

/** What channels stand on. */
export interface ChannelsParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Log;
  readonly seal: Seal;
  readonly senders: Senders;
  /** Without the key of the pool no channel is kept, whatever its kind. */
  readonly hasKey: boolean;
  readonly outbound: Pick<Outbound, 'mayPost'>;
  /** `host:port` that the operator lets stand for the services. */
  readonly ownHosts: readonly string[];
  pool(): Promise<string>;
  /** Something has to be told. */
  noted(): void;
  readonly random?: RandomBytes;
}

/** Channels in the table of the database. */
export function createChannels(parts: ChannelsParts): Channels {
  const { database, clock, log, seal, senders, random = secureRandom } = parts;
  const sent = new Map<string, readonly number[]>();
  const running = new Set<Promise<void>>();

  function mustBeRare(owner: NoticeOwner): void {
    const key = `${owner.kind} ${owner.id}`;
    const now = clock.now();
    const recent = (sent.get(key) ?? []).filter((at) => now - at < HOUR_MS);
    if (recent.length >= SENT_PER_HOUR) {
      throw refused(`${SENT_PER_HOUR} codes and tests were sent within an hour; wait a while.`);
    }
    sent.set(key, [...recent, now]);
  }

  /** Throws `notice_channel_refused` for a kind of channel that this node cannot send to. */
  function mustBeSendable(owner: NoticeOwner, type: ChannelType): void {
    if (senders[type]) return;
    if (!isOperators(owner)) throw refused(UNAVAILABLE);
    throw refused((parts.hasKey ? LACKING[type] : NO_KEY) ?? UNAVAILABLE);
  }

  async function found(tx: Transaction, owner: NoticeOwner, id: string): Promise<StoredChannel> {
    const parsed = parseChannelId(id);
    const channel = parsed && (await lockChannel(tx, owner, parsed));
    if (channel) return channel;
    throw new TributaryError('notice_channel_unknown', 'You have no such channel.');
  }

  async function again(tx: Transaction, owner: NoticeOwner, id: ChannelId): Promise<Channel> {
    return shown(await found(tx, owner, id));
  }

  /** The code is durable before it leaves; whether it arrives is seen by who waits for it. */
  async function sendCode(
    tx: Transaction,
    id: ChannelId,
    target: ChannelTarget,
  ): Promise<() => void> {
    const code = String(randomInt(1_000_000)).padStart(6, '0');
    const now = clock.now();
    await storeCode(tx, id, { hash: seal.hash('code', `${id} ${code}`), expiresAt: now + CODE_MS });
    return () => {
      const sending = (async () => {
        const letter = codeLetter(randomUUID(), await parts.pool(), code, now);
        const outcome = await sendTo(senders, target, letter);
        if (!outcome.ok) log.warn('notice_code_not_sent', { reason: outcome.reason });
      })().catch(() => log.warn('notice_code_not_sent', { reason: 'unknown' }));
      running.add(sending);
      void sending.then(() => running.delete(sending));
    };
  }

  return {
    async list(owner) {
      return (await channelsOf(database, owner)).map(shown);
    },
    async add(owner, given) {
      mustBeSendable(owner, given.type);
      const kinds = kindsFrom(owner, given.kinds);
      const newSecret = () => base32(random(32));
      const read = readTarget(given, { ownHosts: parts.ownHosts, newSecret });
      if (!read.ok) throw invalid(MALFORMED[read.reason]);
      const { target } = read;
      if ('url' in target && !(await parts.outbound.mayPost(target.url))) {
        throw invalid(`${NOT_PUBLIC}${isOperators(owner) ? `; ${OWN_NETWORK}` : ''}.`);
      }
      const asksCode = needsCode(target.type);
      if (asksCode) mustBeRare(owner);
      const now = clock.now();
      const id = base32(random(10)) as ChannelId;
      const { channel, send } = await database.transact(async (tx) => {
        await lockOwner(tx, owner);
        if ((await channelsOf(tx, owner)).length >= CHANNELS_MAX) {
          throw refused(`You have ${CHANNELS_MAX} channels; remove one first.`);
        }
        const isNew = await addChannel(tx, {
          ...{ id, owner, kinds, type: target.type, shown: shownTarget(target), createdAt: now },
          confirmedAt: asksCode ? undefined : now,
          stopped: undefined,
          sealed: seal.seal(id, JSON.stringify(target)),
          target: seal.hash('target', placeOf(target)),
        });
        if (!isNew) throw refused('You have that channel already.');
        const later = asksCode ? await sendCode(tx, id, target) : () => {};
        return { channel: await again(tx, owner, id), send: later };
      });
      send();
      return { channel, secret: target.type === 'webhook' ? target.secret : undefined };
    },
    change: (owner, id, { kinds, stopped }) =>
      database.transact(async (tx) => {
        const channel = await found(tx, owner, id);
        if (kinds) await chooseKinds(tx, channel.id, kindsFrom(owner, kinds));
        if (stopped === true) {
          await stopChannel(tx, channel.id, { at: clock.now(), because: 'by_owner' });
        }
        if (stopped === false) await startChannel(tx, channel.id);
        return again(tx, owner, channel.id);
      }),
    remove: (owner, id) =>
      database.transact(async (tx) => removeChannel(tx, (await found(tx, owner, id)).id)),
    async confirm(owner, id, code) {
      const now = clock.now();
      // A try that failed is counted, also though it is refused.
      const outcome = await database.transact(async (tx) => {
        const channel = await found(tx, owner, id);
        mustBeSendable(owner, channel.type);
        const waiting = await codeOf(tx, channel.id, now);
        if (!waiting || waiting.tries >= CODE_TRIES_MAX) return undefined;
        const given = seal.hash('code', `${channel.id} ${code.trim()}`);
        if (!timingSafeEqual(given, waiting.hash)) {
          await countTry(tx, channel.id);
          return undefined;
        }
        await confirmChannel(tx, channel.id, now);
        return again(tx, owner, channel.id);
      });
      if (outcome) return outcome;
      throw refused('That is not the code, or it is not good any more: have another one sent.');
    },
    async test(owner, id) {
      const send = await database.transact(async (tx) => {
        const channel = await found(tx, owner, id);
        mustBeSendable(owner, channel.type);
        mustBeRare(owner);
        if (channel.confirmedAt === undefined) {
          const target = JSON.parse(seal.open(channel.id, channel.sealed)) as ChannelTarget;
          return sendCode(tx, channel.id, target);
        }
        if (channel.stopped) throw refused('The channel is stopped: start it first.');
        const at = clock.now();
        const key = `test:${channel.id}:${at}`;
        await noteEvent(tx, { key, at, facts: { source: 'test', channel: channel.id } });
        return () => parts.noted();
      });
      send();
    },
    async idle() {
      await Promise.all(running);
    },
  };
}

/** Without what only the sender reads. */
function shown({ sealed: _, target: __, ...channel }: StoredChannel): Channel {
  return channel;
}

/** Kinds that an owner can choose; all of them where it does not. */
function kindsFrom(
  owner: NoticeOwner,
  given: readonly string[] | undefined,
): readonly NoticeKind[] {
  const allowed = kindsOf(owner);
  if (!given) return allowed;
  const odd = given.find((each) => !allowed.includes(parseNoticeKind(each) ?? 'test'));
  if (odd !== undefined) throw invalid('One of the kinds is none that you can choose.');
  return allowed.filter((kind) => isChoosable(kind) && given.includes(kind));
}

/** What an owner chooses from. */
export function kindsOf(owner: NoticeOwner): readonly NoticeKind[] {
  return isOperators(owner) ? operatorKinds : ownerKinds;
}

const UNAVAILABLE =
  'The operator of this pool has not set up that kind of channel; choose another one.';
/** What the settings lack for a kind of channel, as who runs the pool is told. */
const LACKING: Partial<Readonly<Record<ChannelType, string>>> = {
  email:
    'This pool sends no e-mail yet: give `tributary pool` both --smtp-url and --notices-from, and start it again.',
  telegram:
    'This pool has no Telegram bot yet: give `tributary pool` its --telegram-token, and start it again.',
};
const NOT_PUBLIC = 'Nothing may be sent to that address: it must be https, and in public';
const OWN_NETWORK =
  'a server in your own network has to be among --notice-private-hosts of `tributary pool`';
const NO_KEY =
  'This node lacks the key of notices: give it the file of the other nodes, or of the backup, by --notices-key-file; or begin anew with --notices-key-lost.';
const MALFORMED: Readonly<Record<TargetRefusal, string>> = {
  email_malformed: 'That is not an e-mail address.',
  url_malformed: 'That is not an address of the web: https://…',
  not_discord: 'That is not a webhook of Discord: https://discord.com/api/webhooks/…',
  chat_malformed: 'That is not the number of a chat, nor the name of a channel with @.',
  token_malformed: 'That is not an access token.',
};

const invalid = (text: string) => new TributaryError('notice_channel_invalid', text);
const refused = (text: string) => new TributaryError('notice_channel_refused', text);
