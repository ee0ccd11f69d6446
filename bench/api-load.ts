import { parseArgs } from 'node:util';
import type { Read, Reading } from './api-readers.ts';
import { startModule, startPoolChild } from './child.ts';
import { cpuMs } from './process-usage.ts';
import { drive, orchestratorTarget, startCannedWorkers } from './relay-load.ts';
import { cannedMedia } from './relay-media.ts';
import { quantile, report } from './report.ts';

/**
 * What 2,000 people who look at the pages cost gateways: latency of segments while the pool serves them,
 * while nobody looks, and while the same people read from a bare server beside the pool, which is what
 * readers take from the machine and not from the pool. The three take turns of some seconds, so that
 * what else goes on hits all alike.
 */
const { values } = parseArgs({
  options: {
    /** 2,000 segments a side: 20 of them are slower than the p99. */
    turns: { type: 'string', default: '40' },
    /** A turn that begins later than that is left out. */
    minutes: { type: 'string', default: '30' },
    'node-flags': { type: 'string' },
  },
});
const SESSIONS = 4;
const PER_SECOND = 8;
const SEGMENTS = 50;
const STREAMS = 2_000;
const REQUESTS_PER_SECOND = 200;

const media = await cannedMedia();
const pool = await startPoolChild({ pages: true, nodeFlags: values['node-flags'] });
const floor = await startModule('api-floor.ts');
const readers = await startModule('api-readers.ts');
const workers = await startCannedWorkers(media, {
  port: pool.port,
  credentials: await pool.enrol(2),
});

interface Side {
  readonly url: string | undefined;
  readonly times: number[];
  /** What 45 of the 50 segments of each turn were faster than. */
  readonly slow: number[];
  cpuMs: number;
  seconds: number;
  answers: number;
  refused: number;
  events: number;
}
const side = (url: string | undefined): Side => ({
  ...{ url, times: [], slow: [], cpuMs: 0, seconds: 0, answers: 0, refused: 0, events: 0 },
});
const alone = side(undefined);
const beside = side(floor.ready);
const watched = side(pool.publicUrl);

try {
  const load = await orchestratorTarget('ours', media, pool).open(SESSIONS);
  await drive(load, { sessions: SESSIONS, segments: 60 });
  const until = performance.now() + Number(values.minutes) * 60_000;
  for (let turn = 0; turn < Number(values.turns) && performance.now() < until; turn++) {
    // Each is first as often as last.
    const order = [alone, beside, watched];
    for (let at = 0; at < order.length; at++) await one(order[(turn + at) % 3] as Side);
  }
  async function one(of: Side): Promise<void> {
    if (of.url !== undefined) {
      const { url } = of;
      await readers.ask({
        url,
        streams: STREAMS,
        perSecond: REQUESTS_PER_SECOND,
      } satisfies Reading);
    }
    const before = { cpu: cpuMs(pool.pid), at: performance.now() };
    const times = await drive(load, {
      ...{ sessions: SESSIONS, segments: SEGMENTS, perSecond: PER_SECOND },
    });
    of.times.push(...times);
    of.slow.push(quantile(times, 0.9));
    of.cpuMs += cpuMs(pool.pid) - before.cpu;
    of.seconds += (performance.now() - before.at) / 1000;
    if (of.url === undefined) return;
    const read = (await readers.ask({ stop: true })) as Read;
    of.answers += read.answers;
    of.refused += read.refused;
    of.events += read.events;
  }
  const what = `${STREAMS} event streams and ${REQUESTS_PER_SECOND} requests a second`;
  const lines = [0.5, 0.95, 0.99].flatMap((share) => [
    {
      claim: `latency of a segment p${share * 100} (ms), with ${what}; floor: without`,
      ours: quantile(watched.times, share),
      other: { name: 'floor', value: quantile(alone.times, share) } as const,
    },
    {
      claim: `the same; floor: with the same readers at a bare server`,
      ours: quantile(watched.times, share),
      other: { name: 'floor', value: quantile(beside.times, share) } as const,
    },
  ]);
  const pairs = (other: Side) => watched.slow.map((ours, turn) => ours / (other.slow[turn] ?? 0));
  report([
    ...lines,
    {
      claim: 'p90 of a turn with them by p90 of the turn without beside it, median of the turns',
      ours: quantile(pairs(alone), 0.5),
    },
    {
      claim: 'the same, by that of the turn with them at a bare server',
      ours: quantile(pairs(beside), 0.5),
    },
    {
      claim: 'CPU of the pool a second (ms), with them; floor: without',
      ours: watched.cpuMs / watched.seconds,
      other: { name: 'floor', value: alone.cpuMs / alone.seconds },
    },
    { claim: 'answers a second', ours: watched.answers / watched.seconds },
    { claim: 'refused', ours: watched.refused },
    { claim: 'events a second', ours: watched.events / watched.seconds },
    { claim: 'segments a side', ours: watched.times.length },
  ]);
  await load.close();
} finally {
  workers.close();
  await readers.stop();
  await floor.stop();
  await pool.stop();
}
