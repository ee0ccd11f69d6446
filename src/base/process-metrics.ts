import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Metrics } from './metrics.ts';

/** Between two looks at the event loop: 200 a second cost 0.2 % of a core and see delays of 5 ms. */
const RESOLUTION_MS = 5;
/** What a figure covers: long enough for a p99 of 2,000 looks, short enough to show a bad moment. */
const WINDOW_MS = 10_000;
const NS_PER_SECOND = 1e9;
const QUANTILES = [0.5, 0.99, 1] as const;

/**
 * Declares what a program's process tells of itself: how late its event loop was in the last whole
 * 10 s, its resident memory, and when it started. Returns the function that ends the watch.
 */
export function processMetrics(metrics: Metrics): () => void {
  const delay = metrics.gauge(
    'tributary_process_event_loop_delay_seconds',
    'How late timers ran in the last whole 10 s, by quantile; 1 is the latest.',
    ['quantile'],
  );
  metrics.gauge('tributary_process_resident_bytes', 'Memory that lies in RAM.', [], () =>
    process.memoryUsage.rss(),
  );

  const startedAt = (performance.timeOrigin / 1000).toFixed(3);
  metrics.gauge('tributary_process_started_seconds', 'When it started, as Unix time.', [], () =>
    Number(startedAt),
  );

  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  const turn = setInterval(() => {
    for (const quantile of QUANTILES) {
      // The histogram holds the time from look to look.
      const seconds = histogram.percentile(quantile * 100) / NS_PER_SECOND - RESOLUTION_MS / 1000;
      delay.set({ quantile: String(quantile) }, Math.max(0, seconds));
    }
    histogram.reset();
  }, WINDOW_MS).unref();
  return () => {
    clearInterval(turn);
    histogram.disable();
  };
}
