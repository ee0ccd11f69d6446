import type { AmountView } from '../parts/amount.tsx';
import type { ChartView } from '../parts/chart.tsx';
import type { Point } from '../parts/decimate.ts';
import type { WorkStep } from './api-views.ts';
import { sum } from './sums.ts';

const HOUR_MS = 3_600_000;

/** An hour of work, of all machines together. */
export interface Hour {
  readonly at: number;
  readonly jobs: number;
  readonly failed: number;
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  /** By asset, in base units with their decimals. */
  readonly earned: readonly AmountView[];
}

/** Every hour until now: those in which nothing came are zero, and not left out. */
export function hoursOf(
  steps: readonly (Omit<WorkStep, 'earned'> & Partial<Pick<WorkStep, 'earned'>>)[],
  { now, hours }: { readonly now: number; readonly hours: number },
): readonly Hour[] {
  const last = Math.floor(now / HOUR_MS) * HOUR_MS;
  return Array.from({ length: hours }, (_, index) => {
    const at = last - (hours - 1 - index) * HOUR_MS;
    const same = steps.filter((step) => Date.parse(step.at) === at);
    return {
      at,
      jobs: same.reduce((sum, { jobs }) => sum + jobs, 0),
      failed: same.flatMap(({ failures }) => failures).reduce((sum, { count }) => sum + count, 0),
      p50Ms: same[0]?.p50Ms ?? null,
      p95Ms: same[0]?.p95Ms ?? null,
      earned: sum(same.flatMap(({ earned }) => earned ?? [])),
    };
  });
}

/** What was earned by the hour, a chart for each asset; none where receipts name no amount. */
export function earnedCharts(hours: readonly Hour[]): readonly ChartView[] {
  const assets = new Map(
    hours.flatMap(({ earned }) => earned.map(({ asset, decimals }) => [asset, decimals] as const)),
  );
  return [...assets].map(([asset, decimals]) => ({
    title: 'Earned by the hour, before the terms are applied',
    unit: { asset },
    series: [
      {
        name: asset,
        role: 'ours',
        points: hours.map(({ at, earned }): Point => {
          const amount = earned.find((one) => one.asset === asset)?.amount ?? '0';
          return [at, Number(amount) / 10 ** decimals];
        }),
      },
    ],
    empty: 'Nothing was earned in this time.',
    zero: 'Nothing was earned in this time.',
  }));
}

/** What a machine did, and how fast. */
export function workCharts(hours: readonly Hour[]): {
  readonly jobs: ChartView;
  readonly speed: ChartView;
} {
  const of = (value: (hour: Hour) => number | null): Point[] =>
    hours.map((hour) => [hour.at, value(hour)]);
  const hasFailed = hours.some(({ failed }) => failed > 0);
  return {
    jobs: {
      title: 'Segments by the hour',
      unit: 'count',
      series: [
        { name: 'done', role: 'ours', points: of(({ jobs }) => jobs) },
        ...(hasFailed
          ? [{ name: 'failed', role: 'compare' as const, points: of(({ failed }) => failed) }]
          : []),
      ],
      empty: 'No segment came in this time.',
      zero: 'No segment was done in this time.',
    },
    speed: {
      title: 'Time from a task to its judged result',
      unit: 'ms',
      series: [
        {
          name: 'p50',
          role: 'ours',
          points: of(({ p50Ms }) => p50Ms),
          band: { name: 'p95', points: of(({ p95Ms }) => p95Ms) },
        },
      ],
      empty: 'Nothing was measured in this time.',
    },
  };
}
