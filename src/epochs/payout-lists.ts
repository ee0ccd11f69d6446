import type { Instant } from '../base/clock.ts';
import type { Database } from '../database/database.ts';
import { toHex } from '../proofs/bytes.ts';
import { type PayoutsFile, writeFile } from '../proofs/files.ts';
import type { ProofHashing } from '../proofs/hashing.ts';
import { privateLeafId } from '../proofs/merkle-sum.ts';
import type { EpochRecord } from './record-store.ts';
import { epochWorkers } from './store.ts';

/** A final payout as it is published. */
export type PublishedPayout = PayoutsFile['payouts'][number];

/** The final payouts of the books, as publishing asks for them. */
export interface FinalPayouts {
  /** Those that became final at a moment or later, or all; oldest first. */
  since(from: Instant | undefined): Promise<readonly PublishedPayout[]>;
  /**
   * One text for each list, which is another one when the list is. `starts`: where each list but the
   * first begins, ascending; each ends where the next begins.
   */
  marks(starts: readonly Instant[]): Promise<readonly string[]>;
}

/** The marks of lists that this process has written, by epoch. */
export type ListedPayouts = Map<bigint, string>;

/** Which payouts stand with which epoch, while one publication goes on. */
export interface PayoutLists {
  /** Whether the list of the epoch at this place differs from the one that was written last. */
  isNew(place: number): boolean;
  /** The file of the epoch at this place. */
  text(place: number): Promise<string>;
  /** It was written. */
  wrote(place: number): void;
}

/**
 * A payout stands with the epoch after whose closing, and before the next one's, it became final; one
 * from before the first, with the first. So each stands in one list. The books are asked about every
 * list and not only about the last ones: a process that died may have left any of them behind, a
 * payment may have been stored late, and a bank may return one of long ago.
 */
export async function openPayoutLists(
  parts: {
    readonly database: Database;
    readonly hashing: ProofHashing;
    readonly payouts: FinalPayouts;
  },
  records: readonly EpochRecord[],
  listed: ListedPayouts,
): Promise<PayoutLists> {
  const starts = startsOf(records);
  const marks = records.length === 0 ? [] : await parts.payouts.marks(starts.slice(1));
  let read: { readonly from: number; readonly lists: readonly PublishedPayout[][] } | undefined;

  /** Asked for in the order of epochs, so that reading once is enough. */
  async function payoutsOf(place: number): Promise<readonly PublishedPayout[]> {
    if (!read || read.from > place) {
      const payouts = await parts.payouts.since(place === 0 ? undefined : starts[place]);
      read = { from: place, lists: split(payouts, starts) };
    }
    return read.lists[place] ?? [];
  }

  const epochAt = (place: number) => (records[place] as EpochRecord).epoch;
  return {
    isNew: (place) => listed.get(epochAt(place)) !== marks[place],
    async text(place) {
      const epoch = epochAt(place);
      const payouts = await payoutsOf(place);
      const names = payouts.length === 0 ? undefined : await saltedNames(parts, epoch);
      const named = payouts.map((payout) => ({
        ...payout,
        worker: names?.get(payout.worker) ?? payout.worker,
      }));
      return writeFile({ format: 'tributary-payouts-1', epoch, payouts: named });
    },
    wrote: (place) => void listed.set(epochAt(place), marks[place] as string),
  };
}

/** When each epoch closed; never before the one before it, also where clocks of nodes differ. */
function startsOf(records: readonly EpochRecord[]): readonly Instant[] {
  let latest = 0;
  return records.map(({ head }) => {
    const { closesAt } = JSON.parse(head) as { closesAt: number };
    latest = Math.max(latest, closesAt);
    return latest as Instant;
  });
}

/** Each to the last list that has begun, or to the first, where none has. */
function split(
  payouts: readonly PublishedPayout[],
  starts: readonly Instant[],
): readonly PublishedPayout[][] {
  const lists: PublishedPayout[][] = starts.map(() => []);
  let place = 0;
  for (const payout of payouts) {
    while (place + 1 < starts.length && (starts[place + 1] as Instant) <= payout.at) place += 1;
    lists[place]?.push(payout);
  }
  return lists;
}

/** Of a private pool: by what a worker, and nobody else, finds itself in the list. */
async function saltedNames(
  { database, hashing }: { readonly database: Database; readonly hashing: ProofHashing },
  epoch: bigint,
): Promise<ReadonlyMap<string, string>> {
  const workers = await epochWorkers(database, epoch);
  return new Map(
    workers.flatMap(({ worker, salt }) =>
      salt ? [[worker, toHex(privateLeafId(worker, salt, hashing))]] : [],
    ),
  );
}
