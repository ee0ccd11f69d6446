import type pg from 'pg';
import type { Metrics } from '../base/metrics.ts';

/** A commit is one flush: 0.2 ms on NVMe, 10 ms on a disk; seconds mean that it was away. */
const TRANSACTION_BUCKETS = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5];

/** Counts of this folder. */
export function databaseMetrics(metrics: Metrics) {
  const seconds = metrics.histogram(
    'tributary_database_transaction_seconds',
    'Time of transactions, from asking for a connection to the answer of COMMIT or ROLLBACK.',
    TRANSACTION_BUCKETS,
    ['outcome'],
  );
  const connections = metrics.gauge(
    'tributary_database_connections',
    'Connections to PostgreSQL, and callers that wait for one.',
    ['state'],
  );
  const lost = metrics.counter(
    'tributary_database_lost_total',
    'Connections that PostgreSQL or the network ended.',
  );
  const retries = metrics.counter(
    'tributary_database_retries_total',
    'Attempts to get a connection that failed and were repeated.',
  );
  const sample = (pool: pg.Pool) => {
    connections.set({ state: 'busy' }, pool.totalCount - pool.idleCount);
    connections.set({ state: 'idle' }, pool.idleCount);
    connections.set({ state: 'waiting' }, pool.waitingCount);
  };
  return {
    lost: () => lost.inc(),
    retried: () => retries.inc(),
    transacted: (outcome: 'committed' | 'rolled_back' | 'failed', startedMs: number) =>
      seconds.observe({ outcome }, (performance.now() - startedMs) / 1000),
    watch(pool: pg.Pool) {
      for (const event of ['acquire', 'release', 'remove'] as const) {
        pool.on(event as 'acquire', () => sample(pool));
      }
    },
  };
}

export type DatabaseMetrics = ReturnType<typeof databaseMetrics>;
