import type { Core } from './core.ts';
import type { AttemptFailure } from './dispatch-types.ts';
import { rebucket, updatePace } from './fleet.ts';
import { addSample } from './speed.ts';
import type { Attempt, Connection, WorkerRecord } from './state.ts';

/** Failures in a row that lead to quarantine: one may be the segment, two chance, three a habit. */
const IN_ROW_MAX = 3;
/** A rejected result is a lie or a broken encoder, not bad luck: it counts double. */
const REJECTED_WEIGHT = 2;
/** Weight of the newest outcome in the failure rate. */
const NEWEST = 0.1;
/** A worker that fails every other job is worse than none, even with good results in between. */
const RATE_MAX = 0.6;
/** Good results in a row after which an earlier quarantine is forgotten by one step. */
const FORGIVEN_AFTER = 20;

/** Notes a failure of this worker, and puts it into quarantine when it has become a habit. */
export function blame(core: Core, worker: WorkerRecord, reason: AttemptFailure): void {
  worker.failures++;
  worker.goodInRow = 0;
  worker.inRow += reason === 'rejected' ? REJECTED_WEIGHT : 1;
  worker.failureRate += NEWEST * (1 - worker.failureRate);
  updatePace(core.fleet, worker);
  if (worker.health === 'quarantined') return;
  const habit = worker.inRow >= IN_ROW_MAX || worker.failureRate >= RATE_MAX;
  if (worker.health === 'half_open' || habit) quarantine(core, worker, reason);
}

/** Notes a good result: its speed counts, and a worker on trial is fully back. */
export function praise(core: Core, attempt: Attempt): void {
  const { job } = attempt;
  const { worker } = attempt.connection;
  // What the gateway had not sent yet could not be transcoded.
  const since =
    job.sourceAt > attempt.sentAt && job.sourceAt <= core.now ? job.sourceAt : attempt.sentAt;
  const ratio = (core.now - since) / Math.max(job.durationMs, 1);
  addSample(worker.speed, ratio, job.load);
  addSample(core.speed, ratio, job.load);
  worker.settled++;
  worker.inRow = 0;
  worker.goodInRow++;
  worker.failureRate -= NEWEST * worker.failureRate;
  updatePace(core.fleet, worker);
  if (worker.goodInRow % FORGIVEN_AFTER === 0 && worker.level > 0) worker.level--;
  if (worker.health === 'half_open') {
    worker.health = 'healthy';
    core.actions.push({ type: 'release', worker: worker.id, state: 'healthy' });
    rebucket(core.fleet, worker, core.sabotage);
    core.roomMade = true;
  }
}

function quarantine(core: Core, worker: WorkerRecord, reason: AttemptFailure): void {
  const { limits, fleet } = core;
  const most = Math.floor(fleet.active * limits.quarantineShareMax);
  if (core.sabotage !== 'ignore_quarantine_floor' && fleet.quarantined + 1 > most) return;
  const ms = Math.min(limits.quarantineBaseMs * 2 ** worker.level, limits.quarantineMaxMs);
  worker.level++;
  shutAway(core, worker, ms, reason);
}

/** Takes a worker off work because an operator says so: neither its results nor the fleet are asked. */
export function quarantineFor(core: Core, worker: WorkerRecord, ms: number): void {
  if (worker.health === 'quarantined') {
    worker.health = 'half_open';
    rebucket(core.fleet, worker, core.sabotage);
  }
  shutAway(core, worker, ms, 'operator');
}

function shutAway(
  core: Core,
  worker: WorkerRecord,
  ms: number,
  reason: AttemptFailure | 'operator',
): void {
  worker.health = 'quarantined';
  worker.inRow = 0;
  worker.quarantinedUntil = core.now + ms;
  core.idleTimers.disarm(worker);
  core.idleTimers.arm(worker, worker.quarantinedUntil);
  core.actions.push({
    type: 'quarantine',
    worker: worker.id,
    untilAt: core.wall(worker.quarantinedUntil),
    reason,
  });
  rebucket(core.fleet, worker, core.sabotage);
  core.roomMade = true; // for jobs that wait: if it was the last, those in quarantine may be asked
}

/** The quarantine is over: one session at a time until a good result. */
export function endQuarantine(core: Core, worker: WorkerRecord): void {
  if (worker.health !== 'quarantined') return;
  worker.health = 'half_open';
  core.idleTimers.disarm(worker);
  core.actions.push({ type: 'release', worker: worker.id, state: 'half_open' });
  rebucket(core.fleet, worker, core.sabotage);
  core.roomMade = true;
}

/** Takes one machine off work because an operator says so; its worker's record stays what it is. */
export function shutMachine(core: Core, connection: Connection | undefined, ms: number): void {
  if (!connection) return;
  connection.quarantinedUntil = core.now + ms;
  core.idleTimers.disarm(connection);
  core.idleTimers.arm(connection, connection.quarantinedUntil);
  rebucket(core.fleet, connection.worker, core.sabotage);
  core.roomMade = true; // as above
}

/** The machine works again: what an operator ended is no judgement of its results, so no trial. */
export function freeMachine(core: Core, connection: Connection | undefined): void {
  if (!connection || connection.quarantinedUntil === 0) return;
  connection.quarantinedUntil = 0;
  core.idleTimers.disarm(connection);
  rebucket(core.fleet, connection.worker, core.sabotage);
  core.roomMade = true;
}

/** A trial outside of gateways' jobs. */
export function probed(core: Core, worker: WorkerRecord, ok: boolean): void {
  if (ok) endQuarantine(core, worker);
  else if (worker.health === 'half_open') quarantine(core, worker, 'error');
  else if (worker.health === 'quarantined') {
    worker.health = 'half_open';
    rebucket(core.fleet, worker, core.sabotage);
    quarantine(core, worker, 'error');
  } else blame(core, worker, 'error');
}
