import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { pending, readMigrations } from './migrations.ts';

const one = { number: 1, file: '0001_one.sql', checksum: 'a', text: '' };
const two = { number: 2, file: '0002_two.sql', checksum: 'b', text: '' };

test('what the database does not have yet is pending', () => {
  assert.deepEqual(pending([one, two], []), [one, two]);
  assert.deepEqual(pending([one, two], [one]), [two]);
  assert.deepEqual(pending([one, two], [one, two]), []);
});

test('an edited migration and a newer database are refused', () => {
  assert.throws(() => pending([one, two], [{ ...one, checksum: 'c' }]), {
    code: 'migration_changed',
  });
  assert.throws(() => pending([one], [one, two]), { code: 'migration_newer' });
});

test('our own migrations are numbered and say whether they are safe', async () => {
  const migrations = await readMigrations();
  assert.ok(migrations.length >= 3);
});

test('a gap in the numbers and a missing first line are refused', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'tributary-migrations-'));
  try {
    const url = pathToFileURL(`${directory}/`);
    await writeFile(join(directory, '0002_later.sql'), '-- breaking\n');
    await assert.rejects(readMigrations(url), /the next one/);
    await writeFile(join(directory, '0001_first.sql'), 'create table t ();\n');
    await assert.rejects(readMigrations(url), /safe or breaking/);
    await writeFile(join(directory, '0001_first.sql'), '-- breaking\n');
    assert.equal((await readMigrations(url)).length, 2);
  } finally {
    await rm(directory, { recursive: true });
  }
});
