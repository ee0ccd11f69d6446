import { parseArgs } from 'node:util';
import { startModule, startPoolChild } from './child.ts';
import { childrenCpuMs, cpuMs, residentMib } from './process-usage.ts';
import {
  drive,
  floorTarget,
  orchestratorTarget,
  startCannedWorkers,
  type Target,
} from './relay-load.ts';
import { cannedMedia } from './relay-media.ts';
import { type Line, quantile, report } from './report.ts';

/**
 * What the pool costs and adds per relayed 2 s segment (1.7 MB in, 1.7 MB out, four renditions),
 * beside a floor and, with --peer, another orchestrator under the same load in the same run. This
 * process is gateways and canned workers; see README.md here for the flags.
 */
const { values: flags } = parseArgs({
  options: {
    sessions: { type: 'string', default: '1,4,8' },
    /** Per number of sessions and server. */
    segments: { type: 'string', default: '120' },
    /** Afterwards so many through the pool at the most sessions, to see its memory grow. */
    soak: { type: 'string', default: '200' },
    peer: { type: 'string' },
    'peer-addr': { type: 'string' },
    'peer-secret': { type: 'string', default: '' },
    /** Options of Node for the pool instead of those of bin/tributary, such as --cpu-prof. */
    'node-flags': { type: 'string' },
  },
});

/** Turns that the servers take for each number of sessions, so that all meet the same machine. */
const ROUNDS = 4;
/** Segments before the first measurement of a server, which runs for weeks: code compiled. */
const WARM_SEGMENTS = 1_000;
const WORKERS = 2;
const SOAK_SESSIONS = 8;
const RESIDENT_MIB_MAX = 250;

const sessionCounts = flags.sessions.split(',').map(Number);
const segments = Math.max(ROUNDS, Number(flags.segments));

interface Measured {
  segments: number;
  cpuMs: number;
  childrenMs: number;
  readonly times: number[];
}

const media = await cannedMedia();
const pool = await startPoolChild({ nodeFlags: flags['node-flags'] });
const floor = await startModule('relay-floor.ts');
const ours = orchestratorTarget('ours', media, pool);
const targets: Target[] = [floorTarget(media, floorServer()), ours];
const workers = [
  await startCannedWorkers(media, { port: pool.port, credentials: await pool.enrol(WORKERS) }),
];
if (flags.peer && flags['peer-addr']) {
  const port = Number(flags['peer-addr'].split(':').at(-1));
  const credentials = Array.from({ length: WORKERS }, () => flags['peer-secret']);
  workers.push(await startCannedWorkers(media, { port, credentials }));
  targets.push(orchestratorTarget('peer', media, { pid: Number(flags.peer), port }));
}

try {
  for (const target of targets) await warm(target);
  const lines: Line[] = [];
  for (const sessions of sessionCounts) lines.push(...(await compare(sessions)));
  lines.push(...(await soak()));
  report(lines);
} finally {
  for (const worker of workers) worker.close();
  await Promise.all([pool.stop(), floor.stop()]);
}

function floorServer() {
  const [portIn, portOut] = floor.ready.split(' ').map(Number) as [number, number];
  return { pid: floor.pid, portIn, portOut };
}

async function warm(target: Target): Promise<void> {
  const load = await target.open(SOAK_SESSIONS);
  await drive(load, { sessions: SOAK_SESSIONS, segments: WARM_SEGMENTS, everyByte: true });
  await load.close();
}

async function compare(sessions: number): Promise<Line[]> {
  const results = new Map<string, Measured>();
  for (let round = 0; round < ROUNDS; round++) {
    for (const target of targets) {
      const before = results.get(target.name) ?? {
        segments: 0,
        cpuMs: 0,
        childrenMs: 0,
        times: [],
      };
      results.set(target.name, await measure(target, sessions, before));
    }
  }
  const mine = results.get('ours') as Measured;
  const lines: Line[] = [];
  const line = (what: string, of: (measured: Measured) => number) => {
    const claim = `${what}; ${sessions} session${sessions > 1 ? 's' : ''}`;
    for (const name of ['floor', 'peer'] as const) {
      const other = results.get(name);
      if (other) lines.push({ claim, ours: of(mine), other: { name, value: of(other) } });
    }
  };
  line('CPU per segment (ms)', ({ cpuMs: used, segments: count }) => used / count);
  line('added latency p50 (ms)', ({ times }) => quantile(times, 0.5));
  line('added latency p99 (ms)', ({ times }) => quantile(times, 0.99));
  lines.push({
    claim: `CPU of the database per segment (ms); ${sessions} sessions`,
    ours: mine.childrenMs / mine.segments,
  });
  return lines;
}

async function measure(target: Target, sessions: number, before: Measured): Promise<Measured> {
  const count = Math.ceil(segments / ROUNDS);
  const load = await target.open(sessions);
  // The first of a session shakes hands and chooses a worker.
  await drive(load, { sessions, segments: sessions });
  const cpu = cpuMs(target.pid);
  const children = childrenCpuMs(target.pid);
  const times = await drive(load, { sessions, segments: count });
  const after = {
    segments: before.segments + count,
    cpuMs: before.cpuMs + cpuMs(target.pid) - cpu,
    childrenMs: before.childrenMs + childrenCpuMs(target.pid) - children,
    times: [...before.times, ...times],
  };
  await load.close();
  return after;
}

/** Memory after many segments, and what the second half of them added. */
async function soak(): Promise<Line[]> {
  const count = Number(flags.soak);
  if (count === 0) return [];
  const load = await ours.open(SOAK_SESSIONS);
  const half = Math.ceil(count / 2);
  await drive(load, { sessions: SOAK_SESSIONS, segments: half });
  const middle = residentMib(pool.pid);
  await drive(load, { sessions: SOAK_SESSIONS, segments: count - half });
  const end = residentMib(pool.pid);
  await load.close();
  const peer = targets.find(({ name }) => name === 'peer');
  const beside = peer
    ? ({ name: 'peer', value: residentMib(peer.pid) } as const)
    : ({ name: 'limit', value: RESIDENT_MIB_MAX } as const);
  return [
    { claim: `resident memory after ${count} more at 8 sessions (MiB)`, ours: end, other: beside },
    { claim: `growth over the second half of them (MiB)`, ours: end - middle },
  ];
}
