import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import sql from 'sql-template-tag';
import { ETH } from '../base/asset.ts';
import { newConnectionId, newJobId, newSessionId, newTaskId, type WorkerId } from '../base/ids.ts';
import { quiet } from '../base/log.ts';
import { createMetrics } from '../base/metrics.ts';
import { account } from '../ledger/accounts.ts';
import { balanceOf } from '../ledger/postings-store.ts';
import { createRefunds } from '../ledger/refunds.ts';
import { settleEpoch } from '../terms/settle.ts';
import type { WorkerInput } from '../terms/settle-types.ts';
import { createFacts } from '../workers/facts.ts';
import { startHistory } from '../workers/history.ts';
import { type Presence, startPresence } from '../workers/presence.ts';
import { onlineOf, poolOnline } from '../workers/presence-store.ts';
import { closeNow } from './close.ts';
import { earningsByWeek } from './earnings-history.ts';
import { openBooks } from './epochs.test-kit.ts';
import { readInput, writeSettlement } from './input-json.ts';
import { resultOf } from './store.ts';

// One pool's books with a clock of their own, and two nodes that measure.
const books = await openBooks();
const { database, clock } = books;
const facts = createFacts(books);
const refunds = createRefunds(books);
let node = startPresence({ database, clock, log: quiet });
const other = startPresence({ database, clock, log: quiet });
after(async () => {
  await node.close();
  await other.close();
  await books[Symbol.asyncDispose]();
});
const heron = await books.enrol();
const otter = await books.enrol();
const snipe = await books.enrol();
/** Long enough for percents, short enough to be looked at every few seconds. */
const WHILE = 600_000;
const LOOK = 40_000;
const PERCENT_OFFLINE = '[[penalties.rules]]\nfor = "offline"\neach = "1%"\nat-most = "50%"';

function connect(at: Presence, worker: WorkerId) {
  const connection = newConnectionId();
  at.arrived({
    ...{ connection, worker, capacity: 4, bits: 7n, distanceMs: 20 },
    software: 'tributary',
    version: '0.9.1',
  });
  return connection;
}

/** Time passes as it does in a pool: somebody looks every few seconds. */
async function pass(ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= LOOK) {
    clock.advance(Math.min(left, LOOK));
    await node.flush();
    await other.flush();
  }
}

/** Closes the open epoch and shows how it was settled. */
async function close() {
  const { number } = await closeNow({
    ...books.parts,
    async measure() {
      await node.flush();
      await other.flush();
    },
  });
  const result = await resultOf(database, number);
  assert.ok(result);
  const input = readInput(result.input);
  // What anybody makes of the published input, which is what was booked.
  const settlement = settleEpoch(await books.parts.terms.of(input.termsVersion), input);
  assert.equal(writeSettlement(settlement), result.settlement);
  return {
    number,
    of: (worker: WorkerId) => input.workers.find((one) => one.worker === worker) as WorkerInput,
    lines: (worker: WorkerId, kind: string) =>
      settlement.lines
        .filter((line) => line.worker === worker && line.kind === kind)
        .map(({ amount, evidence }) => [amount, evidence]),
  };
}

/** A result that the pool looked into and refused. */
async function rejected(worker: WorkerId): Promise<void> {
  await books.ledger.append({
    job: newJobId(clock.now()),
    attempt: 1,
    task: newTaskId(),
    worker,
    connection: newConnectionId(),
    session: newSessionId(),
    sourceDurationMs: 2_000,
    sourceBytes: 1_000,
    timings: {},
    at: clock.now(),
    verdict: 'rejected',
    reason: 'wrong_frame_count',
  });
}

test('a retainer is paid for the time there: on two nodes once, up to the end of the epoch', async () => {
  await books.publish(
    '',
    '[model]\nkind = "retainer"\nrate = "0.000001 ETH per hour"\nuptime-min = "50%"',
  );
  await facts.say(heron, { promise: '100%' });
  await facts.say(otter, { promise: '100%' });
  await close();
  const mine = connect(node, heron);
  connect(other, heron);
  const gone = connect(node, otter);
  await pass(WHILE);
  node.left(mine, 'closed');
  await pass(WHILE);
  node.left(gone, 'lost');
  await pass(4 * WHILE);
  await books.earn(10n ** 15n);

  const { of, lines } = await close();
  assert.equal(of(heron).onlineMs, BigInt(6 * WHILE));
  assert.equal(of(heron).promisedMs, BigInt(6 * WHILE));
  assert.deepEqual(lines(heron, 'retainer'), [[10n ** 12n, undefined]]);
  // Two of six are less than half of what was promised.
  assert.equal(of(otter).onlineMs, BigInt(2 * WHILE));
  assert.deepEqual(lines(otter, 'retainer'), []);
  // Nothing was promised for who was never there.
  assert.equal(of(snipe), undefined);
});

test('what a node saw before it was killed counts once, and the time until the next one is nobody’s', async () => {
  await close();
  const start = clock.now();
  await pass(WHILE);
  // Killed: it never says goodbye, and what it wrote stays. The other node sees the worker on.
  const [before] = await onlineOf(database, heron, { since: start, until: clock.now() });
  assert.ok(before);
  await other.close();
  await pass(WHILE);
  const { of } = await close();
  assert.equal(of(heron).onlineMs, BigInt(WHILE));
  assert.equal(of(heron).promisedMs, BigInt(2 * WHILE));
});

test('a pool that is down breaks nobody’s promise', async () => {
  await node.close();
  const start = clock.now();
  clock.advance(3 * WHILE);
  node = startPresence({ database, clock, log: quiet });
  connect(node, otter);
  await pass(WHILE);
  const { of } = await close();
  assert.equal(of(otter).onlineMs, BigInt(WHILE));
  assert.equal(of(otter).promisedMs, BigInt(WHILE));
  assert.equal((await poolOnline(database, { since: start + 1, until: clock.now() })).length, 1);
});

test('each multiplier finds the fact that it asks for, and names what it rests on', async () => {
  const multiplier = (name: string, when: string) =>
    `[[multipliers]]\nname = "${name}"\n${when}\nfactor = "2"\n`;
  await books.publish(
    [
      multiplier('cards', 'hardware-class = "RTX 4090"'),
      multiplier('near', 'region = "eu"'),
      multiplier('fast', 'speed-percentile = 100'),
      multiplier('old', 'member-epochs = 1'),
    ].join(''),
  );
  assert.deepEqual(await facts.say(heron, { hardware_class: 'RTX 4090', region: 'eu' }), {
    ok: true,
  });
  await facts.say(otter, { hardware_class: 'GTX 970', region: 'us' });
  assert.deepEqual(await facts.say(otter, { promise: 'always' }), {
    ok: false,
    reason: 'fact_invalid',
  });
  await books.work(heron, 1n);
  await books.earn(10n);
  await close();
  await facts.say(otter, { region: null });
  await books.work(heron, 1_000n);
  await books.earn(16_000_000n);
  const { of, lines } = await close();
  assert.deepEqual(
    [of(heron).facts.hardwareClass, of(heron).facts.region, of(otter).facts.region],
    ['RTX 4090', 'eu', undefined],
  );
  const named = lines(heron, 'multiplier').map(([, evidence]) => evidence);
  assert.equal(named.length, 4);
  assert.match(String(named[0]), /^fact-\d+$/);
  assert.match(String(named[1]), /^fact-\d+$/);
  assert.equal(lines(otter, 'multiplier').length, 0);
  assert.deepEqual(
    of(heron).evidence.map(({ kind, value }) => [kind, value]),
    [
      ['hardware_class', 'RTX 4090'],
      ['region', 'eu'],
    ],
  );
});

test('each penalty is for what was counted in its epoch', async () => {
  const rule = (what: string, free: number) =>
    `[[penalties.rules]]\nfor = "${what}"\nfree = ${free}\neach = "1%"\nat-most = "30%"\n`;
  await books.publish(
    `${rule('failed-attempts', 1)}${rule('failed-checks', 0)}${rule('offline', 10)}`,
  );
  await close();
  const start = clock.now();
  const connection = connect(node, heron);
  await facts.say(heron, { promise: '80%' });
  await pass(WHILE / 2);
  node.left(connection, 'lost');
  await pass(WHILE / 2);
  assert.equal(clock.now() - start, WHILE);
  await books.work(heron, 1_000n);
  await books.fail(heron);
  await rejected(heron);
  await rejected(heron);
  await books.earn(100_000n);
  const { number, of, lines } = await close();
  const { failedAttempts, failedChecks, onlineMs, promisedMs } = of(heron);
  assert.deepEqual([failedAttempts, failedChecks], [3n, 2n]);
  assert.deepEqual([onlineMs, promisedMs], [BigInt(WHILE / 2), BigInt((WHILE * 8) / 10)]);
  const earned = 90_000n;
  const name = (kind: string) => `epoch-${number}/${heron}/${kind}`;
  assert.deepEqual(lines(heron, 'penalty'), [
    [(-earned * 2n) / 100n, name('failed_attempts')],
    [(-earned * 2n) / 100n, name('failed_checks')],
    // Five minutes of eight: 37 full percents missed, 10 of them free.
    [(-earned * 27n) / 100n, name('offline')],
  ]);
  const next = await close();
  assert.equal(next.of(heron).failedChecks, 0n);
});

test('what a gateway takes back leaves the income, and the terms say who bears it', async () => {
  await books.publish('[refunds]\nborne-by = "worker"');
  await close();
  await books.work(heron, 1_000n);
  await books.work(otter, 1_000n);
  await books.earn(100_000n);
  const refund = {
    id: 'ref-1',
    worker: heron,
    asset: ETH,
    amount: 20_000n,
    reason: 'black frames',
  };
  const added = await refunds.add(refund);
  assert.equal(added.ok, true);
  // Again: nothing more; another one of that name: no.
  assert.equal((await refunds.add(refund)).ok, true);
  assert.deepEqual(await refunds.add({ ...refund, amount: 1n }), {
    ok: false,
    reason: 'refund_known',
  });
  assert.deepEqual(await refunds.add({ ...refund, id: 'ref-2', amount: 0n }), {
    ok: false,
    reason: 'refund_amount_invalid',
  });
  assert.deepEqual(await refunds.add({ ...refund, id: 'a b' }), {
    ok: false,
    reason: 'refund_id_invalid',
  });
  assert.equal(await balanceOf(database, account('refunds'), ETH), -20_000n);
  const { of, lines } = await close();
  assert.deepEqual(of(heron).refunds, [{ id: 'ref-1', asset: ETH, amount: 20_000n }]);
  assert.deepEqual(lines(heron, 'refund'), [[-20_000n, 'ref-1']]);
  assert.equal((await close()).of(heron).refunds, undefined);
  assert.equal((await refunds.list(heron)).length, 1);
});

test('what workers are paid by cannot be changed afterwards', async () => {
  for (const statement of [
    sql`update worker_fact set value = 'eu'`,
    sql`delete from failed_check`,
    sql`update refund set amount = 1`,
  ]) {
    await assert.rejects(database.query(statement), { code: 'database_failed' });
  }
});

test('terms with an expectation need no word of the operator', async () => {
  await books.publish(`[expectations]\nuptime = "50%"\n[penalties]\n${PERCENT_OFFLINE}`);
  await close();
  const teal = await books.enrol();
  await pass(WHILE / 2);
  connect(node, teal);
  await pass(WHILE / 2);
  await books.work(teal, 10n);
  const { of } = await close();
  assert.equal(of(teal).onlineMs, BigInt(WHILE / 2));
  // Half of the time since it first came.
  assert.equal(of(teal).promisedMs, BigInt(WHILE / 4));
});

test('the calculator rests on what statements said, and on the days that workers were there', async () => {
  clock.advance(2 * 86_400_000);
  const history = startHistory({
    ...{ database, clock, log: quiet, metrics: createMetrics() },
    planned: async () => [],
  });
  await history.addUp();
  await history.close();
  const weeks = await earningsByWeek(database, clock.now());
  const [week] = weeks.filter(({ worker }) => worker === heron);
  assert.equal(week?.gpuClass, 'RTX 4090');
  assert.ok((week?.onlineMs ?? 0) >= WHILE);
  const owed = -(await balanceOf(database, account('worker', heron), ETH));
  assert.equal(
    weeks.reduce((sum, one) => sum + (one.worker === heron ? (one.earned[ETH] ?? 0n) : 0n), 0n),
    owed,
  );
});
