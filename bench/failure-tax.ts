import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { startPoolChild } from './child.ts';
import { orchestratorTarget } from './relay-load.ts';
import { cannedMedia } from './relay-media.ts';
import { quantile, report } from './report.ts';

/**
 * What a gateway loses when the worker of its segment dies in the middle of it, again and again: no
 * segment, and at most the time of one transcode plus 100 ms. Workers are processes, ended by
 * SIGKILL.
 */
const { values: flags } = parseArgs({ options: { kills: { type: 'string', default: '30' } } });
const KILLS = Number(flags.kills);
const WORKERS = 2;
const UNDISTURBED = 10;
/** What the canned workers pretend that a transcode takes; they are killed after half of it. */
const TRANSCODE_MS = 300;
const EXTRA_MS_MAX = TRANSCODE_MS + 100;
/** How often the pool is asked whether a new worker has registered. */
const LOOK_MS = 20;

// Makes them where that has not been done yet, so that the workers need not.
const media = await cannedMedia();
const pool = await startPoolChild();
const workers = new Set<ChildProcess>();
let toKill = 0;

/** A worker of its own name: one that dies again and again would be quarantined, rightly. */
async function startWorker(): Promise<void> {
  const [credential] = await pool.enrol(1);
  const worker = fork(new URL('./relay-worker.ts', import.meta.url), [
    `--port=${pool.port}`,
    `--credential=${credential}`,
    `--transcode-ms=${TRANSCODE_MS}`,
  ]);
  workers.add(worker);
  worker.on('message', () => {
    if (toKill === 0) return;
    toKill -= 1;
    workers.delete(worker);
    setTimeout(() => worker.kill('SIGKILL'), TRANSCODE_MS / 2);
  });
}

/** Tops the workers up, so that each death meets a pool that has one left. */
async function allConnected(): Promise<void> {
  while (workers.size < WORKERS) await startWorker();
  while ((await pool.metric('tributary_dispatch_workers')) !== WORKERS) await sleep(LOOK_MS);
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

try {
  await allConnected();
  const load = await orchestratorTarget('ours', media, pool).open(1);
  const undisturbed: number[] = [];
  const disturbed: number[] = [];
  let failed = 0;
  for (let count = 0; count < UNDISTURBED; count++) undisturbed.push(await load.once(0));
  for (let count = 0; count < KILLS; count++) {
    await allConnected();
    toKill = 1;
    try {
      disturbed.push(await load.once(0));
    } catch (error) {
      failed += 1;
      console.error(error instanceof Error ? error.message : error);
    }
  }
  const usual = quantile(undisturbed, 0.5);
  const extra = (share: number) => quantile(disturbed, share) - usual;
  const limit = { name: 'limit', value: EXTRA_MS_MAX } as const;
  report([
    { claim: `failed segments of ${KILLS} whose worker was killed`, ours: failed },
    { claim: 'extra time p50 (ms)', ours: extra(0.5), other: limit },
    { claim: 'extra time p99 (ms)', ours: extra(0.99), other: limit },
    { claim: 'extra time max (ms)', ours: extra(1), other: limit },
    { claim: 'undisturbed segment (ms)', ours: usual },
  ]);
  await load.close();
} finally {
  for (const worker of workers) {
    worker.disconnect();
    await once(worker, 'exit');
  }
  await pool.stop();
}
