import { TributaryError } from '../base/errors.ts';
import type { WorkerId } from '../base/ids.ts';
import type { DisputeSubject } from './dispute.ts';

/** A page of text: what does not fit belongs into evidence. */
export const TEXT_CHARACTERS_MAX = 2_000;
export const EVIDENCE_MAX = 20;
const EVIDENCE = /^[A-Za-z0-9][A-Za-z0-9._:/-]{0,199}$/;
const LINE = /^epoch-([1-9]\d{0,17})\/([a-z2-7]{10})\/([A-Za-z0-9_-]{1,64})$/;
const RECEIPT = /^epoch-([1-9]\d{0,17})\/([a-z2-7]{10})\/receipt\/([A-Za-z0-9-]{1,64})$/;

/**
 * What somebody writes in a dispute: plain text, as it is read by people who act on it. Throws
 * `dispute_invalid`.
 */
export function readDisputeText(given: unknown): string {
  if (typeof given !== 'string' || given.trim() === '') throw wrong('Say in words what is wrong.');
  const text = given.trim().replaceAll('\r\n', '\n');
  if (text.length > TEXT_CHARACTERS_MAX) {
    throw wrong(`The text has ${text.length} characters; ${TEXT_CHARACTERS_MAX} are allowed.`);
  }
  if (!text.isWellFormed() || /[^\P{C}\n\t]/u.test(text)) {
    throw wrong('The text holds signs that cannot be seen; write plain text.');
  }
  if (/<[a-z!/?]/i.test(text)) throw wrong('The text holds tags of HTML; write plain text.');
  return text;
}

/** Ids of evidence: receipt hashes, evidence ids, line ids. Throws `dispute_invalid`. */
export function readEvidence(given: unknown): readonly string[] {
  if (given === undefined) return [];
  if (!Array.isArray(given) || given.length > EVIDENCE_MAX) {
    throw wrong(`Evidence is a list of up to ${EVIDENCE_MAX} ids.`);
  }
  const odd = given.find((each) => typeof each !== 'string' || !EVIDENCE.test(each));
  if (odd !== undefined) {
    throw wrong(
      'Evidence is given by its id: a receipt hash, an evidence id, or the id of a line.',
    );
  }
  return [...new Set(given as string[])];
}

/** What a dispute is said to be about. */
export type NamedSubject = { readonly worker: WorkerId } & (
  | DisputeSubject
  /** A line by its evidence. */
  | { readonly kind: 'evidence'; readonly epoch: bigint; readonly id: string }
);

/**
 * Reads `epoch-3/abcdefghij/2` (the second line of that worker), `epoch-3/abcdefghij/offline` (a line
 * by its evidence) or `epoch-3/abcdefghij/receipt/REFERENCE`. Throws `dispute_invalid`.
 */
export function readSubject(given: unknown): NamedSubject {
  const text = typeof given === 'string' ? given : '';
  const receipt = RECEIPT.exec(text);
  if (receipt) {
    const [, epoch, worker, reference] = receipt as unknown as Four;
    return { kind: 'receipt', epoch: BigInt(epoch), worker: worker as WorkerId, reference };
  }
  const line = LINE.exec(text);
  if (!line) {
    throw wrong(
      'A dispute is about the id of a line, such as epoch-3/abcdefghij/2, the evidence of one, or epoch-3/abcdefghij/receipt/REFERENCE.',
    );
  }
  const [, epoch, worker, last] = line as unknown as Four;
  const base = { epoch: BigInt(epoch), worker: worker as WorkerId };
  return /^[1-9]\d{0,3}$/.test(last)
    ? { ...base, kind: 'line', line: Number(last) }
    : { ...base, kind: 'evidence', id: text };
}
type Four = readonly [string, string, string, string];

function wrong(text: string): TributaryError {
  return new TributaryError('dispute_invalid', text);
}
