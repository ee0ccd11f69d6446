import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../eventually.ts';
import { stampedRenditions, stampedSource } from '../fixtures/renditions.ts';
import { startOwnWorker } from '../own-worker.ts';
import { totalsOf, workerFigures } from '../pool-figures.ts';
import { startTestPool } from '../start-pool.ts';
import { goodAnswer, joinStock } from '../start-pool-with-worker.ts';
import { startStockGateway } from '../stock-gateway.ts';

test('a pool restarts in the middle of a stream: workers come back, the token goes on', async (t) => {
  await stampedRenditions(['P240p30fps16x9']);
  const pool = await startTestPool(t);
  const gateway = startStockGateway(pool.port);
  t.after(() => gateway.close());
  const first = await pool.enrol();
  const second = await pool.enrol();
  const workers = [await startOwnWorker(t, first.join), await startOwnWorker(t, second.join)];
  await Promise.all(workers.map(({ ready }) => ready));
  const info = await gateway.session();
  assert.equal((await gateway.submit(info, await stampedSource())).result?.result.kind, 'done');
  const before = await Promise.all([totalsOf(pool, first.id), totalsOf(pool, second.id)]);
  assert.equal(
    before.reduce((sum, { segments }) => sum + segments, 0),
    1,
  );

  await pool.restart();
  await Promise.all(workers.map(({ until }) => until(({ link }) => link.state === 'connected')));
  for (const { id } of [first, second]) {
    await eventually('it is back', async () => (await workerFigures(pool, id)).connections === 1);
  }
  // The gateway notices nothing but a lost connection: same session, same token, next number.
  const next = await gateway.submit(info, await stampedSource());
  assert.equal(next.result?.result.kind, 'done');
  const after = await Promise.all([totalsOf(pool, first.id), totalsOf(pool, second.id)]);
  assert.equal(
    after.reduce((sum, { segments }) => sum + segments, 0),
    2,
  );
});

test('a result of before the restart is refused by its task id', async (t) => {
  const pool = await startTestPool(t);
  const gateway = startStockGateway(pool.port);
  t.after(() => gateway.close());
  const { transcoder, enrolment } = await joinStock(t, pool, {
    answer: async () => ({ kind: 'silence' }),
  });
  const info = await gateway.session();
  const lost = gateway.submit(info, await stampedSource(), { durationMs: 60_000 }).then(
    ({ result }) => result?.result.kind,
    () => 'cut',
  );
  await eventually('it has the source', () => transcoder.downloads.length === 1);
  const [task] = transcoder.tasks;
  assert.ok(task);
  await pool.restart();
  // Its connection is cut, or closes just after it was told that no worker is left.
  assert.notEqual(await lost, 'done');

  const steady = await joinStock(t, pool);
  const stale = await goodAnswer(task);
  assert.ok(stale.kind === 'renditions');
  assert.equal((await transcoder.post(task.taskId, stale)).status, 404);
  assert.equal((await totalsOf(pool, enrolment.id)).segments, 0);
  assert.equal((await gateway.download(task.url)).status, 404, 'its source is gone');
  const again = await gateway.submit(info, await stampedSource());
  assert.equal(again.result?.result.kind, 'done');
  assert.equal((await totalsOf(pool, steady.enrolment.id)).segments, 1);
});
