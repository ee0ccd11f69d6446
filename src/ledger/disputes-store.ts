import sql from 'sql-template-tag';
import type { AssetId } from '../base/asset.ts';
import type { Instant } from '../base/clock.ts';
import type { WorkerId } from '../base/ids.ts';
import type { Queryable, Transaction } from '../database/transaction.ts';
import type { DisputeLogHead, DisputeRecord } from '../proofs/dispute-log.ts';
import { emptyDisputeLog } from '../proofs/dispute-log.ts';
import type { StatementLine } from '../terms/settle-types.ts';
import type { DisputeCase, DisputeId, DisputeSubject, Sum } from './dispute.ts';

/** One event with what only those who are part of the dispute may read. */
export interface StoredEvent {
  readonly dispute: DisputeId;
  readonly record: DisputeRecord;
  readonly content: DisputeContent;
}

/** What somebody wrote and attached. The salt hides it from those who guess. */
export interface DisputeContent {
  readonly text: string;
  /** Ids of evidence, receipt hashes, line ids. */
  readonly evidence: readonly string[];
  /** What a decision gives, which the log of a private pool does not say. */
  readonly award?: StoredSum;
  /** Of `opened`: what it is about, which no log says; events of older versions have none. */
  readonly subject?: string;
  /** Of `opened` with a subject: what is claimed. */
  readonly claimed?: StoredSum;
  /** Hex, 32 bytes. */
  readonly salt: string;
}

/** A stored case with its events, oldest first. */
export interface StoredDispute {
  readonly case: DisputeCase;
  readonly events: readonly StoredEvent[];
}

/** Disputes change one after the other; ends with the transaction. */
export async function lockDisputes(tx: Transaction): Promise<void> {
  await tx.query(sql`select pg_advisory_xact_lock(hashtextextended('tributary disputes', 0))`);
}

/** Where the log ends. */
export async function disputeLogHead(from: Queryable): Promise<DisputeLogHead> {
  const { rows } = await from.query<{ sequence: bigint; hash: string }>(sql`
    select sequence, encode(hash, 'hex') as hash from dispute_event
    order by sequence desc limit 1`);
  const [last] = rows;
  return last ? { size: Number(last.sequence), hash: last.hash } : emptyDisputeLog;
}

/** The log as it is published: a line for each event, each with its end. */
export function logOf(events: readonly { readonly record: string }[]): string {
  return events.map(({ record }) => `${record}\n`).join('');
}

/** The published log. */
export async function disputeLogText(from: Queryable): Promise<string> {
  const { rows } = await from.query<{ record: string }>(
    sql`select record from dispute_event order by sequence`,
  );
  return logOf(rows);
}

/** All of one event as it is stored: books that lost it need no more to have it again. */
export interface KeptEvent {
  /** A line of the log, without its end. */
  readonly record: string;
  /** What its digest in the line is of. */
  readonly content: string;
  /** Of `opened`. */
  readonly about?: { readonly subject: string; readonly claimed?: StoredSum | undefined };
}

/** The log with everything that it does not say, in its order. */
export async function keptEvents(from: Queryable): Promise<readonly KeptEvent[]> {
  const { rows } = await from.query<{
    record: string;
    content: string;
    subject: string;
    claimed: StoredSum | null;
  }>(sql`
    select e.record, e.content, d.subject, d.facts -> 'claimed' as claimed
    from dispute_event e join dispute d on d.id = e.dispute order by e.sequence`);
  return rows.map(({ record, content, subject, claimed }) => ({
    record,
    content,
    ...(recordOf(record).event === 'opened'
      ? { about: { subject, ...(claimed ? { claimed } : {}) } }
      : {}),
  }));
}

/** A new case; false when its subject was disputed before. */
export async function addDispute(
  tx: Transaction,
  subject: string,
  { id, worker, openedAt, ...facts }: DisputeCase,
): Promise<boolean> {
  const { count } = await tx.query(sql`
    insert into dispute (id, worker, subject, facts, opened_at)
    values (${id}, ${worker}, ${subject}, ${asJson(facts)}::jsonb,
      'epoch'::timestamptz + ${openedAt}::double precision * interval '1 millisecond')
    on conflict (subject) do nothing`);
  return count === 1;
}

/** Appends an event whose text is canonical and names the last one. */
export async function addDisputeEvent(
  tx: Transaction,
  event: {
    readonly dispute: DisputeId;
    readonly sequence: number;
    readonly record: string;
    readonly hash: string;
    readonly content: string;
  },
): Promise<void> {
  await tx.query(sql`
    insert into dispute_event (sequence, dispute, record, hash, content)
    values (${event.sequence}, ${event.dispute}, ${event.record}, decode(${event.hash}, 'hex'),
      ${event.content})`);
}

/** Which disputes are asked for. */
export interface DisputeFilter {
  readonly id?: DisputeId;
  readonly workers?: readonly WorkerId[];
}

interface Row {
  id: string;
  worker: string;
  facts: Facts;
  opened_at: Instant;
  events: { record: string; content: string }[];
}
/** A sum as JSON has it. */
export type StoredSum = { readonly asset: string; readonly amount: string };
interface Facts {
  subject: { kind: 'line' | 'receipt'; epoch: string; line?: number; reference?: string };
  about: string;
  taken?: StoredSum;
  claimed?: StoredSum;
  setAside?: StoredSum;
  termsVersion: number;
}

/** Disputes with their events, the newest first. */
export async function storedDisputes(
  from: Queryable,
  { id, workers }: DisputeFilter = {},
): Promise<readonly StoredDispute[]> {
  const { rows } = await from.query<Row>(sql`
    select d.id, d.worker, d.facts, d.opened_at,
      (select jsonb_agg(jsonb_build_object('record', e.record, 'content', e.content)
        order by e.sequence) from dispute_event e where e.dispute = d.id) as events
    from dispute d
    where (${id ?? null}::text is null or d.id = ${id ?? null})
      and (${workers ? [...workers] : null}::text[] is null
        or d.worker = any(${workers ? [...workers] : null}::text[]))
    order by d.opened_at desc, d.id`);
  return rows.map((row) => {
    const dispute = row.id as DisputeId;
    return {
      case: caseOf(row),
      events: (row.events ?? []).map(({ record, content }) => ({
        dispute,
        record: recordOf(record),
        content: JSON.parse(content) as DisputeContent,
      })),
    };
  });
}

function caseOf({ id, worker, facts, opened_at: openedAt }: Row): DisputeCase {
  const { subject } = facts;
  const epoch = BigInt(subject.epoch);
  const decoded: DisputeSubject =
    subject.kind === 'line'
      ? { kind: 'line', epoch, line: subject.line ?? 0 }
      : { kind: 'receipt', epoch, reference: subject.reference ?? '' };
  return {
    id: id as DisputeId,
    worker: worker as WorkerId,
    subject: decoded,
    about: facts.about as StatementLine['kind'] | 'receipt',
    taken: sumOf(facts.taken),
    claimed: sumOf(facts.claimed),
    setAside: sumOf(facts.setAside),
    termsVersion: facts.termsVersion,
    openedAt,
  };
}

export function sumOf(stored: StoredSum | undefined): Sum | undefined {
  return stored && { asset: stored.asset as AssetId, amount: BigInt(stored.amount) };
}

/** A sum as it is stored. */
export function storedSum({ asset, amount }: Sum): StoredSum {
  return { asset, amount: String(amount) };
}

/** Stored text was read and checked when it was written. */
export function recordOf(text: string): DisputeRecord {
  const { about, award, ...rest } = JSON.parse(text) as DisputeRecord & {
    award?: StoredSum;
    about?: { kind: string; epoch: string; claimed?: StoredSum };
  };
  const claimed = sumOf(about?.claimed);
  const given = sumOf(award);
  return {
    ...rest,
    ...(about
      ? {
          about: {
            kind: about.kind,
            epoch: BigInt(about.epoch),
            ...(claimed ? { claimed } : {}),
          },
        }
      : {}),
    ...(given ? { award: given } : {}),
  };
}

function asJson(value: object): string {
  return JSON.stringify(value, (_, each) => (typeof each === 'bigint' ? `${each}` : each));
}
