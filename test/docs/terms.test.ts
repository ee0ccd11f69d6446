import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { exampleView } from '../../src/programs/terms/views.ts';
import { exampleOf } from '../../src/terms/example.ts';
import { faultText, readTermsFile } from '../../src/terms/file.ts';
import { readTerms } from '../../src/terms/read.ts';
import { starterFile } from '../../src/terms/starter.ts';
import type { Terms } from '../../src/terms/terms.ts';

const DOCS = join(import.meta.dirname, '../../docs');
const guide = readFileSync(join(DOCS, 'guides/write-terms.md'), 'utf8');
const plain = (_: string, text: string) => text;

/** Blocks of a language, in order. */
function blocks(language: string): readonly string[] {
  return [...guide.matchAll(/```(\w+)\n([\s\S]*?)```/g)]
    .filter((match) => match[1] === language)
    .map((match) => match[2] as string);
}

/** An example as a whole file: with the first lines that it leaves out. */
function whole(example: string): string {
  if (!example.includes('[model]')) return `${example}\n[model]\nkind = "per-segment"\n`;
  return /^name/m.test(example.split('[')[0] ?? '')
    ? example
    : `name = "My pool"\ncommission = "10%"\n${example}`;
}

function termsOf(source: string): Terms {
  const read = readTermsFile(source);
  if (!read.ok) throw new Error(`${read.faults.map(faultText).join('\n')}\nin\n${source}`);
  return readTerms({ ...read.file, version: 1, 'starts-at-epoch': 1 });
}

test('every example of the guide can be published, and its example settles', () => {
  const examples = blocks('toml').map(whole);
  const kinds = new Set<string>();
  for (const example of examples) {
    const terms = termsOf(example);
    kinds.add(terms.model.kind);
    const { settlement } = exampleOf(terms);
    assert.ok(settlement.lines.length > 0, example);
  }
  const all = ['per_segment', 'fixed_rate', 'proportional', 'sliding_window', 'retainer'];
  assert.deepEqual([...kinds].sort(), [...all, 'pool_token'].sort());
});

test('the guide shows what check prints', () => {
  const terms = termsOf(starterFile);
  const [shown] = blocks('text');
  assert.equal(`${exampleView(terms, exampleOf(terms), plain)}\n`, shown);
});
