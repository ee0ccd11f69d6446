import { parse as parseToml, TomlError } from 'smol-toml';
import type { z } from 'zod';
import { messageOf } from '../base/errors.ts';
import { nearest } from '../base/nearest.ts';
import { fileSchema, knownKeys, type TermsFile } from './document.ts';
import { type Fault, faultsOf, type Path, remarksOf } from './faults.ts';
import { lineOf } from './lines.ts';

/** A terms file is some pages; this leaves room for 5,000 members of a group. */
const BYTES_MAX = 256 * 1024;

/** A fault with the place where it stands. */
export interface PlacedFault extends Fault {
  /** From 1; undefined where the key is missing altogether. */
  readonly line: number | undefined;
}

export type ReadFile =
  | { readonly ok: true; readonly file: TermsFile; readonly remarks: readonly PlacedFault[] }
  | { readonly ok: false; readonly faults: readonly PlacedFault[] };

/** Reads a terms file (TOML). Says every fault that it has, not only the first. */
export function readTermsFile(source: string): ReadFile {
  if (source.length > BYTES_MAX) {
    return refused([{ path: [], text: `is longer than ${BYTES_MAX / 1024} KiB`, line: undefined }]);
  }
  let given: unknown;
  try {
    given = parseToml(source);
  } catch (error) {
    const line = error instanceof TomlError ? error.line : undefined;
    const [what = ''] = messageOf(error).split('\n');
    return refused([{ path: [], text: `is not TOML: ${what}`, line }]);
  }
  const place = (fault: Fault): PlacedFault => ({ ...fault, line: lineOf(source, fault.path) });
  const decoded = fileSchema.safeParse(given);
  if (!decoded.success) {
    return refused(decoded.error.issues.flatMap((issue) => inWords(issue, given)).map(place));
  }
  const faults = faultsOf(decoded.data);
  if (faults.length > 0) return refused(faults.map(place));
  return { ok: true, file: decoded.data, remarks: remarksOf(decoded.data).map(place) };
}

function refused(faults: readonly PlacedFault[]): ReadFile {
  const line = (fault: PlacedFault) => fault.line ?? 0;
  return { ok: false, faults: [...faults].sort((a, b) => line(a) - line(b)) };
}

/** `line 12, model.rate: …`. */
export function faultText({ path, text, line }: PlacedFault): string {
  const key = pathText(path);
  const where = [line === undefined ? '' : `line ${line}`, key].filter((each) => each !== '');
  return where.length === 0 ? `The file ${text}.` : `${where.join(', ')}: ${text}.`;
}

/** A path as it is written in TOML; lists count from 1. */
export function pathText(path: Path): string {
  return path
    .map((part, index) =>
      typeof part === 'number' ? `[${part + 1}]` : `${index > 0 ? '.' : ''}${part}`,
    )
    .join('');
}

/** What zod found, as a sentence about the key. */
export function inWords(issue: z.core.$ZodIssue, given: unknown): readonly Fault[] {
  const path = issue.path.filter((part) => typeof part !== 'symbol') as Path;
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => {
      const hint = nearest(key, knownKeys);
      const text = `is not a key of terms${hint && hint !== key ? `; did you mean "${hint}"` : ' here'}`;
      return { path: [...path, key], text };
    });
  }
  const value = valueAt(given, path);
  if (value === undefined) return [{ path, text: `is missing: it must be ${issue.message}` }];
  return [{ path, text: `cannot be ${show(value)}: it must be ${issue.message}` }];
}

function valueAt(given: unknown, path: Path): unknown {
  let value = given;
  for (const part of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<string | number, unknown>)[part];
  }
  return value;
}

function show(value: unknown): string {
  const text = typeof value === 'object' ? 'a table or list' : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
