import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, test } from 'node:test';
import sql from 'sql-template-tag';
import { ETH } from '../base/asset.ts';
import { FakeClock } from '../base/clock.ts';
import {
  newConnectionId,
  newJobId,
  newSessionId,
  newTaskId,
  newWorkerId,
  type WorkerId,
} from '../base/ids.ts';
import { quiet } from '../base/log.ts';
import { createMetrics } from '../base/metrics.ts';
import { uptimeOf } from '../base/uptime.ts';
import { openScratch } from '../database/scratch.ts';
import { addTo, newHistogram } from '../dispatch/histogram.ts';
import { createTable } from '../dispatch/table.test-kit.ts';
import { workerReceipts } from '../proofs/receipt.test-kit.ts';
import { startDemand } from './demand.ts';
import { earnedHours } from './earned-store.ts';
import { lastFailures } from './failures.ts';
import { poolHistory, startHistory } from './history.ts';
import { workIn } from './history-store.ts';
import { createIncidents } from './incidents.ts';
import { machinesOf } from './machines.ts';
import { startPresence } from './presence.ts';
import { whyNoWork } from './why-read.ts';

// One database, and a clock that is moved by hand from a full hour on.
const scratch = await openScratch();
const { database } = scratch;
const START = Date.UTC(2026, 2, 2, 10);
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const clock = new FakeClock(START);
const parts = { database, clock, log: quiet };
const metrics = createMetrics();
const incidents = createIncidents(parts);
const history = startHistory({ ...parts, metrics, planned: incidents.planned });
after(async () => {
  await history.close();
  await scratch[Symbol.asyncDispose]();
});
const heron = await enrol();
const otter = await enrol();

async function enrol(): Promise<WorkerId> {
  const id = newWorkerId();
  await database.query(sql`insert into worker (id, name) values (${id}, ${id})`);
  return id;
}

/** An attempt as the ledger stores it; a good one unless it failed for a reason. */
async function attempt(worker: WorkerId, ms: number, failure?: [string, string]): Promise<void> {
  const renditions = '[{"pixels":1000}]';
  await database.query(sql`
    insert into contribution (id, job, attempt, task, worker, connection, session, verdict, reason,
      pixels, renditions, source_duration_ms, source_bytes, source_hash, queued_ms, verified_ms, at)
    values (${newJobId(clock.now())}, ${newJobId(clock.now())}, 1, ${newTaskId()}, ${worker},
      ${newConnectionId()}, ${newSessionId()}, ${failure?.[0] ?? 'credited'}, ${failure?.[1] ?? null},
      ${failure ? 0 : 1000}, ${failure ? '[]' : renditions}::jsonb, 2000, 100,
      ${failure ? null : randomBytes(32)}, 5, ${ms + 5},
      'epoch'::timestamptz + ${clock.now()}::double precision * interval '1 millisecond')`);
}

async function earned(amount: bigint): Promise<void> {
  await database.query(sql`
    with made as (
      insert into posting (cause, kind, at) values (${`test:${randomBytes(8).toString('hex')}`},
        'ticket_redeemed',
        'epoch'::timestamptz + ${clock.now()}::double precision * interval '1 millisecond')
      returning number)
    insert into entry (posting, line, account, asset, amount)
    select number, line, account, ${ETH}, amount::numeric from made,
      (values (1, 'bonding_fees', ${String(amount)}), (2, 'income', ${String(-amount)}))
        as e (line, account, amount)`);
}

test('what a worker did and where it failed is added up by the hour, as often as one likes', async () => {
  clock.advance(10 * 60_000);
  for (const ms of [100, 200, 300, 400]) await attempt(heron, ms);
  await attempt(heron, 900, ['rejected', 'wrong_size']);
  await attempt(heron, 900, ['superseded', 'superseded']);
  await attempt(otter, 50);
  await earned(500n);
  await history.addUp();
  await history.addUp();
  const period = { since: START, until: START + HOUR };
  const [work] = await workIn(database, 'hour', period, heron);
  assert.deepEqual(work, {
    at: START,
    worker: heron,
    jobs: 4,
    pixels: 4_000n,
    p50Ms: 200,
    p95Ms: 400,
    failures: { 'rejected:wrong_size': 1 },
  });
  const [failure, ...others] = await lastFailures(database, heron);
  assert.equal(failure?.what, 'rejected:wrong_size');
  assert.match(failure?.text ?? '', /refused it: wrong size/);
  assert.match(failure?.step ?? '', /aspect ratio/);
  assert.equal(others.length, 0);
  await attempt(heron, 500);
  await history.addUp();
  assert.equal((await workIn(database, 'hour', period, heron))[0]?.jobs, 5);
  assert.equal((await workIn(database, 'hour', period)).length, 2);
});

test('what receipts come to is added up by the hour that stands in them, each receipt once', async () => {
  const owl = await enrol();
  const big = 2n ** 80n + 3n;
  const receipts = [
    [START + 1, 5n],
    [START + HOUR - 1, big],
    [START + HOUR, 7n],
    [START + HOUR + 1, 11n],
  ] as const;
  const add = async (from: number, until: number) => {
    const chain = workerReceipts(until, {
      worker: owl,
      change: (sequence) => {
        const [at = 0, amount = 0n] = receipts[sequence - 1] ?? [];
        return { at, amount };
      },
    });
    await database.query(sql`
      insert into worker_epoch as known (worker, epoch, jobs, asset, amount, sequence_before,
        last_sequence, last_receipt_hash)
      values (${owl}, 1, ${until}, 'ETH', 0, 0, ${until}, ${randomBytes(32)})
      on conflict (worker, epoch) do update set jobs = excluded.jobs,
        last_sequence = excluded.last_sequence, last_receipt_hash = excluded.last_receipt_hash`);
    for (const { receipt, body } of chain.slice(from)) {
      await database.query(sql`
        insert into receipt (worker, sequence, epoch, contribution, body)
        values (${owl}, ${receipt.sequence}, 1, ${newJobId(clock.now())}, ${Buffer.from(body)})`);
    }
    await history.addUp();
    await history.addUp();
    const period = { since: START, until: START + 2 * HOUR };
    return (await earnedHours(database, owl, period)).map(({ at, amount }) => [at, amount]);
  };
  assert.deepEqual(await add(0, 3), [
    [START, big + 5n],
    [START + HOUR, 7n],
  ]);
  assert.deepEqual(await add(3, 4), [
    [START, big + 5n],
    [START + HOUR, 18n],
  ]);
});

test('why a worker got nothing is counted over a restart of its node, once', async () => {
  clock.advance(START + 2 * HOUR - clock.now());
  const added = newHistogram();
  const run = async (play: (table: ReturnType<typeof createTable>) => void) => {
    const table = createTable({ limits: { reconnectWindowMs: 0 } });
    const presence = startPresence(parts);
    const demand = startDemand({
      ...parts,
      dispatch: table.dispatch,
      node: presence.node,
      added: () => [...added],
    });
    const join = (worker: WorkerId, bits: bigint) => {
      const connection = table.join(worker, { bits, capacity: 1 });
      presence.arrived({
        ...{ connection, worker, bits, capacity: 1, distanceMs: 3, version: '0.9.1' },
        software: 'stock',
      });
    };
    join(heron, 3n);
    join(otter, 1n);
    play(table);
    await demand.flush();
    // Written again, it is the same row.
    await demand.flush();
    return { demand, presence };
  };
  const first = await run((table) => {
    for (let i = 0; i < 5; i++) table.submit(`a${i}`, { needs: { bits: 1n } });
    for (let i = 0; i < 3; i++) table.submit(`b${i}`, { needs: { bits: 4n } });
  });
  // Killed: nothing more is written by it. Another one begins to count anew.
  addTo(added, 40);
  const second = await run((table) => {
    table.submit('c', { needs: { bits: 3n } });
    table.submit('d', { needs: { bits: 3n } });
  });
  clock.advance(HOUR / 2);
  await second.demand.close();
  await second.presence.close();
  await first.presence.close();
  const answer = await whyNoWork(database, otter, {
    since: clock.now() - HOUR,
    until: clock.now(),
  });
  assert.equal(answer.jobs, 10);
  assert.equal(answer.couldHaveTaken, 5);
  const reasons = Object.fromEntries(answer.parts.map(({ reason, jobs }) => [reason, jobs]));
  assert.equal(reasons.capability, 5);
  assert.equal(answer.got, 1);
  assert.equal(reasons.full, 4);
  assert.deepEqual(answer.lacking, [
    { capability: 'MP4', jobs: 3 },
    { capability: 'MPEGTS', jobs: 2 },
  ]);
  assert.match(
    answer.text,
    /^In the last \d+ minutes 10 jobs came\. You could have taken 5\. You did 1\./,
  );
  await first.demand.close();
});

test('what a machine said of itself is shown, and why it left', async () => {
  const [machine] = await machinesOf(database, heron, clock.now());
  assert.equal(machine?.software, 'stock');
  assert.equal(machine?.capacity, 1);
  assert.deepEqual(machine?.capabilities, ['H264', 'MPEGTS']);
  assert.equal(machine?.leftBecause, 'pool_stopping');
});

test('downtime longer than a minute is an incident by itself, unless it was announced', async () => {
  const node = startPresence(parts);
  for (let i = 0; i < 10; i++) {
    clock.advance(30_000);
    await node.flush();
  }
  await node.close();
  const downAt = clock.now();
  clock.advance(50_000);
  const soon = startPresence(parts);
  assert.equal(await incidents.noteDowntime(soon.node, clock.now()), undefined);
  await soon.flush();
  await soon.close();

  clock.advance(5 * 60_000);
  const back = startPresence(parts);
  const opened = await incidents.noteDowntime(back.node, clock.now());
  assert.equal(opened?.automatic, true);
  assert.equal(opened?.endsAt, clock.now());
  assert.match(opened?.updates[0]?.text ?? '', /No node of the pool ran for 5 minutes/);
  // Another node that starts at the same time says nothing again.
  assert.equal(await incidents.noteDowntime(back.node, clock.now()), undefined);
  await back.flush();
  await back.close();

  const planned = await incidents.plan({
    title: 'New disks',
    startsAt: clock.now() + 1_000,
    endsAt: clock.now() + 2 * HOUR,
  });
  assert.ok(planned.ok);
  clock.advance(HOUR);
  const after = startPresence(parts);
  assert.equal(await incidents.noteDowntime(after.node, clock.now()), undefined);
  await after.flush();
  const rows = await poolHistory(
    database,
    'day',
    { since: downAt, until: clock.now() },
    { now: clock.now(), planned: await incidents.planned({ since: START, until: clock.now() }) },
  );
  const [day] = rows;
  assert.ok(day);
  // An hour as announced; six minutes not; and the half hour between the tests of this file.
  assert.equal(day.plannedMs, HOUR - 1_000);
  assert.ok((day.downMs ?? 0) - day.plannedMs >= 5 * 60_000);

  await history.addUp();
  const month = await poolHistory(
    database,
    'day',
    { since: clock.now() - 30 * DAY, until: clock.now() },
    {
      planned: await incidents.planned({ since: clock.now() - 30 * DAY, until: clock.now() }),
      now: clock.now(),
    },
  );
  const { share = 0 } = uptimeOf(month);
  assert.ok(share > 0 && share < 1);
  assert.match(await metrics.text(), new RegExp(`pool_uptime_ratio ${share}\n`), 'the same rule');
  assert.equal(day.jobs, 10);
  assert.equal(day.credited, 6);
  assert.equal(day.pixels, 6_000n);
  assert.deepEqual(day.earned, { ETH: 500n });
  assert.ok((day.addedP50Ms ?? 0) > 35 && (day.addedP50Ms ?? 0) < 49);
  await after.close();
});

test('an operator opens, tells more of, and closes an incident; nonsense is refused', async () => {
  const opened = await incidents.open({ title: 'Gateways time out', text: 'We look into it.' });
  assert.ok(opened.ok);
  const { id } = opened.incident;
  assert.equal((await incidents.update(id, 'A switch was replaced.')).ok, true);
  const closed = await incidents.close(id);
  assert.ok(closed.ok);
  assert.equal(closed.incident.closedAt, clock.now());
  assert.deepEqual(
    closed.incident.updates.map(({ text }) => text),
    ['We look into it.', 'A switch was replaced.'],
  );
  assert.deepEqual(await incidents.close(id), { ok: false, reason: 'incident_closed' });
  assert.deepEqual(await incidents.update(99n, 'x'), { ok: false, reason: 'incident_unknown' });
  for (const title of ['', ' ', 'x'.repeat(201), 'a\u0000b']) {
    assert.deepEqual(await incidents.open({ title }), { ok: false, reason: 'incident_invalid' });
  }
  const past = { startsAt: START, endsAt: START + 1 };
  assert.equal((await incidents.plan({ title: 'Late', ...past })).ok, false);
  const all = await incidents.list();
  const [newest] = all;
  assert.equal(newest?.id, id);
  const [next] = await incidents.list({ before: newest, limit: 1 });
  assert.equal(next?.id, all[1]?.id);
});

test('hours are forgotten after a month, and days stay', async () => {
  clock.advance(40 * DAY);
  await history.addUp();
  const ever = { since: START - DAY, until: clock.now() };
  assert.equal((await workIn(database, 'hour', ever)).length, 0);
  const days = await workIn(database, 'day', ever, heron);
  assert.deepEqual(
    days.map(({ jobs, failures }) => [jobs, failures]),
    [[5, { 'rejected:wrong_size': 1 }]],
  );
  const all = await poolHistory(database, 'day', ever, { now: clock.now(), planned: [] });
  assert.equal(
    all.reduce((sum, { credited }) => sum + credited, 0),
    6,
  );
  const { rows } = await database.query(sql`select * from missed_hour`);
  assert.equal(rows.length, 0);
});
