import type { Instant } from '../base/clock.ts';
import { TributaryError } from '../base/errors.ts';
import type { Transaction } from '../database/transaction.ts';
import { type DisputeRecord, disputeRecordHash } from '../proofs/dispute-log.ts';
import { type DisputeId, endPosting, openedCase, setAsidePosting } from './dispute.ts';
import { disputeNow } from './dispute-state.ts';
import { readSubject } from './dispute-text.ts';
import type { DisputesParts } from './disputes.ts';
import {
  addDispute,
  addDisputeEvent,
  type KeptEvent,
  lockDisputes,
  recordOf,
  storedDisputes,
  sumOf,
} from './disputes-store.ts';
import { post } from './postings-store.ts';

/** What replaying stands on. */
export type ReplayParts = Pick<DisputesParts, 'hashing' | 'terms' | 'statement'>;

/**
 * Books the next event of the log as it was: the same line, what was set aside and what was awarded,
 * as of then. False when it is about an epoch that the books do not have, or have no statement of.
 *
 * @throws TributaryError `recovery_differs` when it is about another line than its record says
 */
export async function replayDispute(
  tx: Transaction,
  parts: ReplayParts,
  event: KeptEvent,
): Promise<boolean> {
  const record = recordOf(event.record);
  await lockDisputes(tx);
  if (record.event === 'opened') return open(tx, parts, event, record);
  await append(tx, parts, event, record);
  const id = record.dispute as DisputeId;
  const [stored] = await storedDisputes(tx, { id });
  if (!stored) throw new TributaryError('internal', 'an event was added to no dispute');
  const dispute = disputeNow(stored);
  if (dispute.deadline !== undefined) return true;
  const terms = await parts.terms.of(dispute.termsVersion);
  const posting = endPosting(dispute, dispute.award, { at: record.at as Instant, terms });
  if (posting) await post(tx, posting);
  return true;
}

async function open(
  tx: Transaction,
  parts: ReplayParts,
  event: KeptEvent,
  record: DisputeRecord,
): Promise<boolean> {
  const name = event.about?.subject;
  const { worker, ...subject } = readSubject(name);
  const statement = await statementOf(tx, parts, { worker, epoch: subject.epoch });
  if (!statement || name === undefined || subject.kind === 'evidence') return false;
  if ('open' in statement && subject.kind === 'line') return false;
  const line =
    'lines' in statement && subject.kind === 'line' ? statement.lines[subject.line - 1] : undefined;
  const rule = await parts.terms.of(statement.termsVersion);
  const begun = {
    id: record.dispute as DisputeId,
    worker,
    subject,
    claimed: sumOf(event.about?.claimed),
    openedAt: record.at as Instant,
  };
  const opened = openedCase(begun, line, rule);
  if (opened.about !== record.about?.kind || !(await addDispute(tx, name, opened))) {
    const text = `Dispute ${record.dispute} is not about ${name} by these books.`;
    throw new TributaryError('recovery_differs', text);
  }
  await append(tx, parts, event, record);
  if (opened.setAside) await post(tx, setAsidePosting(opened, opened.setAside, rule));
  return true;
}

async function statementOf(
  tx: Transaction,
  parts: ReplayParts,
  { worker, epoch }: { worker: Parameters<ReplayParts['statement']>[2]; epoch: bigint },
) {
  try {
    return await parts.statement(tx, epoch, worker);
  } catch (error) {
    const isMissing =
      error instanceof TributaryError && ['epoch_unknown', 'epoch_closing'].includes(error.code);
    if (isMissing) return undefined;
    throw error;
  }
}

async function append(
  tx: Transaction,
  { hashing }: ReplayParts,
  { record: text, content }: KeptEvent,
  { dispute, sequence }: DisputeRecord,
): Promise<void> {
  const hash = disputeRecordHash(text, hashing);
  const id = dispute as DisputeId;
  await addDisputeEvent(tx, { dispute: id, sequence, record: text, hash, content });
}
