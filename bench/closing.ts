import { parseArgs } from 'node:util';
import sql from 'sql-template-tag';
import { ETH } from '../src/base/asset.ts';
import { systemClock } from '../src/base/clock.ts';
import { quiet } from '../src/base/log.ts';
import type { Database } from '../src/database/database.ts';
import { openScratch } from '../src/database/scratch.ts';
import { type ClosingParts, endEpoch, settleEnded } from '../src/epochs/close.ts';
import { account } from '../src/ledger/accounts.ts';
import { openEpoch } from '../src/ledger/epoch-store.ts';
import { post } from '../src/ledger/postings-store.ts';
import { nodeHashing } from '../src/proofs/node-hashing.ts';
import { defaultTerms } from '../src/terms/terms.ts';
import { quantile, report } from './report.ts';

// Settling an epoch of so many contributions against one of ten times as many, by the same workers:
// what closing reads was added up when the contributions came in. Both sides work on rows as they
// would be, receipts and all; each is settled again and again, and rolled back but for the last time.
//
//   node bench/closing.ts                       # 10^5 against 10^6; 3 minutes
//   node bench/closing.ts --contributions 1000000   # 10^6 against 10^7; half an hour, 15 GB of disk

const WORKERS = 1_000;
const CHUNK = 20_000;
const TURNS = 9;

const { values } = parseArgs({
  options: { contributions: { type: 'string', default: '100000' } },
});
const small = Number(values.contributions);

/** Contributions with receipts, and the totals that appending them would have left. */
async function fill(database: Database, contributions: number): Promise<void> {
  await database.transact((tx) =>
    tx.query(sql`
      insert into worker (id, name)
      select translate(lpad(n::text, 10, '0'), '0189', 'abcd'), 'w' || n
      from generate_series(1, ${WORKERS}::integer) as n`),
  );
  await database.transact((tx) =>
    tx.query(sql`
      insert into worker_epoch (worker, epoch, jobs, units, source_ms, device_ms, asset, amount,
        sequence_before, last_sequence, last_receipt_hash)
      select id, 1, ${contributions / WORKERS}, ${(contributions / WORKERS) * 1000}::numeric,
        ${(contributions / WORKERS) * 2000}, 600, 'ETH', ${(contributions / WORKERS) * 10}::numeric,
        0, ${contributions / WORKERS}, sha256(id::bytea)
      from worker`),
  );
  for (let from = 0; from < contributions; from += CHUNK) {
    const to = Math.min(contributions, from + CHUNK);
    const rows = sql`
      (select n, translate(lpad((1 + n % ${WORKERS})::text, 10, '0'), '0189', 'abcd') as worker,
        lpad(to_hex(n + 1), 32, '0')::uuid as id
      from generate_series(${from}::bigint, ${to - 1}::bigint) as n) as rows`;
    await database.transact(async (tx) => {
      await tx.query(sql`
        insert into contribution (id, job, attempt, task, worker, connection, session, verdict,
          pixels, renditions, source_duration_ms, source_bytes, source_hash, at)
        select id, id, 1, n + 1, worker, 'connection', 'session', 'credited', 1000,
          '[{"name":"P720p30fps16x9","width":1280,"height":720,"frames":60,"pixels":1000}]',
          2000, 1700000, sha256(worker::bytea), now()
        from ${rows}`);
      await tx.query(sql`
        insert into receipt (worker, sequence, epoch, contribution, body)
        select worker, 1 + n / ${WORKERS}, 1, id, decode(repeat('5a', 362), 'hex')
        from ${rows}`);
    });
  }
  // What filling left to be done in the background would be part of the time.
  await database.query(sql`analyze`);
  await database.query(sql`checkpoint`);
}

/** Settles, and takes it back unless it is the last time. */
function settling(database: Database, kept: () => boolean): ClosingParts {
  const back = new Error('once more');
  return {
    database: {
      ...database,
      async transact<T>(run: Parameters<typeof database.transact<T>>[0]) {
        let value: { readonly is: T } | undefined;
        try {
          return await database.transact(async (tx) => {
            value = { is: await run(tx) };
            // The line under the income is drawn by itself before, and stays.
            const { rows } = await tx.query<{ state: string }>(
              sql`select state from epoch where number = 1`,
            );
            if (rows[0]?.state === 'closed' && !kept()) throw back;
            return value.is;
          });
        } catch (error) {
          if (error !== back || !value) throw error;
          return value.is;
        }
      },
    },
    hashing: nodeHashing,
    clock: systemClock,
    recognise: async () => {},
    terms: {
      of: async () => ({ ...defaultTerms, version: 0 }),
      file: async () => '',
      versionFor: async () => 0,
    },
  };
}

/** An epoch that has ended and is settled as often as it is asked for. */
interface Ended extends AsyncDisposable {
  /** Milliseconds of one settlement; the last one is kept. */
  settle(last: boolean): Promise<number>;
}

async function ended(contributions: number): Promise<Ended> {
  const scratch = await openScratch({ log: quiet, durable: true });
  const { database } = scratch;
  const started = performance.now();
  await fill(database, contributions);
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  process.stderr.write(`${contributions} contributions are there after ${seconds} s\n`);
  const amount = 10n ** 18n;
  await database.transact((tx) =>
    post(tx, {
      cause: 'credited:1',
      kind: 'tickets_credited',
      at: systemClock.now(),
      entries: [
        { account: account('luck'), asset: ETH, amount },
        { account: account('income'), asset: ETH, amount: -amount },
      ],
    }),
  );
  let kept = false;
  const parts = settling(database, () => kept);
  await endEpoch(parts, (await openEpoch(database)).number);
  return {
    async settle(last) {
      kept = last;
      const from = performance.now();
      await settleEnded(parts);
      const ms = performance.now() - from;
      if (last) await checkCredited(database);
      return ms;
    },
    [Symbol.asyncDispose]: () => scratch[Symbol.asyncDispose](),
  };
}

async function checkCredited(database: Database): Promise<void> {
  const { rows } = await database.query<{ count: bigint }>(sql`
    select count(*) as count from account_balance where account like 'worker:%'`);
  if (rows[0]?.count !== BigInt(WORKERS)) throw new Error('not everybody was credited');
}

await using one = await ended(small);
await using ten = await ended(small * 10);
const few: number[] = [];
const many: number[] = [];
// In turns, so that both meet the same machine. The first turn of each compiles.
for (let turn = 0; turn <= TURNS; turn++) {
  const times = [await one.settle(turn === TURNS), await ten.settle(turn === TURNS)] as const;
  if (turn === 0) continue;
  few.push(times[0]);
  many.push(times[1]);
}
report(
  ([0, 0.5] as const).map((share) => ({
    claim: `settle ${small * 10} contributions of ${WORKERS} workers, ${share ? 'median' : 'quickest'} (ms)`,
    ours: quantile(many, share),
    other: { name: 'floor', value: quantile(few, share) },
  })),
);
