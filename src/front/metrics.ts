import type { Metrics } from '../base/metrics.ts';

/** From one frame to several times the shortest deadline of a gateway (8 s). */
const SECONDS = [0.01, 0.025, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1, 1.5, 2, 3, 5, 8, 15, 30];

/** What port 8935 counts. */
export type FrontMetrics = ReturnType<typeof createFrontMetrics>;

export function createFrontMetrics(metrics: Metrics, memoryBytes: () => number = () => 0) {
  return {
    segments: metrics.counter(
      'tributary_front_segments_total',
      'Segments by how they ended: ok, or the reason of the failure.',
      ['outcome'],
    ),
    refusedSegments: metrics.counter(
      'tributary_front_segments_refused_total',
      'Segments refused before a worker was asked, by status.',
      ['status'],
    ),
    segmentSeconds: metrics.histogram(
      'tributary_front_segment_seconds',
      'From the first header byte of a segment to the end of its reply.',
      SECONDS,
    ),
    addedSeconds: metrics.histogram(
      'tributary_front_added_seconds',
      'The part of it that the pool itself took: without the time in which the worker transcoded.',
      SECONDS,
    ),
    pixels: metrics.counter('tributary_front_pixels_total', 'Pixels credited to workers.'),
    refused: metrics.counter(
      'tributary_front_results_refused_total',
      'Answers of workers that were not read, by reason.',
      ['reason'],
    ),
    rejected: metrics.counter(
      'tributary_front_results_rejected_total',
      'Answers of workers that did not pass verification, by reason.',
      ['reason'],
    ),
    attempts: metrics.counter(
      'tributary_front_attempts_failed_total',
      'Attempts that came to nothing, by reason.',
      ['reason'],
    ),
    connections: metrics.gauge(
      'tributary_front_worker_connections',
      'Worker connections that are open.',
    ),
    memory: metrics.gauge(
      'tributary_front_memory_bytes',
      'Memory that segments and renditions in flight occupy; its limit is --segment-memory.',
      [],
      memoryBytes,
    ),
  };
}
