import { hasRoom } from './choose.ts';
import type { Core } from './core.ts';
import type {
  Dispatch,
  DispatchSummary,
  ReasonCounts,
  WorkerShare,
  WorkerView,
} from './dispatch-types.ts';
import { reasons } from './dispatch-types.ts';
import { countMissed, expectationOf, loadOf, REASON_INDEX, unionOfBits } from './fleet.ts';
import type { WorkerRecord } from './state.ts';

/** What can be asked without changing anything. */
export function createQueries(
  core: Core,
): Pick<
  Dispatch,
  'hasCapacity' | 'bits' | 'summary' | 'worker' | 'reasonsOf' | 'missed' | 'demand' | 'shares'
> {
  return {
    hasCapacity: (needs) => hasRoom(core, needs),
    bits: () => unionOfBits(core.fleet),
    summary: () => summaryOf(core),
    worker: (id) => {
      const worker = core.fleet.workers.get(id);
      return worker && viewOf(core, worker);
    },
    reasonsOf: (id) => {
      const worker = core.fleet.workers.get(id);
      return missedBy(core, worker ? [worker] : []);
    },
    missed: () => missedBy(core, core.fleet.workers.values()),
    demand: () => ({
      jobs: core.fleet.choices + core.fleet.affinity,
      failed: core.totals.failed,
      retried: core.totals.retries,
      winners: [...core.fleet.winners],
      asked: [...core.fleet.asked.values()].map(({ bits, count }) => ({ bits, count })),
    }),
    shares: () => sharesIn(core),
  };
}

function summaryOf(core: Core): DispatchSummary {
  let workers = 0;
  let capacity = 0;
  let running = 0;
  for (const worker of core.fleet.workers.values()) {
    if (worker.connections.length > 0) workers++;
    if (worker.state !== 'active' || worker.health === 'quarantined') continue;
    for (const connection of worker.connections) {
      if (connection.quarantinedUntil === 0) capacity += connection.capacity;
    }
  }
  for (const job of core.jobs.values()) if (job.state === 'running') running++;
  return {
    workers,
    connections: core.fleet.connections.size,
    capacity,
    load: core.fleet.load,
    sessions: core.sessions.size,
    jobsRunning: running,
    jobsWaiting: core.jobs.size - running,
    quarantined: core.fleet.quarantined,
    totals: { ...core.totals },
  };
}

function viewOf(core: Core, worker: WorkerRecord): WorkerView {
  const { speed, health } = worker;
  return {
    worker: worker.id,
    state: worker.state,
    health,
    ...(health === 'quarantined' ? { quarantinedUntilAt: core.wall(worker.quarantinedUntil) } : {}),
    connections: worker.connections.map((connection) => ({
      connection: connection.id,
      capacity: connection.capacity,
      load: loadOf(core.fleet, connection),
      ...(connection.quarantinedUntil > 0
        ? { quarantinedUntilAt: core.wall(connection.quarantinedUntil) }
        : {}),
    })),
    settled: worker.settled,
    failures: worker.failures,
    failureRate: worker.failureRate,
    ...(speed.samples > 0
      ? { speed: { mean: speed.mean, p95: speed.p95, samples: speed.samples } }
      : {}),
  };
}

/** Each step looks at one worker, so that others can have their turn in between. */
function* sharesIn(core: Core): Generator<WorkerShare> {
  for (const worker of core.fleet.workers.values()) {
    const missed = missedBy(core, [worker]);
    const { pace95 } = expectationOf(worker);
    yield { worker: worker.id, given: worker.given, missed, pace95 };
  }
}

function missedBy(core: Core, workers: Iterable<WorkerRecord>): ReasonCounts {
  const counts = Object.fromEntries(reasons.map((reason) => [reason, 0])) as Record<
    (typeof reasons)[number],
    number
  >;
  for (const worker of workers) {
    countMissed(core.fleet, worker);
    const { missed } = worker;
    if (!missed) continue;
    for (const reason of reasons) counts[reason] += missed[REASON_INDEX[reason]] ?? 0;
  }
  return counts;
}
