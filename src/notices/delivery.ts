import type { SendOutcome } from './letter.ts';

/** From 30 s on twice as long each time; after some 24 hours a letter is given up. */
const FIRST_MS = 30_000;
const LONGEST_MS = 6 * 3_600_000;
const ATTEMPTS_MAX = 12;
/** Who asks for more is asked again then all the same: a day is what a channel can be late by. */
const ASKED_MS_MAX = 24 * 3_600_000;

/** What follows an attempt. */
export type DeliveryStep =
  | { readonly state: 'sent' }
  | { readonly state: 'waiting'; readonly nextAt: number; readonly reason: string }
  /** `stop`: nothing more is sent to the channel until its owner says so. */
  | { readonly state: 'dead'; readonly reason: string; readonly stop: boolean };

/**
 * Decides what follows an attempt. `chance` from 0 to 1 spreads those that failed together.
 *
 * @param attempts how many there were, with this one
 */
export function afterAttempt(
  outcome: SendOutcome,
  attempts: number,
  { now, chance }: { readonly now: number; readonly chance: number },
): DeliveryStep {
  if (outcome.ok) return { state: 'sent' };
  const { again, reason, afterMs } = outcome;
  if (again !== 'later') return { state: 'dead', reason, stop: again === 'gone' };
  if (attempts >= ATTEMPTS_MAX) return { state: 'dead', reason, stop: false };
  const own = Math.min(FIRST_MS * 2 ** (attempts - 1), LONGEST_MS);
  const spread = Math.round(own * (0.75 + chance / 2));
  // Sooner than it asks for is never right; much later only as long as we would wait anyway.
  const asked = afterMs === undefined ? 0 : Math.min(afterMs, ASKED_MS_MAX);
  return {
    state: 'waiting',
    nextAt: now + Math.max(asked, afterMs === undefined ? spread : 1_000),
    reason,
  };
}

/** Letters to one place within an hour; further notices go together in the next one. */
export const LETTERS_PER_HOUR = 20;
/** Notices in one letter: what does not fit is on the pages. */
export const NOTICES_PER_LETTER = 100;

/**
 * Puts notices for one place into letters: into the one that waits with `room`, then into new ones.
 *
 * @param sent letters to that place within the last hour, and until when it has had enough of them
 */
export function intoLetters<N>(
  notices: readonly N[],
  place: {
    readonly room: number;
    readonly sent: number;
    readonly fullUntil: number;
    readonly now: number;
  },
): {
  readonly join: readonly N[];
  readonly letters: readonly { readonly notices: readonly N[]; readonly nextAt: number }[];
} {
  const { room, sent, fullUntil, now } = place;
  const join = notices.slice(0, room);
  const letters: { notices: readonly N[]; nextAt: number }[] = [];
  for (let from = join.length; from < notices.length; from += NOTICES_PER_LETTER) {
    const isFull = sent + letters.length >= LETTERS_PER_HOUR;
    const some = notices.slice(from, from + NOTICES_PER_LETTER);
    letters.push({ notices: some, nextAt: isFull ? Math.max(now, fullUntil) : now });
  }
  return { join, letters };
}
