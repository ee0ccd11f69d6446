import assert from 'node:assert/strict';
import { chmod, chown, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import sql from 'sql-template-tag';
import { quiet } from '../base/log.ts';
import { openDatabase } from './database.ts';
import { startEmbedded } from './embedded.ts';
import { canReach, chooseAccount, unprivileged } from './embedded-account.ts';
import { findBinaries, linkLibraries } from './embedded-binaries.ts';

const scratch = await mkdtemp(join(tmpdir(), 'tributary-embedded-'));
after(() => rm(scratch, { recursive: true, force: true }));
const dataDir = join(scratch, 'pool');

const fsync = async (url: string) => {
  const database = await openDatabase({ url });
  const { rows } = await database.query<{ fsync: string }>(
    sql`select current_setting('fsync') fsync`,
  );
  await database.close();
  return rows[0]?.fsync;
};

test('a data directory below others that are closed to everybody else will do', async () => {
  await chmod(scratch, 0o700);
  const server = await startEmbedded({ dataDir, log: quiet });
  assert.equal(await fsync(server.url), 'on');
  await server.stop();
});

test('a second pool on one data directory is refused, until the first has stopped', async () => {
  const first = await startEmbedded({ dataDir, log: quiet });
  await assert.rejects(startEmbedded({ dataDir, log: quiet }), { code: 'data_directory_in_use' });
  await first.stop();
  await (await startEmbedded({ dataDir, log: quiet })).stop();
});

test('a server that is killed is started again', async () => {
  const restarted = Promise.withResolvers<void>();
  const log = {
    ...quiet,
    info: (event: string) => event === 'database_restarted' && restarted.resolve(),
  };
  const server = await startEmbedded({ dataDir, log });
  process.kill(server.pid() as number, 'SIGKILL');
  await restarted.promise;
  assert.equal(await fsync(server.url), 'on');
  await server.stop();
});

test('a pid file whose number is now another program is no obstacle, and that program lives', async () => {
  const file = join(dataDir, 'database', 'postmaster.pid');
  await writeFile(file, `${process.ppid}\n${dataDir}/database\n0\n5432\n.\n\n0 0\nready\n`);
  const account = await chooseAccount(join(dataDir, 'database'));
  if (account) await chown(file, account.uid, account.gid);
  const server = await startEmbedded({ dataDir, log: quiet });
  process.kill(process.ppid, 0);
  await server.stop();
});

test('an initialization that was cut short is done anew', async () => {
  const half = join(scratch, 'half');
  await mkdir(join(half, 'database.new', 'base'), { recursive: true });
  const server = await startEmbedded({ dataDir: half, log: quiet });
  await server.stop();
  assert.match(await readFile(join(half, 'database', 'PG_VERSION'), 'utf8'), /^18/);
});

test('a path too long for a socket is reached by a short alias', async () => {
  const long = join(scratch, 'x'.repeat(120));
  const server = await startEmbedded({ dataDir: long, log: quiet });
  assert.equal(await fsync(server.url), 'on');
  await server.stop();
});

test('the account is an unprivileged one that exists, the best first', () => {
  const passwd = 'root:x:0:0:::\nnobody:x:65534:65533:::\npostgres:x:0:0:::\n';
  assert.deepEqual(unprivileged(passwd), { uid: 65534, gid: 65533 });
  assert.deepEqual(unprivileged(`${passwd}_postgres:x:7:8::`), { uid: 7, gid: 8 });
  assert.equal(unprivileged(''), undefined);
});

test('a closed directory on the way is noticed', async () => {
  const closed = join(scratch, 'closed');
  await mkdir(closed, { mode: 0o700 });
  await writeFile(join(closed, 'file'), '');
  assert.equal(await canReach({ uid: 65_000, gid: 65_000 }, join(closed, 'file')), false);
  assert.equal(await canReach(undefined, join(closed, 'file')), true);
  assert.equal(
    await canReach({ uid: 65_000, gid: 65_000 }, process.execPath),
    await canReach({ uid: 64_999, gid: 64_999 }, process.execPath),
  );
  const { postgres } = await findBinaries(undefined);
  assert.match(postgres, /postgres$/);
});

test('libraries are linked where npm ran no install scripts', async () => {
  const native = join(scratch, 'package/native');
  await mkdir(join(native, 'lib'), { recursive: true });
  await writeFile(join(native, 'lib/libpq.so.5.18'), 'a library');
  const list = (...targets: string[]) => {
    const links = targets.map((target) => ({ source: 'native/lib/libpq.so.5.18', target }));
    return writeFile(join(native, 'pg-symlinks.json'), JSON.stringify(links));
  };
  await list('native/lib/libpq.so', 'native/lib/libpq.so.5');
  assert.equal(await linkLibraries(native), true);
  assert.equal(await readFile(join(native, 'lib/libpq.so'), 'utf8'), 'a library');
  assert.equal(await readFile(join(native, 'lib/libpq.so.5'), 'utf8'), 'a library');
  assert.equal(await linkLibraries(native), true, 'what is there stays');
  await list('native/closed/libpq.so');
  assert.equal(await linkLibraries(native), false);
});
