import type { AssetId } from '../base/asset.ts';
import type { Instant } from '../base/clock.ts';
import type { WorkerId } from '../base/ids.ts';
import type { DisputeOutcome, DisputeState } from '../proofs/dispute-log.ts';
import type { StatementLine } from '../terms/settle-types.ts';
import type { Terms } from '../terms/terms.ts';
import { type AccountName, account } from './accounts.ts';
import type { Entry, Posting } from './postings.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

/** 16 characters of a-z2-7, of random bytes: says nothing of whose it is. */
export type DisputeId = string & { readonly __brand: 'DisputeId' };

export function parseDisputeId(text: string): DisputeId | undefined {
  return /^[a-z2-7]{16}$/.test(text) ? (text as DisputeId) : undefined;
}

/** An amount of an asset in base units. */
export interface Sum {
  readonly asset: AssetId;
  readonly amount: bigint;
}

/**
 * What a dispute is about: a line of a statement by its place from 1, or a receipt that never came,
 * by whatever the worker calls the piece of work.
 */
export type DisputeSubject =
  | { readonly kind: 'line'; readonly epoch: bigint; readonly line: number }
  | { readonly kind: 'receipt'; readonly epoch: bigint; readonly reference: string };

/** The name of a subject, unique for all workers: `epoch-3/abcdefghij/2`. */
export function subjectName(worker: WorkerId, subject: DisputeSubject): string {
  const last = subject.kind === 'line' ? String(subject.line) : `receipt/${subject.reference}`;
  return `epoch-${subject.epoch}/${worker}/${last}`;
}

/** What stays the same of a dispute from its beginning. */
export interface DisputeCase {
  readonly id: DisputeId;
  readonly worker: WorkerId;
  readonly subject: DisputeSubject;
  /** The kind of the line, or `receipt`. */
  readonly about: StatementLine['kind'] | 'receipt';
  /** What a penalty or a refund took; undefined for everything else. */
  readonly taken: Sum | undefined;
  /** What the worker says that it is owed; undefined: it named no amount. */
  readonly claimed: Sum | undefined;
  /** Waits in an account of its own. */
  readonly setAside: Sum | undefined;
  readonly termsVersion: number;
  readonly openedAt: Instant;
}

/** A dispute as it stands. */
export interface Dispute extends DisputeCase {
  readonly state: DisputeState;
  /** Until when the pool has to answer, then to decide; undefined once it is over. */
  readonly deadline: Instant | undefined;
  /** That the deadline passed is in the log. */
  readonly isOverdue: boolean;
  readonly outcome: DisputeOutcome | undefined;
  readonly award: Sum | undefined;
}

/** Lines whose amount was taken for what the worker did, or what was done with its work. */
function takes(kind: StatementLine['kind']): boolean {
  return kind === 'penalty' || kind === 'refund';
}

/** A case at its beginning: everything of it that follows from the line, the claim and the terms. */
export function openedCase(
  by: Pick<DisputeCase, 'id' | 'worker' | 'subject' | 'claimed' | 'openedAt'>,
  line: Pick<StatementLine, 'kind' | 'asset' | 'amount'> | undefined,
  terms: Terms,
): DisputeCase {
  const taken = line && takenBy(line);
  return {
    ...by,
    about: line?.kind ?? 'receipt',
    taken,
    setAside: terms.disputes.setAside && taken ? (by.claimed ?? taken) : undefined,
    termsVersion: terms.version,
  };
}

/** What a line took; undefined when it gave. */
export function takenBy({
  kind,
  asset,
  amount,
}: Pick<StatementLine, 'kind' | 'asset' | 'amount'>): Sum | undefined {
  return takes(kind) ? { asset, amount: -amount } : undefined;
}

/** Until when a dispute about an epoch may be opened; undefined while the epoch has no statement. */
export function openUntil(terms: Terms, closedAt: Instant | undefined): Instant | undefined {
  return closedAt === undefined ? undefined : after(closedAt, terms.disputes.openDays);
}

/** Until when the pool has to answer. */
export function answerBy(terms: Terms, openedAt: Instant): Instant {
  return after(openedAt, terms.disputes.answerDays);
}

/** Until when it has to decide. */
export function decideBy(terms: Terms, answeredAt: Instant): Instant {
  return after(answeredAt, terms.disputes.decideDays);
}

function after(at: Instant, days: number): Instant {
  return (at + days * DAY_MS) as Instant;
}

/** What follows from the time alone: nothing, that the pool is late, or that it gives back. */
export function dueBy(
  dispute: Dispute,
  terms: Terms,
  now: Instant,
): { readonly event: 'overdue' } | { readonly event: 'lapsed'; readonly award: Sum } | undefined {
  const { deadline, taken, isOverdue } = dispute;
  if (deadline === undefined || now <= deadline) return undefined;
  if (terms.disputes.late === 'upheld' && taken) {
    const claimed = dispute.claimed?.amount ?? taken.amount;
    return { event: 'lapsed', award: { ...taken, amount: least(claimed, taken.amount) } };
  }
  return isOverdue ? undefined : { event: 'overdue' };
}

/** An award, or why a decision cannot be like that. */
export type Judged =
  | { readonly ok: true; readonly award: Sum | undefined }
  | {
      readonly ok: false;
      readonly reason: 'amount_missing' | 'amount_for_nothing' | 'more_than_claimed' | 'not_partly';
    };

/** What a decision comes to: upheld means all that was claimed, partly less than that. */
export function judge(
  { claimed }: Pick<DisputeCase, 'claimed'>,
  outcome: DisputeOutcome,
  given: Sum | undefined,
): Judged {
  if (outcome === 'refused') {
    return given ? { ok: false, reason: 'amount_for_nothing' } : { ok: true, award: undefined };
  }
  const award = given ?? (outcome === 'upheld' ? claimed : undefined);
  if (!award || award.amount === 0n) return { ok: false, reason: 'amount_missing' };
  if (!claimed) return { ok: true, award };
  if (award.asset !== claimed.asset || award.amount > claimed.amount) {
    return { ok: false, reason: 'more_than_claimed' };
  }
  const isAll = award.amount === claimed.amount;
  return isAll === (outcome === 'upheld')
    ? { ok: true, award }
    : { ok: false, reason: 'not_partly' };
}

/**
 * Who bears what a worker is given back: the account that holds it, for a penalty that the pool kept
 * and for points; in every other case the pool's own part, also below nothing.
 */
function bearer(about: DisputeCase['about'], asset: AssetId, terms: Terms): AccountName {
  if (terms.assets[asset]?.kind === 'points') return account('issued');
  const keeps = about === 'penalty' && terms.penalties.goTo === 'pool';
  return account(keeps ? 'penalties' : 'commission');
}

/** Sets aside what is disputed. */
export function setAsidePosting(
  { id, about, openedAt }: DisputeCase,
  sum: Sum,
  terms: Terms,
): Posting {
  return {
    cause: `dispute:${id}:opened`,
    kind: 'dispute',
    at: openedAt,
    entries: moved(bearer(about, sum.asset, terms), account('disputed', id), sum),
    facts: { dispute: id },
  };
}

/**
 * The end of a dispute in the books: what was set aside goes to the worker as far as it was awarded,
 * the rest back; what was not set aside comes from who bears it. Undefined when nothing moves.
 */
export function endPosting(
  { id, worker, about, setAside }: DisputeCase,
  award: Sum | undefined,
  end: { readonly at: Instant; readonly terms: Terms },
): Posting | undefined {
  const entries: Entry[] = [];
  const own = account('disputed', id);
  const from = (asset: AssetId) => bearer(about, asset, end.terms);
  let missing = award;
  if (setAside) {
    const { asset, amount } = setAside;
    const given = award?.asset === asset ? least(award.amount, amount) : 0n;
    entries.push(...moved(own, account('award', worker), { asset, amount: given }));
    entries.push(...moved(own, from(asset), { asset, amount: amount - given }));
    if (award) missing = { ...award, amount: award.amount - given };
  }
  if (missing) entries.push(...moved(from(missing.asset), account('award', worker), missing));
  if (entries.length === 0) return undefined;
  const facts = { dispute: id };
  return { cause: `dispute:${id}:ended`, kind: 'dispute', at: end.at, entries, facts };
}

function least(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

/** From the first account, which is debited, to the second. */
function moved(from: AccountName, to: AccountName, { asset, amount }: Sum): Entry[] {
  if (amount === 0n) return [];
  return [
    { account: from, asset, amount },
    { account: to, asset, amount: -amount },
  ];
}
