import type { Metrics } from '../base/metrics.ts';
import { type Alarm, type AlarmKind, alarmAdvice } from './alarms.ts';

/** What the pool does on chain of its own accord. */
export type Duty = 'init_round' | 'reward' | 'withdraw_fees';
/** How a call of a duty ended. */
export type DutyEnd = 'done' | 'reverted' | 'refused' | 'withdrawn' | 'would_fail';

const KINDS = Object.keys(alarmAdvice) as AlarmKind[];

/** Counts of the duties besides redemption. */
export function dutyMetrics(metrics: Metrics) {
  const calls = metrics.counter(
    'tributary_duties_calls_total',
    'Transactions that the pool sent of its own accord, by duty and by how they ended.',
    ['duty', 'end'],
  );
  const alarm = metrics.gauge(
    'tributary_duties_alarm',
    '1 while something on chain needs a person, by what it is; 0 while it does not.',
    ['kind'],
  );
  const round = metrics.gauge('tributary_duties_round', 'The current round, initialised or not.');
  const show = (alarms: readonly Alarm[]) => {
    for (const kind of KINDS) {
      alarm.set({ kind }, alarms.some((one) => one.kind === kind) ? 1 : 0);
    }
  };
  show([]);
  return {
    ended: (duty: Duty, end: DutyEnd) => calls.inc({ duty, end }),
    alarms: show,
    round: (current: bigint) => round.set(Number(current)),
  };
}

export type DutyMetrics = ReturnType<typeof dutyMetrics>;
