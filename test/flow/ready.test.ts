import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { startTributary } from '../tributary-process.ts';

/** Ends a program while it still writes that it is ready: nobody who reads it is faster. */
const IMPATIENT = `const { stdout } = process;
const write = stdout.write.bind(stdout);
stdout.write = (text, ...rest) => {
  if (text.startsWith('READY ')) process.kill(process.pid, 'SIGTERM');
  return write(text, ...rest);
};`;

async function endsInOrder(t: TestContext, args: readonly string[]): Promise<void> {
  const program = startTributary(t, args, {
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(IMPATIENT)}`,
  });
  assert.equal(await program.exited, 0, program.printed.err);
  assert.match(program.printed.out, /^READY /);
}

test('a pool that is ended the moment it is ready ends in order', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'tributary-ready-'));
  t.after(() => rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 200 }));
  const places = ['--service-addr=127.0.0.1:0', '--admin-addr=127.0.0.1:0', '--http-addr=off'];
  await endsInOrder(t, ['pool', `--data-dir=${folder}`, ...places]);
});

test('a gateway that is ended the moment it is ready ends in order', (t) =>
  endsInOrder(t, [
    ...['gateway', 'serve', '--orchestrator=https://127.0.0.1:1'],
    '--http-addr=127.0.0.1:0',
  ]));
