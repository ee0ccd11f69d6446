import { hash } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { JobId, WorkerId } from '../base/ids.ts';
import { keccak256 } from '../base/keccak.ts';
import type { Log } from '../base/log.ts';
import { pixels } from '../base/money.ts';
import type { AttemptFailure, Dispatch } from '../dispatch/dispatch-types.ts';
import { addTo, newHistogram } from '../dispatch/histogram.ts';
import type { Contribution, FailedVerdict } from '../ledger/contribution.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { SegmentDetail } from './job.ts';
import type { FrontMetrics } from './metrics.ts';
import type { OutputMemory } from './output-memory.ts';
import { createRelay, type Relay, type Task } from './relay.ts';

/** Segments whose latency is remembered for the percentiles of the status page. */
const LATENCIES_KEPT = 1_000;

/** The relay for video segments, with the ledger behind it. */
export interface SegmentRelay extends Relay<SegmentDetail> {
  runningTasks(): readonly { readonly worker: WorkerId; readonly job: JobId }[];
  /** Milliseconds that the pool added to recent segments; undefined before the first. */
  latency(): { readonly p50: number; readonly p99: number } | undefined;
  /** The same of all segments since the start, by bucket of a histogram. */
  added(): readonly number[];
}

/** Puts relay and ledger together: every credited attempt is durable before anyone is answered. */
export function createSegmentRelay(parts: {
  readonly dispatch: Dispatch;
  readonly clock: Clock;
  readonly log: Log;
  readonly ledger: Ledger;
  readonly outputs: OutputMemory;
  readonly metrics: FrontMetrics;
}): SegmentRelay {
  const { clock, log, ledger, outputs, metrics } = parts;
  const latencies: number[] = [];
  const addedSince = newHistogram();

  /** For the trace of a segment, where there is one. */
  function remember(task: Task<SegmentDetail>, failed: string | undefined): void {
    task.job.detail.attempts?.push({ task, endedAt: clock.now(), failed });
  }

  const relay = createRelay<SegmentDetail>({
    ...parts,
    async store(task) {
      const entry = credited(task, clock);
      const appended = await ledger.append(entry);
      if (appended.result === 'stored') {
        remember(task, undefined);
        // Signed while the gateway is answered; its worker waits for it.
        if (appended.receipt) task.receipt = ledger.signed(appended.receipt);
        task.receipt?.catch(() => {});
        outputs.remember(
          (task.renditions ?? []).map(({ hash }) => hash),
          task.job.detail.segment.hash,
        );
        metrics.pixels.inc(Number(entry.pixels));
        const added = addedMs(task, clock.now());
        metrics.addedSeconds.observe(added / 1000);
        latencies.push(added);
        addTo(addedSince, Math.round(added));
        if (latencies.length > LATENCIES_KEPT) latencies.shift();
      }
      return appended.result;
    },
    recordFailure(task, failure) {
      metrics.attempts.inc({ reason: failure.reason });
      remember(task, failure.reason);
      const verdict = VERDICTS[failure.reason];
      if (!verdict) return;
      const reason = verdict === 'rejected' ? (failure.detail ?? failure.reason) : failure.reason;
      ledger.append({ ...attempt(task, clock), verdict, reason }).catch((error: unknown) => {
        log.error('attempt_not_recorded', { worker: task.worker, error: messageOf(error) });
      });
    },
    refused(reason) {
      metrics.refused.inc({ reason });
    },
  });

  return Object.assign(relay, {
    runningTasks: () => relay.tasks().map(({ worker, job }) => ({ worker, job: job.id })),
    added: () => [...addedSince],
    latency() {
      if (latencies.length === 0) return undefined;
      const sorted = latencies.toSorted((a, b) => a - b);
      const at = (share: number) =>
        sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] as number;
      return { p50: at(0.5), p99: at(0.99) };
    },
  });
}

/** How the ledger names what dispatch says; attempts that blame nobody and never ran are left out. */
const VERDICTS: Readonly<Record<AttemptFailure, FailedVerdict | undefined>> = {
  lost: 'lost',
  send_failed: 'lost',
  late: 'late',
  deadline: 'late',
  error: 'errored',
  bad_input: 'errored',
  rejected: 'rejected',
  superseded: 'superseded',
  not_stored: undefined,
  abandoned: undefined,
  revoked: undefined,
};

function attempt(task: Task<SegmentDetail>, clock: Clock) {
  const { job } = task;
  const { segment } = job.detail;
  const since = (at: number | undefined) => (at === undefined ? undefined : at - job.submittedAt);
  const timings = {
    queuedMs: since(task.sentAt),
    fetchedMs: since(task.fetchedAt),
    transcodedMs: since(task.arrivingAt),
    uploadedMs: since(task.arrivedAt),
    verifiedMs: since(task.judgedAt),
  };
  return {
    job: job.id,
    attempt: task.attempt,
    task: task.id,
    worker: task.worker,
    connection: task.connection,
    session: job.session,
    manifestHash: keccak256(segment.manifestId),
    sourceDurationMs: segment.durationMs,
    sourceBytes: job.source.length,
    timings: Object.fromEntries(
      Object.entries(timings).filter(([, ms]) => ms !== undefined && ms >= 0),
    ),
    at: clock.now(),
  };
}

function credited(task: Task<SegmentDetail>, clock: Clock) {
  const { segment } = task.job.detail;
  const profiles = (task.renditions ?? []).map((rendition, index) => ({
    name: segment.profiles[index]?.name ?? String(index),
    width: rendition.width,
    height: rendition.height,
    frames: rendition.frames,
    pixels: rendition.pixels,
    bytes: rendition.blob.length,
    hash: rendition.hash,
  }));
  const total = pixels(profiles.reduce((sum, profile) => sum + profile.pixels, 0n));
  return {
    ...attempt(task, clock),
    verdict: 'credited',
    sourceHash: segment.hash,
    profiles,
    pixels: total,
    gatewaySignatureHash: hash('sha256', segment.sig, 'buffer'),
    ...(task.job.detail.price && { price: task.job.detail.price }),
  } as const satisfies Contribution;
}

/**
 * From the moment the source was whole to now, without the time in which the worker had the source
 * and had not begun to answer.
 */
function addedMs(task: Task<SegmentDetail>, now: number): number {
  const from = task.job.detail.completeAt ?? task.job.submittedAt;
  const begun = Math.max(task.fetchedAt ?? from, from);
  const working = Math.max(0, (task.arrivingAt ?? begun) - begun);
  return Math.max(0, now - from - working);
}
