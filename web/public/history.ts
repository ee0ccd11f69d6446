import { showCount, showSpan } from '../../src/base/figures.ts';
import { uptimeOf } from '../../src/base/uptime.ts';
import type { Point } from '../parts/decimate.ts';
import type { DayView } from '../parts/timeline.tsx';
import type { HistoryStep, IncidentView } from './api-views.ts';

const DAY_MS = 86_400_000;

/** `99.97 %`: cut, never rounded up to a hundred. */
export function uptimeText(share: number): string {
  const hundredths = Math.floor(share * 10_000) / 100;
  return `${hundredths.toFixed(hundredths === 100 ? 0 : 2)}\u00a0%`;
}

/** From the first step on in which the pool measured. */
export function measured(steps: readonly HistoryStep[]): readonly HistoryStep[] {
  const first = steps.findIndex(({ upMs }) => upMs !== null);
  return first < 0 ? [] : steps.slice(first);
}

/** The days of a timeline, each with what happened on it. */
export function daysOf(
  steps: readonly HistoryStep[],
  incidents: readonly IncidentView[],
): readonly DayView[] {
  return steps.map((step) => {
    const { at, jobs, failed } = step;
    const from = Date.parse(at);
    const own = incidents.filter((one) => touches(one, from, from + DAY_MS));
    const { share, downMs } = uptimeOf([step]);
    const parts = [
      share === undefined ? 'not measured' : `up ${uptimeText(share)}`,
      downMs >= 1000 ? `away for ${showSpan(downMs)}` : '',
      jobs > 0 ? `failed ${showCount(failed)} of ${showCount(jobs)} segments` : '',
      ...own.map(({ title }) => title),
    ];
    const [first] = own;
    return {
      day: at.slice(0, 10),
      uptime: share ?? null,
      text: parts.filter((part) => part !== '').join(', '),
      href: first ? `/incidents/${first.id}` : '/incidents',
    };
  });
}

/** Whether something lasted into a stretch of time. */
export function touches(
  { startsAt, endsAt, closedAt }: IncidentView,
  from: number,
  until: number,
): boolean {
  const ends = Date.parse(closedAt ?? endsAt ?? '9999-12-31T00:00:00Z');
  return Date.parse(startsAt) < until && ends >= from;
}

/** Points of a chart: one of each step. */
export function pointsOf(
  steps: readonly HistoryStep[],
  value: (step: HistoryStep) => number | null,
): readonly Point[] {
  return steps.map((step) => [Date.parse(step.at), value(step)]);
}
