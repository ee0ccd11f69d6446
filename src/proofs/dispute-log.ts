import type { AssetId } from '../base/asset.ts';
import { toHex } from './bytes.ts';
import { canonicalJson, parseCanonicalJson } from './canonical.ts';
import type { ProofHashing } from './hashing.ts';
import {
  count,
  integer,
  NotReadable,
  objectOf,
  oneOf,
  optional,
  plain,
  type Read,
  textLike,
} from './read-json.ts';

// disputes.jsonl: what happened in the disputes of a pool, a line for each event, each naming the
// hash of the one before. It names no worker, and of what people wrote only a salted hash: whoever
// was part of a dispute can show what it said, and nobody else can guess it.

/** Longer is no log of disputes. */
const CHARACTERS_MAX = 64 * 1024 * 1024;
const NONE = '0'.repeat(64);

/** What can happen in a dispute. */
export const disputeEvents = [
  'opened',
  'answered',
  'replied',
  'overdue',
  'decided',
  'withdrawn',
  'lapsed',
] as const;
export type DisputeEvent = (typeof disputeEvents)[number];

/** How a dispute stands: it ends decided, withdrawn, or lapsed because the pool was late. */
export type DisputeState = 'open' | 'answered' | 'decided' | 'withdrawn' | 'lapsed';

/** How it was decided. */
export const disputeOutcomes = ['upheld', 'partly', 'refused'] as const;
export type DisputeOutcome = (typeof disputeOutcomes)[number];

const hash = textLike(/^[0-9a-f]{64}$/, '64 hex digits in lower case');
const asset: Read<AssetId> = textLike(/^[A-Z][A-Z0-9]{0,11}$/, 'the symbol of an asset');
const money = objectOf({ asset, amount: count });

const record = objectOf({
  format: oneOf(['tributary-dispute-1'] as const),
  /** From 1, without a gap. */
  sequence: integer,
  /** SHA-256 of the line before; zeros for the first. */
  previous: hash,
  /** Milliseconds since 1970. */
  at: integer,
  dispute: textLike(/^[a-z2-7]{16}$/, 'the id of a dispute'),
  event: oneOf(disputeEvents),
  by: oneOf(['worker', 'operator', 'pool'] as const),
  /** Of `opened`: what it is about. Amounts are left out of private pools. */
  about: optional(
    objectOf({
      kind: textLike(/^[a-z_]{1,20}$/, 'a kind of line, or receipt'),
      epoch: count,
      claimed: optional(money),
    }),
  ),
  /** Of `opened` and `answered`: until when the pool has to answer or to decide. */
  deadline: optional(integer),
  outcome: optional(oneOf(disputeOutcomes)),
  /** What the worker gets by a decision or a lapse, in the next epoch that is settled. */
  award: optional(money),
  /** SHA-256 of what was written and attached, with a salt. */
  content: hash,
});
/** One line of disputes.jsonl. */
export type DisputeRecord = ReturnType<typeof record>;

/** The one text of a line, without its end. */
export function writeDisputeRecord(line: DisputeRecord): string {
  return canonicalJson(plain(line));
}

/** Where a log ends: how many lines, and the hash of the last one. */
export interface DisputeLogHead {
  readonly size: number;
  /** Hex; zeros for an empty log. */
  readonly hash: string;
}

export const emptyDisputeLog: DisputeLogHead = { size: 0, hash: NONE };

const utf8 = new TextEncoder();

/** By what the next line names this one: hex. */
export function disputeRecordHash(text: string, hashing: ProofHashing): string {
  return toHex(hashing.sha256(utf8.encode(text)));
}

/**
 * How a dispute stands after an event; undefined where it cannot happen.
 *
 * @param state undefined: there is no such dispute yet
 */
export function disputeAfter(
  state: DisputeState | undefined,
  event: DisputeEvent,
): DisputeState | undefined {
  if (event === 'opened') return state === undefined ? 'open' : undefined;
  if (state !== 'open' && state !== 'answered') return undefined;
  if (event === 'answered') return state === 'open' ? 'answered' : undefined;
  return event === 'replied' || event === 'overdue' ? state : event;
}

/** What a published log says. */
export type CheckedDisputeLog =
  | {
      readonly ok: true;
      readonly records: readonly DisputeRecord[];
      /** The hash of each line, in their order. */
      readonly hashes: readonly string[];
    }
  | { readonly ok: false; readonly line: number; readonly text: string };

/** Reads a log and checks its chain, its numbers, and that nothing happens that cannot. */
export function checkDisputeLog(text: string, hashing: ProofHashing): CheckedDisputeLog {
  if (text.length > CHARACTERS_MAX) return { ok: false, line: 0, text: 'it is too long' };
  const lines = text.split('\n');
  if (lines.pop() !== '') return { ok: false, line: lines.length + 1, text: 'it ends in a line' };
  const records: DisputeRecord[] = [];
  const hashes: string[] = [];
  const states = new Map<string, DisputeState>();
  for (const [index, line] of lines.entries()) {
    const read = readLine(line);
    const wrong =
      typeof read === 'string' ? read : faultOf(read, index, hashes.at(-1) ?? NONE, states);
    if (typeof read === 'string' || wrong !== undefined) {
      return { ok: false, line: index + 1, text: wrong ?? 'it does not read' };
    }
    records.push(read);
    hashes.push(disputeRecordHash(line, hashing));
  }
  return { ok: true, records, hashes };
}

function readLine(line: string): DisputeRecord | string {
  const value = parseCanonicalJson(line);
  if (value === undefined) return 'it is not canonical JSON';
  try {
    return record(value, '');
  } catch (error) {
    if (!(error instanceof NotReadable)) throw error;
    return error.message;
  }
}

function faultOf(
  { sequence, previous, dispute, event, award, outcome, about }: DisputeRecord,
  index: number,
  last: string,
  states: Map<string, DisputeState>,
): string | undefined {
  if (sequence !== index + 1) return `it has the number ${sequence}`;
  if (previous !== last) return 'it does not name the line before it: the log was changed';
  const next = disputeAfter(states.get(dispute), event);
  if (!next) return `the dispute ${dispute} cannot be ${event} here`;
  states.set(dispute, next);
  if ((event === 'opened') !== (about !== undefined)) return 'it does not say what it is about';
  if ((event === 'decided') !== (outcome !== undefined)) return 'it has an outcome out of place';
  const mayAward = event === 'lapsed' || (event === 'decided' && outcome !== 'refused');
  return award && !mayAward ? 'it awards something out of place' : undefined;
}
