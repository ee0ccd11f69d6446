import { create } from '@bufbuild/protobuf';
import { type NotifySegment, NotifySegmentSchema } from './gen/lp_rpc_pb.ts';
import { PROFILES_UNUSED, readSegData, type Segment, writeSegData } from './segment.ts';
import { taskTexts } from './texts.ts';

/** A source URL is opened by the worker; beyond this length it is no URL of an orchestrator. */
const URL_CHARS_MAX = 8_192;

/** One task for one worker. */
export interface Task {
  /** 63 random bits from us, a counter from 0 from a stock orchestrator; echoed in the result. */
  readonly taskId: bigint;
  /** Where the worker gets the source. Carries a secret: never logged. */
  readonly url: string;
  readonly segment: Segment;
  /** Checksum address of the orchestrator, or `offchain`. Ends in the container's metadata. */
  readonly orchestratorId: string;
}

/**
 * The message that gives a task to a worker. A stock GPU transcoder needs the auth token, so
 * one is demanded here. Throws RangeError without. Wire:
 * go-livepeer core/orchestrator.go:RemoteTranscoder.Transcode.
 */
export function taskMessage(task: Task): NotifySegment {
  if (!task.segment.authToken) throw new RangeError('a task needs the auth token of its session');
  return create(NotifySegmentSchema, {
    url: task.url,
    segData: writeSegData(task.segment, 'orchestrator'),
    taskId: task.taskId,
    profiles: PROFILES_UNUSED,
    orchId: task.orchestratorId,
  });
}

/**
 * The message that ends a session on a worker. It is never answered, and an unknown session is
 * ignored. Wire: go-livepeer core/orchestrator.go:endTranscodingSession.
 */
export function teardownMessage(sessionId: string): NotifySegment {
  return create(NotifySegmentSchema, { segData: { authToken: { sessionId } } });
}

/** What an orchestrator tells a worker. */
export type Notification =
  | { readonly kind: 'task'; readonly task: Task }
  | { readonly kind: 'teardown'; readonly sessionId: string }
  /** A task that cannot be done: the text is posted back as its error. */
  | { readonly kind: 'refused'; readonly taskId: bigint; readonly text: string };

/** Reads a message as a worker does. Never throws. Wire: go-livepeer server/ot_rpc.go. */
export function readNotification(message: NotifySegment): Notification {
  const { url, segData, taskId, orchId } = message;
  const sessionId = segData?.authToken?.sessionId ?? '';
  if (url === '' && sessionId !== '') return { kind: 'teardown', sessionId };
  if (!segData) return { kind: 'refused', taskId, text: taskTexts.empty };
  const outcome = readSegData(segData);
  if (!outcome.ok) return { kind: 'refused', taskId, text: outcome.text };
  if (url === '' || url.length > URL_CHARS_MAX) {
    return { kind: 'refused', taskId, text: taskTexts.invalidInput };
  }
  return {
    kind: 'task',
    task: { taskId, url, segment: outcome.segment, orchestratorId: orchId },
  };
}
