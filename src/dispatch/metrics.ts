import type { Counter, Gauge } from 'prom-client';
import type { Metrics } from '../base/metrics.ts';
import type { Dispatch, DispatchSummary } from './dispatch-types.ts';
import { reasons } from './dispatch-types.ts';

/**
 * What dispatch tells of itself. Nothing is counted on the way of a job: the figures are asked for
 * when somebody looks. Without `dispatch` they are only declared.
 */
export function dispatchMetrics(
  metrics: Metrics,
  dispatch?: Pick<Dispatch, 'summary' | 'missed'>,
): void {
  const summary = dispatch && oncePerLook(() => dispatch.summary());

  const gauge = (name: string, help: string, read: (summary: DispatchSummary) => number) =>
    metrics.gauge(name, help, [], () => (summary ? read(summary()) : 0));

  gauge('tributary_dispatch_workers', 'Workers with a connection.', ({ workers }) => workers);
  gauge(
    'tributary_dispatch_connections',
    'Worker connections that dispatch knows.',
    ({ connections }) => connections,
  );
  gauge(
    'tributary_dispatch_capacity',
    'Sessions that active, not quarantined workers take.',
    ({ capacity }) => capacity,
  );
  gauge('tributary_dispatch_load', 'Places of sessions in use on workers.', ({ load }) => load);
  gauge('tributary_dispatch_sessions', 'Open sessions of gateways.', ({ sessions }) => sessions);
  gauge(
    'tributary_dispatch_quarantined',
    'Connected workers that get no jobs because they failed.',
    ({ quarantined }) => quarantined,
  );
  const jobs = metrics.gauge('tributary_dispatch_jobs', 'Jobs that are not ended, by state.', [
    'state',
  ]);
  collect(jobs, () => {
    if (!summary) return;
    const { jobsRunning, jobsWaiting } = summary();
    jobs.set({ state: 'running' }, jobsRunning);
    jobs.set({ state: 'waiting' }, jobsWaiting);
  });

  const total = (
    name: string,
    help: string,
    read: (totals: DispatchSummary['totals']) => number,
  ) => {
    const counter = metrics.counter(name, help);
    collect(counter, () => {
      counter.reset();
      if (summary) counter.inc(read(summary().totals));
    });
  };
  total(
    'tributary_dispatch_attempts_total',
    'Tasks given to workers: first ones, retries and hedges.',
    ({ attempts }) => attempts,
  );
  total(
    'tributary_dispatch_retries_total',
    'Attempts after one that came to nothing.',
    ({ retries }) => retries,
  );
  total(
    'tributary_dispatch_hedges_total',
    'Attempts beside one that is late.',
    ({ hedges }) => hedges,
  );
  total(
    'tributary_dispatch_refused_total',
    'Answers refused: unknown or foreign task, answered already, too late.',
    ({ refused }) => refused,
  );

  const missed = metrics.counter(
    'tributary_dispatch_missed_total',
    'Jobs that a connected worker did not get, summed over all workers, by reason.',
    ['reason'],
  );
  collect(missed, () => {
    if (!dispatch) return;
    const counts = dispatch.missed();
    missed.reset();
    for (const reason of reasons) missed.inc({ reason }, counts[reason]);
  });
}

/** `ask` runs whenever somebody looks at the metric. */
function collect(metric: Counter | Gauge, ask: () => void): void {
  Object.assign(metric, { collect: ask });
}

/** All metrics are asked in one turn: they share one answer. */
function oncePerLook<T>(ask: () => T): () => T {
  let held: { readonly answer: T } | undefined;
  return () => {
    if (!held) {
      held = { answer: ask() };
      queueMicrotask(() => {
        held = undefined;
      });
    }
    return held.answer;
  };
}
