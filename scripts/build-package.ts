import { cpSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { dirname, join } from 'node:path';
import { buildClientTypes } from './build-client-types.ts';

const ROOT = join(import.meta.dirname, '..');
const SRC = join(ROOT, 'src');
/** Where {@link buildPackage} writes. */
export const DIST: string = join(ROOT, 'dist');
/** What only tests run. */
const OF_TESTS = ['**/*.test.ts', '**/*.test-kit.ts', '**/*.fixture-thread.ts'];
/** A relative path in quotes: of an import, a thread or a program that is started. */
const PATH_OF_SOURCE = /(['"])(\.{1,2}\/[^'"\n]+)\.ts\1/g;

/**
 * Builds what a package runs: Node strips types in the repository, and not below node_modules. `dist/`
 * is `src/` without its types, line for line, so whatever a file finds beside itself or at the root of
 * the package is at the same place in both. Beside it stand the types of `tributary/client`. Throws when those
 * do not hold.
 */
export function buildPackage(): void {
  buildClientTypes(DIST);
  for (const file of globSync('**/*.ts', { cwd: SRC, exclude: OF_TESTS })) {
    const code = stripTypeScriptTypes(readFileSync(join(SRC, file), 'utf8'));
    const path = join(DIST, file.replace(/\.ts$/, '.js'));
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, code.replaceAll(PATH_OF_SOURCE, '$1$2.js$1'));
  }
  const migrations = 'database/migrations';
  cpSync(join(SRC, migrations), join(DIST, migrations), { recursive: true });
}

if (import.meta.main) buildPackage();
