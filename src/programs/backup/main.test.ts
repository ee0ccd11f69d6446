import assert from 'node:assert/strict';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Io } from '../../base/terminal.ts';
import { openScratch } from '../../database/scratch.ts';
import { run } from './main.ts';

const scratch = await openScratch();
const dir = await mkdtemp(join(tmpdir(), 'tributary-backup-command-'));
after(async () => {
  await scratch[Symbol.asyncDispose]();
  await rm(dir, { recursive: true, force: true });
});

async function cli(...args: readonly string[]): Promise<string> {
  let printed = '';
  const stream = {
    write(text: string) {
      printed += text;
    },
  };
  const io: Io = { stdout: stream, stderr: stream, env: {}, isTty: false, columns: 80 };
  assert.equal(await run(args, io), 0);
  return printed;
}

test('a backup goes into a folder that is not there yet, closed to others, and says what is not in it', async () => {
  const file = join(dir, 'backups', 'daily', 'pool.backup');
  const printed = await cli('write', file, '--data-dir', scratch.dataDir);
  assert.ok((await stat(file)).size > 0);
  assert.equal((await stat(join(dir, 'backups'))).mode & 0o777, 0o700);
  assert.match(printed, /notices\.key, cert\.pem and key\.pem/);
  assert.match(printed, /folders\nproofs and recovery: copy them after each/);

  const restored = await cli('restore', file, '--data-dir', join(dir, 'new'));
  assert.match(restored, /workers know the\npool by its certificate/);
  assert.match(restored, new RegExp(`tributary ledger recover --data-dir ${join(dir, 'new')}\n`));
});

test('a backup that cannot be written says so, and is no defect', async () => {
  const file = join(dir, 'file');
  await writeFile(file, '');
  const below = cli('write', join(file, 'pool.backup'), '--data-dir', scratch.dataDir);
  await assert.rejects(below, { code: 'backup_failed', message: /^Nothing was written to / });
  await assert.rejects(cli('write', dir, '--data-dir', scratch.dataDir), {
    message: /it is a folder$/,
  });
  const unread = join(dir, 'unread');
  for (const source of [dir, join(dir, 'not-there')]) {
    await assert.rejects(cli('restore', source, '--data-dir', unread), { code: 'backup_failed' });
  }
  await assert.rejects(stat(unread), { code: 'ENOENT' }, 'no database was made for it');
});

test('a data directory that is mistyped is named, and not filled with a new database', async () => {
  const typo = join(dir, 'pooool');
  await assert.rejects(cli('write', join(dir, 'two.backup'), '--data-dir', typo), (error: Error) =>
    /no database of a pool below .*pooool: --data-dir must name/.test(error.message),
  );
  await assert.rejects(stat(typo), { code: 'ENOENT' });
});
