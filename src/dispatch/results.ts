import type { TaskId, WorkerId } from '../base/ids.ts';
import { endAttempt, recordFailure } from './attempts.ts';
import type { Core } from './core.ts';
import type { AcknowledgeOutcome, DispatchEvent, RefuseReason } from './dispatch-types.ts';
import { blame, praise } from './health.ts';
import { failJob, pursue, settleJob } from './jobs.ts';
import { trimHolds } from './places.ts';
import type { Attempt } from './state.ts';

/** Told so often that the input is bad, by different workers, the pool believes it. */
const BAD_INPUT_VOICES = 2;

/** Half of what a stock transcoder has for its download; a live source is there much sooner. */
const SOURCE_SLOW_MS = 2_000;

type EventOf<T extends DispatchEvent['type']> = Extract<DispatchEvent, { type: T }>;

/**
 * Decides before a byte of the answer is read: a task belongs to one worker and one attempt, and is
 * good for one answer.
 */
export function resultArriving(core: Core, task: TaskId, worker: WorkerId): void {
  const reason = refusalOf(core, task, worker);
  if (reason) {
    core.totals.refused++;
    core.actions.push({ type: 'refuse_result', task, worker, reason });
    return;
  }
  (core.tasks.get(task) as Attempt).state = 'answering';
  core.actions.push({ type: 'accept_result', task });
}

function refusalOf(core: Core, task: TaskId, worker: WorkerId): RefuseReason | undefined {
  const attempt = core.tasks.get(task);
  if (!attempt) {
    const ended = core.endedTasks.get(task) ?? core.endedBefore.get(task);
    if (!ended) return 'unknown_task';
    if (ended.worker !== worker) return 'not_your_task';
    return ended.answered ? 'already_answered' : 'too_late';
  }
  const owner = attempt.connection.worker;
  if (owner.id !== worker && core.sabotage !== 'accept_any_worker') return 'not_your_task';
  if (owner.state === 'revoked') return 'revoked';
  if (attempt.state !== 'running' && core.sabotage !== 'accept_twice') return 'already_answered';
  return undefined;
}

/** The worker posted an error, or its upload broke. */
export function resultFailed(core: Core, event: EventOf<'result_failed'>): void {
  const attempt = core.tasks.get(event.task);
  if (!attempt || !(attempt.state === 'running' || attempt.state === 'answering')) return;
  const { job, connection } = attempt;
  const wasAccepted = attempt.state === 'answering';
  if (!isOpen(attempt)) {
    if (wasAccepted) acknowledge(core, attempt, 'not_needed');
    endAttempt(core, attempt, 'superseded');
    return;
  }
  if (wasAccepted) acknowledge(core, attempt, 'rejected');
  job.lastText = event.text;
  if (event.retryable) {
    endAttempt(core, attempt, 'error', event.text);
    if (!isSourceSlow(core, attempt)) blame(core, connection.worker, 'error');
  } else {
    endAttempt(core, attempt, 'bad_input', event.text);
    job.badInput.push({ attempt, text: event.text });
    if (job.badInput.length >= BAD_INPUT_VOICES && !job.winner) {
      failJob(core, job, 'bad_input', event.text);
      return;
    }
  }
  retry(core, attempt);
}

/** The worker may have done well: a fault of ours kept us from seeing it. */
export function resultUnread(core: Core, event: EventOf<'result_unread'>): void {
  const attempt = core.tasks.get(event.task);
  if (attempt?.state !== 'answering') return;
  const open = isOpen(attempt);
  acknowledge(core, attempt, open ? 'rejected' : 'not_needed');
  endAttempt(core, attempt, open ? 'abandoned' : 'superseded', event.text);
  if (!open) return;
  attempt.job.lastText = event.text;
  retry(core, attempt);
}

/**
 * A gateway that trickles its source makes worker after worker give up the download: a stock one
 * after 4 s (wire: go-livepeer core/os.go). That is held against none of them.
 */
function isSourceSlow(core: Core, { job, sentAt }: Attempt): boolean {
  return Math.min(job.sourceAt, core.now) - sentAt >= SOURCE_SLOW_MS;
}

/** The pool looked at the result itself. */
export function resultJudged(core: Core, event: EventOf<'result_judged'>): void {
  const attempt = core.tasks.get(event.task);
  if (!attempt || !(attempt.state === 'running' || attempt.state === 'answering')) return;
  const { job, connection } = attempt;
  const { verdict } = event;
  if (attempt.barred) {
    acknowledge(core, attempt, 'rejected');
    endAttempt(core, attempt, 'revoked');
    return;
  }
  if (!verdict.ok) {
    acknowledge(core, attempt, 'rejected');
    endAttempt(core, attempt, 'rejected', verdict.reason);
    blame(core, connection.worker, 'rejected');
    if (isOpen(attempt)) retry(core, attempt);
    return;
  }
  if (!isOpen(attempt) && core.sabotage !== 'accept_too_late') {
    acknowledge(core, attempt, job.state === 'settled' ? 'duplicate' : 'not_needed');
    endAttempt(core, attempt, 'superseded');
    return;
  }
  praise(core, attempt);
  if (job.winner && core.sabotage !== 'store_both' && core.sabotage !== 'accept_too_late') {
    attempt.state = 'judged';
    return;
  }
  store(core, attempt);
}

function store(core: Core, attempt: Attempt): void {
  const { job } = attempt;
  attempt.state = 'storing';
  job.winner = attempt;
  core.waiting.delete(job);
  if (core.sabotage === 'acknowledge_before_commit') acknowledge(core, attempt, 'stored');
  core.actions.push({ type: 'store', task: attempt.task, job: job.id });
  if (core.sabotage === 'settle_without_store') settleJob(core, job, attempt);
}

/** The database answered. Only now may the worker hear yes and the gateway have the renditions. */
export function stored(core: Core, event: EventOf<'stored'>): void {
  const attempt = core.tasks.get(event.task);
  if (attempt?.state !== 'storing') return;
  const { job } = attempt;
  if (event.outcome === 'failed') {
    storeFailed(core, attempt);
    return;
  }
  if (core.sabotage !== 'acknowledge_before_commit') acknowledge(core, attempt, event.outcome);
  endAttempt(core, attempt, undefined);
  if (isOpen(attempt)) settleJob(core, job, attempt);
}

/** No worker is blamed, and no further work is asked for: another result could not be stored either. */
function storeFailed(core: Core, attempt: Attempt): void {
  const { job } = attempt;
  job.winner = undefined;
  acknowledge(core, attempt, 'not_stored');
  endAttempt(core, attempt, 'not_stored');
  if (!isOpen(attempt)) return;
  const next = job.attempts.find((other) => other.state === 'judged');
  if (next) store(core, next);
  else failJob(core, job, 'not_stored', NOT_STORED_TEXT);
}

/** The gateway may try another orchestrator, or this one again a little later. */
const NOT_STORED_TEXT = 'OrchestratorBusy';

/** The attempt's connection is gone. Its answer may still come by HTTP while the job is open. */
export function attemptLost(core: Core, attempt: Attempt): void {
  attempt.lost = true;
  recordFailure(core, attempt, 'lost');
}

/** The attempt came to nothing: its worker loses the session, and the job goes on elsewhere. */
export function retry(core: Core, attempt: Attempt): void {
  const { job, connection } = attempt;
  const { session } = job;
  if (session.bound === connection && session.running === job) session.bound = undefined;
  pursue(core, job);
  if (core.sessions.get(session.id) === session) trimHolds(core, session);
}

function acknowledge(core: Core, attempt: Attempt, outcome: AcknowledgeOutcome): void {
  core.actions.push({ type: 'acknowledge', task: attempt.task, outcome });
}

function isOpen(attempt: Attempt): boolean {
  return attempt.job.state === 'running';
}
