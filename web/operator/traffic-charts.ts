import type { ChartView } from '../parts/chart.tsx';
import type { Point } from '../parts/decimate.ts';
import type { HistoryStep } from './api-views.ts';

type Ranges = NonNullable<ChartView['ranges']>;

function points(
  steps: readonly HistoryStep[],
  value: (step: HistoryStep) => number | null,
): readonly Point[] {
  return steps.map((step) => [Date.parse(step.at), value(step)]);
}

/** What the pool added to segments. */
export function latencyChart(steps: readonly HistoryStep[], ranges?: Ranges): ChartView {
  return {
    title: 'Added latency',
    unit: 'ms',
    series: [
      {
        name: 'p50',
        role: 'ours',
        points: points(steps, ({ addedP50Ms }) => addedP50Ms),
        band: { name: 'p99', points: points(steps, ({ addedP99Ms }) => addedP99Ms) },
      },
    ],
    ...(ranges ? { ranges } : {}),
    empty: 'No segment was measured in this time.',
  };
}

/** How many came, and how many of them failed for their gateway. */
export function segmentsChart(steps: readonly HistoryStep[], ranges?: Ranges): ChartView {
  return {
    title: 'Segments',
    unit: 'count',
    series: [
      { name: 'done', role: 'ours', points: points(steps, ({ jobs, failed }) => jobs - failed) },
      { name: 'retried', role: 'compare', points: points(steps, ({ retried }) => retried) },
    ],
    ...(ranges ? { ranges } : {}),
    empty: 'No segment came in this time.',
    zero: 'No segment was done in this time.',
  };
}

/** Share of segments that failed for their gateway, in percent. */
export function failuresChart(steps: readonly HistoryStep[], ranges?: Ranges): ChartView {
  return {
    title: 'Segments that failed',
    unit: 'percent',
    series: [
      {
        name: 'failed',
        role: 'ours',
        points: points(steps, ({ jobs, failed }) => (jobs === 0 ? null : (failed / jobs) * 100)),
      },
    ],
    ...(ranges ? { ranges } : {}),
    empty: 'No segment came in this time.',
    zero: 'None of the segments in this time failed.',
  };
}
