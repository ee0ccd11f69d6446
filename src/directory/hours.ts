/** A quarter of a year: what a careful owner of a GPU wants to see of a pool. */
export const HISTORY_DAYS = 90;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** What was seen in one hour: how often it was looked, and how often each of the two answered. */
export interface HourSeen {
  /** Hours since 1970. */
  readonly hour: number;
  readonly checks: number;
  /** The public address, with a manifest that holds. */
  readonly page: number;
  /** A TLS handshake with the service URI. */
  readonly service: number;
}

/** Adds a look, and forgets what is older than {@link HISTORY_DAYS}. */
export function withCheck(
  hours: readonly HourSeen[],
  now: number,
  { page, service }: { readonly page: boolean; readonly service: boolean },
): readonly HourSeen[] {
  const hour = Math.floor(now / HOUR_MS);
  const kept = hours.filter((one) => one.hour > hour - HISTORY_DAYS * 24 && one.hour <= hour);
  const last = kept.at(-1);
  const before = last?.hour === hour ? last : { hour, checks: 0, page: 0, service: 0 };
  const seen = {
    hour,
    checks: before.checks + 1,
    page: before.page + (page ? 1 : 0),
    service: before.service + (service ? 1 : 0),
  };
  return [...(last?.hour === hour ? kept.slice(0, -1) : kept), seen];
}

/** Shares of the looks that were answered, of a day or of all; null where nothing was looked at. */
export interface Uptime {
  readonly checks: number;
  readonly page: number | null;
  readonly service: number | null;
}

/** Over the last `days`. */
export function uptimeOf(hours: readonly HourSeen[], now: number, days: number): Uptime {
  const from = Math.floor((now - days * DAY_MS) / HOUR_MS);
  return shareOf(hours.filter(({ hour }) => hour > from));
}

/** One figure for each of the last `days`, oldest first; `day` is `2026-12-03` in UTC. */
export function daysOf(
  hours: readonly HourSeen[],
  now: number,
  days: number,
): readonly (Uptime & { readonly day: string })[] {
  const byDay = Map.groupBy(hours, ({ hour }) => Math.floor(hour / 24));
  const today = Math.floor(now / DAY_MS);
  return Array.from({ length: days }, (_, at) => {
    const day = today - days + 1 + at;
    return {
      day: new Date(day * DAY_MS).toISOString().slice(0, 10),
      ...shareOf(byDay.get(day) ?? []),
    };
  });
}

function shareOf(hours: readonly HourSeen[]): Uptime {
  const sum = (of: (hour: HourSeen) => number) => hours.reduce((all, one) => all + of(one), 0);
  const checks = sum((one) => one.checks);
  if (checks === 0) return { checks, page: null, service: null };
  return {
    checks,
    page: sum((one) => one.page) / checks,
    service: sum((one) => one.service) / checks,
  };
}
