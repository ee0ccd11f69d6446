import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import sql from 'sql-template-tag';
import { FakeClock } from '../../base/clock.ts';
import { newWorkerId } from '../../base/ids.ts';
import { openScratch } from '../../database/scratch.ts';
import { addressChanges } from '../../payouts/preferences-store.ts';
import { bringAddresses } from './recover-addresses.ts';

const scratch = await openScratch();
const { database } = scratch;
const clock = new FakeClock();
after(() => scratch[Symbol.asyncDispose]());

const [OLD, NEW, OTHER] = ['aa', 'bb', 'cc'].map((byte) => `0x${byte.repeat(20)}`) as [
  string,
  string,
  string,
];
const bytes = (address: string) => Buffer.from(address.slice(2), 'hex');

async function enrol(name: string): Promise<string> {
  const id = newWorkerId();
  await database.query(
    sql`insert into worker (id, name, payout_address) values (${id}, ${name}, ${bytes(OLD)})`,
  );
  return id;
}

async function addressOf(id: string): Promise<string> {
  const { rows } = await database.query<{ address: string }>(
    sql`select '0x' || encode(payout_address, 'hex') as address from worker where id = ${id}`,
  );
  return rows[0]?.address ?? '';
}

const bring = (worker: string, name: string, isOwn: boolean) =>
  bringAddresses(database, { workers: [{ worker, name, address: NEW }], isOwn }, clock);

test('an address that came after the backup is brought back where the pool itself kept it', async () => {
  const heron = await enrol('heron');
  const [said] = await bring(heron, 'heron', false);
  assert.match(said ?? '', /heron is paid at 0xaAaA.* and at 0xbbbb.*ask its owner before you pay/);
  assert.equal(await addressOf(heron), OLD, 'what was only published is nobody’s word');

  assert.match((await bring(heron, 'heron', true)).join(), /at 0xbbbb.* is again: the backup had/);
  assert.equal(await addressOf(heron), NEW);
  assert.deepEqual(await bring(heron, 'heron', true), [], 'once');
});

test('an address that the books moved away from is not brought back unasked', async () => {
  const kite = await enrol('kite');
  await database.query(sql`
    insert into payout_address_change
      (worker, nonce, old_address, new_address, asked_by, asked_at, effective_at, state, ended_at)
    values (${kite}, 1, ${bytes(NEW)}, ${bytes(OLD)}, 'signatures', now(), now(), 'effective', now())`);
  assert.match((await bring(kite, 'kite', true)).join(), /ask its owner/);
  assert.equal(await addressOf(kite), OLD);
});

test('a change that waited may have been stopped since, so it waits its time again', async () => {
  const otter = await enrol('otter');
  await database.query(sql`
    insert into payout_address_change
      (worker, nonce, old_address, new_address, asked_by, asked_at, effective_at)
    values (${otter}, 1, ${bytes(OLD)}, ${bytes(OTHER)}, 'operator', to_timestamp(0), to_timestamp(1))`);
  const notes = await bringAddresses(database, { workers: [], isOwn: true }, clock);
  assert.match(notes.join(), /otter to 0xcccc.*waits for 48 hours.*payouts address otter --stop/);
  const [waiting] = await addressChanges(database, 'waiting');
  assert.equal(waiting?.effectiveAt, clock.now() + 48 * 3_600_000);
  assert.equal(await addressOf(otter), OLD);
});
