import type { Instant } from '../base/clock.ts';

/** Everything that can be wrong on chain, with what to do about it: a closed list. */
export const alarmAdvice = {
  chain_unseen: 'Check that a provider of --eth-url answers and keeps up with the chain.',
  providers_disagree:
    'Nothing is sent until they agree; look which of --eth-url is wrong and take it out.',
  chain_paused: 'The protocol is paused by its owner; nothing can be done but to wait.',
  journal_paused: 'Nothing is sent just now; segments go on. Read the reason.',
  gas_money_short: 'Send ETH to what is named: it pays for transactions.',
  not_registered: 'Register with `tributary chain register`; until then no ticket is paid.',
  not_active: 'Bond more, or wait for the round in which the orchestrator becomes active.',
  activity_ending:
    'The orchestrator leaves the active set with this round; bond more to come back.',
  stake_low: 'Bond more: it is the last in the active set, which is full.',
  round_late: 'Initialise it with `tributary chain init-round`.',
  reward_late: 'Call `tributary chain reward` before the round ends, or the reward is lost.',
  service_uri_differs:
    'Correct it with `tributary chain set-service-uri`, or correct --service-addr.',
  service_uri_unanswered:
    'Check name, port and firewall: what the registry names does not answer as this node.',
  certificate_ending: 'Renew the certificate; the pool takes the new one on.',
} as const;

/** Labels and log lines have these words and no others. */
export type AlarmKind = keyof typeof alarmAdvice;

/** Something that needs a person, since when, and what to do. */
export interface Alarm {
  readonly kind: AlarmKind;
  readonly since: Instant;
  /** What is the matter, with figures; no address but our own, no URL of a provider. */
  readonly text: string;
  readonly advice: string;
}

/** An alarm as a rule finds it: without a time. */
export interface Finding {
  readonly kind: AlarmKind;
  readonly text: string;
}

/** The alarms after a look; what was there before keeps its time. */
export function nextAlarms(
  before: readonly Alarm[],
  findings: readonly Finding[],
  now: Instant,
): readonly Alarm[] {
  const known = new Map(before.map((alarm) => [alarm.kind, alarm]));
  const found = new Map(findings.map((finding) => [finding.kind, finding]));
  return [...found.values()].map(({ kind, text }) => ({
    kind,
    since: known.get(kind)?.since ?? now,
    text,
    advice: alarmAdvice[kind],
  }));
}
