import type { Instant } from '../../base/clock.ts';

/** Below this a segment in flight never counts as late, however short it is (5.4 of the stock rules). */
const LATE_FLOOR_MS = 1500;
/** A session with this or less is fast enough to be kept. */
const SCORE_GOOD = 1;
/** What an orchestrator queues for one session: one running and four waiting. */
const IN_FLIGHT_MAX = 5;

/** What the choice between sessions looks at. */
export interface Selectable {
  /** Segments sent and not yet answered. */
  readonly inFlight: readonly { readonly sentAt: Instant; readonly durationMs: number }[];
  /** Time of the last answer, as a multiple of the segment's duration; undefined before the first. */
  readonly score: number | undefined;
}

/**
 * Which session gets the next segment: the last one while it keeps up, else the fastest known one,
 * else one not used yet, in the order given. Undefined when none has room.
 * Wire: go-livepeer server/broadcast.go:selectSession, server/selection.go.
 */
export function selectSession<T extends Selectable>(
  sessions: readonly T[],
  last: T | undefined,
  now: Instant,
): T | undefined {
  const usable = sessions.filter((session) => session.inFlight.length < IN_FLIGHT_MAX);
  const current = last && usable.includes(last) ? last : undefined;
  if (current && keepsUp(current, now)) return current;

  const others = usable.filter((session) => session !== current && session.inFlight.length === 0);
  const known = others
    .filter((session) => session.score !== undefined)
    .sort((a, b) => (a.score ?? 0) - (b.score ?? 0));
  const best = known[0];
  if (best && (best.score ?? 0) <= SCORE_GOOD) return best;
  const unused = others.find((session) => session.score === undefined);
  // Where nobody else is to be had, waiting behind a late segment is better than failing.
  return unused ?? best ?? current ?? usable[0];
}

function keepsUp(session: Selectable, now: Instant): boolean {
  const oldest = session.inFlight[0];
  if (!oldest) return session.score !== undefined && session.score <= SCORE_GOOD;
  return now - oldest.sentAt < Math.max(oldest.durationMs, LATE_FLOOR_MS);
}

/** Time to the answer over the duration. Wire: go-livepeer server/segment_rpc.go:SubmitSegment. */
export function latencyScore(elapsedMs: number, durationMs: number): number {
  return elapsedMs / Math.max(LATE_FLOOR_MS, durationMs);
}
