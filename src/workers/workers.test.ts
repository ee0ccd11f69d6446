import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import sql from 'sql-template-tag';
import { newWorkerId } from '../base/ids.ts';
import type { Database } from '../database/database.ts';
import { openScratch } from '../database/scratch.ts';
import { newCredential } from './credentials.ts';
import type { WorkerChange } from './roster.ts';
import { createWorkers, type Workers, type WorkersResult } from './workers.ts';

const scratch = await openScratch();
const { database } = scratch;
const here = await createWorkers({ database });
const there = await createWorkers({ database });
after(async () => {
  await here.close();
  await there.close();
  await scratch[Symbol.asyncDispose]();
});

function granted<T>(result: WorkersResult<T>): T {
  assert.ok(result.ok, result.ok ? '' : result.reason);
  return result;
}

const reasonOf = (result: WorkersResult<unknown>) => (result.ok ? undefined : result.reason);

/** The first change on a node that satisfies `is`. */
function changeOn(node: Workers, is: (change: WorkerChange) => boolean): Promise<WorkerChange> {
  const { promise, resolve } = Promise.withResolvers<WorkerChange>();
  const stop = node.onChange((change) => {
    if (!is(change)) return;
    stop();
    resolve(change);
  });
  return promise;
}

test('an added worker is known at once here, and soon on every other node', async () => {
  const heard = changeOn(there, ({ before }) => before === undefined);
  const { worker, credential } = granted(
    await here.add({ name: 'rig-1', payoutAddress: '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed' }),
  );
  assert.deepEqual(here.authenticate(credential), worker);
  assert.deepEqual((await heard).worker, worker);
  assert.deepEqual(there.authenticate(credential), worker);
  assert.equal(worker.state, 'active');
  assert.equal(worker.payoutAddress, '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed');
});

test('no secret is stored, only its hash', async () => {
  const { credential } = granted(await here.add({ name: 'hashed' }));
  const { rows } = await database.query<{ dump: string }>(sql`
    select string_agg(credential::text, ' ') as dump from credential`);
  const secret = credential.split('_')[2] as string;
  assert.ok(!rows[0]?.dump.includes(secret));
  assert.ok(!rows[0]?.dump.includes(Buffer.from(secret).toString('hex')));
});

test('bad names, taken names and bad payout addresses are refused', async () => {
  granted(await here.add({ name: 'Taken' }));
  assert.equal(reasonOf(await here.add({ name: 'tAKEN' })), 'worker_name_taken');
  assert.equal(reasonOf(await here.add({ name: '../x' })), 'worker_name_invalid');
  assert.equal(
    reasonOf(await here.add({ name: 'ok', payoutAddress: '0x12' })),
    'payout_address_invalid',
  );
  assert.equal(reasonOf(await here.pause('nobody')), 'worker_unknown');
  assert.equal(reasonOf(await here.pause('no\0body')), 'worker_unknown');
  assert.equal(await here.show('nobody'), undefined);
});

test('a rotation overlaps two secrets, never three, and then retires the old one', async () => {
  const { credential: first } = granted(await here.add({ name: 'rotating' }));
  const { credential: second, worker } = granted(await here.rotate('rotating'));
  assert.equal(worker.validSecrets, 2);
  assert.ok(here.authenticate(first));
  assert.ok(here.authenticate(second));
  assert.equal(reasonOf(await here.rotate('rotating')), 'worker_secrets_full');
  granted(await here.finishRotation('rotating'));
  assert.equal(here.authenticate(first), undefined);
  assert.ok(here.authenticate(second));
  const details = await here.show('rotating');
  assert.deepEqual(
    details?.secrets.map(({ revokedAt }) => revokedAt === undefined),
    [false, true],
  );
});

test('a new secret that got lost can be replaced without touching the one in use', async () => {
  const { credential: inUse } = granted(await here.add({ name: 'forgetful' }));
  const { credential: lost } = granted(await here.rotate('forgetful'));
  const { credential: found } = granted(await here.rotate('forgetful', { retire: 'newest' }));
  assert.equal(here.authenticate(lost), undefined);
  assert.ok(here.authenticate(inUse) && here.authenticate(found));
  const { credential: newest } = granted(await here.rotate('forgetful', { retire: 'oldest' }));
  assert.equal(here.authenticate(inUse), undefined);
  assert.ok(here.authenticate(found) && here.authenticate(newest));
});

test('rotations at the same moment leave at most two secrets', async () => {
  const { worker } = granted(await here.add({ name: 'hurried' }));
  const results = await Promise.all([1, 2, 3, 4].map(() => here.rotate('hurried')));
  assert.equal(results.filter(({ ok }) => ok).length, 1);
  assert.equal((await here.show(worker.id))?.validSecrets, 2);
});

test('a revoked worker is cut off on every node, nobody else, and its name is free again', async () => {
  const known = changeOn(there, (change) => change.worker.name === 'staying');
  const { worker, credential } = granted(await here.add({ name: 'leaving' }));
  const { credential: staying } = granted(await here.add({ name: 'staying' }));
  await known;
  const heard = changeOn(
    there,
    (change) => change.worker.id === worker.id && change.worker.state === 'revoked',
  );
  granted(await here.revoke('leaving'));
  assert.equal(here.authenticate(credential), undefined);
  await heard;
  assert.equal(there.authenticate(credential), undefined);
  assert.ok(here.authenticate(staying) && there.authenticate(staying));
  assert.equal(reasonOf(await here.resume('leaving')), 'worker_revoked');
  assert.equal(granted(await here.revoke('leaving')).worker.state, 'revoked');
  const again = granted(await here.add({ name: 'leaving' }));
  assert.equal((await here.show('leaving'))?.id, again.worker.id);
  assert.equal((await here.show(worker.id))?.state, 'revoked');
});

test('paused and draining workers still authenticate, and come back', async () => {
  const { credential } = granted(await here.add({ name: 'resting' }));
  const state = () => here.authenticate(credential)?.state;
  granted(await here.pause('resting'));
  assert.equal(state(), 'paused');
  granted(await here.drain('Resting'));
  assert.equal(state(), 'draining');
  granted(await here.resume('resting'));
  assert.equal(state(), 'active');
});

test('what happened while the listener was away is caught up with', async () => {
  const known = changeOn(there, (change) => change.worker.name === 'unseen');
  const { worker, credential } = granted(await here.add({ name: 'unseen' }));
  await known;
  const heard = changeOn(
    there,
    (change) => change.worker.id === worker.id && change.worker.state === 'revoked',
  );
  // Silenced, so that only the reading after the reconnection can tell.
  await database.transact(async (tx) => {
    await tx.query(sql`alter table worker disable trigger worker_changed`);
    await tx.query(sql`alter table credential disable trigger worker_changed`);
  });
  granted(await here.revoke('unseen'));
  await database.query(sql`
    select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid()`);
  await heard;
  assert.equal(there.authenticate(credential), undefined);
  await database.transact(async (tx) => {
    await tx.query(sql`alter table worker enable trigger worker_changed`);
    await tx.query(sql`alter table credential enable trigger worker_changed`);
  });
});

test('neither known credentials nor guesses ask the database', async () => {
  let asked = 0;
  const counting: Database = {
    ...database,
    query: (statement, name) => {
      asked++;
      return database.query(statement, name);
    },
    transact: (run) => {
      asked++;
      return database.transact(run);
    },
  };
  const { credential } = granted(await here.add({ name: 'known' }));
  const node = await createWorkers({ database: counting });
  const atStart = asked;
  for (let i = 0; i < 1000; i++) {
    assert.ok(node.authenticate(credential));
    assert.equal(node.authenticate(newCredential(newWorkerId())), undefined);
    assert.equal(node.authenticate(`${credential.slice(0, -1)}A`), undefined);
  }
  assert.equal(asked, atStart);
  await node.close();
});

test('the list has every worker once, by name', async () => {
  const names = (await here.list()).map(({ name }) => name.toLowerCase());
  assert.deepEqual(names, [...names].sort());
  assert.ok(names.length >= 8);
});
