import { type Instant, instant } from '../base/clock.ts';
import type { PayoutRules } from '../terms/terms.ts';

const DAY_MS = 86_400_000;
/** 1970 began on a Thursday; weeks end when a Monday begins. */
const MONDAY_MS = 4 * DAY_MS;

/** What a schedule depends on besides the clock. */
export interface ScheduleFacts {
  /** Undefined: never. */
  readonly lastRunAt: Instant | undefined;
  /** When the last epoch was booked; undefined: none was. */
  readonly lastEpochAt: Instant | undefined;
}

/**
 * Whether payouts are due: once after each midnight, Monday's or first of the month's midnight, in
 * UTC. `round`: once after each epoch that was closed, as rounds are what such epochs are made of.
 */
export function isDue(
  every: PayoutRules['every'],
  now: Instant,
  { lastRunAt, lastEpochAt }: ScheduleFacts,
): boolean {
  if (every === 'round') {
    return lastEpochAt !== undefined && (lastRunAt === undefined || lastRunAt < lastEpochAt);
  }
  return lastRunAt === undefined || lastRunAt < periodStart(every, now);
}

/** The midnight at which the running day, week or month began. */
export function periodStart(every: 'day' | 'week' | 'month', now: Instant): Instant {
  if (every === 'month') {
    const date = new Date(now);
    return instant(Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1));
  }
  const [length, offset] = every === 'day' ? [DAY_MS, 0] : [7 * DAY_MS, MONDAY_MS];
  return instant(Math.floor((now - offset) / length) * length + offset);
}

/** When the running day, week or month ends, and payouts are due again. */
export function periodEnd(every: 'day' | 'week' | 'month', now: Instant): Instant {
  if (every === 'month') {
    const date = new Date(now);
    return instant(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1));
  }
  return instant(periodStart(every, now) + (every === 'day' ? 1 : 7) * DAY_MS);
}
