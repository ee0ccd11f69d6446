import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import fc from 'fast-check';
import sql, { type Sql } from 'sql-template-tag';
import { FakeClock } from '../base/clock.ts';
import { quiet } from '../base/log.ts';
import type { Database } from '../database/database.ts';
import { openScratch } from '../database/scratch.ts';
import { defaultTerms } from '../terms/terms.ts';
import { compose } from './compose.ts';
import { claimDeliveries, endAttempt } from './deliveries-store.ts';
import { intoLetters, LETTERS_PER_HOUR, NOTICES_PER_LETTER } from './delivery.ts';
import { noteEvent, noteEvents } from './events-store.ts';

const scratch = await openScratch();
const { database } = scratch;
after(() => scratch[Symbol.asyncDispose]());
const clock = new FakeClock(1_790_000_000_000);
const terms = async () => ({ ...defaultTerms, version: 1 });

/** Workers with a channel each: by the worker, or by the wallet that it is paid at. */
async function people(name: string, count: number): Promise<void> {
  await database.query(sql`
    insert into worker (id, name, payout_address)
    select ${name} || translate(lpad(n::text, 10 - length(${name}), '0'), '0189', 'abcd'), ${name} || n,
      substring(sha256((${name} || n)::bytea) for 20)
    from generate_series(1, ${count}::integer) as n`);
  await database.query(sql`
    insert into notice_channel (id, owner_kind, owner, type, sealed, target, shown, kinds,
      created_at, confirmed_at)
    select substring(translate(md5(id), '0189', 'ghij') for 16),
      case when n % 2 = 0 then 'worker' else 'address' end,
      case when n % 2 = 0 then id else '0x' || encode(payout_address, 'hex') end, 'webhook',
      decode(repeat('00', 40), 'hex'), sha256(id::bytea), 'host', array['message', 'payout_sent'],
      now(), now()
    from (select *, row_number() over () as n from worker where id like ${`${name}%`}) as w`);
}

/** Composes all that waits; how many statements that took. */
async function composeAll(): Promise<number> {
  let queries = 0;
  const counted: Database = {
    ...database,
    transact: (run) =>
      database.transact((tx) =>
        run({
          ...tx,
          query: (statement: Sql, name?: string) => {
            queries += 1;
            return tx.query(statement, name);
          },
        }),
      ),
  };
  const parts = { database: counted, log: quiet, terms, currentTerms: terms };
  while ((await compose(parts, clock.now())).more);
  return queries;
}

async function letters(): Promise<number> {
  const { rows } = await database.query<{ count: bigint }>(
    sql`select count(*) as count from notice_delivery`,
  );
  return Number(rows[0]?.count);
}

test('ten times as many people take no more statements, and each has one letter', async () => {
  const say = async (key: string) => {
    const facts = { source: 'message', title: 'New disks', text: 'Tonight.' } as const;
    await noteEvent(database, { key, at: clock.now(), facts });
    return composeAll();
  };
  await people('few', 20);
  const few = await say('message:few');
  assert.equal(await letters(), 20);
  await database.query(sql`delete from notice_delivery`);
  await people('many', 200);
  assert.equal(await say('message:many'), few);
  assert.equal(await letters(), 220);
  await database.query(sql`delete from notice_delivery`);

  const payouts = async (name: string) => {
    const { rows } = await database.query<{ id: string }>(
      sql`select id from worker where id like ${`${name}%`}`,
    );
    const facts = { source: 'payout', state: 'final', asset: 'ETH', amount: '1' } as const;
    await noteEvents(
      database,
      rows.map(({ id }) => ({ key: `payout:${id}`, worker: id as never, at: clock.now(), facts })),
    );
    return composeAll();
  };
  assert.equal(await payouts('few'), await payouts('many'));
  assert.equal(await letters(), 220);
});

test('what was never tried goes out before what is tried again, of each type for itself', async () => {
  const claim = async (most: number) => {
    const until = clock.now() + 60_000;
    return claimDeliveries(database, { type: 'webhook', most, now: clock.now(), until });
  };
  const now = clock.now();
  const failed = await claim(3);
  for (const { id } of failed) {
    await endAttempt(database, id, { state: 'waiting', nextAt: now - 1_000, reason: 'x' }, now);
  }
  const next = await claim(300);
  assert.equal(next.length, 220);
  assert.deepEqual(
    new Set(next.slice(-3).map(({ id }) => id)).size,
    3,
    'those that failed come along when there is room',
  );
  await database.query(sql`
    update notice_delivery set claimed_until = null, attempts = case
      when id = any(${failed.map(({ id }) => id)}::uuid[]) then 1 else 0 end`);
  const fresh = await claim(217);
  const tried = new Set(failed.map(({ id }) => id));
  assert.equal(fresh.filter(({ id }) => tried.has(id)).length, 0);
  const other = { type: 'email', most: 9, now, until: now } as const;
  assert.deepEqual(await claimDeliveries(database, other), []);
});

test('no notice is left out of letters or stands in two, and an hour has so many letters', () => {
  const counts = fc.record({
    count: fc.integer({ min: 0, max: 3_000 }),
    room: fc.integer({ min: 0, max: NOTICES_PER_LETTER }),
    sent: fc.integer({ min: 0, max: 40 }),
  });
  fc.assert(
    fc.property(counts, ({ count, room, sent }) => {
      const notices = Array.from({ length: count }, (_, i) => i);
      const place = { room, sent, fullUntil: 5_000, now: 1_000 };
      const { join, letters } = intoLetters(notices, place);
      assert.deepEqual([...join, ...letters.flatMap((letter) => letter.notices)], notices);
      assert.ok(join.length <= room);
      for (const letter of letters) assert.ok(letter.notices.length <= NOTICES_PER_LETTER);
      const atOnce = letters.filter(({ nextAt }) => nextAt === 1_000).length;
      assert.ok(sent + atOnce <= Math.max(sent, LETTERS_PER_HOUR));
    }),
  );
});
