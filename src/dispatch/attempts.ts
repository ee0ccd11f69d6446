import { newTaskId } from '../base/ids.ts';
import { column, write } from './candidates.ts';
import type { Core } from './core.ts';
import type { AttemptFailure, AttemptKind } from './dispatch-types.ts';
import { expectationAt } from './fleet.ts';
import { hold } from './places.ts';
import { expectedMs } from './speed.ts';
import type { Attempt, Connection, Job } from './state.ts';

/**
 * Greatest part of the remaining time for attempt 1, 2, 3: after a silent first worker a second and
 * a third still fit. With the least time that a gateway gives (8 s): 3.6 s, 2.6 s and the rest.
 */
const SHARES = [0.45, 0.6, 1] as const;
/** A worker that takes this many times what 95 of 100 jobs take has stalled. */
const STALLED_FACTOR = 3;
/** A straggler, worth a second attempt if the budget has one. */
const STRAGGLER_FACTOR = 1.3;
/** A worker without a record is measured by all the others, with more patience. */
const STRANGER_FACTOR = 2;
/** Results of all together before they say anything about a stranger. */
const STRANGERS_MIN = 32;
/** A generation of ended tasks: late answers are told apart for a minute and more at full speed. */
const ENDED_TASKS_MAX = 20_000;
/** Decisions are counted in a column of 32 bits. */
const TURN_MASK = 0x3fff_ffff;

/** Gives the job to a worker: a new task, unguessable, good for one answer. */
export function start(core: Core, job: Job, connection: Connection, kind: AttemptKind): void {
  const { session } = job;
  const attempt: Attempt = {
    task: newTaskId(core.random),
    job,
    number: job.attempts.length + 1,
    kind,
    connection,
    sentAt: core.now,
    state: 'running',
    fetched: false,
    late: false,
    lost: false,
    barred: false,
    recorded: false,
    softAt: Number.POSITIVE_INFINITY,
    hedgeAt: Number.POSITIVE_INFINITY,
  };
  job.attempts.push(attempt);
  core.tasks.set(attempt.task, attempt);
  write(core.fleet.candidates, connection.slot, column.turn, ++core.turn & TURN_MASK);
  hold(core, session, connection, job);
  if (kind !== 'hedge') session.bound = connection;
  session.wasBound = true;
  setDeadlines(core, attempt);
  core.totals.attempts++;
  if (kind === 'retry') core.totals.retries++;
  if (kind === 'hedge') core.totals.hedges++;
  core.actions.push({
    type: 'send_task',
    task: attempt.task,
    job: job.id,
    attempt: attempt.number,
    worker: connection.workerId,
    connection: connection.id,
    session: session.id,
    kind,
  });
}

/** Soft deadline and hedge time, from that worker's own record; none while the source still comes. */
export function setDeadlines(core: Core, attempt: Attempt): void {
  const { job } = attempt;
  if (job.sourceAt === Number.POSITIVE_INFINITY) return;
  const { softDeadlineMinMs, hedgeMinMs, attemptsMax } = core.limits;
  const remaining = job.deadlineAt - core.now;
  const last = attempt.number >= Math.min(attemptsMax, SHARES.length);
  const most = last ? remaining : remaining * (SHARES[attempt.number - 1] ?? 1);
  const expected = expectationOf(core, attempt);
  const stalled = expected === undefined ? most : STALLED_FACTOR * expected;
  attempt.softAt = core.now + Math.min(most, Math.max(softDeadlineMinMs, stalled));
  if (expected !== undefined && !last) {
    attempt.hedgeAt = core.now + Math.max(hedgeMinMs, STRAGGLER_FACTOR * expected);
  }
  // The first wake-up: the hedge if it comes before the soft deadline.
  core.timers.arm(job, Math.min(attempt.softAt, attempt.hedgeAt));
}

function expectationOf(core: Core, attempt: Attempt): number | undefined {
  const { job, connection } = attempt;
  const { pace95, usualLoad } = expectationAt(core.fleet, connection);
  if (pace95 > 0) return expectedMs(pace95 / 1e6, usualLoad * 1_000, job);
  if (core.speed.samples < STRANGERS_MIN) return undefined;
  return STRANGER_FACTOR * expectedMs(core.speed.p95, core.speed.load, job);
}

/** Whether the job's outcome may be left to this attempt for now. */
export function isHopeful(attempt: Attempt): boolean {
  if (attempt.state === 'judged' || attempt.state === 'storing') return true;
  if (attempt.late || attempt.barred) return false;
  return attempt.state === 'answering' || (attempt.state === 'running' && !attempt.lost);
}

/** The task is over; its late answers are refused. `reason` undefined: it was stored. */
export function endAttempt(
  core: Core,
  attempt: Attempt,
  reason: AttemptFailure | undefined,
  detail?: string,
): void {
  const answered = attempt.state !== 'running';
  const { worker } = attempt.connection;
  attempt.state = 'ended';
  core.tasks.delete(attempt.task);
  core.endedTasks.set(attempt.task, { worker: worker.id, answered });
  if (core.endedTasks.size >= ENDED_TASKS_MAX) {
    // Forgetting one at a time was measured: half of all time, since a Map skips deleted entries.
    core.endedBefore = core.endedTasks;
    core.endedTasks = new Map();
  }
  if (reason !== undefined) recordFailure(core, attempt, reason, detail);
}

export function recordFailure(
  core: Core,
  attempt: Attempt,
  reason: AttemptFailure,
  detail?: string,
): void {
  if (attempt.recorded) return;
  attempt.recorded = true;
  core.actions.push({
    type: 'record_failure',
    task: attempt.task,
    job: attempt.job.id,
    worker: attempt.connection.worker.id,
    reason,
    ...(detail === undefined ? {} : { detail }),
  });
}
