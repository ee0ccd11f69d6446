import { inputTexts, resultTexts } from '../protocol/texts.ts';
import { endAttempt, isHopeful, recordFailure, start } from './attempts.ts';
import { choose, matchFor } from './choose.ts';
import type { Core } from './core.ts';
import type { FailReason } from './dispatch-types.ts';
import { countAffinity, countChoice } from './fleet.ts';
import { blame } from './health.ts';
import { affinityOf, holdOf, trimHolds } from './places.ts';
import type { Attempt, Connection, Job, Session } from './state.ts';

/** Below this a further attempt could not end in time. */
const ATTEMPT_MIN_MS = 300;
/** Jobs that look for a worker again after one event: bounds the work of a mass reconnect. */
const WAKE_MAX = 64;
/** How soon a straggler asks again when the hedge budget or the workers are used up. */
const HEDGE_RETRY_MS = 250;
const NEVER = Number.POSITIVE_INFINITY;

/** It is the job's turn in its session. */
export function begin(core: Core, job: Job): void {
  const { session } = job;
  session.running = job;
  job.state = 'running';
  const { hedgeShare, hedgeBurst } = core.limits;
  core.hedgeTokens = Math.min(hedgeBurst, core.hedgeTokens + hedgeShare);
  armJob(core, job);
  const affinity = affinityOf(core, session, job);
  const bound = session.bound;
  if (affinity === 'willing' && bound) {
    const { asked } = session;
    const isAsSaid = asked !== undefined && asked.bits === job.needs.bits;
    countAffinity(core.fleet, bound, isAsSaid ? asked : matchFor(core, job.needs).asked);
    job.counted = true;
    start(core, job, bound, 'first');
    trimHolds(core, session);
    return;
  }
  const chosen = choose(core, job) ?? (affinity === 'unwilling' ? bound : undefined);
  if (session.bound !== chosen) session.bound = undefined;
  countOnce(core, job, chosen);
  if (chosen) start(core, job, chosen, 'first');
  trimHolds(core, session);
  if (!chosen) waitOrGiveUp(core, job);
}

/** Looks for what still can be done for a job after one of its attempts came to nothing. */
export function pursue(core: Core, job: Job): void {
  if (job.state !== 'running' || job.winner || job.attempts.some(isHopeful)) return;
  if (mayTryAgain(core, job)) {
    const chosen = choose(core, job);
    if (chosen) {
      job.waitUntil = NEVER;
      core.waiting.delete(job);
      countOnce(core, job, chosen);
      start(core, job, chosen, job.attempts.length === 0 ? 'first' : 'retry');
      trimHolds(core, job.session);
    } else waitOrGiveUp(core, job);
    return;
  }
  core.waiting.delete(job);
  job.waitUntil = NEVER;
  if (!job.attempts.some(isConnected)) giveUp(core, job);
}

function mayTryAgain(core: Core, job: Job): boolean {
  if (job.attempts.length >= core.limits.attemptsMax) return false;
  return job.deadlineAt - core.now >= ATTEMPT_MIN_MS;
}

/** A late attempt whose worker is there may still answer. */
function isConnected(attempt: Attempt): boolean {
  if (attempt.state === 'answering') return !attempt.barred;
  return attempt.state === 'running' && !attempt.lost;
}

/**
 * No worker for the job now. It waits, for a short while, if one can be expected: the session had
 * one, workers were lost a moment ago, the pool has just started. Otherwise it fails at once, so
 * that the gateway can ask another orchestrator.
 */
function waitOrGiveUp(core: Core, job: Job): void {
  if (job.waitUntil === NEVER) {
    job.waitUntil = core.now + (isExpected(core, job) ? core.limits.workerWaitMs : 0);
  }
  const alive = job.attempts.some(isConnected);
  if (!alive && job.waitUntil <= core.now) {
    giveUp(core, job);
    return;
  }
  core.waiting.add(job);
  armJob(core, job);
}

function isExpected(core: Core, job: Job): boolean {
  if (job.badInput.length > 0) return false;
  if (job.session.wasBound) return true;
  const justLost = core.now - core.lossAt < core.limits.reconnectWindowMs;
  return justLost && !matchFor(core, job.needs).able.some((group) => group.lists.full.length > 0);
}

/** The job's time came: its deadline, the end of a wait, a soft deadline, or time to hedge. */
export function jobTimer(core: Core, job: Job): void {
  if (job.state === 'settled' || job.state === 'failed') return;
  if (core.now >= job.deadlineAt && core.sabotage !== 'ignore_deadline') {
    expire(core, job);
    return;
  }
  // A copy: a retry begun here has its own times.
  for (const attempt of [...job.attempts]) {
    if (attempt.state !== 'running' && attempt.state !== 'answering') continue;
    if (attempt.late || attempt.lost) continue;
    if (attempt.softAt <= core.now) markLate(core, attempt);
    else if (attempt.hedgeAt <= core.now && attempt.state === 'running') hedge(core, attempt);
  }
  if (job.waitUntil <= core.now) stopWaiting(core, job);
  if (job.state === 'running' || job.state === 'queued') armJob(core, job);
}

function expire(core: Core, job: Job): void {
  const bad = job.badInput[0];
  if (bad) failJob(core, job, 'bad_input', bad.text);
  else failJob(core, job, 'deadline', resultTexts.tookTooLong);
}

/** It has had its time; another worker gets the job too. Whoever answers first has it. */
function markLate(core: Core, attempt: Attempt): void {
  const { job, connection } = attempt;
  attempt.late = true;
  recordFailure(core, attempt, 'late');
  blame(core, connection.worker, 'late');
  if (job.session.bound === connection) job.session.bound = undefined;
  pursue(core, job);
}

/** A second attempt for a straggler, if the budget of extra work has one. */
function hedge(core: Core, attempt: Attempt): void {
  const { job } = attempt;
  attempt.hedgeAt = core.now + HEDGE_RETRY_MS;
  const free = core.sabotage === 'hedge_without_budget';
  if (core.hedgeTokens < 1 && !free) return;
  const others = job.attempts.some((other) => other !== attempt && isHopeful(other));
  if (others || job.winner || !mayTryAgain(core, job)) return;
  const chosen = choose(core, job);
  if (!chosen) return;
  attempt.hedgeAt = NEVER;
  if (!free) core.hedgeTokens--;
  start(core, job, chosen, 'hedge');
}

function stopWaiting(core: Core, job: Job): void {
  if (job.winner || job.attempts.some(isHopeful)) {
    job.waitUntil = NEVER;
    return;
  }
  // A last look: who may be asked can change without anybody saying so.
  pursue(core, job);
  if (job.state !== 'running' || job.waitUntil > core.now) return;
  job.waitUntil = NEVER;
}

/** Jobs that wait for a worker try again, the oldest first. */
export function wake(core: Core): void {
  let looked = 0;
  for (const job of core.waiting) {
    if (looked++ >= WAKE_MAX) return;
    pursue(core, job);
  }
}

function countOnce(core: Core, job: Job, winner: Connection | undefined): void {
  if (job.counted) return;
  job.counted = true;
  const match = matchFor(core, job.needs);
  job.session.asked = match.asked;
  countChoice(core.fleet, match, winner);
}

function giveUp(core: Core, job: Job): void {
  const bad = job.badInput[0];
  if (bad) failJob(core, job, 'bad_input', bad.text);
  else if (job.deadlineAt - core.now < ATTEMPT_MIN_MS) {
    failJob(core, job, 'deadline', resultTexts.tookTooLong);
  } else if (job.attempts.length > 0) {
    failJob(core, job, 'attempts_exhausted', job.lastText ?? resultTexts.tookTooLong);
  } else if (core.fleet.connections.size === 0) {
    failJob(core, job, 'no_workers', resultTexts.noTranscoders);
  } else if (matchFor(core, job.needs).able.length === 0) {
    failJob(core, job, 'no_capability', resultTexts.noCapable);
  } else failJob(core, job, 'capped', resultTexts.capped);
}

/**
 * Two workers died on the job. The gateway is told that the input is bad, in a text after which it
 * does not try again: otherwise each of its three attempts would cost two more workers.
 */
export function failPoison(core: Core, job: Job): void {
  failJob(core, job, 'poison', inputTexts.video);
}

export function failJob(core: Core, job: Job, reason: FailReason, text: string): void {
  if (job.state === 'settled' || job.state === 'failed') return;
  core.totals.failed++;
  core.actions.push(
    reason === 'poison'
      ? { type: 'fail_job', job: job.id, reason, text, poison: true }
      : { type: 'fail_job', job: job.id, reason, text },
  );
  const inTime = core.now < job.deadlineAt;
  close(core, job, 'failed', reason === 'abandoned' ? reason : inTime ? 'superseded' : 'deadline');
}

/** The contribution of this attempt is durable: the gateway gets its renditions. */
export function settleJob(core: Core, job: Job, winner: Attempt): void {
  core.totals.settled++;
  core.actions.push({ type: 'settle_job', job: job.id, task: winner.task });
  // Others could do what these called bad.
  for (const { attempt } of job.badInput) blame(core, attempt.connection.worker, 'bad_input');
  const { session } = job;
  // A worker that was late keeps the session only if nobody else has it by now.
  if (holdOf(session, winner.connection) && (!winner.late || !session.bound)) {
    session.bound = winner.connection;
  }
  close(core, job, 'settled', 'superseded');
}

function close(
  core: Core,
  job: Job,
  state: 'settled' | 'failed',
  reason: 'superseded' | 'abandoned' | 'deadline',
): void {
  job.state = state;
  core.jobs.delete(job.id);
  core.waiting.delete(job);
  core.timers.disarm(job);
  for (const attempt of job.attempts) {
    if (attempt.state !== 'running' || core.sabotage === 'accept_too_late') continue;
    // Out of time is the worker's failure; a worker already blamed for being late is not again.
    if (reason === 'deadline' && !attempt.late && !attempt.lost) {
      blame(core, attempt.connection.worker, 'late');
    }
    core.actions.push({ type: 'cancel_task', task: attempt.task });
    endAttempt(core, attempt, reason);
  }
  for (const attempt of job.attempts) {
    if (attempt.state !== 'judged') continue;
    const outcome = state === 'settled' ? 'duplicate' : 'not_needed';
    core.actions.push({ type: 'acknowledge', task: attempt.task, outcome });
    endAttempt(core, attempt, 'superseded');
  }
  const { session } = job;
  const queued = session.queue.indexOf(job);
  if (queued >= 0) session.queue.splice(queued, 1);
  if (session.running === job) nextOf(core, session);
}

/** Strictly one job of a session at a time, in the order they came. */
function nextOf(core: Core, session: Session): void {
  session.running = undefined;
  const next = session.queue.shift();
  if (next) {
    begin(core, next);
    return;
  }
  trimHolds(core, session);
  if (session.ended || session.holds.length === 0) endSession(core, session);
  else {
    session.idleSince = core.now;
    core.idleTimers.arm(session, core.now + core.limits.sessionIdleMs);
  }
}

export function endSession(core: Core, session: Session): void {
  session.bound = undefined;
  trimHolds(core, session);
  core.idleTimers.disarm(session);
  core.sessions.delete(session);
}

/** Wakes the job at the earliest of its times. */
export function armJob(core: Core, job: Job): void {
  const deadlineAt = core.sabotage === 'ignore_deadline' ? NEVER : job.deadlineAt;
  let at = Math.min(deadlineAt, job.waitUntil);
  for (const attempt of job.attempts) {
    if (attempt.late || attempt.lost) continue;
    if (attempt.state !== 'running' && attempt.state !== 'answering') continue;
    at = Math.min(at, attempt.softAt, attempt.state === 'running' ? attempt.hedgeAt : NEVER);
  }
  core.timers.arm(job, at);
}
