import { type Instant, instant } from '../base/clock.ts';

/** How long an epoch is: by the UTC clock, or by rounds of the protocol. */
export type EpochPeriod =
  | { readonly period: 'day' | 'week' }
  | { readonly period: 'round'; readonly rounds: bigint };

/** The epoch that is open, as far as its end depends on it. */
export interface OpenEpoch {
  readonly opensAt: Instant;
  /** The round of the protocol in which it was opened; undefined where no chain was seen. */
  readonly openedInRound: bigint | undefined;
}

const DAY_MS = 86_400_000;
/** 1970 began on a Thursday; weeks end when a Monday begins. */
const MONDAY_MS = 4 * DAY_MS;

/** When an epoch by the clock ends: the first midnight, or Monday's midnight, UTC, after it began. */
export function endsAt(opensAt: Instant, period: 'day' | 'week'): Instant {
  const [length, offset] = period === 'day' ? [DAY_MS, 0] : [7 * DAY_MS, MONDAY_MS];
  return instant((Math.floor((opensAt - offset) / length) + 1) * length + offset);
}

/**
 * Is it time to close? `round` is the protocol's current one, undefined while it is not known: an
 * epoch by rounds then stays open, since nothing is lost by that.
 */
export function isDue(
  open: OpenEpoch,
  rule: EpochPeriod,
  at: { readonly now: Instant; readonly round: bigint | undefined },
): boolean {
  if (rule.period !== 'round') return at.now >= endsAt(open.opensAt, rule.period);
  // Opened before the chain was seen: whoever closes notes the round as soon as there is one.
  if (at.round === undefined || open.openedInRound === undefined) return false;
  return at.round >= open.openedInRound + rule.rounds;
}
