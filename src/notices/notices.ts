import { randomUUID } from 'node:crypto';
import type { Clock, Timer } from '../base/clock.ts';
import { messageOf, TributaryError } from '../base/errors.ts';
import { secureFraction, secureRandom, type WorkerId } from '../base/ids.ts';
import type { Log } from '../base/log.ts';
import type { Metrics } from '../base/metrics.ts';
import type { Database } from '../database/database.ts';
import type { Terms } from '../terms/terms.ts';
import { type ChannelType, channelTypes } from './channel.ts';
import { type Channels, createChannels } from './channels.ts';
import { discordSender, ntfySender, telegramSender } from './chat-senders.ts';
import { compose } from './compose.ts';
import {
  countDeliveries,
  type DeliveryView,
  deliveries,
  forgetDeliveries,
  replayDead,
  replayDelivery,
} from './deliveries-store.ts';
import { emailSender, type SmtpPlace } from './email-sender.ts';
import { forgetEvents, noteEvent } from './events-store.ts';
import type { Senders } from './letter.ts';
import { type LookParts, startLooking } from './look.ts';
import type { StandingAlarm } from './look-standing.ts';
import { noticesMetrics } from './metrics.ts';
import type { Notice, NoticeOwner } from './notice.ts';
import { allNotices, type NoticePage, noticesOfWorkers, openNotices } from './notices-store.ts';
import { createOutbound } from './outbound.ts';
import { createPlaces, type Places } from './places.ts';
import { createSeal, type Seal } from './seal.ts';
import { startSending } from './sending.ts';
import { webhookSender } from './webhook-sender.ts';

const EVERY_MS = 5_000;
/** Who is there is written down as often; more looks would see nothing else. */
const LOOK_MS = 15_000;
const SWEEP_MS = 3_600_000;
const DAY_MS = 86_400_000;
/** Events and letters that ended: for questions about the last weeks. Notices themselves stay. */
const KEPT_MS = 60 * DAY_MS;
const TITLE_CHARACTERS_MAX = 150;
const TEXT_CHARACTERS_MAX = 2_000;

/** How a pool sends notices. */
export interface NoticesRules {
  /** Undefined: there is no e-mail. */
  readonly smtp: SmtpPlace | undefined;
  /** Undefined: there is no Telegram. */
  readonly telegram: { readonly apiUrl: string; readonly token: string } | undefined;
  /** `host:port` in the operator's own network that channels may lead to. */
  readonly privateHosts: readonly string[];
  readonly offlineAfterMs: number;
  /** How long one POST may take in all; 10 s if not given. */
  readonly postMs?: number;
  /** Between two looks for what was noted; 5 s if not given. */
  readonly everyMs?: number;
  /** Between two looks at who is there, and at what else is only seen over time; 15 s. */
  readonly lookEveryMs?: number;
}

/** What the service stands on. */
export interface NoticesParts extends Pick<LookParts, 'quarantined' | 'alarms'> {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  /** 32 bytes that all nodes of the pool share; undefined: this node lacks them, and sends nothing. */
  readonly key: Uint8Array | undefined;
  readonly rules: NoticesRules;
  terms(version: number): Promise<Terms>;
  currentTerms(): Promise<Terms>;
  /** The address of a page; undefined: nobody outside could open it. */
  link(page: string): string | undefined;
}

/** A message of the operator. */
export interface OperatorMessage {
  readonly title: string;
  readonly text: string;
  readonly todo?: string | undefined;
  readonly until?: number | undefined;
  /** Undefined: for everybody, and in the public feed. */
  readonly worker?: WorkerId | undefined;
}

/** Tells people what they chose to be told. */
export interface Notices {
  readonly channels: Channels;
  readonly places: Pick<Places, 'seen'>;
  /** Undefined: this node lacks the key of the pool. */
  readonly seal: Seal | undefined;
  /** Kinds of channels that this pool can send to. */
  readonly types: readonly ChannelType[];
  /** Sends a message. Throws `notice_channel_invalid` for a text that cannot be one. */
  send(message: OperatorMessage): Promise<void>;
  /** What everybody may read, the newest first. */
  open(page: NoticePage): Promise<readonly Notice[]>;
  /** What the owner of these workers was told. */
  ofWorkers(workers: readonly WorkerId[], page: NoticePage): Promise<readonly Notice[]>;
  all(
    filter: { readonly worker?: string | undefined; readonly kind?: string | undefined },
    page: NoticePage,
  ): Promise<readonly Notice[]>;
  letters(filter: {
    readonly state?: DeliveryView['state'];
    readonly owner?: NoticeOwner;
    readonly before?: { readonly createdAt: number; readonly id: string } | undefined;
    readonly limit: number;
  }): Promise<readonly DeliveryView[]>;
  /** Alarms that stand now: all that letters tell of until they tell of the end, on every node. */
  alarms(): Promise<readonly StandingAlarm[]>;
  /** Sends letters again: one by its id, or all that were given up. Throws `notice_unknown`. */
  replay(id: string | 'dead'): Promise<number>;
  /** Looks, composes and sends all that is due now. For tests, and before the end. */
  settle(): Promise<void>;
  close(): Promise<void>;
}

/** Starts the service. Any number of nodes may run it. */
export function startNotices(parts: NoticesParts): Notices {
  const { database, clock, log, rules, key } = parts;
  const counts = noticesMetrics(parts.metrics);
  // Without the key of the pool nothing is sealed: what needs it is refused below.
  const seal = createSeal(key ?? secureRandom(32));
  const outbound = createOutbound({
    allowPrivate: rules.privateHosts,
    ...(rules.postMs === undefined ? {} : { wholeMs: rules.postMs }),
  });
  const senders = key ? sendersOf(parts, outbound) : {};
  const everyMs = rules.everyMs ?? EVERY_MS;
  const pool = async () => (await parts.currentTerms()).name;
  let closed = false;
  let timer: Timer | undefined;
  let composing: Promise<void> | undefined;
  let again = false;
  let sweptAt = Number.NEGATIVE_INFINITY;

  const sending = startSending({
    ...{ database, clock, log, seal, senders, pool },
    link: parts.link,
    pollMs: everyMs,
    chance: secureFraction,
    attempted: counts.attempted,
  });

  /** What is noted becomes notices and letters, one pass after the other. */
  function noted(): void {
    again = true;
    if (composing || closed) return;
    timer?.cancel();
    composing = (async () => {
      while (again && !closed) {
        again = false;
        await composeAll();
      }
    })().finally(() => {
      composing = undefined;
      if (!closed) timer = clock.after(everyMs, noted);
    });
  }

  async function composeAll(): Promise<void> {
    try {
      const { looked, more } = await compose(parts, clock.now());
      // Much happens at once when a network splits: it is not told in portions, one at each look.
      if (more) again = true;
      if (looked > 0) sending.wake();
      counts.standing(await countDeliveries(database));
      await sweep();
    } catch (error) {
      log.warn('notices_not_composed', { error: messageOf(error) });
    }
  }

  async function sweep(): Promise<void> {
    const now = clock.now();
    if (now - sweptAt < SWEEP_MS) return;
    sweptAt = now;
    await forgetEvents(database, now - KEPT_MS);
    await forgetDeliveries(database, now - KEPT_MS);
  }

  const looking = startLooking({
    ...{ database, clock, log, looked: noted },
    everyMs: rules.lookEveryMs ?? LOOK_MS,
    offlineAfterMs: rules.offlineAfterMs,
    quarantined: parts.quarantined,
    alarms: parts.alarms,
  });
  const places = key ? createPlaces({ database, clock, log, seal, noted }) : NO_PLACES;
  const channels = createChannels({
    ...{ database, clock, log, seal, senders, outbound, pool, noted },
    hasKey: key !== undefined,
    ownHosts: rules.privateHosts,
  });
  noted();

  return {
    channels,
    places,
    seal: key && seal,
    types: channelTypes.filter((type) => senders[type] !== undefined),
    async send({ title, text, todo, until, worker }) {
      mustBeText(title, TITLE_CHARACTERS_MAX, false);
      mustBeText(text, TEXT_CHARACTERS_MAX, true);
      if (todo !== undefined) mustBeText(todo, TITLE_CHARACTERS_MAX, false);
      await noteEvent(database, {
        key: `message:${randomUUID()}`,
        worker,
        at: clock.now(),
        facts: {
          ...{ source: 'message', title: title.trim(), text: text.trim() },
          ...(todo === undefined ? {} : { todo: todo.trim() }),
          ...(until === undefined ? {} : { until }),
        },
      });
      noted();
    },
    open: (page) => openNotices(database, page),
    ofWorkers: (workers, page) => noticesOfWorkers(database, workers, page),
    all: (filter, page) => allNotices(database, filter, page),
    letters: (filter) => deliveries(database, filter),
    alarms: () => looking.alarms(),
    async replay(id) {
      const count =
        id === 'dead'
          ? await replayDead(database, clock.now())
          : Number(UUID.test(id) && (await replayDelivery(database, id, clock.now())));
      if (count === 0 && id !== 'dead') {
        throw new TributaryError('notice_unknown', 'There is no such letter that has ended.');
      }
      sending.wake();
      return count;
    },
    async settle() {
      await places.idle();
      await looking.look();
      noted();
      await composing;
      sending.wake();
      await sending.idle();
      await channels.idle();
    },
    async close() {
      closed = true;
      timer?.cancel();
      await looking.close();
      await composing;
      await places.idle();
      await sending.close();
    },
  };
}
/** Hashes of another key would make every place a new one. */
const NO_PLACES: Places = { seen() {}, idle: async () => undefined };
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function sendersOf(
  { rules, clock }: Pick<NoticesParts, 'rules' | 'clock'>,
  outbound: ReturnType<typeof createOutbound>,
): Senders {
  const { smtp, telegram } = rules;
  return {
    discord: discordSender({ outbound, clock }),
    ntfy: ntfySender({ outbound, clock }),
    webhook: webhookSender({ outbound, clock }),
    ...(smtp ? { email: emailSender(smtp, clock) } : {}),
    ...(telegram ? { telegram: telegramSender({ outbound, clock }, telegram) } : {}),
  };
}

/** Plain text as an operator writes it: every channel shows it, none takes it for markup. */
function mustBeText(text: string, charactersMax: number, lines: boolean): void {
  const odd = lines ? /[^\P{Cc}\n]/u : /\p{Cc}/u;
  const isText = text.trim() !== '' && text.length <= charactersMax && text.isWellFormed();
  if (isText && !odd.test(text)) return;
  const message = `A text has 1 to ${charactersMax} characters, without control characters.`;
  throw new TributaryError('notice_channel_invalid', message);
}
