import { TributaryError } from '../base/errors.ts';
import { readSubject } from '../ledger/dispute-text.ts';
import { type DisputeContent, type KeptEvent, logOf } from '../ledger/disputes-store.ts';
import { canonicalJson, parseCanonicalJson } from '../proofs/canonical.ts';
import { checkDisputeLog, type DisputeRecord, disputeRecordHash } from '../proofs/dispute-log.ts';
import type { ProofHashing } from '../proofs/hashing.ts';
import { NotReadable, objectOf, optional, plain, text, textLike } from '../proofs/read-json.ts';
import { RECOVERY } from './recovery-files.ts';
import { Wrong } from './verify-types.ts';

// disputes.jsonl of recovery/: a line for each line of the published log, in the same order. The line
// names the digest of what was written, and of new disputes that covers also what they are about.

/** The log of disputes, in the folder of what is published and in that of what is kept. */
export const DISPUTES = 'disputes.jsonl';
/** What people are told that the kept one is. */
export const KEPT_DISPUTES = `${DISPUTES} in ${RECOVERY}`;

const amount = textLike(/^[1-9]\d{0,77}$/, 'a number above 0 as text');
const claimed = objectOf({ asset: text, amount });
const event = objectOf({
  /** The line of the log. */
  record: text,
  /** What its digest is of. */
  content: text,
  about: optional(objectOf({ subject: text, claimed: optional(claimed) })),
});

/** The one text of the file. */
export function writeKeptDisputes(events: readonly KeptEvent[]): string {
  return events.map((one) => `${canonicalJson(plain(one))}\n`).join('');
}

/** An event with what was read of it. */
export interface ReadEvent {
  readonly event: KeptEvent;
  readonly record: DisputeRecord;
  readonly content: DisputeContent;
}

/**
 * Reads the file and holds each event against its line of the log, and the log against itself. Throws
 * {@link Wrong} at the first line that was cut or changed.
 */
export function readKeptDisputes(file: string, hashing: ProofHashing): readonly ReadEvent[] {
  const changed = changedIn(KEPT_DISPUTES);
  const lines = file.split('\n');
  if (lines.pop() !== '') throw changed(lines.length + 1, 'it ends in a line');
  const events = lines.map((line, at) => {
    try {
      return event(parseCanonicalJson(line), '');
    } catch (error) {
      if (!(error instanceof NotReadable)) throw error;
      throw changed(at + 1, error.message);
    }
  });
  return readEvents(events, hashing, KEPT_DISPUTES);
}

/** The same of events that the books have. */
export function readEvents(
  events: readonly KeptEvent[],
  hashing: ProofHashing,
  where = 'the books',
): readonly ReadEvent[] {
  const changed = changedIn(where);
  const log = checkDisputeLog(logOf(events), hashing);
  if (!log.ok) throw changed(log.line, log.text);
  if (log.records.length !== events.length) throw changed(1, 'it has a line within a line');
  return log.records.map((record, at) => {
    const one = events[at] as KeptEvent;
    if (disputeRecordHash(one.content, hashing) !== record.content) {
      throw changed(at + 1, 'what was written is not what the log names');
    }
    const content = JSON.parse(one.content) as DisputeContent;
    const why = faultOf(one, record, content);
    if (why !== undefined) throw changed(at + 1, why);
    return { event: one, record, content };
  });
}

/** What a dispute is about is in what was written; of older versions the log tells only the kind. */
function faultOf(
  { about }: KeptEvent,
  { event: what, about: shown }: DisputeRecord,
  content: DisputeContent,
): string | undefined {
  if ((what === 'opened') !== (about !== undefined)) return 'it does not say what it is about';
  if (!about) return undefined;
  const subject = subjectOf(about.subject);
  const isReceipt = subject?.kind === 'receipt';
  const fits = subject?.epoch === shown?.epoch && isReceipt === (shown?.kind === 'receipt');
  if (!subject || !fits) return 'it is about something else than in the log';
  const { asset, amount: sum } = about.claimed ?? {};
  const isSame = (other: { readonly asset: string; readonly amount: unknown } | undefined) =>
    other?.asset === asset && String(other?.amount) === String(sum);
  if (shown?.claimed && !isSame(shown.claimed)) return 'it claims something else than in the log';
  if (content.subject === undefined) return undefined;
  return content.subject === about.subject && isSame(content.claimed)
    ? undefined
    : 'it is about something else than what was written';
}

function subjectOf(name: string) {
  try {
    return readSubject(name);
  } catch (error) {
    if (error instanceof TributaryError) return undefined;
    throw error;
  }
}

function changedIn(where: string): (line: number, why: string) => Wrong {
  return (line, why) =>
    new Wrong('disputes_rewritten', `line ${line} of ${where} was cut or changed: ${why}`);
}
