import { Time, utcText } from './time.tsx';

/** A day of the pool: how much of it it was there, and what happened. */
export interface DayView {
  /** `2026-12-03`, UTC. */
  readonly day: string;
  /** From 0 to 1; null where nothing was measured. */
  readonly uptime: number | null;
  /** What happened, in a sentence. */
  readonly text: string;
  readonly href: string;
}

/** Uptime and incidents as one row of days, each a link to what happened. The height says it, too. */
export function Timeline({ days }: { readonly days: readonly DayView[] }) {
  const [first, last] = [days[0], days.at(-1)];
  if (!first || !last) return <p class="empty">Nothing was measured yet.</p>;
  return (
    <div class="timeline-box">
      <ol class="timeline" aria-label="Days">
        {days.map(({ day, uptime, text, href }) => {
          const label = `${utcText(new Date(`${day}T00:00:00Z`), 'date')}: ${text}`;
          return (
            <li key={day}>
              <a href={href} class={toneOf(uptime)} title={label}>
                <span class="visually-hidden">{label}</span>
              </a>
            </li>
          );
        })}
      </ol>
      <p class="timeline-ends">
        <Time at={`${first.day}T12:00:00Z`} detail="date" />
        {last !== first && <Time at={`${last.day}T12:00:00Z`} detail="date" />}
      </p>
      <p class="hint">
        A bar is a day in UTC; it is shorter when the pool was away for more than 14 minutes of it.
      </p>
    </div>
  );
}

/** Below these shares of a day, a bar is shorter: 14 minutes away, and more than an hour. */
const GOOD_MIN = 0.99;
const DEGRADED_MIN = 0.95;

function toneOf(uptime: number | null): string {
  if (uptime === null) return 'none';
  if (uptime >= GOOD_MIN) return 'good';
  return uptime >= DEGRADED_MIN ? 'attention' : 'wrong';
}
