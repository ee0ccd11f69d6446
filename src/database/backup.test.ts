import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import sql, { raw } from 'sql-template-tag';
import { quiet } from '../base/log.ts';
import { restoreBackup, writeBackup } from './backup.ts';
import { openDatabase } from './database.ts';
import { withEmbedded } from './embedded.ts';
import { openScratch } from './scratch.ts';

const scratch = await openScratch();
const { database } = scratch;
const dir = await mkdtemp(join(tmpdir(), 'tributary-backup-'));
after(async () => {
  await scratch[Symbol.asyncDispose]();
  await rm(dir, { recursive: true, force: true });
});
let copies = 0;
async function emptyDatabase(): Promise<string> {
  const name = `copy_${++copies}`;
  await database.query(sql`create database ${raw(name)}`);
  return database.url.replace('/tributary?', `/${name}?`);
}

test('a backup of a pool that goes on is of one moment, and comes back to the last bit', async () => {
  const huge = 2n ** 255n;
  await database.query(sql`
    insert into worker (id, name, payout_address)
    values ('aaaaaaaaaa', 'heron', ${Buffer.alloc(20, 255)})`);
  await database.query(sql`
    insert into payment_total (sender, tickets, refused, credited)
    values (${Buffer.alloc(20)}, 3, 0, ${huge}::numeric)`);
  const note = '"\\{"@end":1}';
  const rate = sql`
    insert into payout_rate (owed_asset, paid_asset, numerator, denominator, note, at)
    values ('ETH', 'USDC', 3, 1, ${note}, now()) returning number`;
  await database.query(rate);
  const file = join(dir, 'one.backup');
  const { dataDir } = scratch;
  const written = await withEmbedded({ dataDir, log: quiet }, (url) => writeBackup(url, file));
  await database.query(sql`insert into worker (id, name) values ('bbbbbbbbbb', 'late')`);

  const url = await emptyDatabase();
  assert.deepEqual(await restoreBackup(url, file), written);
  const copy = await openDatabase({ url });
  try {
    await copy.migrate();
    const { rows } = await copy.query(sql`select id, name, payout_address from worker`);
    assert.deepEqual(rows, [
      { id: 'aaaaaaaaaa', name: 'heron', payout_address: Buffer.alloc(20, 255) },
    ]);
    const { rows: totals } = await copy.query(sql`select credited from payment_total`);
    assert.deepEqual(totals, [{ credited: huge }]);
    const { rows: noted } = await copy.query(sql`select note from payout_rate`);
    assert.deepEqual(noted, [{ note }]);
    const { rows: next } = await copy.query(rate);
    assert.deepEqual(next, [{ number: 2n }], 'numbers go on where they were');
  } finally {
    await copy.close();
  }
  await assert.rejects(restoreBackup(url, file), { code: 'backup_target_used' });
});

test('a file that is cut, or none at all, is not taken for a backup', async () => {
  const whole = join(dir, 'whole.backup');
  await writeBackup(database.url, whole);
  const text = gunzipSync(await readFile(whole)).toString();
  const lines = text.trimEnd().split('\n');
  const bad: Readonly<Record<string, string | Buffer>> = {
    'without its end': gzipSync(`${lines.slice(0, -1).join('\n')}\n`),
    'without a row': gzipSync(`${lines.filter((line) => !/^\{"id":"a/.test(line)).join('\n')}\n`),
    'of another version': gzipSync(text.replace('0001_', '0001_x')),
    'not of ours': gzipSync('{}\n'),
    'not compressed': text,
  };
  for (const [name, content] of Object.entries(bad)) {
    const file = join(dir, 'bad.backup');
    await writeFile(file, content);
    await assert.rejects(
      restoreBackup(await emptyDatabase(), file),
      { code: 'backup_failed' },
      name,
    );
  }
  await assert.rejects(restoreBackup(await emptyDatabase(), join(dir, 'nowhere')), {
    code: 'backup_failed',
  });
});
