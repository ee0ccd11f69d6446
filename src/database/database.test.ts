import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, test } from 'node:test';
import sql, { type Sql } from 'sql-template-tag';
import { openDatabase } from './database.ts';
import { violatedConstraint } from './failures.ts';
import { dumpSchema } from './schema.ts';
import { openScratch } from './scratch.ts';

const scratch = await openScratch({ waitMs: 3_000 });
const { database } = scratch;
after(() => scratch[Symbol.asyncDispose]());

const write = (statement: Sql) => database.transact((tx) => tx.query(statement));
await write(sql`create table note (id integer primary key, text text not null)`);
const notes = async () => {
  const { rows } = await database.query<{ id: number }>(sql`select id from note order by id`);
  return rows.map(({ id }) => id);
};
const killBackends = () =>
  database.query(sql`
    select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid()`);

test('int8 and numeric are bigints, timestamps are milliseconds, and fractions are refused', async () => {
  const { rows } = await database.query(sql`
    select 9223372036854775807::int8 as a, 1e30::numeric(40) as b,
      '2026-01-02 03:04:05.678+00'::timestamptz as c`);
  assert.deepEqual(rows, [
    { a: 9223372036854775807n, b: 10n ** 30n, c: Date.UTC(2026, 0, 2, 3, 4, 5, 678) },
  ]);
  await assert.rejects(database.query(sql`select 0.5::numeric`));
});

test('a transaction that throws leaves nothing behind', async () => {
  const fault = new Error('ours');
  await assert.rejects(
    database.transact(async (tx) => {
      await tx.query(sql`insert into note values (1, 'never')`);
      throw fault;
    }),
    fault,
  );
  assert.deepEqual(await notes(), []);
});

test('a failed statement that is swallowed does not count as committed', async () => {
  await assert.rejects(
    database.transact(async (tx) => {
      await tx.query(sql`insert into note values (2, 'never')`);
      await tx.query(sql`insert into note values (2, 'twice')`).catch(() => {});
    }),
    { code: 'database_failed' },
  );
  assert.deepEqual(await notes(), []);
});

test('a violated constraint is named', async () => {
  const error = await write(sql`insert into note values (3, null)`).catch((e: unknown) => e);
  assert.equal(violatedConstraint(error), undefined);
  const twice = await write(sql`insert into note values (4, 'a'), (4, 'b')`).catch(
    (e: unknown) => e,
  );
  assert.equal(violatedConstraint(twice), 'note_pkey');
});

test('a transaction that has ended takes no more statements', async () => {
  let kept: Parameters<Parameters<typeof database.transact>[0]>[0] | undefined;
  await database.transact(async (tx) => {
    kept = tx;
  });
  assert.equal(kept?.open, false);
  await assert.rejects(kept?.query(sql`select 1`) as Promise<unknown>, { code: 'database_failed' });
});

test('a last statement goes with the commit, and fails it if it fails itself', async () => {
  await database.transact(async (tx) => {
    tx.last(sql`insert into note values (20, 'last')`);
    await tx.query(sql`insert into note values (21, 'first')`);
  });
  assert.deepEqual(await notes(), [20, 21]);
  const failed = database.transact(async (tx) => {
    await tx.query(sql`insert into note values (22, 'never')`);
    tx.last(sql`insert into note values (20, 'twice')`);
  });
  const error = await failed.catch((fault: unknown) => fault);
  assert.equal(violatedConstraint(error), 'note_pkey');
  const given = database.transact(async (tx) => {
    tx.last(sql`insert into note values (23, 'never')`);
    throw new Error('ours');
  });
  await assert.rejects(given, /ours/);
  assert.deepEqual(await notes(), [20, 21]);
  await write(sql`delete from note`);
});

test('a connection killed in a transaction fails it, and the process and the next one go on', async () => {
  await assert.rejects(
    database.transact(async (tx) => {
      await tx.query(sql`insert into note values (5, 'never')`);
      await killBackends();
      await tx.query(sql`insert into note values (6, 'never')`);
    }),
    { code: 'database_failed' },
  );
  await write(sql`insert into note values (7, 'kept')`);
  assert.deepEqual(await notes(), [7]);
});

test('a subscriber hears what is committed, and of a gap when its connection was away', async () => {
  const heard: string[] = [];
  let next = Promise.withResolvers<void>();
  const say = (text: string) => {
    heard.push(text);
    next.resolve();
    next = Promise.withResolvers();
  };
  const listening = await database.listen('test_channel', {
    message: say,
    reconnected: () => say('reconnected'),
  });
  let waiting = next.promise;
  await write(sql`select pg_notify('test_channel', 'one')`);
  await waiting;
  waiting = next.promise;
  await killBackends();
  await waiting;
  waiting = next.promise;
  await write(sql`select pg_notify('test_channel', 'two')`);
  await waiting;
  await listening.stop();
  assert.deepEqual(heard, ['one', 'reconnected', 'two']);
});

test('subscribers that come and go at once wait for each other', async (t) => {
  const warnings: string[] = [];
  const warned = ({ message }: Error) => void warnings.push(message);
  process.on('warning', warned);
  t.after(() => process.off('warning', warned));
  const ignore = { message() {}, reconnected() {} };
  const names = ['one', 'two', 'three', 'four'];
  const all = await Promise.all(names.map((name) => database.listen(`channel_${name}`, ignore)));
  await Promise.all(all.map(({ stop }) => stop()));
  assert.deepEqual(warnings, []);
});

test('migrations are applied once, also by nodes that start together', async () => {
  assert.deepEqual(await database.migrate(), []);
  await database.query(sql`create database second`);
  const url = database.url.replace('/tributary?', '/second?');
  const nodes = await Promise.all([openDatabase({ url }), openDatabase({ url })]);
  const applied = await Promise.all(nodes.map((node) => node.migrate()));
  const files = applied.flat();
  assert.equal(files.length, new Set(files).size);
  assert.equal(files.length, applied.find((list) => list.length > 0)?.length);
  await Promise.all(nodes.map((node) => node.close()));
});

test('schema.sql is what the migrations add up to (else run src/database/write-schema.ts)', async () => {
  await write(sql`drop table note`);
  const committed = await readFile(new URL('./schema.sql', import.meta.url), 'utf8');
  assert.equal(await dumpSchema(database), committed);
});

test('a database that does not answer is said to be unreachable', async () => {
  const url = database.url.replace('database', 'nowhere');
  await assert.rejects(openDatabase({ url }, { waitMs: 50 }), { code: 'database_unreachable' });
});
