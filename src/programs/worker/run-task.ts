import type { Clock, Instant } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { TranscodeOutcome } from '../../media/transcode.ts';
import { compatible } from '../../protocol/capabilities.ts';
import { errorPost, type ResultPost, resultPost } from '../../protocol/result-post.ts';
import type { Segment } from '../../protocol/segment.ts';
import type { Task } from '../../protocol/task.ts';
import { taskTexts } from '../../protocol/texts.ts';
import { WIRE_VERSION } from './link.ts';
import { type PostOutcome, postResult } from './post.ts';
import type { Place, Sessions } from './sessions.ts';
import type { Home, Sources } from './source.ts';

/** An orchestrator waits max(8 s, 4 x duration) for a task (go-livepeer core/orchestrator.go). */
const TASK_MS_MIN = 8_000;
const DURATION_FACTOR = 4;
/** Our clock and the orchestrator's start apart, and a post that is under way may still count. */
const GRACE_MS = 4_000;
/** Posting an error is worth this much more than the task's time at most. */
const ERROR_POST_MS_MIN = 2_000;

/** What a task needs around it. */
export interface TaskParts {
  readonly credential: string;
  readonly bits: bigint;
  readonly sessions: Sessions;
  readonly sources: Sources;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** How a task went, for the view and the metrics. */
export type TaskEnd =
  | {
      readonly ended: 'posted';
      readonly mediaMs: number;
      readonly transcodeMs: number;
      readonly pixels: bigint;
      /** Headers of the orchestrator's answer: a receipt, where it gives one. */
      readonly answer: Readonly<Record<string, string | undefined>>;
    }
  /** The error was posted, or at least tried. */
  | { readonly ended: 'failed'; readonly text: string }
  | { readonly ended: 'not_posted'; readonly reason: string; readonly text: string };

/** When the orchestrator stops waiting for a task that arrived at `at`. */
export function taskDeadline(at: Instant, durationMs: number): Instant {
  return (at + Math.max(TASK_MS_MIN, DURATION_FACTOR * durationMs)) as Instant;
}

/**
 * Does one task: download, transcode, post. Whatever goes wrong before the post is posted as the
 * task's error. Never throws. Wire: go-livepeer server/ot_rpc.go:runTranscode.
 */
export async function runTask(task: Task, home: Home, parts: TaskParts): Promise<TaskEnd> {
  const { clock, signal } = parts;
  const deadline = taskDeadline(clock.now(), task.segment.durationMs);
  const sender = { credential: parts.credential, taskId: task.taskId };
  const post = (result: ResultPost, until: number) =>
    postResult(result, { client: home.client, clock, giveUpAt: until as Instant, signal });

  const work = await transcode(task, home, parts, deadline);
  if (!work.ok) {
    const until = Math.max(deadline + GRACE_MS, clock.now() + ERROR_POST_MS_MIN);
    await post(errorPost(sender, work.text, work.sourcePixels ?? 0n), until);
    return { ended: 'failed', text: work.text };
  }
  const renditions = work.renditions.map(({ bytes, pixels, phash }, index) => ({
    format: (task.segment.profiles[index] as Segment['profiles'][number]).format,
    pixels,
    bytes: [bytes],
    // Asked for means sent, even if it is empty.
    perceptualHash: task.segment.calcPerceptualHash ? (phash ?? new Uint8Array()) : undefined,
  }));
  const outcome = await post(
    resultPost(sender, renditions, work.sourcePixels),
    deadline + GRACE_MS,
  );
  if (!outcome.posted) return notPosted(outcome);
  return {
    ended: 'posted',
    mediaMs: task.segment.durationMs,
    transcodeMs: work.transcodeMs,
    pixels: renditions.reduce((sum, { pixels }) => sum + pixels, 0n),
    answer: outcome.headers,
  };
}

/** Posts the error of a task that could not be read. */
export async function refuseTask(
  refused: { readonly taskId: bigint; readonly text: string },
  home: Home,
  parts: TaskParts,
): Promise<TaskEnd> {
  const { credential, clock, signal } = parts;
  await postResult(errorPost({ credential, taskId: refused.taskId }, refused.text), {
    client: home.client,
    clock,
    giveUpAt: (clock.now() + TASK_MS_MIN) as Instant,
    signal,
  });
  return { ended: 'failed', text: refused.text };
}

type Work =
  | (Extract<TranscodeOutcome, { ok: true }> & { readonly transcodeMs: number })
  | { readonly ok: false; readonly text: string; readonly sourcePixels?: bigint };

async function transcode(
  task: Task,
  home: Home,
  parts: TaskParts,
  deadline: Instant,
): Promise<Work> {
  const { segment } = task;
  if (!compatible(segment.caps, { bits: parts.bits, version: WIRE_VERSION })) {
    return { ok: false, text: taskTexts.incompatible };
  }
  const sessionKey = segment.authToken?.sessionId ?? `task ${task.taskId}`;
  const place = parts.sessions.enter({
    sessionKey,
    profiles: segment.profiles,
    reinit: segment.forceSessionReinit,
  });
  if (!place) return { ok: false, text: taskTexts.busy };
  try {
    return await inPlace(task, home, parts, { place, sessionKey, deadline });
  } finally {
    place.leave();
  }
}

async function inPlace(
  task: Task,
  home: Home,
  parts: TaskParts,
  turn: { readonly place: Place; readonly sessionKey: string; readonly deadline: Instant },
): Promise<Work> {
  const { clock, signal } = parts;
  const { segment } = task;
  const { place, sessionKey, deadline } = turn;
  // Sources of queued segments arrive while the one before them is transcoded.
  const source = await parts.sources.fetch(task.url, home, {
    timeoutMs: Math.max(1, deadline - clock.now()),
    signal,
  });
  if (!source.ok) return source;

  return place.run(async ({ name, transcoder }): Promise<Work> => {
    if (signal.aborted || clock.now() >= deadline) return { ok: false, text: taskTexts.stopped };
    const startedAt = clock.now();
    let outcome: TranscodeOutcome;
    try {
      outcome = await transcoder.transcode({
        source: source.bytes,
        profiles: segment.profiles,
        clip: segment.clip,
        sessionKey,
        phash: segment.calcPerceptualHash,
      });
    } catch (error) {
      // The device itself failed: another one, or another worker, may well succeed.
      parts.log.error('transcode_failed', { device: name, code: codeOf(error) });
      outcome = { ok: false, text: taskTexts.stopped };
    }
    if (!outcome.ok) {
      place.failed();
      return outcome;
    }
    if (outcome.renditions.length !== segment.profiles.length) {
      return { ok: false, text: taskTexts.mismatch, sourcePixels: outcome.sourcePixels };
    }
    return { ...outcome, transcodeMs: clock.now() - startedAt };
  });
}

function notPosted(outcome: Extract<PostOutcome, { posted: false }>): TaskEnd {
  return { ended: 'not_posted', reason: outcome.reason, text: outcome.text };
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'internal';
}
