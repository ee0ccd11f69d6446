import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { NotifySegment } from '../../src/protocol/gen/lp_rpc_pb.ts';
import { eventually } from '../eventually.ts';
import { stampedSource } from '../fixtures/renditions.ts';
import { totalsOf, workerFigures } from '../pool-figures.ts';
import { startTestPool, type TestPool } from '../start-pool.ts';
import { goodAnswer, joinStock } from '../start-pool-with-worker.ts';
import { startStockGateway } from '../stock-gateway.ts';
import type { StreamEnd, TaskAnswer } from '../stock-transcoder.ts';
import { startTcpProxy } from '../tcp-proxy.ts';
import { createTravellingClock } from '../travelling-clock.ts';

/** After these a stock transcoder registers again: all but CANCEL and the two fatal texts. */
function assertComesBack(end: StreamEnd): void {
  assert.notEqual(end.rstCode, 8, 'RST_STREAM CANCEL stops a stock transcoder for good');
  assert.notEqual(end.code, '1', 'so does the status CANCELLED');
  assert.doesNotMatch(end.message, /invalid secret|zero capacity/);
}

async function startBoth(t: TestContext) {
  const clock = createTravellingClock();
  const pool = await startTestPool(t, [], { clock });
  const gateway = startStockGateway(pool.port);
  t.after(() => gateway.close());
  return { clock, pool, gateway };
}

/** Joins a transcoder that answers when its gate opens. */
async function joinGated(t: TestContext, pool: TestPool) {
  const gate = Promise.withResolvers<void>();
  const joined = await joinStock(t, pool, {
    async answer(task) {
      await gate.promise;
      return goodAnswer(task);
    },
  });
  return { ...joined, open: () => gate.resolve() };
}

test('a revoked worker is cut, and nobody else', async (t) => {
  const { pool, gateway } = await startBoth(t);
  const revoked = await joinStock(t, pool);
  const second = await joinStock(t, pool, { enrolment: revoked.enrolment });
  const other = await joinStock(t, pool);
  let others = 'connected';
  void other.transcoder.ended.then(() => {
    others = 'gone';
  });
  await pool.admin('POST', `/api/v1/workers/${revoked.enrolment.id}/revoke`);
  for (const end of [await revoked.transcoder.ended, await second.transcoder.ended]) {
    assert.equal(end.code, '0');
    assertComesBack(end);
  }
  const reply = await gateway.submit(await gateway.session(), await stampedSource());
  assert.equal(reply.result?.result.kind, 'done');
  assert.equal(others, 'connected');
  const again = await joinAgain(pool, revoked.enrolment.credential);
  assert.equal(again.message, 'invalid secret', 'it is told to stay away when it comes back');
});

async function joinAgain(pool: TestPool, credential: string): Promise<StreamEnd> {
  const { startStockTranscoder } = await import('../stock-transcoder.ts');
  const transcoder = startStockTranscoder({ port: pool.port, credential, answer: goodAnswer });
  const end = await transcoder.ended;
  transcoder.kill();
  return end;
}

test('a draining pool finishes its segments, then lets its workers go to come back later', async (t) => {
  const { pool, gateway } = await startBoth(t);
  const working = await joinGated(t, pool);
  const idle = await joinStock(t, pool);
  await pool.admin('POST', `/api/v1/workers/${idle.enrolment.id}/pause`);
  const info = await gateway.session();
  const replying = gateway.submit(info, await stampedSource(), { durationMs: 60_000 });
  await eventually('it works', () => working.transcoder.tasks.length === 1);

  const drained = pool.drain();
  const late = await gateway.getOrchestrator();
  assert.ok(late.ok, 'a stream that runs may renew its session');
  const stranger = await gateway.submit(await fresh(gateway), await stampedSource());
  assert.deepEqual([stranger.status, stranger.text], [403, 'OrchestratorCapped']);
  const refused = await joinAgain(pool, idle.enrolment.credential);
  assert.equal(refused.code, '14');

  working.open();
  const reply = await replying;
  assert.ok(reply.result?.result.kind === 'done');
  for (const { transcoder } of [working, idle]) {
    const end = await transcoder.ended;
    assert.equal(end.code, '0');
    assertComesBack(end);
  }
  await drained;
});

async function fresh(gateway: ReturnType<typeof startStockGateway>) {
  const reply = await gateway.getOrchestrator();
  assert.ok(reply.ok);
  return reply.message;
}

test('a pool that stops at once says nothing that stops a stock transcoder for good', async (t) => {
  const { pool } = await startBoth(t);
  const { transcoder } = await joinStock(t, pool);
  await pool.stop();
  assertComesBack(await transcoder.ended);
});

test('a silent network is noticed by ping, and costs the gateway nothing', async (t) => {
  const { pool, gateway, clock } = await startBoth(t);
  const proxy = await startTcpProxy(t, pool.port);
  let fetched = 0;
  const hole = await joinStock(t, pool, {
    port: proxy.port,
    async answer(): Promise<TaskAnswer> {
      fetched += 1;
      return { kind: 'silence' };
    },
  });
  const replying = gateway.submit(await gateway.session(), await stampedSource(), {
    durationMs: 60_000,
  });
  await eventually('it has the source', () => fetched === 1);
  proxy.hold();
  const steady = await joinStock(t, pool);

  clock.leap(5_000);
  await eventually('the others were asked', () => steady.transcoder.pings > 0);
  await steady.transcoder.roundTrip();
  clock.leap(5_000);
  assert.equal((await replying).result?.result.kind, 'done');
  assert.equal(steady.transcoder.tasks.length, 1);
  await eventually(
    'the silent one is off the list',
    async () => (await workerFigures(pool, hole.enrolment.id)).connections === 0,
  );
  await eventually(
    'its attempt is on record',
    async () => (await totalsOf(pool, hole.enrolment.id)).failedAttempts === 1,
  );
  assert.equal((await workerFigures(pool, steady.enrolment.id)).connections, 1);
  proxy.pass();
  assertComesBack(await hole.transcoder.ended);
});

test('SIGTERM, SIGKILL and a cut line of a worker all cost one retry', async (t) => {
  const { pool, gateway } = await startBoth(t);
  const proxy = await startTcpProxy(t, pool.port);
  const ways: [string, (transcoder: { stop(): void; kill(): void }) => void][] = [
    ['SIGTERM', (transcoder) => transcoder.stop()],
    ['SIGKILL', (transcoder) => transcoder.kill()],
    ['RST', () => proxy.cut()],
  ];
  for (const [name, leave] of ways) {
    const leaving = await joinStock(t, pool, {
      port: name === 'RST' ? proxy.port : pool.port,
      answer: async () => ({ kind: 'silence' }),
    });
    const replying = gateway.submit(await gateway.session(), await stampedSource(), {
      durationMs: 60_000,
    });
    await eventually('it has the source', () => leaving.transcoder.downloads.length === 1);
    const steady = await joinStock(t, pool);
    leave(leaving.transcoder);
    assert.equal((await replying).result?.result.kind, 'done', name);
    assert.equal(steady.transcoder.tasks.length, 1);
    await eventually(
      'the attempt is on record',
      async () => (await totalsOf(pool, leaving.enrolment.id)).failedAttempts === 1,
    );
    steady.transcoder.kill();
    await eventually(
      'both are gone',
      async () => (await workerFigures(pool, steady.enrolment.id)).connections === 0,
    );
  }
});

test('an answer that was under way when its stream ended still counts', async (t) => {
  const { pool, gateway } = await startBoth(t);
  const leaving = await joinStock(t, pool, { answer: async () => ({ kind: 'silence' }) });
  const replying = gateway.submit(await gateway.session(), await stampedSource(), {
    durationMs: 60_000,
  });
  await eventually('it has the source', () => leaving.transcoder.downloads.length === 1);
  // The pool notices the loss, and nobody else is there: it waits for a short while.
  const task = leaving.transcoder.tasks[0] as NotifySegment;
  const answer = await goodAnswer(task);
  leaving.transcoder.hangUp();
  await eventually(
    'the pool lost it',
    async () => (await workerFigures(pool, leaving.enrolment.id)).connections === 0,
  );
  assert.ok(answer.kind === 'renditions');
  assert.equal((await leaving.transcoder.post(task.taskId, answer)).status, 200);
  assert.equal((await replying).result?.result.kind, 'done');
  assert.equal((await totalsOf(pool, leaving.enrolment.id)).segments, 1);
});
