import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

/** The second verifier: plain Python. */
export const VERIFIER = join(import.meta.dirname, '../../tools/verify.py');
/** A line for each of some hundred pools. */
const OUTPUT_BYTES_MAX = 16 * 1024 * 1024;

/** Runs the second verifier once. */
export function verify(words: readonly string[]): {
  readonly code: number | null;
  readonly text: string;
} {
  const run = spawnSync('python3', [VERIFIER, ...words], {
    encoding: 'utf8',
    maxBuffer: OUTPUT_BYTES_MAX,
  });
  assert.equal(run.stderr, '');
  return { code: run.status, text: run.stdout.trimEnd() };
}

/** Python is no dependency: without it these tests are skipped, except where everything must run. */
export function hasPython(t: TestContext): boolean {
  try {
    execFileSync('python3', ['--version'], { stdio: 'ignore' });
    return true;
  } catch (cause) {
    if (process.env.CI === 'true') {
      throw new Error('python3 is not on the path: the second verifier must be tested here', {
        cause,
      });
    }
    t.skip('python3 is not on the path: the second verifier was not tested');
    return false;
  }
}
