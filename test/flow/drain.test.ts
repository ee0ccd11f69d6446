import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { eventually } from '../eventually.ts';
import { stampedSource } from '../fixtures/renditions.ts';
import { startOwnWorker } from '../own-worker.ts';
import { allWorkersGone, totalsOf, workerFigures } from '../pool-figures.ts';
import { startPoolProcess } from '../pool-process.ts';
import { startTestPool } from '../start-pool.ts';
import { goodAnswer, joinStock } from '../start-pool-with-worker.ts';
import { startStockGateway } from '../stock-gateway.ts';

const pool = await startTestPool({ after });
const gateway = startStockGateway(pool.port);
after(() => gateway.close());
beforeEach(() => allWorkersGone(pool));

const order = (id: string, word: 'pause' | 'resume' | 'drain') =>
  pool.admin('POST', `/api/v1/workers/${id}/${word}`);
const submit = async (info?: Awaited<ReturnType<typeof gateway.session>>) =>
  gateway.submit(info ?? (await gateway.session()), await stampedSource(), {
    durationMs: 20_000,
  });

test('a paused worker stays connected, gets nothing, and works again when resumed', async (t) => {
  const paused = await joinStock(t, pool);
  const info = await gateway.session();
  assert.equal((await submit(info)).result?.result.kind, 'done');
  const other = await joinStock(t, pool);
  await order(paused.enrolment.id, 'pause');
  for (let i = 0; i < 5; i++) assert.equal((await submit(info)).result?.result.kind, 'done');
  assert.equal(paused.transcoder.tasks.length, 1, 'not even its own session goes on there');
  assert.equal(other.transcoder.tasks.length, 5);
  assert.equal((await workerFigures(pool, paused.enrolment.id)).connections, 1);

  await order(other.enrolment.id, 'pause');
  const full = await gateway.getOrchestrator();
  assert.equal(full.ok, true, 'a stream that runs may renew its session');
  await order(paused.enrolment.id, 'resume');
  assert.equal((await submit()).result?.result.kind, 'done');
  assert.equal(paused.transcoder.tasks.length, 2);
});

test('a worker that is paused while it works may finish', async (t) => {
  const gate = Promise.withResolvers<void>();
  const { transcoder, enrolment } = await joinStock(t, pool, {
    async answer(task) {
      await gate.promise;
      return goodAnswer(task);
    },
  });
  const replying = submit();
  await eventually('it works', () => transcoder.downloads.length === 1);
  await order(enrolment.id, 'pause');
  gate.resolve();
  assert.equal((await replying).result?.result.kind, 'done');
  assert.equal((await totalsOf(pool, enrolment.id)).segments, 1);
});

test('a draining worker keeps no session when another can have it', async (t) => {
  const draining = await joinStock(t, pool);
  const info = await gateway.session();
  assert.equal((await submit(info)).result?.result.kind, 'done');
  await order(draining.enrolment.id, 'drain');
  assert.equal((await submit(info)).result?.result.kind, 'done');
  assert.equal(draining.transcoder.tasks.length, 2, 'nobody else is there: the stream goes on');

  const other = await joinStock(t, pool);
  assert.equal((await submit(info)).result?.result.kind, 'done');
  assert.equal(other.transcoder.tasks.length, 1);
  await eventually('the session moved', () => draining.transcoder.teardowns.length === 1);
  await order(draining.enrolment.id, 'resume');
});

test('a worker of ours that leaves says goodbye, and its segment still counts', async (t) => {
  const gate = Promise.withResolvers<void>();
  const { id, join: joinString } = await pool.enrol();
  const worker = await startOwnWorker(t, joinString, { before: () => gate.promise });
  await worker.ready;
  const replying = submit();
  await eventually('it works', () => worker.requests.length === 1);
  const drained = worker.drain();
  await eventually(
    'it is off the list',
    async () => (await workerFigures(pool, id)).connections === 0,
  );
  gate.resolve();
  await drained;
  assert.equal((await replying).result?.result.kind, 'done');
  assert.equal((await totalsOf(pool, id)).segments, 1);
});

test('SIGTERM lets the running segment finish, refuses new ones, and ends with 0', async (t) => {
  const child = await startPoolProcess(t);
  const front = startStockGateway(child.port);
  t.after(() => front.close());
  const gate = Promise.withResolvers<void>();
  const { transcoder } = await joinStock(t, child, {
    async answer(task) {
      await gate.promise;
      return goodAnswer(task);
    },
  });
  const info = await front.session();
  const replying = front.submit(info, await stampedSource(), { durationMs: 20_000 });
  await eventually('it works', () => transcoder.downloads.length === 1);

  child.process.child.kill('SIGTERM');
  await eventually('it is draining', async () => {
    const ready = await fetch(new URL('/readyz', child.adminUrl));
    return ready.status === 503;
  });
  const fresh = await front.getOrchestrator();
  assert.ok(fresh.ok, 'a stream that runs may renew its session');
  const refused = await front.submit(fresh.message, await stampedSource(), {
    manifestId: Buffer.from('another stream'),
  });
  assert.deepEqual([refused.status, refused.text], [403, 'OrchestratorCapped']);
  gate.resolve();
  assert.equal((await replying).result?.result.kind, 'done');
  const end = await transcoder.ended;
  assert.equal(end.code, '0');
  assert.notEqual(end.rstCode, 8);
  assert.equal(await child.process.exited, 0, child.process.printed.err);
  await assert.rejects(readFile(join(child.dataDir, 'database', 'postmaster.pid')));
});

test('a second signal ends the pool without waiting', async (t) => {
  const child = await startPoolProcess(t);
  const front = startStockGateway(child.port);
  t.after(() => front.close());
  const { transcoder } = await joinStock(t, child, { answer: async () => ({ kind: 'silence' }) });
  const cut = front
    .submit(await front.session(), await stampedSource(), { durationMs: 60_000 })
    .then(
      () => 'answered',
      () => 'cut',
    );
  await eventually('it works', () => transcoder.downloads.length === 1);
  child.process.child.kill('SIGTERM');
  await eventually('it is draining', async () => {
    const ready = await fetch(new URL('/readyz', child.adminUrl));
    return ready.status === 503;
  });
  child.process.child.kill('SIGTERM');
  assert.equal(await child.process.exited, 0, child.process.printed.err);
  const end = await transcoder.ended;
  assert.notEqual(end.rstCode, 8);
  assert.ok(['answered', 'cut'].includes(await cut));
});

test('--local-worker serves a segment by itself', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'tributary-local-'));
  t.after(() => rm(folder, { recursive: true }));
  const config = join(folder, 'pool.toml');
  // A file of the pool's, at the place that its worker would look at, too.
  await writeFile(config, 'local-worker = true\nmax-sessions = 5\n');
  const child = await startPoolProcess(t, [], undefined, { TRIBUTARY_CONFIG: config });
  const front = startStockGateway(child.port);
  t.after(() => front.close());
  await eventually(
    'the local worker is in',
    async () => {
      const workers = await child.admin<{ name: string; connections: number }[]>(
        'GET',
        '/api/v1/workers',
      );
      return workers.some(({ name, connections }) => name === 'local' && connections === 1);
    },
    60_000,
  );
  const reply = await front.submit(await front.session(), await stampedSource(), {
    durationMs: 60_000,
  });
  assert.ok(reply.result?.result.kind === 'done');
  assert.equal(reply.result.result.renditions[0]?.pixels, 426n * 240n * 60n);
  await child.admin('POST', '/api/v1/workers/local/revoke');
  await eventually('it is left alone', () =>
    child.process.printed.err.includes('local_worker_revoked'),
  );
  await child.drain();
  assert.equal(child.process.child.exitCode, 0);
  assert.doesNotMatch(child.process.printed.out + child.process.printed.err, /trib_/);
});
