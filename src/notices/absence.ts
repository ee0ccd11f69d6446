import type { WorkerId } from '../base/ids.ts';
import type { WorkerState } from '../workers/worker.ts';

/** A worker as it was seen. */
export interface Seen {
  readonly worker: WorkerId;
  readonly state: WorkerState;
  /** A machine of it is connected. */
  readonly here: boolean;
  /** When one was seen last. */
  readonly seenAt: number;
  /** That it is away was noted: since when, and whether it was told. */
  readonly away: { readonly since: number; readonly told: boolean } | undefined;
}

/** What to note of a worker. */
export type AbsenceStep =
  | { readonly step: 'none' }
  /** `tell`: its owner is told; a worker that was let go, or is to go, is only noted. */
  | { readonly step: 'away'; readonly since: number; readonly tell: boolean }
  | { readonly step: 'back'; readonly since: number; readonly tell: boolean };

/**
 * Decides whether a worker counts as offline, or as back. A reconnect is no absence: it counts only
 * after `afterMs`, and time in which the pool itself was down is the pool's, not the worker's.
 *
 * @param upSince since when the pool runs without a gap
 */
export function absenceStep(
  { state, here, seenAt, away }: Seen,
  rule: { readonly now: number; readonly afterMs: number; readonly upSince: number },
): AbsenceStep {
  if (here) {
    return away ? { step: 'back', since: away.since, tell: away.told } : { step: 'none' };
  }
  if (away || state === 'revoked') return { step: 'none' };
  const countedFrom = Math.max(seenAt, rule.upSince);
  if (rule.now - countedFrom < rule.afterMs) return { step: 'none' };
  return { step: 'away', since: seenAt, tell: state !== 'draining' };
}
