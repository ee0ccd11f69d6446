import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { stalePages } from '../../scripts/docs.ts';
import { declaredMetrics } from '../../scripts/docs-metrics.ts';
import { freshConfig, unlistedFolders } from '../../scripts/imports.ts';

const ROOT = join(import.meta.dirname, '../..');

test('the reference pages say what the code says', async () => {
  assert.deepEqual(await stalePages(), [], 'run `npm run generate`');
});

test('the import rules cover every folder', () => {
  assert.deepEqual(unlistedFolders(), []);
  assert.equal(freshConfig().isStale, false, 'run `npm run generate`');
});

test('an import against the direction is complained about', (t) => {
  const forbidden: readonly (readonly [file: string, line: string])[] = [
    ['src/base/x.ts', "import { a } from '../protocol/a.ts';\nconsole.log(a);"],
    ['src/base/x.ts', "import type { A } from '../front/a.ts';\nexport const a: A = 1;"],
    ['src/base/x.ts', "export * from '../http/a.ts';"],
    ['src/protocol/x.ts', "export const a = await import('../http/a.ts');"],
    ['src/ledger/x.ts', "export { a } from '../workers/a.ts';"],
    ['src/programs/pool/x.ts', "export { a } from '../worker/a.ts';"],
    ['src/api/x.ts', "export { a } from '../cli.ts';"],
  ];
  for (const [file, line] of forbidden) {
    assert.match(lint(t, file, line), /noRestrictedImports/, `${file}: ${line}`);
  }
  const allowed = lint(t, 'src/ledger/x.ts', "export { a } from '../protocol/a.ts';");
  assert.doesNotMatch(allowed, /noRestrictedImports/);
});

test('the environment is read at the start and nowhere else', (t) => {
  assert.match(lint(t, 'src/base/x.ts', 'export const a = process.env.HOME;'), /noProcessEnv/);
});

test('metrics are named after their folder, and each name is declared once', async () => {
  const names = (await declaredMetrics()).map(({ name }) => name);
  for (const name of names) assert.match(name, /^tributary_[a-z]+(?:_[a-z0-9]+)+$/);
  assert.equal(new Set(names).size, names.length);
});

test('links between the pages lead somewhere', () => {
  const pages = [...globSync('*.md', { cwd: ROOT }), ...globSync('docs/**/*.md', { cwd: ROOT })];
  for (const page of pages) {
    const text = readFileSync(join(ROOT, page), 'utf8');
    for (const [, target = ''] of text.matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)) {
      assert.ok(existsSync(join(ROOT, dirname(page), target)), `${page} links to ${target}`);
    }
  }
});

test('every file is read at one sitting: at most 500 lines', () => {
  const files = globSync('{src,test,bench,scripts}/**/*.ts', { cwd: ROOT });
  const long = files
    .filter((file) => !file.includes('/gen/'))
    .filter((file) => readFileSync(join(ROOT, file), 'utf8').split('\n').length > 501);
  assert.deepEqual(long, []);
});

/** What Biome says about one file under our rules, in a folder of its own. */
function lint(t: TestContext, file: string, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'tributary-lint-'));
  t.after(() => rmSync(folder, { recursive: true }));
  cpSync(join(ROOT, 'biome.json'), join(folder, 'biome.json'));
  mkdirSync(dirname(join(folder, file)), { recursive: true });
  writeFileSync(join(folder, file), `${text}\n`);
  const biome = join(ROOT, 'node_modules/.bin/biome');
  const { stdout, stderr } = spawnSync(biome, ['lint', '.'], { cwd: folder, encoding: 'utf8' });
  return stdout + stderr;
}
