import { type Instant, instant } from '../base/clock.ts';

/** How often strangers may make the pool ask the chain. */
export interface LimitRule {
  /** Calls in a second, on average. */
  readonly perSecond: number;
  /** Calls at once after a quiet time. */
  readonly burst: number;
}

/** What is left at a moment: fractions of calls grow back. */
export interface Limit {
  readonly left: number;
  readonly at: Instant;
}

/** A quiet time has passed. */
export function fullLimit({ burst }: LimitRule, now: Instant): Limit {
  return { left: burst, at: now };
}

/**
 * Takes calls out, or says in how many milliseconds there are enough. What costs more than the whole
 * burst is let through when nothing of it is used, and owed afterwards.
 */
export function takeFrom(
  limit: Limit,
  rule: LimitRule,
  { cost, now }: { readonly cost: number; readonly now: Instant },
): { readonly ok: true; readonly limit: Limit } | { readonly ok: false; readonly waitMs: number } {
  const grown = (Math.max(0, now - limit.at) / 1000) * rule.perSecond;
  const left = Math.min(rule.burst, limit.left + grown);
  const needed = Math.min(cost, rule.burst);
  if (left >= needed) return { ok: true, limit: { left: left - cost, at: instant(now) } };
  return { ok: false, waitMs: Math.ceil(((needed - left) / rule.perSecond) * 1000) };
}
