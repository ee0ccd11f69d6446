import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { FileReport } from '../../scripts/test-report.ts';

const RUNNER = new URL('../../scripts/test.ts', import.meta.url).href;

/** Runs a test file by `npm test`'s own runner, in a process in which `meanwhile` goes on. */
function run(t: TestContext, text: string, meanwhile = ''): FileReport {
  const folder = mkdtempSync(join(tmpdir(), 'tributary-runner-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'some.test.mjs');
  writeFileSync(file, `import { test } from 'node:test';\n${text}`);
  const runner = join(folder, 'runner.mjs');
  writeFileSync(
    runner,
    `import { runFile } from '${RUNNER}';
     ${meanwhile}
     console.log(JSON.stringify(await runFile(${JSON.stringify(file)})));
     process.exit();`,
  );
  // Without the variables of this run: Node would take the other for a part of it.
  const { stdout, stderr } = spawnSync(process.execPath, [runner], { encoding: 'utf8', env: {} });
  assert.equal(stderr, '');
  return JSON.parse(stdout);
}

test('every result is counted, also by a runner that has no time to read them', (t) => {
  const many = 'for (let i = 0; i < 300; i++) test(String(i), () => {});';
  const busy = `setInterval(() => { for (const to = Date.now() + 20; Date.now() < to; ); }, 0);`;
  const { passed, failed, text } = run(t, many, busy);
  assert.deepEqual([passed, failed], [300, 0], text);
});

test('a file that ends before it has said how many tests it has, has failed', (t) => {
  const { failed, text } = run(
    t,
    `test('one', () => {});
     test('two', () => process.exit(0));
     test('three', () => {});`,
  );
  assert.equal(failed, 1);
  assert.match(text, /did not say how many/);
});

test('a test that is named only after the others are done is not left out', (t) => {
  const { passed, failed } = run(
    t,
    `test('one', () => {});
     await new Promise((resolve) => setTimeout(resolve, 50));
     test('two', () => { throw new Error('two'); });`,
  );
  assert.deepEqual([passed, failed], [1, 1]);
});
