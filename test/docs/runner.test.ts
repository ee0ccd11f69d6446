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
  const file = fileOf(folderOf(t), 'some', text);
  return runnerSays(t, `${meanwhile}\nreturn runFile(${JSON.stringify(file)});`)
    .answer as FileReport;
}

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'tributary-runner-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

function fileOf(folder: string, name: string, text: string): string {
  const file = join(folder, `${name}.test.mjs`);
  writeFileSync(file, `import { test } from 'node:test';\n${text}`);
  return file;
}

/** What a function's body that calls the runner comes to, and what the runner printed before. */
function runnerSays(t: TestContext, body: string): { answer: unknown; printed: string } {
  const script = join(folderOf(t), 'runner.mjs');
  writeFileSync(
    script,
    `import { runFile, runFiles } from '${RUNNER}';
     const answer = await (async () => { ${body} })();
     console.log('\\n' + JSON.stringify(answer));
     process.exit();`,
  );
  // Without the variables of this run: Node would take the other for a part of it.
  const { stdout, stderr } = spawnSync(process.execPath, [script], { encoding: 'utf8', env: {} });
  assert.equal(stderr, '');
  const printed = stdout.trimEnd();
  const last = printed.lastIndexOf('\n');
  return { answer: JSON.parse(printed.slice(last)), printed: printed.slice(0, last) };
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

test('what fails beside others runs once more alone, and what fails again has failed', (t) => {
  const folder = folderOf(t);
  const seen = JSON.stringify(join(folder, 'seen'));
  const files = [
    fileOf(folder, 'right', `test('right', () => {});`),
    fileOf(folder, 'wrong', `test('wrong', () => { throw new Error('never right'); });`),
    fileOf(
      folder,
      'starved',
      `import { existsSync, writeFileSync } from 'node:fs';
       test('starved', () => {
         if (existsSync(${seen})) return;
         writeFileSync(${seen}, '');
         throw new Error('too late');
       });`,
    ),
  ];
  const { answer, printed } = runnerSays(t, `return runFiles(${JSON.stringify(files)});`);
  assert.deepEqual(answer, { total: { passed: 2, failed: 1, skipped: 0 }, unsteady: [files[2]] });
  const [first = '', again = ''] = printed.split('Once more, alone:');
  assert.match(first, /too late/);
  assert.match(again, /never right/);
  assert.doesNotMatch(again, /too late/);
});
