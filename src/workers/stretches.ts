/** From when until when, in milliseconds since 1970. */
export interface Stretch {
  readonly since: number;
  readonly until: number;
}

const DAY_MS = 86_400_000;

/** A stretch that goes on, with the parts of it that are over. */
export interface Growing {
  /** From 1; each part is a row of its own. */
  readonly part: number;
  readonly since: number;
  readonly until: number;
}

/** The first part of what begins now. */
export function begun(now: number): Growing {
  return { part: 1, since: now, until: now };
}

/**
 * Goes on until now. A new part begins at midnight UTC, so that a day is the sum of its parts, and
 * after a gap: who was not looked at for longer than `gapMs` was not seen to be there, as after a
 * machine slept or its clock was set. A clock that went back adds nothing.
 *
 * @returns the parts that are over, and the one that goes on
 */
export function grown(
  stretch: Growing,
  now: number,
  gapMs: number,
): { readonly over: readonly Growing[]; readonly goesOn: Growing } {
  if (now < stretch.until) {
    // The clock was set back: what it shows again was counted already.
    return stretch.until - now > gapMs
      ? { over: [stretch], goesOn: next(stretch, now, now) }
      : { over: [], goesOn: stretch };
  }
  if (now - stretch.until > gapMs) return { over: [stretch], goesOn: next(stretch, now, now) };
  const midnight = (Math.floor(stretch.since / DAY_MS) + 1) * DAY_MS;
  if (now < midnight) return { over: [], goesOn: { ...stretch, until: now } };
  return { over: [{ ...stretch, until: midnight }], goesOn: next(stretch, midnight, now) };
}

function next({ part }: Growing, since: number, until: number): Growing {
  return { part: part + 1, since, until };
}

/** How long at least one of the stretches lasted within a period: overlaps count once. */
export function coveredMs(stretches: readonly Stretch[], within: Stretch): number {
  return merged(stretches, within).reduce((sum, { since, until }) => sum + until - since, 0);
}

/** The times within a period in which none of the stretches lasted. */
export function gapsIn(stretches: readonly Stretch[], within: Stretch): readonly Stretch[] {
  const gaps: Stretch[] = [];
  let at = within.since;
  for (const { since, until } of merged(stretches, within)) {
    if (since > at) gaps.push({ since: at, until: since });
    at = until;
  }
  if (within.until > at) gaps.push({ since: at, until: within.until });
  return gaps;
}

/** Stretches within a period, in order, with those that touch or overlap made one. */
export function merged(stretches: readonly Stretch[], within: Stretch): readonly Stretch[] {
  const cut = stretches
    .map(({ since, until }) => ({
      since: Math.max(since, within.since),
      until: Math.min(until, within.until),
    }))
    .filter(({ since, until }) => until > since)
    .sort((a, b) => a.since - b.since);
  const whole: { since: number; until: number }[] = [];
  for (const each of cut) {
    const last = whole.at(-1);
    if (last && each.since <= last.until) last.until = Math.max(last.until, each.until);
    else whole.push({ ...each });
  }
  return whole;
}
