import { showCount, showCounted, showMs } from '../../src/base/figures.ts';
import type { LiveFleet, Status } from './api-views.ts';

/** Traffic as it is now, in the words of the page and of what changes it live. */
export interface TrafficWords {
  readonly streams: string;
  readonly workers: string;
  readonly latency: string;
  readonly failed: string;
  readonly failedShare: string;
  readonly inFlight: string;
}

type Fleet = Pick<
  LiveFleet,
  'sessions' | 'capacity' | 'segments' | 'addedLatencyMs' | 'workersConnected' | 'workersEnrolled'
>;

/** The same out of the status, which lists workers instead of counting them. */
export function fleetOf({ workers, ...status }: Status): Fleet {
  const enrolled = workers.filter(({ state }) => state !== 'revoked');
  return {
    ...status,
    workersEnrolled: enrolled.length,
    workersConnected: enrolled.filter(({ connections }) => connections > 0).length,
  };
}

export function trafficWords(fleet: Fleet): TrafficWords {
  const { sessions, capacity, segments, addedLatencyMs: added } = fleet;
  const all = segments.ok + segments.failed;
  return {
    streams: showCount(sessions),
    workers: `${fleet.workersConnected} of ${fleet.workersEnrolled}`,
    latency: added === null ? 'nothing measured' : `${showMs(added.p50)} / ${showMs(added.p99)}`,
    failed: `${showCount(segments.failed)} of ${showCount(all)}`,
    failedShare: `retried ${showCount(segments.retried)}, hedged ${showCount(segments.hedged)}`,
    inFlight: `of ${showCounted(capacity, 'place')}, ${showCounted(segments.inFlight, 'segment')} under way`,
  };
}

/** `1 thing needs you`. */
export function attentionTitle(count: number): string {
  if (count === 0) return 'Nothing needs you';
  return count === 1 ? '1 thing needs you' : `${count} things need you`;
}
