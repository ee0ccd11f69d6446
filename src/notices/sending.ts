import type { Clock, Timer } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Database } from '../database/database.ts';
import { type ChannelId, type ChannelTarget, type ChannelType, channelTypes } from './channel.ts';
import { channelsById, type StoredChannel, stopChannel } from './channels-store.ts';
import { claimDeliveries, type Delivery, endAttempt } from './deliveries-store.ts';
import { afterAttempt } from './delivery.ts';
import { type Letter, letterOf, type Sender, type Senders, type SendOutcome } from './letter.ts';
import type { Notice, NoticeId } from './notice.ts';
import { noticesById } from './notices-store.ts';
import { pageFor } from './page-of.ts';
import type { Seal } from './seal.ts';

/**
 * Letters of one type on their way at once: a server that hangs holds these places and no others. Mail
 * and bots go to one server each, which counts connections; the others go to many.
 */
const AT_ONCE: Readonly<Record<ChannelType, number>> = {
  ...{ email: 4, telegram: 4, discord: 8, ntfy: 8, webhook: 16 },
};
/** Longer than any sender takes: then the node is taken for dead. */
const CLAIM_MS = 180_000;
/** A pool that stops does not wait for a server that hangs: another node, or the next start, does. */
const CLOSE_MS = 2_000;

/** What sending stands on. */
export interface SendingParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Log;
  readonly seal: Seal;
  readonly senders: Senders;
  /** The name of the pool. */
  pool(): Promise<string>;
  /** The address of a page; undefined: nobody outside could open it. */
  link(page: string): string | undefined;
  /** Between two looks for letters that became due. */
  readonly pollMs: number;
  /** From 0 to 1. */
  chance(): number;
  /** Counts an attempt by what became of it. */
  attempted(type: ChannelType, outcome: 'sent' | 'again' | 'dead'): void;
}

/** Sends what is due. */
export interface Sending {
  /** Looks now. */
  wake(): void;
  /** Resolves when nothing is on its way from here. For tests and for the end. */
  idle(): Promise<void>;
  close(): Promise<void>;
}

/** Starts sending. Any number of nodes may: each letter is taken by one at a time. */
export function startSending(parts: SendingParts): Sending {
  const { database, clock, log, seal, senders } = parts;
  const running = new Map<ChannelType, Set<Promise<void>>>();
  const known = channelTypes.filter((type) => senders[type] !== undefined);
  for (const type of known) running.set(type, new Set());
  let timer: Timer | undefined;
  let looking: Promise<void> | undefined;
  let again = false;
  let closed = false;

  async function look(): Promise<void> {
    for (const type of known) {
      const mine = running.get(type) as Set<Promise<void>>;
      const most = AT_ONCE[type] - mine.size;
      // Taken by the half, so that what is read for one letter is read for several.
      if (most * 2 < AT_ONCE[type] || closed) continue;
      const now = clock.now();
      const taken = await claimDeliveries(database, { type, most, now, until: now + CLAIM_MS });
      if (taken.length === 0) continue;
      const read = await readDeliveries(taken);
      for (const delivery of taken) {
        const sent = deliver(type, delivery, read).catch((error: unknown) => {
          // The claim runs out, and it is tried again.
          log.warn('notice_not_settled', { error: messageOf(error) });
        });
        mine.add(sent);
        void sent.then(() => {
          mine.delete(sent);
          wake();
        });
      }
    }
  }

  async function readDeliveries(taken: readonly Delivery[]): Promise<ReadDeliveries> {
    const channels = await channelsById(
      database,
      taken.map(({ channel }) => channel),
    );
    const ids = [...new Set(taken.flatMap(({ notices }) => notices))];
    const notices = new Map((await noticesById(database, ids)).map((each) => [each.id, each]));
    return { channels, notices, pool: await parts.pool() };
  }

  async function deliver(
    type: ChannelType,
    delivery: Delivery,
    read: ReadDeliveries,
  ): Promise<void> {
    const { id, channel, attempts } = delivery;
    const outcome = await attempt(delivery, read);
    const now = clock.now();
    const step = afterAttempt(outcome, attempts, { now, chance: parts.chance() });
    await endAttempt(database, id, step, now);
    parts.attempted(type, step.state === 'waiting' ? 'again' : step.state);
    if (step.state === 'sent') return;
    const { reason } = step;
    if (step.state === 'waiting') return log.debug('notice_waits', { name: id, reason });
    log.warn('notice_given_up', { name: id, reason });
    if (step.stop) await stopChannel(database, channel, { at: now, because: reason });
  }

  async function attempt(
    { id, channel: channelId, notices }: Delivery,
    read: ReadDeliveries,
  ): Promise<SendOutcome> {
    const channel = read.channels.get(channelId);
    if (!channel?.confirmedAt) return never('channel_not_confirmed');
    if (channel.stopped) return never('channel_stopped');
    const told = notices.flatMap((each) => read.notices.get(each) ?? []);
    if (told.length === 0) return never('nothing_to_say');
    let target: ChannelTarget;
    try {
      target = JSON.parse(seal.open(channelId, channel.sealed)) as ChannelTarget;
    } catch {
      return never('target_unreadable');
    }
    const link = (notice: Notice) => {
      const page = pageFor(channel.owner, notice);
      return page === undefined ? undefined : parts.link(page);
    };
    const letter = letterOf(id, told, { pool: read.pool, link });
    return sendTo(senders, target, letter);
  }

  function wake(): void {
    again = true;
    if (looking || closed) return;
    timer?.cancel();
    looking = (async () => {
      while (again && !closed) {
        again = false;
        await look().catch((error: unknown) => {
          log.warn('notices_not_sent', { error: messageOf(error) });
        });
      }
    })().finally(() => {
      looking = undefined;
      if (!closed) timer = clock.after(parts.pollMs, wake);
    });
  }

  async function idle(): Promise<void> {
    for (;;) {
      await looking;
      const all = [...running.values()].flatMap((some) => [...some]);
      if (all.length === 0 && !looking) return;
      await Promise.all(all);
    }
  }

  timer = clock.after(0, wake);
  return {
    wake,
    idle,
    async close() {
      closed = true;
      timer?.cancel();
      const patience = Promise.withResolvers<void>();
      const waiting = clock.after(CLOSE_MS, patience.resolve);
      await Promise.race([idle(), patience.promise]);
      waiting.cancel();
    },
  };
}

/** What letters that are taken together need to be written. */
interface ReadDeliveries {
  readonly channels: ReadonlyMap<ChannelId, StoredChannel>;
  readonly notices: ReadonlyMap<NoticeId, Notice>;
  readonly pool: string;
}

const never = (reason: string): SendOutcome => ({ ok: false, reason, again: 'never' });

/** Sends one letter to one place by the sender of its type. */
export async function sendTo(
  senders: Senders,
  target: ChannelTarget,
  letter: Letter,
): Promise<SendOutcome> {
  // Each sender takes the targets of its own type, which this is.
  const sender = senders[target.type] as Sender<ChannelType> | undefined;
  return sender ? sender(target, letter) : { ok: false, reason: 'no_sender', again: 'later' };
}
