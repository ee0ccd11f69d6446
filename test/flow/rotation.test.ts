import assert from 'node:assert/strict';
import { after, beforeEach, type TestContext, test } from 'node:test';
import { createTestServer } from '../byte-server.ts';
import { eventually } from '../eventually.ts';
import { stampedSource } from '../fixtures/renditions.ts';
import { startOwnWorker } from '../own-worker.ts';
import { allWorkersGone, totalsOf, workerFigures } from '../pool-figures.ts';
import { type Enrolment, startTestPool } from '../start-pool.ts';
import { goodAnswer, joinStock } from '../start-pool-with-worker.ts';
import { startStockGateway } from '../stock-gateway.ts';

const pool = await startTestPool({ after });
const gateway = startStockGateway(pool.port);
after(() => gateway.close());
beforeEach(() => allWorkersGone(pool));

/** Sends segments without end, one after the other, each lane in a session of its own. */
function startLoad(t: TestContext, lanes: number) {
  const counts = { done: 0, failed: 0 };
  let running = true;
  const work = Array.from({ length: lanes }, async () => {
    const info = await gateway.session();
    while (running) {
      const reply = await gateway.submit(info, await stampedSource(), {
        durationMs: 20_000,
      });
      const done = reply.result?.result.kind === 'done';
      counts[done ? 'done' : 'failed'] += 1;
    }
    await gateway.endSession(info.authToken);
  });
  const stop = async () => {
    running = false;
    await Promise.all(work);
  };
  t.after(stop);
  return {
    counts,
    stop,
    /** Resolves when so many more segments were done. */
    more: async (segments: number) => {
      const until = counts.done + segments;
      await eventually(`${segments} more segments`, () => counts.done >= until);
    },
  };
}

const rotate = (id: string) => pool.admin<Enrolment>('POST', `/api/v1/workers/${id}/rotate`);

test('rotation under load disconnects nobody, and both secrets work', async (t) => {
  const enrolment = await pool.enrol();
  const old = await joinStock(t, pool, { enrolment });
  let ended = false;
  void old.transcoder.ended.then(() => {
    ended = true;
  });
  const load = startLoad(t, 2);
  await load.more(3);
  const fresh = await rotate(enrolment.id);
  assert.notEqual(fresh.credential, enrolment.credential);
  assert.equal(fresh.id, enrolment.id);
  const next = await joinStock(t, pool, {
    enrolment: { ...enrolment, credential: fresh.credential },
  });
  await load.more(10);
  assert.equal(ended, false);
  assert.equal((await workerFigures(pool, enrolment.id)).connections, 2);
  const late = await joinStock(t, pool, { enrolment });
  assert.equal((await workerFigures(pool, enrolment.id)).connections, 3);

  await load.more(10);
  await load.stop();
  // Another rotation retires the first secret: who came with it could not hand in results.
  const third = await rotate(enrolment.id);
  for (const { transcoder } of [old, late]) assert.equal((await transcoder.ended).code, '0');
  assert.equal(load.counts.failed, 0);
  assert.equal((await totalsOf(pool, enrolment.id)).segments, load.counts.done);
  assert.equal((await workerFigures(pool, enrolment.id)).connections, 1, 'the second one stays');
  next.transcoder.kill();
  await allWorkersGone(pool);
  await joinStock(t, pool, { enrolment: { ...enrolment, credential: third.credential } });
});

test('a task is answered with either secret of its worker', async (t) => {
  const enrolment = await pool.enrol();
  const held = await joinStock(t, pool, {
    enrolment,
    answer: async () => ({ kind: 'silence' }),
  });
  const replying = gateway.submit(await gateway.session(), await stampedSource(), {
    durationMs: 60_000,
  });
  await eventually('it has the source', () => held.transcoder.downloads.length === 1);
  const { credential } = await rotate(enrolment.id);
  const [task] = held.transcoder.tasks;
  assert.ok(task);
  const answer = await goodAnswer(task);
  assert.ok(answer.kind === 'renditions');
  assert.equal((await held.transcoder.post(task.taskId, answer, credential)).status, 200);
  assert.equal((await replying).result?.result.kind, 'done');
});

test('revocation under load cuts that worker first of all, and nobody else', async (t) => {
  const revoked = await joinStock(t, pool);
  const others = [await joinStock(t, pool), await joinStock(t, pool)];
  const gone: string[] = [];
  for (const { transcoder, enrolment } of [revoked, ...others]) {
    void transcoder.ended.then(() => gone.push(enrolment.id));
  }
  const load = startLoad(t, 4);
  await load.more(10);
  const tasksBefore = () => revoked.transcoder.tasks.length;
  await pool.admin('POST', `/api/v1/workers/${revoked.enrolment.id}/revoke`);
  await revoked.transcoder.ended;
  const tasks = tasksBefore();
  await load.more(20);
  await load.stop();
  assert.deepEqual(gone, [revoked.enrolment.id]);
  assert.equal(revoked.transcoder.tasks.length, tasks);
  // What it had handed in before may still have been on its way into the database.
  assert.ok((await totalsOf(pool, revoked.enrolment.id)).segments <= tasks);
  assert.equal(load.counts.failed, 0, 'its segments went to the others');
});

test('what a revoked worker still answers is refused', async (t) => {
  const revoked = await joinStock(t, pool, { answer: async () => ({ kind: 'silence' }) });
  const replying = gateway.submit(await gateway.session(), await stampedSource(), {
    durationMs: 60_000,
  });
  await eventually('it has the source', () => revoked.transcoder.downloads.length === 1);
  const steady = await joinStock(t, pool);
  await pool.admin('POST', `/api/v1/workers/${revoked.enrolment.id}/revoke`);
  const [task] = revoked.transcoder.tasks;
  assert.ok(task);
  const answer = await goodAnswer(task);
  assert.ok(answer.kind === 'renditions');
  assert.deepEqual(await revoked.transcoder.post(task.taskId, answer), {
    status: 401,
    text: 'Unauthorized',
  });
  assert.equal((await replying).result?.result.kind, 'done');
  assert.equal(steady.transcoder.tasks.length, 1);
  assert.equal((await totalsOf(pool, revoked.enrolment.id)).segments, 0);
  assert.equal((await gateway.download(task.url)).status, 404, 'nor may it read the source');
});

test('our worker works with a rotated credential, and ends when it is revoked', async (t) => {
  const enrolment = await pool.enrol();
  const { join } = await rotate(enrolment.id);
  const worker = await startOwnWorker(t, join);
  await worker.ready;
  const reply = await gateway.submit(await gateway.session(), await stampedSource());
  assert.equal(reply.result?.result.kind, 'done');
  assert.equal(worker.requests.length, 1);
  await pool.admin('POST', `/api/v1/workers/${enrolment.id}/revoke`);
  await assert.rejects(worker.ended, { code: 'credential_invalid' });
});

test('our worker never shows its credential to a stranger', async (t) => {
  const stranger = await createTestServer(t);
  const { join } = await pool.enrol();
  const worker = await startOwnWorker(t, join.replace(/:\d+\//, `:${stranger.port}/`));
  await assert.rejects(worker.ready, { code: 'certificate_pin_mismatch' });
  assert.equal(stranger.connections, 1);
  assert.equal(stranger.bytesDecrypted, 0, 'not a byte after the handshake');
});
