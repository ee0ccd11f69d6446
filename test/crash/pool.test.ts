import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import sql from 'sql-template-tag';
import { quiet } from '../../src/base/log.ts';
import { withEmbedded } from '../../src/database/embedded.ts';
import { eventually } from '../eventually.ts';
import { stampedSource } from '../fixtures/renditions.ts';
import { type PoolProcess, startPoolProcess } from '../pool-process.ts';
import type { Enrolment } from '../start-pool.ts';
import { goodAnswer, joinStock } from '../start-pool-with-worker.ts';
import { startStockGateway } from '../stock-gateway.ts';
import { lastWords, openWitness } from './last-words.ts';

/** What worker and gateway were told before the pool died. */
interface Told {
  /** Task ids whose answers were taken with 200. */
  readonly tasks: bigint[];
  /** Segments whose renditions the gateway had. */
  segments: number;
}

/**
 * One worker and four streams without end, until the pool dies. One worker, so that every answer
 * that is taken is the credited one.
 */
async function serveUntilKilled(
  t: TestContext,
  pool: PoolProcess,
  { enrolment, told, until }: { enrolment: Enrolment; told: Told; until: number },
): Promise<void> {
  const { transcoder } = await joinStock(t, pool, {
    enrolment,
    async answer(task, _source, self) {
      const answer = await goodAnswer(task);
      assert.ok(answer.kind === 'renditions');
      const reply = await self.post(task.taskId, answer);
      if (reply.status === 200) told.tasks.push(task.taskId);
      return { kind: 'silence' };
    },
  });
  const gateway = startStockGateway(pool.port);
  const lanes = Array.from({ length: 4 }, async () => {
    const info = await gateway.session();
    for (;;) {
      const reply = await gateway.submit(info, await stampedSource(), { durationMs: 60_000 });
      if (reply.result?.result.kind !== 'done') return; // the pool was dying
      told.segments += 1;
    }
  });
  const over = Promise.allSettled(lanes);
  await eventually('enough was taken', () => told.tasks.length >= until);
  await pool.kill();
  await over;
  transcoder.kill();
  gateway.close();
}

/** Contributions by task, read from the pool's own database when it is gone. */
async function storedIn(pool: PoolProcess) {
  return withEmbedded({ dataDir: pool.dataDir, log: quiet }, async (url) => {
    const database = await openWitness(url);
    await lastWords(database);
    const { rows } = await database.query<{ task: bigint; job: string; verdict: string }>(
      sql`select task, job, verdict from contribution`,
    );
    await database.close();
    return rows;
  });
}

test('a pool that is killed under load has stored what it acknowledged, once', async (t) => {
  const pool = await startPoolProcess(t);
  const enrolment = await pool.enrol();
  const told: Told = { tasks: [], segments: 0 };
  for (const until of [5, 30, 60]) {
    await serveUntilKilled(t, pool, { enrolment, told, until });
    if (until < 60) await pool.start();
  }
  const stored = await storedIn(pool);
  const tasks = stored.map(({ task }) => task);
  assert.equal(new Set(tasks).size, tasks.length, 'no task twice');
  assert.deepEqual(
    told.tasks.filter((task) => !tasks.includes(task)),
    [],
    'acknowledged is stored',
  );
  const credited = stored.filter(({ verdict }) => verdict === 'credited');
  assert.equal(new Set(credited.map(({ job }) => job)).size, credited.length, 'no job twice');
  assert.ok(credited.length >= told.segments, 'what a gateway has was credited to somebody');
  assert.ok(told.segments > 0);

  await pool.start();
  const totals = await pool.admin<{ segments: number }[]>('GET', '/api/v1/contributions/totals');
  assert.equal(
    totals.reduce((sum, { segments }) => sum + segments, 0),
    credited.length,
    'the books say what the rows say',
  );
});
