import { TributaryError } from '../base/errors.ts';
import type { Database } from '../database/database.ts';
import type { Transaction } from '../database/transaction.ts';
import { type ReplayParts, replayDispute } from '../ledger/dispute-replay.ts';
import { readSubject } from '../ledger/dispute-text.ts';
import { disputeLogHead, keptEvents, logOf } from '../ledger/disputes-store.ts';
import { checkDisputeLog, disputeRecordHash, emptyDisputeLog } from '../proofs/dispute-log.ts';
import type { EpochHead } from '../proofs/files.ts';
import type { EpochInput } from '../terms/settle-types.ts';
import { Differs } from './adopt-compare.ts';
import {
  DISPUTES,
  KEPT_DISPUTES,
  type ReadEvent,
  readEvents,
  readKeptDisputes,
} from './recovery-disputes.ts';
import { type PublishedFiles, Wrong } from './verify-types.ts';

/** What bringing disputes back stands on. */
export interface BringDisputesParts extends ReplayParts {
  readonly database: Database;
  /** What was published; undefined: nothing of it is at hand. */
  readonly published: PublishedFiles | undefined;
  /** What the pool kept for itself; undefined: nothing of it is at hand. */
  readonly kept: PublishedFiles | undefined;
  /** People were told of these events when they happened: their numbers. */
  told(tx: Transaction, sequences: readonly number[]): Promise<void>;
}

/** Disputes as they went on after the backup. */
export interface BroughtDisputes {
  /** Whose they are. */
  readonly workers: readonly string[];
  /**
   * Throws {@link Differs} unless all is at hand that the record of an epoch names of disputes, and
   * each award in its input is one of them, of that worker.
   */
  check(head: EpochHead, input: EpochInput | undefined): void;
  /** Books what happened until the awards of an epoch were given: they are lines of its statement. */
  bringUntil(input: EpochInput): Promise<void>;
  /** Books the rest: how many events came back in all, and what did not, in sentences. */
  bringRest(): Promise<{ readonly count: number; readonly gaps: readonly string[] }>;
}

/**
 * Holds what the pool kept of disputes against the books and against the published log. Books nothing.
 *
 * @throws TributaryError `recovery_differs` with the line that was cut or changed
 */
export async function openBroughtDisputes(parts: BringDisputesParts): Promise<BroughtDisputes> {
  try {
    return await open(parts);
  } catch (error) {
    if (!(error instanceof Wrong)) throw error;
    const text = `What the pool published and kept of disputes does not hold: ${error.message}.`;
    throw new TributaryError('recovery_differs', text, { cause: error });
  }
}

async function open(parts: BringDisputesParts): Promise<BroughtDisputes> {
  const { database, hashing } = parts;
  const own = readEvents(await keptEvents(database), hashing);
  const file = await parts.kept?.read(DISPUTES);
  const kept = file === undefined ? [] : readKeptDisputes(file, hashing);
  mustAgree(own, kept, `in ${KEPT_DISPUTES} than in the books`);
  const all = own.length < kept.length ? kept : own;
  const published = readLog((await parts.published?.read(DISPUTES)) ?? '', hashing);
  mustAgree(all, published, 'as published than in the books and what was kept');
  if (published.length > all.length && file !== undefined) {
    const text = `${KEPT_DISPUTES} was cut, or is older than what was published: it ends with event ${kept.length} of ${published.length}`;
    throw new Wrong('disputes_rewritten', text);
  }
  const hashes = all.map(({ event }) => disputeRecordHash(event.record, hashing));
  const workers = workersIn(all);
  const awards = awardsIn(all, workers);
  const lost = published.slice(all.length).map(({ record }) => record);
  let count = 0;

  async function bring(until: number): Promise<number> {
    return database.transact(async (tx) => {
      const { size } = await disputeLogHead(tx);
      const booked: number[] = [];
      for (const { event, record } of all.slice(size, until)) {
        if (!(await replayDispute(tx, parts, event))) break;
        booked.push(record.sequence);
      }
      await parts.told(tx, booked);
      count += booked.length;
      return size + booked.length;
    });
  }

  return {
    workers: [...new Set(workers.values())],

    check({ disputes = emptyDisputeLog }, input) {
      if (disputes.size > all.length) {
        const which = lost[0] ? sentence(lost[0]) : `event ${all.length + 1}`;
        throw new Differs(
          `its record names ${disputes.size} events of disputes, ${which} is not in the books, and what was said in it is only in ${KEPT_DISPUTES} of the pool's data directory, which does not have it here`,
        );
      }
      if ([emptyDisputeLog.hash, ...hashes][disputes.size] !== disputes.hash) {
        throw new Differs('its record names another log of disputes than that in the books');
      }
      for (const { worker, awards: named = [] } of input?.workers ?? []) {
        for (const { dispute, asset, amount } of named) {
          const award = awards.get(dispute);
          const isSame = award?.asset === asset && award.amount === String(amount);
          if (isSame && award.worker === worker) continue;
          throw new Differs(`dispute ${dispute} did not award ${amount} ${asset} to ${worker}`);
        }
      }
    },

    async bringUntil(input) {
      const given = new Set(
        input.workers.flatMap(({ awards: named = [] }) => named.map(({ dispute }) => dispute)),
      );
      const last = all.findLastIndex(
        ({ record, content }) => content.award && given.has(record.dispute),
      );
      if ((await bring(last + 1)) > last) return;
      throw new Differs('an award in it is of a dispute about an epoch that the books do not have');
    },

    async bringRest() {
      const end = await bring(all.length);
      const missing = [...all.slice(end).map(({ record }) => record), ...lost];
      const [first] = missing;
      if (!first) return { count, gaps: [] };
      const which = `${missing.length === 1 ? 'an event' : `${missing.length} events`} of disputes`;
      return {
        count,
        gaps: [`${which} after the backup cannot be booked, from ${sentence(first)} on`],
      };
    },
  };
}

type Line = Pick<ReadEvent, 'record'> & { readonly event: Pick<ReadEvent['event'], 'record'> };

function readLog(text: string, hashing: BringDisputesParts['hashing']): readonly Line[] {
  const log = checkDisputeLog(text, hashing);
  if (!log.ok)
    throw new Wrong('disputes_rewritten', `line ${log.line} of ${DISPUTES}: ${log.text}`);
  const lines = text.split('\n');
  return log.records.map((record, at) => ({ record, event: { record: lines[at] as string } }));
}

function mustAgree(some: readonly Line[], others: readonly Line[], where: string): void {
  const [short, long] = some.length < others.length ? [some, others] : [others, some];
  if (logOf(long.map(({ event }) => event)).startsWith(logOf(short.map(({ event }) => event))))
    return;
  const at = short.findIndex(({ event }, place) => event.record !== long[place]?.event.record);
  throw new Wrong('disputes_rewritten', `event ${at + 1} of disputes is another one ${where}`);
}

function workersIn(all: readonly ReadEvent[]): ReadonlyMap<string, string> {
  return new Map(
    all.flatMap(({ record: { dispute }, event: { about } }) =>
      about ? [[dispute, readSubject(about.subject).worker] as const] : [],
    ),
  );
}

/** What each dispute gave, and to whom. */
function awardsIn(all: readonly ReadEvent[], workers: ReadonlyMap<string, string>) {
  return new Map(
    all.flatMap(({ record: { dispute }, content: { award } }) =>
      award ? [[dispute, { ...award, worker: workers.get(dispute) }] as const] : [],
    ),
  );
}

function sentence({ sequence, dispute, event, at }: ReadEvent['record']): string {
  const day = new Date(at).toISOString().slice(0, 16).replace('T', ' ');
  return `event ${sequence} (dispute ${dispute}, ${event} on ${day} UTC)`;
}
