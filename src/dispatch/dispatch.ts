import type { Instant } from '../base/clock.ts';
import type { SessionId, TaskId } from '../base/ids.ts';
import { resultTexts } from '../protocol/texts.ts';
import { endAttempt, setDeadlines } from './attempts.ts';
import { workerJoined, workerLeft, workerOf, workerState } from './comings.ts';
import type { Core } from './core.ts';
import type { Dispatch, DispatchEvent, DispatchOptions, JobSubmitted } from './dispatch-types.ts';
import { createFleet } from './fleet.ts';
import { endQuarantine, freeMachine, probed, quarantineFor, shutMachine } from './health.ts';
import { createHolds } from './holds.ts';
import { armJob, begin, endSession, failJob, jobTimer, wake } from './jobs.ts';
import { DEFAULT_LIMITS } from './limits.ts';
import { createMonotone } from './monotone.ts';
import { createQueries } from './queries.ts';
import { createPick, pooled } from './random.ts';
import {
  resultArriving,
  resultFailed,
  resultJudged,
  resultUnread,
  retry,
  stored,
} from './results.ts';
import { createSessions } from './sessions.ts';
import { createSpeed } from './speed.ts';
import type { Connection, Job, Session, WorkerRecord } from './state.ts';
import { createTimers } from './timers.ts';

const MINUTE_MS = 60_000;
const WAKE_ROUNDS = 4;
/**
 * Taken before the timers that are due, all others after them: the worker that a job waits for may
 * come in its last moment, and nothing is sent to one that has just gone. A late answer, however,
 * finds its job ended.
 */
const COMES_FIRST: ReadonlySet<DispatchEvent['type']> = new Set<DispatchEvent['type']>([
  'worker_joined',
  'worker_left',
  'worker_state',
]);

/**
 * The decisions of the pool: which worker gets which job, and what happens when that goes wrong.
 * Events in, actions out; deterministic for the same `random` and the same events.
 */
export function createDispatch(options: DispatchOptions): Dispatch {
  const monotone = createMonotone();
  const core = createCore(options, (inner) => monotone.wall(inner));
  let started = false;
  let demandAt = 0;

  const submit = (event: JobSubmitted): void => {
    const minutes = Math.floor((core.now - demandAt) / MINUTE_MS);
    if (minutes > 0) core.fleet.idleMinutes += minutes;
    demandAt = core.now;
    submitJob(core, event, monotone.inner(event.deadlineAt));
  };

  const take = (event: DispatchEvent): void => {
    if (event.type === 'job_submitted') submit(event);
    else handle(core, event);
  };

  return {
    apply(event, now) {
      core.actions = [];
      core.now = monotone.advance(now, nextTime(core), event.type === 'timer');
      if (!started) {
        started = true;
        core.lossAt = core.now;
        demandAt = core.now;
      }
      if (COMES_FIRST.has(event.type)) {
        take(event);
        useRoom(core);
        runTimers(core);
      } else {
        runTimers(core);
        take(event);
      }
      useRoom(core);
      return core.actions;
    },
    nextTimerAt() {
      const at = nextTime(core);
      return at === undefined ? undefined : monotone.wall(at);
    },
    ...createQueries(core),
  };
}

function createCore(options: DispatchOptions, wall: (inner: number) => Instant): Core {
  const random = pooled(options.random);
  return {
    now: 0,
    actions: [],
    roomMade: false,
    lossAt: 0,
    hedgeTokens: 0,
    turn: 0,
    limits: { ...DEFAULT_LIMITS, ...options.limits },
    sabotage: options.sabotage,
    random,
    pick: createPick(random),
    timers: createTimers<Job>(),
    idleTimers: createTimers<Session | WorkerRecord | Connection>(),
    fleet: createFleet(),
    holds: createHolds(),
    sessions: createSessions(),
    jobs: new Map(),
    waiting: new Set(),
    tasks: new Map(),
    endedTasks: new Map(),
    endedBefore: new Map(),
    speed: createSpeed(),
    totals: {
      submitted: 0,
      settled: 0,
      failed: 0,
      attempts: 0,
      retries: 0,
      hedges: 0,
      refused: 0,
    },
    wall,
  };
}

/** A job that found a place may have left another: a few rounds, the rest with the next event. */
function useRoom(core: Core): void {
  for (let round = 0; core.roomMade && round < WAKE_ROUNDS; round++) {
    core.roomMade = false;
    if (core.waiting.size > 0) wake(core);
  }
}

function handle(core: Core, event: Exclude<DispatchEvent, JobSubmitted>): void {
  switch (event.type) {
    case 'worker_joined':
      workerJoined(core, event);
      break;
    case 'worker_left':
      workerLeft(core, event.connection, event.reason);
      break;
    case 'worker_state':
      workerState(core, event.worker, event.state);
      break;
    case 'worker_quarantined':
      quarantineFor(core, workerOf(core, event.worker), event.ms);
      break;
    case 'machine_quarantined':
      shutMachine(core, core.fleet.connections.get(event.connection), event.ms);
      break;
    case 'machine_released':
      freeMachine(core, core.fleet.connections.get(event.connection));
      break;
    case 'worker_probed':
      probed(core, workerOf(core, event.worker), event.ok);
      break;
    case 'source_complete':
      sourceComplete(core, core.jobs.get(event.job));
      break;
    case 'job_abandoned':
      abandon(core, core.jobs.get(event.job));
      break;
    case 'task_send_failed':
      sendFailed(core, event.task);
      break;
    case 'task_fetched':
      fetched(core, event.task);
      break;
    case 'result_arriving':
      resultArriving(core, event.task, event.worker);
      break;
    case 'result_failed':
      resultFailed(core, event);
      break;
    case 'result_unread':
      resultUnread(core, event);
      break;
    case 'result_judged':
      resultJudged(core, event);
      break;
    case 'stored':
      stored(core, event);
      break;
    case 'session_ended':
      sessionEnded(core, core.sessions.get(event.session));
      break;
    case 'timer':
      break;
    default:
      event satisfies never;
  }
}

function abandon(core: Core, job: Job | undefined): void {
  if (job) failJob(core, job, 'abandoned', '');
}

function fetched(core: Core, task: TaskId): void {
  const attempt = core.tasks.get(task);
  if (attempt) attempt.fetched = true;
}

function sessionEnded(core: Core, session: Session | undefined): void {
  if (!session) return;
  session.ended = true;
  if (!session.running) endSession(core, session);
}

function nextTime(core: Core): number | undefined {
  const job = core.timers.nextAt();
  const idle = core.idleTimers.nextAt();
  if (job === undefined || idle === undefined) return job ?? idle;
  return Math.min(job, idle);
}

/** Everything that is due comes before the event, so that a late event finds its job ended. */
function runTimers(core: Core): void {
  for (;;) {
    const job = core.timers.takeDue(core.now);
    if (!job) break;
    jobTimer(core, job);
  }
  for (;;) {
    const idle = core.idleTimers.takeDue(core.now);
    if (!idle) break;
    if (idle.kind === 'session') sessionTimer(core, idle);
    else if (idle.kind === 'worker') endQuarantine(core, idle);
    else freeMachine(core, idle);
  }
}

function sessionTimer(core: Core, session: Session): void {
  if (session.running || core.sessions.get(session.id) !== session) return;
  const endsAt = session.idleSince + core.limits.sessionIdleMs;
  if (endsAt <= core.now) endSession(core, session);
  else core.idleTimers.arm(session, endsAt);
}

function submitJob(core: Core, event: JobSubmitted, deadlineAt: number): void {
  core.totals.submitted++;
  const session = core.sessions.getOrAdd(event.session, newSession);
  session.ended = false;
  const job: Job = {
    kind: 'job',
    timerAt: Number.POSITIVE_INFINITY,
    id: event.job,
    session,
    needs: event.needs,
    durationMs: event.durationMs,
    deadlineAt,
    renditions: event.renditionCount,
    load: event.loadPixelsPerSecond ?? 0,
    sourceAt: event.sourceStreaming ? Number.POSITIVE_INFINITY : core.now,
    state: 'queued',
    attempts: [],
    winner: undefined,
    badInput: [],
    lastText: undefined,
    waitUntil: Number.POSITIVE_INFINITY,
    counted: false,
  };
  core.jobs.set(job.id, job);
  if (!session.running) begin(core, job);
  else if (session.queue.length < core.limits.queueMax) {
    session.queue.push(job);
    armJob(core, job);
  } else failJob(core, job, 'session_queue_full', resultTexts.busy);
}

function newSession(id: SessionId): Session {
  return {
    kind: 'session',
    timerAt: Number.POSITIVE_INFINITY,
    id,
    bound: undefined,
    wasBound: false,
    asked: undefined,
    holds: [],
    queue: [],
    running: undefined,
    idleSince: 0,
    ended: false,
  };
}

/** The gateway has sent all: from now on the workers' time runs. */
function sourceComplete(core: Core, job: Job | undefined): void {
  if (!job || job.sourceAt !== Number.POSITIVE_INFINITY) return;
  job.sourceAt = core.now;
  for (const attempt of job.attempts) {
    if (attempt.state === 'running' || attempt.state === 'answering') setDeadlines(core, attempt);
  }
}

/** A stream that cannot be written to is gone, whatever TCP says. */
function sendFailed(core: Core, task: TaskId): void {
  const attempt = core.tasks.get(task);
  if (attempt?.state !== 'running') return;
  const { connection } = attempt;
  endAttempt(core, attempt, 'send_failed');
  if (core.fleet.connections.has(connection.id)) {
    core.actions.push({ type: 'disconnect', connection: connection.id, reason: 'send_failed' });
    workerLeft(core, connection.id, 'closed');
  }
  retry(core, attempt);
}
