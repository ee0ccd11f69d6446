import { randomBytes } from 'node:crypto';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';
import sql, { type Sql } from 'sql-template-tag';
import { FakeClock } from '../src/base/clock.ts';
import { base32 } from '../src/base/ids.ts';
import { quiet } from '../src/base/log.ts';
import type { Database } from '../src/database/database.ts';
import { openScratch } from '../src/database/scratch.ts';
import type { Transaction } from '../src/database/transaction.ts';
import { compose } from '../src/notices/compose.ts';
import { noteEvent } from '../src/notices/events-store.ts';
import { startLooking } from '../src/notices/look.ts';
import { createOutbound } from '../src/notices/outbound.ts';
import { createSeal } from '../src/notices/seal.ts';
import { startSending } from '../src/notices/sending.ts';
import { webhookSender } from '../src/notices/webhook-sender.ts';
import { defaultTerms } from '../src/terms/terms.ts';
import { report } from './report.ts';

// A pool of 10,000 workers, each with a webhook of its own, half of them by wallet: a message to all of
// them, then 3,000 that go away at once, then all those letters go out to a receiver on this machine. The
// floors write the same rows by one statement for each table, and post as many letters without a database.

const { values } = parseArgs({
  options: {
    workers: { type: 'string', default: '10000' },
    leaving: { type: 'string', default: '3000' },
  },
});
const WORKERS = Number(values.workers);
const LEAVING = Number(values.leaving);
const MINUTE_MS = 60_000;
/** As many as the pool has webhooks on their way at once. */
const POSTS_AT_ONCE = 16;

const clock = new FakeClock(Date.UTC(2026, 10, 21, 12));
const seal = createSeal(new Uint8Array(32).fill(7));
const terms = async () => ({ ...defaultTerms, version: 1, name: 'Rivermouth' });
const at = (ms: number) => sql`${new Date(ms).toISOString()}::timestamptz`;

/** A database that counts what it is asked; `take` says how often since it was asked before. */
function counting(database: Database): { database: Database; take(): number } {
  let queries = 0;
  const counted = <Q extends Pick<Database, 'query'>>(of: Q): Q => ({
    ...of,
    query: (statement: Sql, name?: string) => {
      queries += 1;
      return of.query(statement, name);
    },
  });
  return {
    database: {
      ...counted(database),
      transact: (run) => database.transact((tx) => run(counted(tx))),
    },
    take() {
      const taken = queries;
      queries = 0;
      return taken;
    },
  };
}

/** Workers that are there since an hour, each with a webhook. */
async function fill(database: Database, url: string): Promise<void> {
  const workers = Array.from({ length: WORKERS }, () => base32(randomBytes(10)).slice(0, 10));
  const channels = workers.map((_, i) => {
    const id = base32(randomBytes(10));
    const target = JSON.stringify({ type: 'webhook', url: `${url}/${i}`, secret: 'x'.repeat(52) });
    return { id, sealed: seal.seal(id, target), target: seal.hash('target', target) };
  });
  await database.transact(async (tx) => {
    await tx.query(sql`
      insert into worker (id, name, payout_address)
      select id, 'w' || row_number() over (), substring(sha256(id::bytea) for 20)
      from unnest(${workers}::text[]) as id`);
    await tx.query(sql`
      insert into notice_channel (id, owner_kind, owner, type, sealed, target, shown, kinds,
        created_at, confirmed_at)
      select id, case when n % 2 = 0 then 'worker' else 'address' end,
        case when n % 2 = 0 then worker
          else '0x' || encode(substring(sha256(worker::bytea) for 20), 'hex') end,
        'webhook', sealed, target, 'host', array['message', 'worker_offline', 'worker_back'],
        ${at(clock.now())}, ${at(clock.now())}
      from unnest(
        ${workers}::text[], ${channels.map(({ id }) => id)}::text[],
        ${channels.map(({ sealed }) => sealed)}::bytea[],
        ${channels.map(({ target }) => target)}::bytea[]
      ) with ordinality as rows (worker, id, sealed, target, n)`);
    const [since, until] = [at(clock.now() - 60 * MINUTE_MS), at(clock.now())];
    await tx.query(sql`
      insert into worker_online (connection, part, worker, since, until)
      select id, 1, id, ${since}, ${until} from worker`);
    await tx.query(sql`
      insert into pool_online (node, part, since, until) values ('node', 1, ${since}, ${until})`);
  });
  await database.query(sql`analyze`);
}

/** Time goes on; of the workers only some are there still. */
async function split(database: Database): Promise<void> {
  clock.advance(10 * MINUTE_MS);
  const until = at(clock.now());
  await database.query(sql`update pool_online set until = ${until}`);
  await database.query(sql`
    update worker_online set until = ${until}
    where worker in (select id from worker order by id offset ${LEAVING})`);
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const from = performance.now();
  await run();
  return performance.now() - from;
}

/** Milliseconds that writing takes which is rolled back. */
function floorOf(database: Database, write: (tx: Transaction) => Promise<unknown>) {
  const back = new Error('rolled back');
  const wrote = async (tx: Transaction) => {
    await write(tx);
    throw back;
  };
  return timed(() =>
    database.transact(wrote).catch((error: unknown) => {
      if (error !== back) throw error;
    }),
  );
}

const bareLetters = (tx: Transaction, count: number) =>
  tx.query(sql`
    insert into notice_delivery (id, channel, target, notices, created_at, next_at)
    select gen_random_uuid(), id, target, array[1], now(), now() from notice_channel limit ${count}`);

async function bareSplit(tx: Transaction): Promise<void> {
  await tx.query(sql`
    insert into notice_event (key, source, worker, at)
    select 'bare' || id, 'offline', id, now() from worker limit ${LEAVING}`);
  await tx.query(sql`
    insert into notice (kind, worker, open, at, since, title, text, affected)
    select 'worker_offline', id, false, now(), now(), 'It is offline', repeat('x', 200), 'it'
    from worker limit ${LEAVING}`);
  await bareLetters(tx, LEAVING);
}

function barePost(url: string): Promise<void> {
  const body = 'x'.repeat(1_000);
  return new Promise((resolve, reject) => {
    const headers = { 'content-length': body.length };
    const posting = request(url, { method: 'POST', agent: false, headers });
    posting.on('response', (response) => response.resume().on('end', resolve));
    posting.on('error', reject);
    posting.end(body);
  });
}

async function barePosts(url: string, count: number): Promise<void> {
  let left = count;
  const one = async () => {
    while (left-- > 0) await barePost(url);
  };
  await Promise.all(Array.from({ length: POSTS_AT_ONCE }, one));
}

await using scratch = await openScratch({ log: quiet, durable: true });
const receiver = createServer((asked, response) => {
  asked.resume().on('end', () => response.writeHead(204).end());
});
await new Promise<void>((resolve) => {
  receiver.listen(0, '127.0.0.1', resolve);
});
const host = `127.0.0.1:${(receiver.address() as AddressInfo).port}`;
await fill(scratch.database, `http://${host}`);
const { database, take } = counting(scratch.database);
let memory = process.memoryUsage().rss;
const memoryBefore = memory;
const sampling = setInterval(() => {
  memory = Math.max(memory, process.memoryUsage().rss);
}, 20);

const composing = { database, log: quiet, terms, currentTerms: terms };
async function composeAll(): Promise<void> {
  while ((await compose(composing, clock.now())).looked > 0);
}

await noteEvent(database, {
  ...{ key: 'message:1', at: clock.now() },
  facts: { source: 'message', title: 'New disks', text: 'Tonight, for an hour.' },
});
take();
const announceMs = await timed(composeAll);
const announceQueries = take();
const announceFloor = await floorOf(scratch.database, (tx) => bareLetters(tx, WORKERS));

await split(scratch.database);
const looking = startLooking({
  ...{ database, clock, log: quiet, offlineAfterMs: 3 * MINUTE_MS, everyMs: 1e9 },
  ...{ quarantined: () => [], alarms: () => [], looked() {} },
});
take();
const splitMs = await timed(async () => {
  await looking.look();
  await composeAll();
});
const splitQueries = take();
const quietMs = await timed(() => looking.look());
await looking.close();
const splitFloor = await floorOf(scratch.database, bareSplit);

const sending = startSending({
  ...{ database, clock, log: quiet, seal, pool: async () => 'Rivermouth', link: () => undefined },
  senders: {
    webhook: webhookSender({ outbound: createOutbound({ allowPrivate: [host] }), clock }),
  },
  ...{ pollMs: 1e9, chance: () => 0.5, attempted() {} },
});
take();
const sendMs = await timed(async () => {
  sending.wake();
  await sending.idle();
});
const sendQueries = take();
await sending.close();
const sendFloor = await timed(() => barePosts(`http://${host}/`, WORKERS));
clearInterval(sampling);
receiver.closeAllConnections();
receiver.close();

const floor = (value: number) => ({ other: { name: 'floor', value } as const });
report([
  {
    claim: `a message to ${WORKERS} people becomes letters (ms)`,
    ours: announceMs,
    ...floor(announceFloor),
  },
  { claim: 'queries for that', ours: announceQueries },
  {
    claim: `${LEAVING} workers that go at once become notices and letters (ms)`,
    ours: splitMs,
    ...floor(splitFloor),
  },
  { claim: 'queries for that', ours: splitQueries },
  { claim: `a look at ${WORKERS} workers when nothing happens (ms)`, ours: quietMs },
  { claim: `sending ${WORKERS} letters (ms)`, ours: sendMs, ...floor(sendFloor) },
  { claim: 'queries for each', ours: sendQueries / WORKERS },
  { claim: 'memory on top (MiB)', ours: (memory - memoryBefore) / 2 ** 20 },
]);
