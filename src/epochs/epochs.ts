import type { Instant, Timer } from '../base/clock.ts';
import { TributaryError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { type Epoch, openEpoch } from '../ledger/epoch-store.ts';
import { type ClosingParts, endEpoch, settleEnded } from './close.ts';
import type { ListedPayouts } from './payout-lists.ts';
import { type PublishingParts, publish } from './publish.ts';
import { recordEpochs } from './record.ts';
import { recordOf } from './record-store.ts';
import { type EpochPeriod, isDue } from './schedule.ts';
import { noteRound, roundOf } from './store.ts';

/** A midnight may pass a few seconds unnoticed; what was begun is gone on with as soon. */
const EVERY_MS = 5_000;
/** How old the list of payouts may be that is published, when another node's clock is behind ours. */
const PUBLISH_EVERY_MS = 30_000;

/** What the service stands on. */
export interface EpochsParts extends ClosingParts, PublishingParts {
  readonly log: Log;
  /** The protocol's round, undefined while it is not known and off chain. */
  round(): bigint | undefined;
  /** When the newest payout became final. */
  newestPayout(): Promise<Instant | undefined>;
  /** Writes the digest of an epoch's record into the chain, once; left out where nobody wants that. */
  anchor?(epoch: bigint, digest: Uint8Array): Promise<void>;
}

/** Closes epochs when it is time, or when told to, and publishes them. */
export interface Epochs {
  /**
   * Closes the open epoch now and publishes it: its number. Throws `epoch_closing` when another node
   * is at it, or when receipts of it are not all in the history yet; it is gone on with then.
   */
  closeNow(): Promise<Epoch>;
  close(): Promise<void>;
}

/**
 * Starts the service. Several nodes may run it: whatever one left undone another one does, and
 * nothing is done twice.
 */
export function startEpochs(parts: EpochsParts): Epochs {
  const { database, clock, log } = parts;
  let timer: Timer | undefined;
  let running: Promise<unknown> = Promise.resolve();
  let closed = false;
  let publishedAt: number | undefined;
  const listed: ListedPayouts = new Map();

  /** One after the other, whoever asks. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = running.then(work, work);
    running = mine.catch(() => undefined);
    return mine;
  }

  async function look(): Promise<void> {
    const open = await openEpoch(database);
    const round = parts.round();
    if (round !== undefined) await noteRound(database, open.number, round);
    const openedInRound = await roundOf(database, open.number);
    const { epoch } = await parts.terms.of(open.termsVersion);
    const at = { now: clock.now(), round };
    if (isDue({ opensAt: open.openedAt, openedInRound }, periodOf(epoch.period), at)) {
      if (await endEpoch(parts, open.number))
        log.info('epoch_ended', { count: Number(open.number) });
    }
    await finish();
  }

  /** Everything after the end of an epoch; each step goes on where another one stopped. */
  async function finish(): Promise<void> {
    for (const number of await settleEnded(parts)) {
      log.info('epoch_closed', { count: Number(number) });
    }
    const recorded = await recordEpochs(parts);
    if (recorded.length === 0 && !(await isOld())) return;
    const now = clock.now();
    await publish(parts, listed);
    publishedAt = now;
    for (const epoch of recorded) log.info('epoch_published', { count: Number(epoch) });
    if (parts.anchor) await anchorNewest(parts.anchor);
  }

  /** Asked for again and again, since who closed the epoch may have ended before; it is sent once. */
  async function anchorNewest(anchor: NonNullable<EpochsParts['anchor']>): Promise<void> {
    const { number } = await openEpoch(database);
    // Each record names the one before, so that the newest stands for all.
    const record = await recordOf(database, number - 1n);
    if (record) await anchor(record.epoch, parts.hashing.sha256(Buffer.from(record.head)));
  }

  /** Whether what is published lacks payouts, as far as one can know without reading it all. */
  async function isOld(): Promise<boolean> {
    if (publishedAt === undefined || clock.now() - publishedAt >= PUBLISH_EVERY_MS) return true;
    return ((await parts.newestPayout()) ?? 0) >= publishedAt;
  }

  function later(): void {
    if (closed) return;
    timer = clock.after(EVERY_MS, () => {
      inTurn(look)
        .catch((error: unknown) => {
          const code = error instanceof TributaryError ? error.code : 'internal';
          log.warn('epoch_not_finished', { code });
        })
        .finally(later);
    });
  }
  later();

  return {
    closeNow: () =>
      inTurn(async () => {
        const open = await openEpoch(database);
        const ended = await endEpoch(parts, open.number);
        publishedAt = undefined;
        await finish();
        if (ended) return ended;
        throw new TributaryError(
          'epoch_closing',
          'another node of the pool closes this epoch just now',
        );
      }),
    async close() {
      closed = true;
      timer?.cancel();
      await running;
    },
  };
}

function periodOf(period: 'round' | 'day' | 'week'): EpochPeriod {
  return period === 'round' ? { period, rounds: 1n } : { period };
}
