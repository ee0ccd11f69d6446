import { startModule, startPoolChild } from './child.ts';
import { drive, orchestratorTarget, startCannedWorkers } from './relay-load.ts';
import { cannedMedia } from './relay-media.ts';
import { quantile, report } from './report.ts';

/**
 * What 2,000 people who look at the pages cost gateways: latency of segments with them, and without as the
 * floor, in turns, at a rate that leaves a small machine room for the load generators as well.
 */
const SESSIONS = 4;
const PER_SECOND = 6;
const SEGMENTS = 90;
const TURNS = 2;
const STREAMS = 2_000;
const REQUESTS_PER_SECOND = 200;

const media = await cannedMedia();
const pool = await startPoolChild({ pages: true });
const workers = await startCannedWorkers(media, {
  port: pool.port,
  credentials: await pool.enrol(2),
});
try {
  const load = await orchestratorTarget('ours', media, pool).open(SESSIONS);
  const run = () => drive(load, { sessions: SESSIONS, segments: SEGMENTS, perSecond: PER_SECOND });
  await drive(load, { sessions: SESSIONS, segments: 40 });
  const alone: number[] = [];
  const watched: number[] = [];
  for (let turn = 0; turn < TURNS; turn++) {
    alone.push(...(await run()));
    const readers = await startModule('api-readers.ts', [
      ...[pool.publicUrl, String(STREAMS), String(REQUESTS_PER_SECOND)],
    ]);
    watched.push(...(await run()));
    await readers.stop();
  }
  for (const share of [0.5, 0.99]) {
    report([
      {
        claim: `latency of a segment p${share * 100} (ms), with ${STREAMS} event streams and ${REQUESTS_PER_SECOND} requests a second; floor: without`,
        ours: quantile(watched, share),
        other: { name: 'floor', value: quantile(alone, share) },
      },
    ]);
  }
  await load.close();
} finally {
  workers.close();
  await pool.stop();
}
