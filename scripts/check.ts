import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..');
const BIN = join(ROOT, 'node_modules/.bin');

/** What each check asks, and the command that answers with its exit code. */
const CHECKS: readonly (readonly [question: string, command: string, args: readonly string[]])[] = [
  ['types', join(BIN, 'tsc'), ['--noEmit', '-p', '.']],
  ['types of pages', join(BIN, 'tsc'), ['--noEmit', '-p', 'web']],
  ['lint, format, import direction', join(BIN, 'biome'), ['check', '.']],
  ['import rules fresh', process.execPath, ['scripts/imports.ts', '--check']],
  ['reference pages fresh', process.execPath, ['scripts/docs.ts', '--check']],
];

/** `npm run check`: every check, also after one has failed, so that one run shows all there is. */
function main(): number {
  const failed = CHECKS.filter(([question, command, args]) => {
    const { status } = spawnSync(command, args, { cwd: ROOT, stdio: 'inherit' });
    console.log(`${status === 0 ? 'ok    ' : 'FAILED'} ${question}`);
    return status !== 0;
  });
  return failed.length === 0 ? 0 : 1;
}

process.exitCode = main();
