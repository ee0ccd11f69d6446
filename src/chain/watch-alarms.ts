import type { Clock, Instant } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { WatchAlarm } from './view.ts';

/** Long enough to be seen by whoever asks every few minutes. */
const SHOWN_MS = 10 * 60_000;

/** What is wrong, while it is and for a while after. */
export interface Alarms {
  raise(alarm: WatchAlarm): void;
  /** It is over, and known to be: no need to show it any longer. */
  clear(alarm: WatchAlarm): void;
  shown(): readonly WatchAlarm[];
}

/** Each alarm is logged when it begins, not every time that its cause is seen again. */
export function createAlarms(parts: {
  readonly clock: Clock;
  readonly log: Log;
  /** Counts each time. */
  readonly seen: (alarm: WatchAlarm) => void;
}): Alarms {
  const { clock, log } = parts;
  const seen = new Map<WatchAlarm, Instant>();
  const isShown = (at: Instant) => clock.now() - at < SHOWN_MS;
  return {
    raise(alarm) {
      const at = seen.get(alarm);
      if (at === undefined || !isShown(at)) log.warn('chain_alarm', { reason: alarm });
      seen.set(alarm, clock.now());
      parts.seen(alarm);
    },
    clear(alarm) {
      if (seen.delete(alarm)) log.info('chain_alarm_over', { reason: alarm });
    },
    shown: () => [...seen].flatMap(([alarm, at]) => (isShown(at) ? [alarm] : [])),
  };
}
