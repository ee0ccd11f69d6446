import type { PoolView } from '../../src/api/pool-view.ts';
import { type IndexFile, parseIndex } from '../../src/proofs/files.ts';
import { readPublished } from '../../src/terms/published.ts';
import { defaultTerms, type Terms } from '../../src/terms/terms.ts';
import { hashing } from './hashing.ts';
import type { Reader } from './reader.ts';

/** What every public page stands on: who the pool is, and what it promises now. */
export interface PublicPool {
  readonly pool: PoolView;
  /** The terms of the open epoch. */
  readonly terms: Terms;
  /** Undefined before the first epoch is published. */
  readonly index: IndexFile | undefined;
}

/** Reads it. The pool's own answer is always there; of the rest, what there is. */
export async function loadPool(reader: Reader): Promise<PublicPool> {
  const pool = await reader.json<PoolView>('/api/v1/pool');
  if (!pool) throw new Error('the pool does not say who it is');
  const [terms, index] = await Promise.all([
    loadTerms(reader, pool.terms.current),
    loadIndex(reader),
  ]);
  return { pool, terms: terms ?? defaultTerms, index };
}

/** A version of the terms; undefined when there is none of this number. */
export async function loadTerms(reader: Reader, version: number): Promise<Terms | undefined> {
  if (version === 0) return { ...defaultTerms, version: 0 };
  const found = await reader.json<{ readonly file: string }>(`/api/v1/terms/${version}`);
  if (!found) return undefined;
  const read = readPublished(found.file, hashing);
  if (!read.ok) throw new Error(`published terms cannot be read: ${read.text}`);
  return read.published.terms;
}

/** index.json; undefined before the first epoch is published. */
export async function loadIndex(reader: Reader): Promise<IndexFile | undefined> {
  const text = await reader.file('index.json');
  const parsed = text === undefined ? undefined : parseIndex(text);
  return parsed?.ok ? parsed.file : undefined;
}
