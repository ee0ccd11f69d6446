import type { ConnectionId, WorkerId } from '../base/ids.ts';
import { endAttempt } from './attempts.ts';
import type { Core } from './core.ts';
import type { WorkerJoined, WorkerLeftReason, WorkerState } from './dispatch-types.ts';
import { addConnection, countMissed, createWorker, rebucket, removeConnection } from './fleet.ts';
import { blame } from './health.ts';
import { holdsOn } from './holds.ts';
import { failPoison, pursue } from './jobs.ts';
import { dropHolds } from './places.ts';
import { attemptLost } from './results.ts';
import type { Attempt, Connection, Job, Session, WorkerRecord } from './state.ts';

/**
 * Workers that are remembered: their speed and failures outlive a reconnect. Far above any pool;
 * only enrolled workers count.
 */
const WORKERS_MAX = 100_000;

/** Workers that died on one job: then it is the job that kills. */
const POISON_CRASHES = 2;

export function workerJoined(core: Core, event: WorkerJoined): void {
  const { fleet } = core;
  const worker = workerOf(core, event.worker);
  if (event.state && event.state !== worker.state) {
    countMissed(fleet, worker);
    worker.state = event.state;
  }
  if (fleet.connections.has(event.connection)) return;
  addConnection(fleet, worker, event);
  rebucket(fleet, worker, core.sabotage);
  core.roomMade = true;
}

export function workerOf(core: Core, id: WorkerId): WorkerRecord {
  const { workers } = core.fleet;
  let worker = workers.get(id);
  if (!worker) {
    if (workers.size >= WORKERS_MAX) forgetOne(workers);
    worker = createWorker(id);
    workers.set(id, worker);
  }
  return worker;
}

function forgetOne(workers: Map<WorkerId, WorkerRecord>): void {
  for (const [id, worker] of workers) {
    if (worker.connections.length > 0 || worker.health !== 'healthy') continue;
    workers.delete(id);
    return;
  }
}

/**
 * A connection ended. What ran on it is tried elsewhere at once; nothing else of the worker's other
 * connections, or of other workers, is touched.
 */
export function workerLeft(core: Core, id: ConnectionId, reason: WorkerLeftReason): void {
  const connection = core.fleet.connections.get(id);
  if (!connection) return;
  if (reason === 'lost' || reason === 'closed') core.lossAt = core.now;
  const sessions = sessionsOn(core, connection);
  const running = runningOn(sessions, connection);
  dropHolds(core, connection);
  core.idleTimers.disarm(connection);
  removeConnection(core.fleet, connection);
  core.roomMade = true; // for jobs that wait: those in quarantine may be asked now
  rebucket(core.fleet, connection.worker, core.sabotage);
  for (const attempt of running) {
    if (reason === 'revoked') endAttempt(core, attempt, 'revoked');
    else attemptLost(core, attempt);
  }
  if (reason === 'lost' && running.length > 0) blame(core, connection.worker, 'lost');
  for (const attempt of running) {
    const { job } = attempt;
    if (reason === 'lost' && crashesOf(job) >= POISON_CRASHES && !job.winner) failPoison(core, job);
    else pursue(core, job);
  }
  if (core.sabotage === 'lose_queue_on_worker_left') {
    for (const session of sessions) {
      for (const job of session.queue.splice(0)) {
        core.jobs.delete(job.id);
        core.timers.disarm(job);
      }
    }
  }
}

function sessionsOn(core: Core, connection: Connection): Session[] {
  return holdsOn(core.holds, core.fleet.candidates, connection).map(({ session }) => session);
}

/** Attempts that the connection works on: lost with it, unless their answer is already coming. */
function runningOn(sessions: readonly Session[], connection: Connection): Attempt[] {
  const found: Attempt[] = [];
  for (const session of sessions) {
    for (const attempt of session.running?.attempts ?? []) {
      if (attempt.connection === connection && attempt.state === 'running') found.push(attempt);
    }
  }
  return found;
}

/** A worker that had fetched the source and then died without a goodbye, and never answered. */
function crashesOf(job: Job): number {
  const crashed = new Set<WorkerRecord>();
  for (const attempt of job.attempts) {
    if (attempt.lost && attempt.fetched && attempt.state === 'running') {
      crashed.add(attempt.connection.worker);
    }
  }
  return crashed.size;
}

/** An operator's word. Revoked: cut at once, and what it is still sending does not count. */
export function workerState(core: Core, id: WorkerId, state: WorkerState): void {
  const worker = workerOf(core, id);
  if (worker.state === state) return;
  countMissed(core.fleet, worker);
  worker.state = state;
  rebucket(core.fleet, worker, core.sabotage);
  core.roomMade = true;
  if (state !== 'revoked') return;
  const barred: Job[] = [];
  for (const attempt of core.tasks.values()) {
    if (attempt.connection.worker !== worker) continue;
    if (attempt.state === 'answering') {
      attempt.barred = true;
      barred.push(attempt.job);
    } else if (attempt.state === 'running' && attempt.lost) endAttempt(core, attempt, 'revoked');
  }
  for (const connection of [...worker.connections]) {
    core.actions.push({ type: 'disconnect', connection: connection.id, reason: 'revoked' });
    workerLeft(core, connection.id, 'revoked');
  }
  for (const job of barred) pursue(core, job);
}
