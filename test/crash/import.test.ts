import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { startTributary } from '../tributary-process.ts';
import { type CrashAt, crashEnv, crashedAt } from './crash-at.ts';

const HEADER = 'worker,time,units\n';
const FIRST = `${HEADER}heron,2026-03-02,5\notter,2026-03-02,7\n`;
const SECOND = `${HEADER}heron,2026-03-03,11\n`;

/** A folder with two files of work, and imports into a book there. */
function startFolder(t: TestContext) {
  const dir = mkdtempSync(join(tmpdir(), 'tributary-crash-import-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const book = join(dir, 'book.sqlite');
  writeFileSync(join(dir, 'first.csv'), FIRST);
  writeFileSync(join(dir, 'second.csv'), SECOND);
  const start = (name: string, at?: CrashAt) => {
    const csv = ['import', '--csv', join(dir, `${name}.csv`), '--book', book];
    return startTributary(t, csv, at && crashEnv(at));
  };
  return {
    book,
    files: () => readdirSync(dir).filter((name) => !name.endsWith('.csv')),
    async imported(name: string): Promise<string> {
      const { exited, printed } = start(name);
      assert.equal(await exited, 0, printed.err);
      return printed.out;
    },
    async killed(name: string, at: CrashAt): Promise<void> {
      const { child, exited, printed } = start(name, at);
      await exited;
      assert.equal(child.signalCode, 'SIGKILL');
      assert.ok(printed.err.endsWith(crashedAt(at)), printed.err);
    },
    async units(): Promise<unknown> {
      const args = ['import', '--shadow', '--book', book, '--json'];
      const { exited, printed } = startTributary(t, args);
      assert.equal(await exited, 0, printed.err);
      const { epochs } = JSON.parse(printed.out) as {
        epochs: { workers: { worker: string; units: string }[] }[];
      };
      return epochs.flatMap(({ workers }) => workers.map((one) => `${one.worker} ${one.units}`));
    },
  };
}

for (const at of ['import_before_commit', 'import_after_commit'] as const) {
  test(`a first import that is killed at ${at} leaves no book, and the next one works`, async (t) => {
    const folder = startFolder(t);
    await folder.killed('first', at);
    assert.ok(!folder.files().includes('book.sqlite'));
    // Of another file: nothing of what was killed is in it.
    assert.match(await folder.imported('second'), /1 lines of work are new .* 0 were there/);
    assert.deepEqual(folder.files(), ['book.sqlite']);
    assert.deepEqual(await folder.units(), ['heron 11']);
  });
}

test('a later import that is killed leaves the book as it was, and the next one works', async (t) => {
  const folder = startFolder(t);
  await folder.imported('first');
  const before = readFileSync(folder.book);
  await folder.killed('second', 'import_before_commit');
  assert.deepEqual(await folder.units(), ['heron 5', 'otter 7']);
  assert.deepEqual(readFileSync(folder.book), before);
  assert.match(await folder.imported('second'), /1 lines of work are new .* 0 were there/);
  assert.deepEqual(folder.files(), ['book.sqlite']);
  assert.deepEqual(await folder.units(), ['heron 16', 'otter 7']);
});
