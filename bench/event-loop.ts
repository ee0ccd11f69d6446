import { startPoolChild } from './child.ts';
import { drive, orchestratorTarget, startCannedWorkers } from './relay-load.ts';
import { cannedMedia } from './relay-media.ts';
import { report } from './report.ts';

/**
 * How late the pool's event loop is while it relays half of what this machine can, load generator
 * included. The pool's own metric, over a window of 10 s that lies within the load.
 */
const SESSIONS = 8;
const WARM_SEGMENTS = 40;
const CAPACITY_SEGMENTS = 120;
/** Two windows of the metric and what starting takes. */
const LOADED_S = 22;
const DELAY_MS_MAX = 20;

const media = await cannedMedia();
const pool = await startPoolChild();
const workers = await startCannedWorkers(media, {
  port: pool.port,
  credentials: await pool.enrol(2),
});
try {
  const load = await orchestratorTarget('ours', media, pool).open(SESSIONS);
  await drive(load, { sessions: SESSIONS, segments: WARM_SEGMENTS });
  const startedAt = performance.now();
  await drive(load, { sessions: SESSIONS, segments: CAPACITY_SEGMENTS });
  const capacity = CAPACITY_SEGMENTS / ((performance.now() - startedAt) / 1000);
  const perSecond = capacity / 2;
  const segments = Math.ceil(perSecond * LOADED_S);
  await drive(load, { sessions: SESSIONS, segments, perSecond });

  const delayMs = async (quantile: string) =>
    1000 *
    (await pool.metric(`tributary_process_event_loop_delay_seconds{quantile="${quantile}"}`));
  report([
    { claim: 'segments per second that this machine relays', ours: capacity },
    { claim: 'event loop delay p50 at half of that (ms)', ours: await delayMs('0.5') },
    {
      claim: 'event loop delay p99 at half of that (ms)',
      ours: await delayMs('0.99'),
      other: { name: 'limit', value: DELAY_MS_MAX },
    },
    { claim: 'event loop delay at the most (ms)', ours: await delayMs('1') },
  ]);
  await load.close();
} finally {
  workers.close();
  await pool.stop();
}
