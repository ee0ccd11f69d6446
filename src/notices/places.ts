import sql from 'sql-template-tag';
import type { Clock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { WorkerId } from '../base/ids.ts';
import type { Log } from '../base/log.ts';
import type { Database } from '../database/database.ts';
import { parseAddress } from '../http/address.ts';
import { noteEvent, time } from './events-store.ts';
import type { Seal } from './seal.ts';

/** Of one worker; whoever connects from more makes the oldest forgotten. */
const PLACES_MAX = 100;
/** A place that was not used for so long is new again. */
const FORGOTTEN_MS = 180 * 86_400_000;
/** A place that was written down is not written again for so long. */
const FRESH_MS = 3_600_000;
/** Workers and places that are known to be fresh: some megabytes. */
const FRESH_MAX = 20_000;

/** Learns from where credentials are used. */
export interface Places {
  /** A machine connected with this worker's credential. Returns at once, and never throws. */
  seen(worker: WorkerId, address: string): void;
  /** Resolves when everything that was seen is written down. */
  idle(): Promise<void>;
}

/**
 * The network that an address is of, coarse enough to stay the same when a provider hands out another
 * address of its own: the first half of IPv4, the first 32 bits of IPv6. Undefined: no address.
 */
export function placeOfAddress(address: string): string | undefined {
  const groups = parseAddress(address.replace(/%.*$/, ''));
  if (!groups) return undefined;
  if (groups.length === 2) return `4 ${groups[0]}`;
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  return isMapped ? `4 ${groups[6]}` : `6 ${groups[0]} ${groups[1]}`;
}

/** Places in the table of the database: hashes by the pool's key, of their own for each worker. */
export function createPlaces(parts: {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Log;
  readonly seal: Pick<Seal, 'hash'>;
  /** Something has to be told. */
  noted(): void;
}): Places {
  const { database, clock, log, seal } = parts;
  const fresh = new Map<string, number>();
  const running = new Set<Promise<void>>();

  async function write(worker: WorkerId, place: Buffer, now: number): Promise<void> {
    const isNew = await database.transact(async (tx) => {
      await tx.query(sql`select pg_advisory_xact_lock(hashtextextended(${`place ${worker}`}, 0))`);
      await tx.query(sql`
        delete from notice_place where worker = ${worker} and (last_at < ${time(now - FORGOTTEN_MS)}
          or place in (select place from notice_place where worker = ${worker}
            order by last_at desc offset ${PLACES_MAX - 1}) and place <> ${place})`);
      const { rows } = await tx.query<{ known: boolean; others: boolean }>(sql`
        select coalesce(bool_or(place = ${place}), false) as known,
          coalesce(bool_or(place <> ${place}), false) as others
        from notice_place where worker = ${worker}`);
      await tx.query(sql`
        insert into notice_place (worker, place, first_at, last_at)
        values (${worker}, ${place}, ${time(now)}, ${time(now)})
        on conflict (worker, place) do update set last_at = excluded.last_at`);
      // The first place of a worker is where it is.
      const [row] = rows;
      if (!row || row.known || !row.others) return false;
      const key = `place:${worker}:${place.toString('hex')}:${now}`;
      return noteEvent(tx, { key, worker, at: now, facts: { source: 'place' } });
    });
    if (isNew) parts.noted();
  }

  return {
    seen(worker, address) {
      const network = placeOfAddress(address);
      if (network === undefined) return;
      const place = seal.hash('place', `${worker} ${network}`).subarray(0, 16);
      const key = `${worker} ${place.toString('base64')}`;
      const now = clock.now();
      if (now - (fresh.get(key) ?? Number.NEGATIVE_INFINITY) < FRESH_MS) return;
      if (fresh.size >= FRESH_MAX) fresh.clear();
      fresh.set(key, now);
      const writing = write(worker, place, now).catch((error: unknown) => {
        fresh.delete(key);
        log.warn('place_not_noted', { worker, error: messageOf(error) });
      });
      running.add(writing);
      void writing.then(() => running.delete(writing));
    },
    async idle() {
      await Promise.all(running);
    },
  };
}
