import type { Metrics } from '../base/metrics.ts';
import { type Worker, workerStates } from './worker.ts';

/** Counts of this folder. */
export function workersMetrics(metrics: Metrics) {
  const authentications = metrics.counter(
    'tributary_workers_authentications_total',
    'Credentials presented; unknown ones are revoked, retired or guessed.',
    ['outcome'],
  );
  const enrolled = metrics.gauge('tributary_workers_enrolled', 'Workers that may connect.', [
    'state',
  ]);
  return {
    authenticated: (outcome: 'known' | 'unknown' | 'malformed') => authentications.inc({ outcome }),
    enrolled(workers: Iterable<Worker>) {
      const counts = new Map<string, number>();
      for (const { state } of workers) counts.set(state, (counts.get(state) ?? 0) + 1);
      for (const state of workerStates) {
        if (state !== 'revoked') enrolled.set({ state }, counts.get(state) ?? 0);
      }
    },
  };
}

/** The figures of the pool's history that alerts and boards want. */
export function historyMetrics(metrics: Metrics) {
  const uptime = metrics.gauge(
    'tributary_workers_pool_uptime_ratio',
    'Share of the last 30 days in which the pool was up, planned work left out, as its public page says; NaN before it is measured.',
  );
  return { uptime: (share: number | undefined) => uptime.set(share ?? Number.NaN) };
}
