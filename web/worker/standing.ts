import type { Tone } from '../parts/state.tsx';
import type { LiveWorker } from './api-views.ts';

/** How a worker stands: in words first, and what to do, or that nothing needs doing. */
export interface Standing {
  readonly tone: Tone;
  readonly words: string;
  /** Until when, where that is known: ISO 8601. */
  readonly until?: string;
  /** What to do next; undefined: nothing needs doing. */
  readonly next?: string;
}

type Standable = Pick<LiveWorker, 'status' | 'state' | 'connections'>;

/** Reads the state of a worker. The same words on the page and in what changes it live. */
export function standingOf({ status, state, connections }: Standable): Standing {
  if (state === 'revoked') {
    return {
      tone: 'wrong',
      words: 'Revoked',
      next: 'Its credential is refused for good; what it earned stays yours. Ask the operator why.',
    };
  }
  if (connections === 0) {
    const words = state === 'active' ? 'Not connected' : `Not connected, ${state}`;
    return {
      tone: 'attention',
      words,
      next: 'Start the worker program on that computer; when it runs, its log says why it is not in.',
    };
  }
  if (state === 'paused') {
    return { tone: 'muted', words: 'Paused', next: 'It gets no new work until it is resumed.' };
  }
  if (state === 'draining') {
    return {
      tone: 'muted',
      words: 'Draining: it finishes what it has',
      next: 'The operator lets it run out; ask when it may go on.',
    };
  }
  if (status.startsWith('Quarantined')) {
    const until = /until (\d{4}-\S+Z)/.exec(status)?.[1];
    return {
      tone: 'attention',
      words: 'Quarantined',
      ...(until === undefined ? {} : { until }),
      next: 'Its last results failed. It is tried again by itself; look at its failures.',
    };
  }
  if (status.startsWith('On trial')) {
    return { tone: 'attention', words: 'On trial after a quarantine: one session at a time' };
  }
  return status === 'Working'
    ? { tone: 'good', words: 'Working' }
    : { tone: 'muted', words: 'Idle: no demand' };
}

/** `Quarantined until 14:05`. */
export function standingText(
  { words, until }: Standing,
  clockText: (iso: string) => string,
): string {
  return until === undefined ? words : `${words} until ${clockText(until)}`;
}

/** `3 of 8`: how many sessions it serves of those it takes. */
export function sessionsText({ sessions, capacity }: Pick<LiveWorker, 'sessions' | 'capacity'>) {
  return capacity === 0 ? 'none' : `${sessions} of ${capacity}`;
}

type Counted = Standable & Pick<LiveWorker, 'name' | 'sessions' | 'capacity'>;

/** All machines of somebody in a sentence or two: is it working, and what must I do? */
export function overviewText(
  workers: readonly Counted[],
  clockText: (iso: string) => string,
): string {
  const [only] = workers;
  if (!only) return 'You have no machine in this pool.';
  const troubled = workers.filter((worker) => standingOf(worker).next !== undefined);
  const sessions = workers.reduce((sum, one) => sum + one.sessions, 0);
  const capacity = workers.reduce((sum, one) => sum + one.capacity, 0);
  const running = capacity === 0 ? '' : ` ${sessions} of ${capacity} sessions.`;
  if (workers.length === 1) {
    const standing = standingOf(only);
    const next = standing.next ?? 'Nothing needs your attention.';
    return `${standingText(standing, clockText)}.${running} ${next}`;
  }
  const connected = workers.filter(({ connections }) => connections > 0).length;
  const begin = `${connected} of ${workers.length} machines are connected.${running}`;
  const [first, ...more] = troubled;
  if (!first) return `${begin} Nothing needs your attention.`;
  const words = standingText(standingOf(first), clockText);
  const next =
    more.length === 0
      ? (standingOf(first).next ?? '')
      : `${more.length} more ${more.length === 1 ? 'needs' : 'need'} a look.`;
  return `${begin} ${first.name}: ${words.toLowerCase()}. ${next}`.trim();
}
