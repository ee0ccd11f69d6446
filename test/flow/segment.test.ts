import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../eventually.ts';
import { stampedSource } from '../fixtures/renditions.ts';
import { startTestPool } from '../start-pool.ts';
import { joinStock, startPoolWithWorker } from '../start-pool-with-worker.ts';
import { startStockGateway } from '../stock-gateway.ts';

interface Totals {
  readonly worker: string;
  readonly segments: number;
  readonly pixels: string;
  readonly failedAttempts: number;
}

test('a segment comes back as renditions whose pixels the pool counted and credited', async (t) => {
  const { pool, gateway, worker } = await startPoolWithWorker(t);
  const reply = await gateway.submit(await gateway.session(), await stampedSource());

  assert.equal(reply.status, 200);
  assert.ok(reply.result?.result.kind === 'done');
  const [rendition] = reply.result.result.renditions;
  assert.equal(rendition?.pixels, 426n * 240n * 60n);
  const { status, body } = await gateway.download(rendition?.url ?? '');
  assert.equal(status, 200);
  assert.ok(body.length > 10_000);

  const [totals] = await pool.admin<Totals[]>('GET', '/api/v1/contributions/totals');
  assert.equal(totals?.worker, worker.enrolment.id);
  assert.equal(totals?.segments, 1);
  assert.equal(totals?.pixels, String(426 * 240 * 60));
});

test('a worker that dies mid-segment costs one retry, unseen by the gateway', async (t) => {
  const pool = await startTestPool(t);
  const gateway = startStockGateway(pool.port);
  t.after(() => gateway.close());
  const dying = await joinStock(t, pool, {
    answer: async (_task, _source, transcoder) => {
      transcoder.kill();
      return { kind: 'silence' };
    },
  });
  const session = await gateway.session();
  const steady = await joinStock(t, pool);
  // Only the dying one was there when the session began, so that it gets the segment.
  await pool.admin('POST', `/api/v1/workers/${steady.enrolment.id}/pause`);
  const replying = gateway.submit(session, await stampedSource());
  await dying.transcoder.ended;
  await pool.admin('POST', `/api/v1/workers/${steady.enrolment.id}/resume`);
  const reply = await replying;

  assert.equal(reply.result?.result.kind, 'done');
  const totals = () => pool.admin<Totals[]>('GET', '/api/v1/contributions/totals');
  const of = async (id: string) => (await totals()).find(({ worker }) => worker === id);
  assert.equal((await of(steady.enrolment.id))?.segments, 1);
  await eventually(
    'the lost attempt is on record',
    async () => (await of(dying.enrolment.id))?.failedAttempts === 1,
  );
});
