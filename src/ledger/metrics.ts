import type { Metrics } from '../base/metrics.ts';
import type { Contribution } from './contribution.ts';

/** The aim is 10 ms at the 99th percentile; above a second the database was away. */
const APPEND_BUCKETS = [0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5];
/** From a quiet pool to the largest batch. */
const BATCH_BUCKETS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];

export type AppendOutcome = 'stored' | 'duplicate' | 'failed';

/** Counts of this folder. */
export function ledgerMetrics(metrics: Metrics) {
  const contributions = metrics.counter(
    'tributary_ledger_contributions_total',
    'Contributions handed to the ledger.',
    ['verdict', 'outcome'],
  );
  const seconds = metrics.histogram(
    'tributary_ledger_append_seconds',
    'Time from handing in a contribution until it would survive a power cut.',
    APPEND_BUCKETS,
  );
  const rows = metrics.histogram(
    'tributary_ledger_batch_contributions',
    'Contributions in one commit.',
    BATCH_BUCKETS,
  );
  return {
    committed: (count: number) => rows.observe(count),
    appended(entry: Contribution, outcome: AppendOutcome, startedMs: number) {
      contributions.inc({ verdict: entry.verdict, outcome });
      seconds.observe((performance.now() - startedMs) / 1000);
    },
  };
}
