import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { pathToFileURL } from 'node:url';

const SRC = join(import.meta.dirname, '../../src');
const STARTER = join(import.meta.dirname, 'thread-starter.ts');
/** Modules are loaded by then, on a machine that has nothing else to do. */
const LOADED_MS = 250;

/** Starts threads in a process of its own, which must end by itself and not by a signal. */
async function endOrderly(t: TestContext, path: string, times: readonly string[]): Promise<void> {
  const args = [STARTER, pathToFileURL(path).href, ...times];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  t.after(() => child.kill('SIGKILL'));
  const said = text(child.stderr);
  const [code, signal] = await once(child, 'exit');
  assert.deepEqual({ args, code, signal }, { args, code: 0, signal: null }, await said);
}

for (const way of ['terminate', 'exit']) {
  test(`threads that load an addon do not take the process along at their ${way}`, async (t) => {
    await endOrderly(t, join(import.meta.dirname, 'loading-thread.ts'), ['4', `${way}:loading`]);
  });
}

test('every kind of thread can be ended at any moment of its start', async (t) => {
  const kinds = globSync('**/*-thread.ts', { cwd: SRC });
  assert.ok(kinds.length >= 9, `${kinds}`);
  const waiting = kinds.map((kind) => join(SRC, kind));
  const work = async () => {
    for (let path = waiting.shift(); path !== undefined; path = waiting.shift()) {
      const moments = [randomInt(LOADED_MS), randomInt(LOADED_MS)];
      await endOrderly(t, path, ['1', `terminate:${moments[0]}`, `exit:${moments[1]}`]);
    }
  };
  await Promise.all([work(), work()]);
});
