import type { Instant } from '../base/clock.ts';
import type { Span } from '../base/spans.ts';
import type { SegmentDetail, TracedAttempt } from './job.ts';
import type { Job } from './relay.ts';

/**
 * The way of one segment, from its first header byte to the end of its reply: received and admitted
 * (signature, payment), dispatched to a worker, fetched, transcoded and uploaded by it, verified, stored in
 * the ledger, replied. Steps overlap: a worker fetches the source while it still arrives.
 */
export function segmentSpan(way: {
  readonly startedAt: Instant;
  readonly endedAt: Instant;
  readonly job: Job<SegmentDetail>;
  /** `done`, or why there are no renditions. */
  readonly outcome: string;
}): Span | undefined {
  const { startedAt, endedAt, job, outcome } = way;
  const { attempts, segment, completeAt } = job.detail;
  if (!attempts) return undefined;
  const credited = attempts.find(({ failed }) => failed === undefined);
  return {
    name: 'segment',
    from: startedAt,
    to: endedAt,
    facts: {
      job: job.id,
      session: job.session,
      duration_ms: segment.durationMs,
      renditions: segment.profiles.length,
      source_bytes: job.source.length,
      attempts: attempts.length,
    },
    ...(outcome === 'done' ? {} : { failed: outcome }),
    inside: [
      ...step('receive', startedAt, completeAt),
      ...step('admit', startedAt, job.submittedAt),
      ...attempts.flatMap((attempt, i) => [
        dispatchSpan(attempts[i - 1]?.endedAt ?? job.submittedAt, attempt.task.sentAt),
        attemptSpan(attempt),
      ]),
      ...step('reply', credited?.endedAt, endedAt),
    ],
  };
}

/** Until a worker was found. A retry or a hedge may be on its way before the one before it has ended. */
function dispatchSpan(from: Instant, sentAt: Instant): Span {
  return { name: 'dispatch', from: from < sentAt ? from : sentAt, to: sentAt };
}

function attemptSpan({ task, endedAt, failed }: TracedAttempt): Span {
  const { sentAt, fetchStartedAt, fetchedAt, arrivingAt, arrivedAt, judgedAt } = task;
  return {
    name: 'attempt',
    from: sentAt,
    to: endedAt,
    facts: { worker: task.worker, attempt: task.attempt },
    ...(failed === undefined ? {} : { failed }),
    inside: [
      ...step('fetch', fetchStartedAt, fetchedAt),
      ...step('transcode', fetchedAt, arrivingAt),
      ...step('upload', arrivingAt, arrivedAt),
      ...step('verify', arrivedAt, judgedAt),
      ...(failed === undefined ? step('store', judgedAt, endedAt) : []),
    ],
  };
}

/** None when one of its ends was never seen, or they came in another order. */
function step(name: string, from: number | undefined, to: number | undefined): readonly Span[] {
  if (from === undefined || to === undefined || to < from) return [];
  return [{ name, from: from as Instant, to: to as Instant }];
}
