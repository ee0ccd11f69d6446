import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, test } from 'node:test';
import sql from 'sql-template-tag';
import { instant } from '../base/clock.ts';
import {
  newConnectionId,
  newJobId,
  newSessionId,
  newTaskId,
  newWorkerId,
  type WorkerId,
} from '../base/ids.ts';
import { pixels } from '../base/money.ts';
import { openScratch } from '../database/scratch.ts';
import type { Transaction } from '../database/transaction.ts';
import {
  type CreditedContribution,
  checkContribution,
  type FailedContribution,
} from './contribution.ts';
import { createLedger } from './ledger.ts';
import { totalsByWorker } from './store.ts';

const AT = instant(1_700_000_000_123);
const scratch = await openScratch();
const { database } = scratch;
const ledger = createLedger({ database });
after(async () => {
  await ledger.close();
  await scratch[Symbol.asyncDispose]();
});

async function enrol(): Promise<WorkerId> {
  const id = newWorkerId();
  await database.transact((tx) =>
    tx.query(sql`insert into worker (id, name) values (${id}, ${id})`),
  );
  return id;
}

const worker = await enrol();

function credited(change: Partial<CreditedContribution> = {}): CreditedContribution {
  return {
    job: newJobId(AT),
    attempt: 1,
    task: newTaskId(),
    worker,
    connection: newConnectionId(),
    session: newSessionId(),
    manifestHash: Uint8Array.from(randomBytes(32)),
    sourceDurationMs: 2_000,
    sourceBytes: 1_700_000,
    sourceHash: Uint8Array.from(randomBytes(32)),
    timings: { queuedMs: 1, uploadedMs: 700, verifiedMs: 720 },
    at: AT,
    verdict: 'credited',
    profiles: ['P360p', 'odd "quoted" \\ {name}, ünï'].map((name) => ({
      name,
      width: 640,
      height: 360,
      frames: 60,
      pixels: pixels(13_824_000n),
      bytes: 400_000,
      hash: Uint8Array.from(randomBytes(32)),
    })),
    pixels: pixels(27_648_000n),
    ...change,
  };
}

function failed(change: Partial<FailedContribution> = {}): FailedContribution {
  const { profiles: _, pixels: __, sourceHash: ___, ...attempt } = credited();
  return { ...attempt, verdict: 'rejected', reason: 'wrong_frame_count', ...change };
}

test('what was appended is read back as it was', async () => {
  const lost = failed({ verdict: 'lost', reason: 'connection_closed' });
  const paid = credited({ job: lost.job, attempt: 2 });
  assert.deepEqual(await ledger.append(lost), { result: 'stored' });
  assert.equal((await ledger.append(paid)).result, 'stored');
  const stored = await ledger.byJob(lost.job);
  assert.deepEqual(
    stored.map(({ id, ...contribution }) => contribution),
    [lost, paid],
  );
  assert.deepEqual(await ledger.byJob(newJobId(AT)), []);
});

test('a job is credited once, to whoever was first, also within one batch', async () => {
  const first = credited();
  const rival = credited({ job: first.job, attempt: 2, worker: await enrol() });
  const outcomes = await Promise.all([first, rival, first].map((entry) => ledger.append(entry)));
  assert.equal(outcomes.filter((outcome) => outcome.result === 'stored').length, 1);
  assert.deepEqual(await ledger.append(rival), { result: 'duplicate' });
  const stored = await ledger.byJob(first.job);
  assert.deepEqual(
    stored.map(({ task }) => task),
    [first.task],
  );
});

test('two nodes that append the same jobs store each of them once', async () => {
  const node = createLedger({ database });
  const mine = Array.from({ length: 300 }, () => credited());
  const theirs = mine.map(({ job }) => credited({ job, attempt: 2 })).reverse();
  const outcomes = await Promise.all([
    ...mine.map((entry) => ledger.append(entry)),
    ...theirs.map((entry) => node.append(entry)),
  ]);
  assert.equal(outcomes.filter((outcome) => outcome.result === 'stored').length, 300);
  await node.close();
});

test('a row that the database refuses does not fail those beside it', async () => {
  const stranger = credited({ worker: newWorkerId() });
  const good = Array.from({ length: 9 }, () => credited());
  const [refused, ...stored] = await Promise.allSettled(
    [stranger, ...good].map((entry) => ledger.append(entry)),
  );
  assert.equal(refused?.status, 'rejected');
  assert.ok(stored.every((one) => one.status === 'fulfilled' && one.value.result === 'stored'));
});

test('the totals of a worker count credited jobs, and failures but for lost hedges', async () => {
  const own = await enrol();
  const entries = [
    credited({ worker: own }),
    credited({ worker: own }),
    failed({ worker: own }),
    failed({ worker: own, verdict: 'superseded', reason: 'hedge_second' }),
  ];
  await Promise.all(entries.map((entry) => ledger.append(entry)));
  assert.deepEqual(await ledger.contributionsByWorker(own), [
    {
      worker: own,
      segments: 2,
      pixels: 55_296_000n,
      sourceDurationMs: 4_000,
      failedAttempts: 1,
      lastAt: AT,
    },
  ]);
  assert.ok((await ledger.contributionsByWorker()).length > 1);
});

/** Rows of contributions that this connection has read so far. */
async function contributionsRead(tx: Transaction): Promise<number> {
  const { rows } = await tx.query<{ read: bigint }>(sql`
    select seq_tup_read + idx_tup_fetch as read from pg_stat_xact_user_tables
    where relname = 'contribution'`);
  return Number(rows[0]?.read ?? 0n);
}

test('the totals are those of all contributions, which are not read for them', async () => {
  const own = await enrol();
  const entries = Array.from({ length: 200 }, () => credited({ worker: own }));
  await Promise.all(entries.map((entry) => ledger.append(entry)));
  await database.query(sql`analyze contribution`);
  const { totals, read } = await database.transact(async (tx) => {
    const before = await contributionsRead(tx);
    const found = await totalsByWorker(tx);
    return { totals: found, read: (await contributionsRead(tx)) - before };
  });
  const { rows } = await database.query<{
    worker: string;
    segments: bigint;
    pixels: bigint;
    duration: bigint;
    failed: bigint;
    at: number;
  }>(sql`
    select worker, count(*) filter (where verdict = 'credited') as segments, sum(pixels) as pixels,
      coalesce(sum(source_duration_ms) filter (where verdict = 'credited'), 0) as duration,
      count(*) filter (where verdict not in ('credited', 'superseded')) as failed, max(at) as at
    from contribution group by worker
    having count(*) filter (where verdict <> 'superseded') > 0 order by worker`);
  assert.deepEqual(
    totals,
    rows.map((row) => ({
      worker: row.worker,
      segments: Number(row.segments),
      pixels: row.pixels,
      sourceDurationMs: Number(row.duration),
      failedAttempts: Number(row.failed),
      lastAt: row.at,
    })),
  );
  // The last moment of each worker out of the index, and no more.
  assert.ok(read <= totals.length, `${read} contributions for ${totals.length} workers`);
});

test('the database itself refuses to change a contribution or to pay for what is not there', async () => {
  const entry = credited();
  await ledger.append(entry);
  for (const statement of [
    sql`update contribution set worker = worker`,
    sql`delete from contribution`,
    sql`truncate contribution`,
  ]) {
    await assert.rejects(
      database.transact((tx) => tx.query(statement)),
      // A table that others point at is not truncated for that reason already.
      /appended, never changed|foreign key/,
    );
  }
  const forged = (change: string) =>
    database.transact((tx) =>
      tx.query(sql`
        insert into contribution
        select (jsonb_populate_record(c, jsonb_build_object('id', gen_random_uuid(),
          'job', gen_random_uuid(), 'task', 1) || ${change}::jsonb)).*
        from contribution c where job = ${entry.job}`),
    );
  await assert.rejects(forged('{"pixels":27648001}'), /contribution_pixels_are_the_sum/);
  await assert.rejects(forged('{"verdict":"late","reason":"x"}'), /pays_only_credited/);
  await assert.rejects(forged('{"source_hash":null}'), /pays_only_credited/);
});

test('a contribution that does not add up is a defect of ours, found before the batch', () => {
  const faults: Partial<CreditedContribution>[] = [
    { pixels: pixels(1n) },
    { attempt: 0 },
    { sourceBytes: -1 },
    { sourceDurationMs: Number.NaN },
    { sourceHash: new Uint8Array(31) },
    { timings: { queuedMs: -1 } },
  ];
  for (const fault of faults) {
    assert.throws(() => checkContribution(credited(fault)), { code: 'internal' });
  }
  assert.throws(() => checkContribution(failed({ reason: 'Free text!' })), { code: 'internal' });
});

test('a closed ledger has written what it took and takes no more', async () => {
  const closing = createLedger({ database });
  const last = closing.append(credited());
  await closing.close();
  assert.equal((await last).result, 'stored');
  await assert.rejects(closing.append(credited()), { code: 'database_failed' });
});
