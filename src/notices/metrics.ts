import type { Metrics } from '../base/metrics.ts';
import type { ChannelType } from './channel.ts';

/** Counts of this folder; series are bounded by types and outcomes. */
export function noticesMetrics(metrics: Metrics) {
  const attempts = metrics.counter(
    'tributary_notices_attempts_total',
    'Attempts to send a letter with notices, by type of channel and what became of them.',
    ['type', 'outcome'],
  );
  const letters = metrics.gauge(
    'tributary_notices_letters',
    'Letters that wait, and those that were given up and not sent again since.',
    ['state'],
  );
  return {
    attempted: (type: ChannelType, outcome: 'sent' | 'again' | 'dead') =>
      attempts.inc({ type, outcome }),
    standing(counts: { readonly waiting: number; readonly dead: number }) {
      letters.set({ state: 'waiting' }, counts.waiting);
      letters.set({ state: 'dead' }, counts.dead);
    },
  };
}
