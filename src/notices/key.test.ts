import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import sql from 'sql-template-tag';
import { FakeClock } from '../base/clock.ts';
import { quiet } from '../base/log.ts';
import { createMetrics } from '../base/metrics.ts';
import { writeBackup } from '../database/backup.ts';
import { openScratch } from '../database/scratch.ts';
import { defaultTerms } from '../terms/terms.ts';
import { createWorkers } from '../workers/workers.ts';
import { noteEvent } from './events-store.ts';
import { openNoticesKey } from './key.ts';
import { startNotices } from './notices.ts';

const scratch = await openScratch();
const { database } = scratch;
const workers = await createWorkers({ database });
const folder = await mkdtemp(join(tmpdir(), 'tributary-key-'));
const clock = new FakeClock(1_790_000_000_000);
const received: string[] = [];
const receiver = createServer((request, response) => {
  received.push(request.url ?? '');
  request.resume().on('end', () => response.writeHead(204).end());
});
await new Promise<void>((resolve) => {
  receiver.listen(0, '127.0.0.1', resolve);
});
const host = `127.0.0.1:${(receiver.address() as AddressInfo).port}`;
after(async () => {
  receiver.closeAllConnections();
  receiver.close();
  await workers.close();
  await scratch[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

let files = 0;
let file = '';
beforeEach(async () => {
  files += 1;
  file = join(folder, `${files}.key`);
  await database.query(sql`delete from notice_key`);
  await database.query(sql`delete from secret where purpose = 'notices'`);
  await database.query(sql`delete from notice_channel`);
});

const open = (options: { file?: string; forAllNodes?: boolean; lost?: boolean } = {}) =>
  openNoticesKey({
    ...{ database, clock, log: quiet, file, forAllNodes: true, lost: false },
    ...options,
  });
const keyOf = async (opening: ReturnType<typeof open>) => {
  const opened = await opening;
  return opened.ok ? Buffer.from(opened.key).toString('hex') : opened.reason;
};
async function inDatabase(): Promise<number> {
  const { rows } = await database.query<{ count: bigint }>(
    sql`select count(*) as count from secret where purpose = 'notices'`,
  );
  return Number(rows[0]?.count);
}
const OLD = 'ab'.repeat(32);
const asBefore = () =>
  database.query(sql`
    insert into secret (purpose, version, key) values ('notices', 1, decode(${OLD}, 'hex'))`);

function start(key: Uint8Array | undefined) {
  const terms = async () => ({ ...defaultTerms, version: 1, name: 'Rivermouth' });
  return startNotices({
    ...{ database, clock, log: quiet, metrics: createMetrics(), key },
    rules: { smtp: undefined, telegram: undefined, privateHosts: [host], offlineAfterMs: 180_000 },
    ...{ terms, currentTerms: terms, link: () => undefined },
    ...{ quarantined: () => [], alarms: () => [] },
  });
}

test('the key lies in a file of its owner alone, and no backup of the database holds it', async () => {
  const key = await keyOf(open());
  assert.match(key, /^[0-9a-f]{64}$/);
  assert.equal((await readFile(file, 'utf8')).trim(), key);
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  assert.equal(await keyOf(open()), key, 'the next start reads it');
  const backup = join(folder, 'pool.backup');
  await writeBackup(database.url, backup);
  const text = gunzipSync(await readFile(backup)).toString('utf8');
  assert.ok(text.includes('notice_key') && !text.includes(key));
});

test('a pool that is updated takes its key out of the database, and channels go on', async () => {
  await asBefore();
  const old = Buffer.from(OLD, 'hex');
  const added = await workers.add({ name: 'updated-1' });
  assert.ok(added.ok);
  const owner = { kind: 'worker', id: added.worker.id } as const;
  const before = start(old);
  await before.channels.add(owner, { type: 'webhook', target: `http://${host}/old` });
  await before.close();
  const opened = await open();
  assert.ok(opened.ok);
  assert.equal(Buffer.from(opened.key).toString('hex'), OLD);
  assert.equal(await inDatabase(), 0);
  const notices = start(opened.key);
  await notices.send({ title: 'Updated', text: 'To a new version.' });
  await notices.settle();
  await notices.close();
  assert.deepEqual(received.splice(0), ['/old']);
});

test('several nodes each take a copy, and the key leaves the database when they share a file', async () => {
  await asBefore();
  const second = join(folder, 'second.key');
  assert.equal(await keyOf(open({ forAllNodes: false })), OLD);
  assert.equal(await keyOf(open({ forAllNodes: false, file: second })), OLD);
  assert.equal(await inDatabase(), 1, 'another node may need it still');
  assert.equal(await keyOf(open({ forAllNodes: true })), OLD);
  assert.equal(await inDatabase(), 0);
});

test('a node without the key works and sends nothing; letters go out from one that has it', async () => {
  const opened = await open();
  assert.ok(opened.ok);
  const added = await workers.add({ name: 'keyless-1' });
  assert.ok(added.ok);
  const owner = { kind: 'worker', id: added.worker.id } as const;
  const target = { type: 'webhook', target: `http://${host}/kept` } as const;
  const whole = start(opened.key);
  await whole.channels.add(owner, target);
  await whole.close();

  assert.equal(await keyOf(open({ file: join(folder, 'not-mounted.key') })), 'missing');
  const other = join(folder, 'other.key');
  await writeFile(other, `${'cd'.repeat(32)}\n`, { mode: 0o600 });
  assert.equal(await keyOf(open({ file: other })), 'wrong');

  const keyless = start(undefined);
  assert.deepEqual([keyless.types, keyless.seal], [[], undefined]);
  await assert.rejects(keyless.channels.add(owner, { ...target, target: `http://${host}/new` }), {
    code: 'notice_channel_refused',
  });
  await assert.rejects(keyless.channels.add({ kind: 'pool', id: '' }, target), {
    message: /--notices-key-file.*--notices-key-lost/,
  });
  keyless.places.seen(added.worker.id, '198.51.100.7');
  const facts = { source: 'payout', state: 'final', asset: 'ETH', amount: '1' } as const;
  await noteEvent(database, { key: 'payout:k', worker: owner.id, at: clock.now(), facts });
  await keyless.settle();
  assert.deepEqual(received, []);
  assert.equal((await keyless.letters({ owner, limit: 1 }))[0]?.state, 'waiting');
  await keyless.close();
  const back = start(opened.key);
  await back.settle();
  await back.close();
  assert.deepEqual(received.splice(0), ['/kept']);
});

test('a key that is lost for good costs the channels, and everybody is told to add theirs', async () => {
  const opened = await open();
  assert.ok(opened.ok);
  const notices = start(opened.key);
  const added = await workers.add({ name: 'lost-1' });
  assert.ok(added.ok);
  const owner = { kind: 'worker', id: added.worker.id } as const;
  await notices.channels.add(owner, { type: 'webhook', target: `http://${host}/lost` });
  assert.equal(await keyOf(open({ lost: true })), Buffer.from(opened.key).toString('hex'));
  assert.equal((await notices.channels.list(owner)).length, 1, 'it was not lost at all');
  await notices.close();

  const next = join(folder, 'next.key');
  const renewed = await open({ file: next, lost: true });
  assert.ok(renewed.ok);
  assert.equal(await keyOf(open({ file: next })), Buffer.from(renewed.key).toString('hex'));
  const after = start(renewed.key);
  await after.settle();
  assert.deepEqual(await after.channels.list(owner), []);
  const [told] = await after.open({ before: undefined, limit: 1 });
  assert.equal(told?.title, 'Say again where you want to be told');
  await after.close();
});

test('a file that holds no key is refused, and nothing is written over it', async () => {
  await writeFile(file, 'not a key\n', { mode: 0o600 });
  await assert.rejects(open(), { code: 'notices_key_unusable' });
  await assert.rejects(open({ lost: true }), { code: 'notices_key_unusable' });
  assert.equal(await readFile(file, 'utf8'), 'not a key\n');
  const nowhere = join(folder, 'no-folder', 'notices.key');
  await assert.rejects(open({ file: nowhere }), { code: 'notices_key_unusable' });
});
