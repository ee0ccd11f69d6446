import type { Metrics } from '../../base/metrics.ts';

/** From a small segment on a fast card to the 8 s that an orchestrator waits. */
const TRANSCODE_SECONDS = [0.05, 0.1, 0.2, 0.4, 0.8, 1.5, 3, 6, 12];

/** Figures of a worker. */
export interface WorkerMetrics {
  ended(end: 'posted' | 'failed' | 'not_posted'): void;
  transcoded(ms: number): void;
  pixels(count: bigint): void;
  sessions(count: number): void;
  connected(connected: boolean): void;
}

/** Declares them. */
export function createWorkerMetrics(metrics: Metrics): WorkerMetrics {
  const tasks = metrics.counter('tributary_worker_tasks_total', 'Tasks by how they ended.', [
    'ended',
  ]);
  const transcode = metrics.histogram(
    'tributary_worker_transcode_seconds',
    'Time from the start of a transcode to its last rendition.',
    TRANSCODE_SECONDS,
  );
  const pixels = metrics.counter('tributary_worker_encoded_pixels_total', 'Pixels of posted work.');
  const sessions = metrics.gauge('tributary_worker_sessions', 'Sessions held now.');
  const connected = metrics.gauge('tributary_worker_connected', '1 while registered.');
  return {
    ended: (end) => tasks.inc({ ended: end }),
    transcoded: (ms) => transcode.observe(ms / 1000),
    pixels: (count) => pixels.inc(Number(count)),
    sessions: (count) => sessions.set(count),
    connected: (is) => connected.set(is ? 1 : 0),
  };
}
