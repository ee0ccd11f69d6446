import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';

/**
 * The folders of src/ from the ground up. A folder imports from groups before its own, never from
 * its own group or a later one. Folders that do not exist yet stand here for when they do.
 */
export const groups: readonly (readonly string[])[] = [
  ['base'],
  ['protocol', 'http', 'database', 'media', 'proofs'],
  ['chain', 'terms', 'payments', 'dispatch', 'verify'],
  ['ledger', 'workers', 'duties'],
  ['epochs', 'payouts', 'notices', 'manifest'],
  ['front', 'api', 'directory'],
  ['client'],
  ['programs'],
];

const ROOT = join(import.meta.dirname, '..');
const BIOME = join(ROOT, 'biome.json');

/** What Biome reads for one folder. */
interface Override {
  readonly includes: readonly string[];
  readonly linter: object;
}

/** Folders that the rule does not name: each must be put into a group first. */
export function unlistedFolders(): readonly string[] {
  const listed = new Set(groups.flat());
  return folders('src').filter((folder) => !listed.has(folder));
}

/** One override for each folder that exists: what it must not import, with the reason. */
export function overrides(): readonly Override[] {
  const existing = new Set(folders('src'));
  const perFolder = groups.flatMap((group, index) => {
    const forbidden = groups
      .slice(index)
      .flat()
      .filter((folder) => existing.has(folder));
    return group
      .filter((folder) => existing.has(folder) && folder !== 'programs')
      .map((folder) =>
        override(
          [`src/${folder}/**`],
          forbidden.filter((other) => other !== folder).flatMap(above),
          `src/${folder} imports only from the groups before its own: see CONTRIBUTING.md`,
        ),
      );
  });
  const programs = folders('src/programs');
  const perProgram = programs.map((program) =>
    override(
      [`src/programs/${program}/**`],
      programs.filter((other) => other !== program).flatMap((other) => [`../${other}/**`]),
      'Programs do not import each other: see CONTRIBUTING.md',
    ),
  );
  return [...perFolder, ...perProgram, pages, environmentAllowed, shownText];
}

/**
 * Pages run in browsers: of src/ they take the pure cores, and types of the API. What these are is
 * checked by the build, which finds nothing of Node's there.
 */
const pages: Override = override(
  ['web/**'],
  [
    ...groups
      .flat()
      .filter((folder) => !['base', 'proofs', 'terms', 'epochs', 'api'].includes(folder))
      .flatMap((folder) => [`../src/${folder}/**`, `../../src/${folder}/**`]),
    ...['node:*', '../../src/base/log.ts', '../../src/base/errors.ts'],
    ...['store', 'terms-service', 'replay'].map((file) => `../../src/terms/${file}.ts`),
    ...['*-store', 'store', 'publish', 'close', 'epochs', 'record'].map(
      (file) => `../../src/epochs/${file}.ts`,
    ),
    '../../src/proofs/node-*.ts',
  ],
  'web/ takes types of src/api and the pure cores of src/: see CONTRIBUTING.md',
);

/** Only the start of a process reads its environment; tests and scripts are starts of their own. */
const environmentAllowed: Override = {
  includes: ['src/cli.ts', '**/*.test.ts', 'test/**', 'bench/**', 'scripts/**'],
  linter: { rules: { style: { noProcessEnv: 'off' } } },
};

/** In a browser test it matters what a reader sees, hidden text left out. */
const shownText: Override = {
  includes: ['test/browser/**'],
  linter: { rules: { performance: { useDomNodeTextContent: 'off' } } },
};

/** A folder of src/ as its neighbours write it, from one or two levels deep. */
function above(folder: string): string[] {
  return [`../${folder}/**`, `../../${folder}/**`];
}

function override(includes: string[], patterns: readonly string[], message: string): Override {
  const group = [...patterns, '../cli.ts', '../../cli.ts'];
  const options = { patterns: [{ group, message }] };
  return {
    includes,
    linter: { rules: { style: { noRestrictedImports: { level: 'error', options } } } },
  };
}

function folders(path: string): string[] {
  return readdirSync(join(ROOT, path), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort();
}

/** biome.json as it should be: its own settings kept, the overrides written anew. */
export function freshConfig(): { readonly fresh: object; readonly isStale: boolean } {
  const current = JSON.parse(readFileSync(BIOME, 'utf8')) as Record<string, unknown>;
  const fresh = { ...current, overrides: overrides() };
  return { fresh, isStale: !isDeepStrictEqual(JSON.parse(JSON.stringify(fresh)), current) };
}

function main(): number {
  const unlisted = unlistedFolders();
  if (unlisted.length > 0) {
    console.error(`src/${unlisted.join(', src/')}: put it into a group in scripts/imports.ts`);
    return 1;
  }
  const { fresh, isStale } = freshConfig();
  if (!isStale) return 0;
  if (process.argv.includes('--check')) {
    console.error('The import rules in biome.json are stale: run `npm run generate`.');
    return 1;
  }
  writeFileSync(BIOME, `${JSON.stringify(fresh, null, 2)}\n`);
  execFileSync(join(ROOT, 'node_modules/.bin/biome'), ['format', '--write', BIOME], { cwd: ROOT });
  return 0;
}

if (import.meta.main) process.exitCode = main();
