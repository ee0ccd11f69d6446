import type { Instant } from '../base/clock.ts';
import { type NoticeKind, noticeKinds } from './kinds.ts';

/** An event that waits to be told. */
export interface WaitingEvent {
  readonly id: bigint;
  readonly kind: NoticeKind;
  readonly at: Instant;
}

/** What to do with the waiting events of one worker, or of the pool. */
export interface Paced<E extends WaitingEvent> {
  /** Each a notice of one or more events of one kind, oldest first. */
  readonly tell: readonly (readonly [E, ...E[]])[];
  /** Looked at again then. */
  readonly hold: readonly { readonly event: E; readonly until: Instant }[];
  /** Never told: each was undone by another before anybody heard of it. */
  readonly drop: readonly E[];
}

/**
 * Decides what is told now: a kind that was told of this worker a moment ago waits, and what comes
 * meanwhile is told together; an offline that waits and is over by then is not told at all, and nor
 * is its end.
 *
 * @param events all that wait of one worker, or of the pool, oldest first
 * @param toldAt when each kind was told of it the last time
 */
export function pace<E extends WaitingEvent>(
  events: readonly E[],
  toldAt: ReadonlyMap<NoticeKind, Instant>,
  now: Instant,
): Paced<E> {
  const tell: [E, ...E[]][] = [];
  const hold: { event: E; until: Instant }[] = [];
  const { kept, dropped } = withoutUndone(events);
  const byKind = Map.groupBy(kept, ({ kind }) => kind);
  for (const [kind, [first, ...rest]] of byKind as Map<NoticeKind, [E, ...E[]]>) {
    const until = waitOf(kind, toldAt, now);
    if (until !== undefined) {
      for (const event of [first, ...rest]) hold.push({ event, until });
    } else if (noticeKinds[kind].atMostEveryMs > 0) tell.push([first, ...rest]);
    else for (const event of [first, ...rest]) tell.push([event]);
  }
  return { tell: tell.sort(([a], [b]) => a.at - b.at || Number(a.id - b.id)), hold, drop: dropped };
}

/** Until when a kind has to wait; undefined: it may be told now. */
function waitOf(
  kind: NoticeKind,
  toldAt: ReadonlyMap<NoticeKind, Instant>,
  now: Instant,
): Instant | undefined {
  const last = toldAt.get(kind);
  const every = noticeKinds[kind].atMostEveryMs;
  if (last === undefined || every === 0) return undefined;
  // A clock that was set back must not hold anything for long.
  const until = Math.min(last, now) + every;
  return until > now ? (until as Instant) : undefined;
}

/**
 * Of a worker that comes and goes only what it is at the end counts: an even number of changes leaves
 * it as it was told of last, an odd number is told as the last of them.
 */
function withoutUndone<E extends WaitingEvent>(
  events: readonly E[],
): { readonly kept: readonly E[]; readonly dropped: readonly E[] } {
  const changes = events.filter(({ kind }) => kind === 'worker_offline' || kind === 'worker_back');
  const last = changes.length % 2 === 1 ? changes.at(-1) : undefined;
  const dropped = changes.filter((event) => event !== last);
  return { kept: events.filter((event) => !dropped.includes(event)), dropped };
}
