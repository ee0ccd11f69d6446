import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import sql from 'sql-template-tag';
import { quiet } from '../../src/base/log.ts';
import { openDatabase } from '../../src/database/database.ts';
import { startEmbedded } from '../../src/database/embedded.ts';
import type { OrchestratorInfo } from '../../src/protocol/gen/lp_rpc_pb.ts';
import { eventually } from '../eventually.ts';
import { stampedRenditions, stampedSource } from '../fixtures/renditions.ts';
import { startOwnWorker } from '../own-worker.ts';
import { totalsOf, workerFigures } from '../pool-figures.ts';
import { startPoolProcess } from '../pool-process.ts';
import { startTestPool } from '../start-pool.ts';
import { goodAnswer, joinStock } from '../start-pool-with-worker.ts';
import { type StockGateway, startStockGateway } from '../stock-gateway.ts';
import { startTributary } from '../tributary-process.ts';

/** Sends a segment as often as it takes, as a gateway with one orchestrator does. */
async function insist(gateway: StockGateway, info: OrchestratorInfo): Promise<number> {
  let tries = 0;
  await eventually('the segment came through', async () => {
    tries += 1;
    try {
      const reply = await gateway.submit(info, await stampedSource(), { durationMs: 20_000 });
      return reply.result?.result.kind === 'done';
    } catch {
      return false; // the connection is gone, or not there yet
    }
  });
  return tries;
}

test('a pool is killed in the middle of a segment, and the stream goes on after its return', async (t) => {
  await stampedRenditions(['P240p30fps16x9']);
  const pool = await startPoolProcess(t);
  const gateway = startStockGateway(pool.port);
  t.after(() => gateway.close());
  const { id, join: joinString } = await pool.enrol();
  let gate: Promise<void> | undefined;
  const worker = await startOwnWorker(t, joinString, { before: async () => gate });
  await worker.ready;
  const info = await gateway.session();
  assert.equal(await insist(gateway, info), 1);

  const { promise, resolve } = Promise.withResolvers<void>();
  gate = promise;
  const cut = gateway.submit(info, await stampedSource(), { durationMs: 60_000 }).then(
    () => 'answered',
    () => 'cut',
  );
  await eventually('the worker has it', () => worker.requests.length === 2);
  await pool.kill();
  assert.equal(await cut, 'cut');
  gate = undefined;
  await pool.start();
  resolve(); // its result comes back to a pool that knows nothing of the task
  await insist(gateway, info);
  await eventually('nothing is left to do', () => worker.status().running === 0);
  const { segments } = await totalsOf(pool, id);
  assert.equal(segments, 2, 'the lost one is not credited');
});

test('a worker process is killed in the middle of a segment, unseen by the gateway', async (t) => {
  const pool = await startTestPool(t);
  const gateway = startStockGateway(pool.port);
  t.after(() => gateway.close());
  const enrolment = await pool.enrol();
  const child = startTributary(t, ['worker', 'join', '--device', 'cpu'], {
    TRIBUTARY_JOIN: enrolment.join,
  });
  await eventually(
    'the worker is in',
    async () => (await workerFigures(pool, enrolment.id)).connections === 1,
    60_000,
  );
  const info = await gateway.session();
  const replying = gateway.submit(info, await stampedSource(), { durationMs: 60_000 });
  const status = () =>
    pool.admin<{ workers: { id: string; runningTasks: number }[] }>('GET', '/api/v1/status');
  await eventually('it works', async () =>
    (await status()).workers.some(
      ({ id, runningTasks }) => id === enrolment.id && runningTasks > 0,
    ),
  );
  child.child.kill('SIGKILL');
  await joinStock(t, pool);
  const reply = await replying;
  assert.equal(reply.result?.result.kind, 'done');
});

test('while PostgreSQL is away nothing is acknowledged, and after it nothing is missing', async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'tributary-test-'));
  let server = await startEmbedded({ dataDir, log: quiet });
  const pool = await startTestPool(t, [`--database-url=${server.url}`]);
  // After the pool's own cleanup: what is registered first runs first.
  t.after(async () => {
    await server.stop();
    await rm(dataDir, { recursive: true, force: true });
  });
  const gateway = startStockGateway(pool.port);
  t.after(() => gateway.close());
  const acknowledged: bigint[] = [];
  const refused: number[] = [];
  const { enrolment, transcoder } = await joinStock(t, pool, {
    async answer(task, _source, self) {
      const answer = await goodAnswer(task);
      assert.ok(answer.kind === 'renditions');
      const { status } = await self.post(task.taskId, answer);
      if (status === 200) acknowledged.push(task.taskId);
      else refused.push(status);
      return { kind: 'silence' };
    },
  });
  const load = startLoad(t, gateway, await gateway.session());
  await load.more(5);
  await server.stop();
  const before = acknowledged.length;
  await eventually('an answer could not be stored', () => refused.length > 0, 60_000);
  assert.deepEqual(new Set(refused), new Set([503]));
  assert.ok(acknowledged.length <= before + 2, 'those under way at the stop');
  assert.equal((await fetch(new URL('/readyz', pool.adminUrl))).status, 503);
  assert.equal((await fetch(new URL('/healthz', pool.adminUrl))).status, 200);

  server = await startEmbedded({ dataDir, log: quiet });
  await load.more(5);
  await load.stop();
  assert.ok(load.texts.has('OrchestratorBusy'), 'the gateway may go elsewhere meanwhile');
  assert.equal((await workerFigures(pool, enrolment.id)).connections, 1, 'nobody was cut off');
  transcoder.kill();

  const database = await openDatabase({ url: server.url });
  const { rows } = await database.query<{ task: bigint; verdict: string }>(
    sql`select task, verdict from contribution`,
  );
  await database.close();
  const stored = rows.map(({ task }) => task);
  assert.equal(new Set(stored).size, stored.length);
  assert.deepEqual(
    acknowledged.filter((task) => !stored.includes(task)),
    [],
  );
  assert.equal((await totalsOf(pool, enrolment.id)).segments, acknowledged.length);
});

/** Sends the segments of one session, one after the other. */
function startLoad(t: TestContext, gateway: StockGateway, info: OrchestratorInfo) {
  let done = 0;
  let running = true;
  const texts = new Set<string>();
  const work = (async () => {
    while (running) {
      const reply = await gateway.submit(info, await stampedSource(), { durationMs: 20_000 });
      const result = reply.result?.result;
      if (result?.kind === 'done') done += 1;
      else texts.add(result?.kind === 'failed' ? result.text : reply.text);
    }
  })();
  const stop = () => {
    running = false;
    return work;
  };
  t.after(stop);
  return {
    texts,
    stop,
    async more(segments: number) {
      const until = done + segments;
      await eventually(`${segments} more segments`, () => done >= until, 60_000);
    },
  };
}
