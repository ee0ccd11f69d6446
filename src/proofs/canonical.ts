import type { ProofHashing } from './hashing.ts';

/** What canonical JSON can hold. Amounts and everything else of 64 bits or more are decimal text. */
export type CanonicalValue =
  | string
  | boolean
  | null
  | number
  | readonly CanonicalValue[]
  | { readonly [key: string]: CanonicalValue };

/** Deeper than any published file, and far from the end of any stack. */
const DEPTH_MAX = 32;
/** The largest file by default, in UTF-16 units: 64 MiB, some 10^5 leaves of an epoch. */
const CHARACTERS_MAX = 64 * 1024 * 1024;

/**
 * The one text of a value: keys sorted by code point, no white space, strings escaped as
 * `JSON.stringify` and Python's `json.dumps(x, sort_keys=True, separators=(',', ':'),
 * ensure_ascii=False)` both do. Throws RangeError for what has no such text: fractions and unsafe
 * integers, -0, undefined, lone surrogates, bigints, more than 32 levels.
 */
export function canonicalJson(value: CanonicalValue): string {
  return write(value, 0);
}

function write(value: CanonicalValue, depth: number): string {
  if (depth > DEPTH_MAX) throw new RangeError(`deeper than ${DEPTH_MAX} levels`);
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return writeString(value);
  if (typeof value === 'number') return writeNumber(value);
  if (typeof value !== 'object') throw new RangeError(`a ${typeof value} is not canonical JSON`);
  if (isList(value)) return `[${value.map((item) => write(item, depth + 1)).join(',')}]`;
  const members = Object.entries(value)
    .sort(([a], [b]) => compareCodePoints(a, b))
    .map(([key, member]) => `${writeString(key)}:${write(member, depth + 1)}`);
  return `{${members.join(',')}}`;
}

function isList(value: object): value is readonly CanonicalValue[] {
  return Array.isArray(value);
}

function writeString(text: string): string {
  if (!text.isWellFormed()) throw new RangeError('half a surrogate pair is not canonical JSON');
  return JSON.stringify(text);
}

function writeNumber(value: number): string {
  if (!Number.isSafeInteger(value) || Object.is(value, -0)) {
    throw new RangeError(`${value} is not a safe integer: write it as text`);
  }
  return String(value);
}

/** By code point, as Python sorts: UTF-16 order differs where surrogate pairs meet U+E000 and up. */
export function compareCodePoints(a: string, b: string): number {
  const shorter = Math.min(a.length, b.length);
  for (let at = 0; at < shorter; at += 1) {
    const unitA = a.charCodeAt(at);
    const unitB = b.charCodeAt(at);
    if (unitA === unitB) continue;
    const isPairA = unitA >= 0xd800 && unitA < 0xe000;
    const isPairB = unitB >= 0xd800 && unitB < 0xe000;
    if (isPairA !== isPairB) return isPairA ? 1 : -1;
    return unitA - unitB;
  }
  return a.length - b.length;
}

/**
 * Reads canonical JSON and nothing else: text that another value could not have, so that digest and
 * value belong together. Undefined otherwise: white space, unsorted or repeated keys, fractions,
 * broken JSON, more than `charactersMax`.
 */
export function parseCanonicalJson(
  text: string,
  charactersMax: number = CHARACTERS_MAX,
): CanonicalValue | undefined {
  if (text.length > charactersMax || deeperThanAllowed(text)) return undefined;
  try {
    const value = JSON.parse(text) as CanonicalValue;
    return canonicalJson(value) === text ? value : undefined;
  } catch {
    return undefined; // not JSON, or JSON that has no canonical text
  }
}

/** Looked at before parsing: JSON.parse recurses as deep as the text says. */
function deeperThanAllowed(text: string): boolean {
  let depth = 0;
  let inString = false;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit === 0x5c) at += 1;
    else if (unit === 0x22) inString = !inString;
    else if (inString) continue;
    else if (unit === 0x7b || unit === 0x5b) depth += 1;
    else if (unit === 0x7d || unit === 0x5d) depth -= 1;
    if (depth > DEPTH_MAX + 1) return true;
  }
  return false;
}

const utf8 = new TextEncoder();

/** The UTF-8 bytes of {@link canonicalJson}: what is hashed and signed. */
export function canonicalBytes(value: CanonicalValue): Uint8Array {
  return utf8.encode(canonicalJson(value));
}

/** SHA-256 of the canonical bytes: 32 bytes. */
export function digestOf(value: CanonicalValue, hashing: ProofHashing): Uint8Array {
  return hashing.sha256(canonicalBytes(value));
}
