import type { Instant } from '../base/clock.ts';
import type { Metrics } from '../base/metrics.ts';
import type { ChainView } from './view.ts';

/** Counts of following the chain. */
export function watchMetrics(metrics: Metrics) {
  const undone = metrics.counter(
    'tributary_chain_blocks_undone_total',
    'Blocks that were seen and then undone by a reorganisation.',
  );
  const failed = metrics.counter(
    'tributary_chain_looks_failed_total',
    'Looks at the chain that no RPC provider answered.',
  );
  const read = metrics.counter(
    'tributary_chain_senders_read_total',
    'Gateways whose funds were asked of the chain.',
  );
  return {
    undone: (depth: number) => undone.inc(depth),
    failed: () => failed.inc(),
    sendersRead: (count: number) => read.inc(count),
    watch(state: {
      readonly current: () => ChainView | undefined;
      readonly senders: () => number;
      readonly now: () => Instant;
    }) {
      metrics.gauge(
        'tributary_chain_view_age_seconds',
        'Age of the block that the pool acts on; NaN before the first.',
        [],
        () => {
          const view = state.current();
          return view ? (state.now() - view.at) / 1000 : Number.NaN;
        },
      );
      metrics.gauge(
        'tributary_chain_senders_count',
        'Gateways whose funds are in memory.',
        [],
        state.senders,
      );
    },
  };
}
