import { parseArgs } from 'node:util';
import { startPoolChild } from './child.ts';
import { orchestratorTarget, startCannedWorker } from './relay-load.ts';
import { cannedMedia } from './relay-media.ts';
import { quantile, report } from './report.ts';

/**
 * What a gateway loses when the worker of its segment is cut off in the middle of it, again and
 * again: no segment, and at most the time of one transcode plus 100 ms.
 */
const { values: flags } = parseArgs({ options: { kills: { type: 'string', default: '30' } } });
const KILLS = Number(flags.kills);
const UNDISTURBED = 10;
/** What the canned workers pretend that a transcode takes; they are cut after half of it. */
const TRANSCODE_MS = 300;
const EXTRA_MS_MAX = TRANSCODE_MS + 100;

const media = await cannedMedia();
const pool = await startPoolChild();
const workers = new Set<{ kill(): void }>();
let toKill = 0;

/** A worker of its own name: one that dies again and again would be quarantined, rightly. */
async function startWorker(): Promise<void> {
  const [credential] = await pool.enrol(1);
  const worker = startCannedWorker(media, {
    port: pool.port,
    credential: credential as string,
    async transcode() {
      await sleep(TRANSCODE_MS / 2);
      if (toKill > 0) {
        toKill -= 1;
        workers.delete(worker);
        worker.kill();
      }
      await sleep(TRANSCODE_MS / 2);
    },
  });
  workers.add(worker);
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

try {
  await startWorker();
  await startWorker();
  const load = await orchestratorTarget('ours', media, pool).open(1);
  const undisturbed: number[] = [];
  const disturbed: number[] = [];
  let failed = 0;
  for (let count = 0; count < UNDISTURBED; count++) undisturbed.push(await load.once(0));
  for (let count = 0; count < KILLS; count++) {
    toKill = 1;
    try {
      disturbed.push(await load.once(0));
    } catch (error) {
      failed += 1;
      console.error(error instanceof Error ? error.message : error);
    }
    if (workers.size < 2) await startWorker();
  }
  const usual = quantile(undisturbed, 0.5);
  const extra = (share: number) => quantile(disturbed, share) - usual;
  report([
    { claim: `failed segments of ${KILLS} whose worker was cut off`, ours: failed },
    {
      claim: 'extra time p50 (ms)',
      ours: extra(0.5),
      other: { name: 'limit', value: EXTRA_MS_MAX },
    },
    { claim: 'extra time max (ms)', ours: extra(1), other: { name: 'limit', value: EXTRA_MS_MAX } },
    { claim: 'undisturbed segment (ms)', ours: usual },
  ]);
  await load.close();
} finally {
  for (const worker of workers) worker.kill();
  await pool.stop();
}
