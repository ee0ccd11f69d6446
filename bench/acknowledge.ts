import { randomBytes } from 'node:crypto';
import sql, { type Sql } from 'sql-template-tag';
import { systemClock } from '../src/base/clock.ts';
import {
  newConnectionId,
  newJobId,
  newSessionId,
  newTaskId,
  newWorkerId,
  type WorkerId,
} from '../src/base/ids.ts';
import { pixels } from '../src/base/money.ts';
import type { Database } from '../src/database/database.ts';
import { openScratch } from '../src/database/scratch.ts';
import type { Transaction } from '../src/database/transaction.ts';
import { type CreditedContribution, newContributionId } from '../src/ledger/contribution.ts';
import { createLedger, type Ledger } from '../src/ledger/ledger.ts';
import { appendContributions } from '../src/ledger/store.ts';

// Durable contributions a second against PostgreSQL's own ceiling: the same rows, already encoded,
// in batches of 1,000 on one connection, each committed. And the wait of one at 2,000 a second.

const ROWS = 20_000;
const BATCH = 1_000;
/** Callers that wait at once: enough to fill batches, as 2,000 workers are. */
const WAITING = 2_000;
const PACED_PER_SECOND = 2_000;
const PACED_SECONDS = 3;

const worker = newWorkerId();

function contribution(): CreditedContribution {
  const sizes = [
    [1280, 720],
    [854, 480],
    [640, 360],
    [426, 240],
  ] as const;
  const profiles = sizes.map(([width, height]) => ({
    name: `P${height}p30fps16x9`,
    width,
    height,
    frames: 60,
    pixels: pixels(BigInt(width * height * 60)),
    bytes: 400_000,
    hash: randomBytes(32),
  }));
  return {
    job: newJobId(systemClock.now()),
    attempt: 1,
    task: newTaskId(),
    worker: worker as WorkerId,
    connection: newConnectionId(),
    session: newSessionId(),
    manifestHash: randomBytes(32),
    sourceDurationMs: 2_000,
    sourceBytes: 1_700_000,
    sourceHash: randomBytes(32),
    timings: { queuedMs: 1, fetchedMs: 40, transcodedMs: 600, uploadedMs: 700, verifiedMs: 720 },
    at: systemClock.now(),
    verdict: 'credited',
    profiles,
    pixels: pixels(profiles.reduce((sum, profile) => sum + profile.pixels, 0n)),
  };
}

async function ceiling(database: Database): Promise<number> {
  const batches: Sql[] = [];
  const recorder: Transaction = {
    open: true,
    async query(statement) {
      batches.push(statement);
      return { rows: [], count: 0 };
    },
  };
  for (let row = 0; row < ROWS; row += BATCH) {
    const entries = Array.from({ length: BATCH }, () => ({
      id: newContributionId(systemClock.now()),
      contribution: contribution(),
    }));
    await appendContributions(recorder, entries);
  }
  const started = performance.now();
  for (const statement of batches) {
    await database.transact((tx) => tx.query(statement, 'append_contributions'));
  }
  return ROWS / ((performance.now() - started) / 1000);
}

async function appended(ledger: Ledger): Promise<number> {
  const rows = Array.from({ length: ROWS }, contribution);
  const started = performance.now();
  let next = 0;
  const caller = async () => {
    for (let row = rows[next++]; row; row = rows[next++]) await ledger.append(row);
  };
  await Promise.all(Array.from({ length: WAITING }, caller));
  return ROWS / ((performance.now() - started) / 1000);
}

/** Milliseconds that one of 2,000 a second waits, sorted. */
async function paced(ledger: Ledger): Promise<number[]> {
  const total = PACED_PER_SECOND * PACED_SECONDS;
  const rows = Array.from({ length: total }, contribution);
  const waits: number[] = [];
  const all: Promise<void>[] = [];
  const started = performance.now();
  while (all.length < total) {
    const due = ((performance.now() - started) / 1000) * PACED_PER_SECOND;
    while (all.length < due && all.length < total) {
      const row = rows[all.length] as CreditedContribution;
      const from = performance.now();
      all.push(ledger.append(row).then(() => void waits.push(performance.now() - from)));
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Promise.all(all);
  return waits.sort((a, b) => a - b);
}

await using scratch = await openScratch();
const { database } = scratch;
await database.transact((tx) =>
  tx.query(sql`insert into worker (id, name) values (${worker}, 'bench')`),
);
const ledger = createLedger({ database });
await appended(ledger); // Warm: code compiled, log files made.
// Taken in turns, so that both meet the same machine; the best turn of each, since others of this
// machine can only take from it.
const floors: number[] = [];
const ours: number[] = [];
const waits: number[][] = [];
for (let turn = 0; turn < 3; turn++) {
  floors.push(await ceiling(database));
  ours.push(await appended(ledger));
  waits.push(await paced(ledger));
}
const floor = Math.max(...floors);
const rate = Math.max(...ours);
const wait = (share: number) =>
  Math.min(...waits.map((sorted) => sorted[Math.floor((sorted.length - 1) * share)] as number));
const paceName = `ms until durable at ${PACED_PER_SECOND}/s`;
console.log('claim, ours, floor, ratio');
console.log(
  `durable contributions per second, ${rate.toFixed(0)}, ${floor.toFixed(0)}, ${(rate / floor).toFixed(2)}`,
);
console.log(`${paceName} p50, ${wait(0.5).toFixed(1)}, 10, ${(wait(0.5) / 10).toFixed(2)}`);
console.log(`${paceName} p99, ${wait(0.99).toFixed(1)}, 10, ${(wait(0.99) / 10).toFixed(2)}`);
