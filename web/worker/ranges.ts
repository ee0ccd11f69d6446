/** Spans of time that pages offer, in hours; counts by the hour are kept for 30 days. */
const HOURS = [1, 24, 168, 720] as const;
export type Hours = (typeof HOURS)[number];

/** The span that `?hours=` asks for, when it is one of those that are offered. */
export function rangeOf(query: URLSearchParams, otherwise: Hours): Hours {
  const asked = Number(query.get('hours'));
  return HOURS.find((hours) => hours === asked) ?? otherwise;
}

/** Links to the same page for other spans. */
export function ranges(path: string, current: Hours, offered: readonly Hours[]) {
  return offered.map((hours) => ({
    label: rangeText(hours),
    href: `${path}${path.includes('?') ? '&' : '?'}hours=${hours}`,
    current: hours === current,
  }));
}

/** `24 h`, `7 d`. */
export function rangeText(hours: Hours): string {
  return hours <= 24 ? `${hours} h` : `${hours / 24} d`;
}
