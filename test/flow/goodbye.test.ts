import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../eventually.ts';
import { stampedSource } from '../fixtures/renditions.ts';
import { startTestPool } from '../start-pool.ts';
import { joinStock } from '../start-pool-with-worker.ts';
import { startStockGateway } from '../stock-gateway.ts';

test('two workers that say goodbye in the middle of a segment do not make it poison', async (t) => {
  const pool = await startTestPool(t);
  const gateway = startStockGateway(pool.port);
  t.after(() => gateway.close());
  const leaving = {
    answer: async (_: unknown, __: unknown, self: { stop(): void }) => {
      self.stop();
      return { kind: 'silence' } as const;
    },
  };
  const first = await joinStock(t, pool, leaving);
  const session = await gateway.session();
  const second = await joinStock(t, pool, leaving);
  await pool.admin('POST', `/api/v1/workers/${second.enrolment.id}/pause`);
  const replying = gateway.submit(session, await stampedSource());
  await first.transcoder.ended;
  await pool.admin('POST', `/api/v1/workers/${second.enrolment.id}/resume`);
  await second.transcoder.ended;
  await joinStock(t, pool);

  assert.equal((await replying).result?.result.kind, 'done');
  await eventually('both goodbyes are on record', async () => {
    const totals = await pool.admin<{ failedAttempts: number }[]>(
      'GET',
      '/api/v1/contributions/totals',
    );
    return totals.filter(({ failedAttempts }) => failedAttempts === 1).length === 2;
  });
});
