/** How much of a moment is shown; the rest is behind it. */
export type TimeDetail = 'full' | 'date' | 'clock';

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = [
  ...['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun'],
  ...['Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'],
];

/**
 * A moment in the reader's zone: `Tue 3 Dec, 14:05`, with the ISO time and its offset behind. Until
 * the script is there, and without one, in UTC and saying so.
 */
export function Time({
  at,
  detail = 'full',
}: {
  /** ISO 8601, or milliseconds since 1970. */
  readonly at: string | number;
  readonly detail?: TimeDetail;
}) {
  const date = new Date(at);
  const iso = date.toISOString();
  return (
    <time datetime={iso} title={iso} data-detail={detail}>
      {utcText(date, detail)}
    </time>
  );
}

/** `Tue 3 Dec 2026, 14:05 UTC`. */
export function utcText(date: Date, detail: TimeDetail): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const clock = `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}`;
  if (detail === 'clock') return `${clock} UTC`;
  const day = `${DAYS[date.getUTCDay()]} ${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()}`;
  return detail === 'date' ? day : `${day}, ${clock} UTC`;
}
