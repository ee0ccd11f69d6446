import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type CrashAt, crashEnv, crashedAt } from './crash-at.ts';

const PROGRAM = fileURLToPath(new URL('./crash-point-program.ts', import.meta.url));
const SOURCE = fileURLToPath(new URL('../../src', import.meta.url));

function run(env: Readonly<Record<string, string>>, ...args: readonly string[]) {
  const { signal, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, ...args], {
    env,
    encoding: 'utf8',
  });
  return { signal, stdout, stderr };
}

test('a process that runs for the tests dies at the passing that it was told', () => {
  const first: CrashAt = 'segment_accepted';
  assert.deepEqual(run(crashEnv(first)), {
    signal: 'SIGKILL',
    stdout: '',
    stderr: crashedAt(first),
  });
  const third: CrashAt = 'segment_accepted:3';
  assert.deepEqual(run(crashEnv(third)), {
    signal: 'SIGKILL',
    stdout: 'passed 1\npassed 2\n',
    stderr: crashedAt(third),
  });
});

test('it passes every other point, and passings that never come', () => {
  const all = 'passed 1\npassed 2\npassed 3\n';
  for (const at of ['task_minted', 'segment_accepted:4'] as const) {
    assert.deepEqual(run(crashEnv(at)), { signal: null, stdout: all, stderr: '' });
  }
});

test('a process that it starts dies there, too', () => {
  assert.deepEqual(run(crashEnv('segment_accepted'), 'parent'), {
    signal: null,
    stdout: 'parent lives\n',
    stderr: crashedAt('segment_accepted'),
  });
});

test('the shipped program has no way to die there', () => {
  const { TRIBUTARY_CRASH_AT } = crashEnv('segment_accepted');
  assert.deepEqual(run({ TRIBUTARY_CRASH_AT: TRIBUTARY_CRASH_AT as string }), {
    signal: null,
    stdout: 'passed 1\npassed 2\npassed 3\n',
    stderr: '',
  });
  const point = readFileSync(join(SOURCE, 'base/crash-point.ts'), 'utf8');
  assert.match(point, /export function crashPoint\(_point: CrashPoint\): void \{\}\n$/);
  const files = globSync('**/*.ts', { cwd: SOURCE }).filter((file) => !file.endsWith('.test.ts'));
  const texts = files.map((file) => readFileSync(join(SOURCE, file), 'utf8'));
  assert.ok(!texts.some((text) => /TRIBUTARY_CRASH_AT|registerHooks/.test(text)));
  assert.ok(!texts.some((text) => /process\.kill\(process\.pid, 'SIGKILL'/.test(text)));
});
