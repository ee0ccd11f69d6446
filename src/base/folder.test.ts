import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { makeFolder, makeFolderSync } from './folder.ts';

const dir = mkdtempSync(join(tmpdir(), 'tributary-folder-'));
after(() => rmSync(dir, { recursive: true }));

test('a folder is made with those above it, once', async () => {
  const [one, other] = [join(dir, 'a/b/c'), join(dir, 'd/e')];
  await Promise.all([makeFolder(one, { mode: 0o700 }), makeFolder(one, { mode: 0o700 })]);
  await makeFolder(one);
  makeFolderSync(other, { mode: 0o700 });
  makeFolderSync(other);
  for (const path of [one, join(dir, 'a'), other]) assert.equal(statSync(path).mode & 0o777, 0o700);
});

test('what cannot be a folder is refused at once', async () => {
  const file = join(dir, 'file');
  writeFileSync(file, '');
  const cases = [
    [file, 'EEXIST'],
    [join(file, 'x/y'), 'ENOTDIR'],
    // The kernel says of it what it says of a folder whose parent is missing.
    ...(existsSync('/proc/self') ? ([['/proc/x/y', 'ENOENT']] as const) : []),
  ] as const;
  for (const [path, code] of cases) {
    await assert.rejects(makeFolder(path), { code });
    assert.throws(() => makeFolderSync(path), { code });
  }
});
