import type { ConnectionId, JobId, SessionId, TaskId, WorkerId } from '../../src/base/ids.ts';
import type {
  DispatchAction,
  Needs,
  SendTask,
  WorkerState,
} from '../../src/dispatch/dispatch-types.ts';
import type { Submission } from './pool.ts';
import type { Worker } from './worker.ts';
import type { Job, World } from './world.ts';

/** wire: a gateway's patience is counted in seconds; a timer of the shell may be late by this. */
const LATE_MS = 20;
/** A clock that was set costs the core the time since its last event, once for each jump. */
const LATE_PER_JUMP_MS = 4_000;
/** Extra work allowed, in attempts per job. */
const HEDGE_SHARE = 0.03;
const ATTEMPTS_MAX = 3;
/** Tasks of the pool per worker after which a blameless one must have had one. */
const FAIR_TASKS = 60;

/** What must hold in every world, seen from outside of dispatch. */
export interface Rules {
  joined(worker: Worker, connection: ConnectionId): void;
  left(connection: ConnectionId): void;
  state(worker: WorkerId, state: WorkerState): void;
  submitted(submission: Submission): void;
  saw(action: DispatchAction): void;
  ended(job: JobId, outcome: Exclude<Job['outcome'], 'open' | 'pool_gone'>): void;
  accepted(task: TaskId, worker: WorkerId): void;
  /** A worker called the input of this task bad. */
  badInput(task: TaskId): void;
  clockSet(): void;
  crashed(): void;
  started(): void;
  atRest(): void;
  readonly counts: Record<string, number>;
}

interface Link {
  readonly worker: Worker;
  /** Sessions that were sent there and not torn down, with their renditions. */
  readonly sessions: Map<SessionId, number>;
}

export function createRules(world: World): Rules {
  const { clockwork, scenario, violated } = world;
  const links = new Map<ConnectionId, Link>();
  const states = new Map<WorkerId, WorkerState>();
  const health = new Map<WorkerId, 'half_open' | 'quarantined'>();
  const asked = new Map<JobId, Submission>();
  const sent = new Map<TaskId, SendTask>();
  const tried = new Map<JobId, Set<WorkerId>>();
  const badInputVoices = new Map<JobId, Set<WorkerId>>();
  const answering = new Set<TaskId>();
  const acknowledged = new Set<TaskId>();
  const everAccepted = new Set<TaskId>();
  const got = new Map<WorkerId, number>();
  const afterRepair = new Map<WorkerId, number>();
  const settledBy: { readonly job: JobId; readonly task: TaskId }[] = [];
  let jumps = 0;
  let hedgesAllowed = 0;
  const counts: Record<string, number> = {};
  const count = (what: string) => {
    counts[what] = (counts[what] ?? 0) + 1;
  };

  const isAble = ({ offer }: Worker, needs: Needs): boolean => {
    if ((offer.bits & needs.bits) !== needs.bits) return false;
    return needs.minVersion === undefined || offer.version >= needs.minVersion;
  };

  const renditionsOn = (link: Link): number => {
    let sum = 0;
    for (const renditions of link.sessions.values()) sum += renditions;
    return sum;
  };

  const hasRoom = (link: Link, renditions: number): boolean => {
    const { capacity, encoderSessions } = link.worker.offer;
    if (link.sessions.size >= capacity) return false;
    return encoderSessions === undefined || renditionsOn(link) + renditions <= encoderSessions;
  };

  const checkTask = (task: SendTask): void => {
    count(task.kind);
    sent.set(task.task, task);
    got.set(task.worker, (got.get(task.worker) ?? 0) + 1);
    if (clockwork.now > scenario.sickMs) {
      afterRepair.set(task.worker, (afterRepair.get(task.worker) ?? 0) + 1);
    }
    const job = asked.get(task.job);
    const link = links.get(task.connection);
    if (!job || !link) {
      violated('task_to_nobody', `task for ${task.job} to ${task.connection}`);
      return;
    }
    const before = tried.get(task.job) ?? new Set();
    if (before.has(task.worker)) violated('same_worker', `job ${task.job} again to ${task.worker}`);
    tried.set(task.job, before.add(task.worker));
    if (before.size > ATTEMPTS_MAX || task.attempt > ATTEMPTS_MAX) {
      violated('too_many_attempts', `attempt ${task.attempt} of ${task.job}`);
    }
    if (!isAble(link.worker, job.needs)) violated('unable_worker', `job ${task.job}`);
    const state = states.get(task.worker) ?? 'active';
    const isNew = !link.sessions.has(task.session);
    if (state === 'paused' || state === 'revoked' || (state === 'draining' && isNew)) {
      violated('not_active', `task to a ${state} worker`);
    }
    if (world.jobs.get(task.job)?.outcome !== 'open') violated('task_after_end', task.job);
    const renditions = Math.max(link.sessions.get(task.session) ?? 0, job.renditions);
    link.sessions.set(task.session, renditions);
    checkPlaces(link);
    if (task.kind === 'hedge' && (counts.hedge ?? 0) > hedgesAllowed + 1e-6) {
      violated('hedge_budget', `${counts.hedge} hedges, ${hedgesAllowed.toFixed(1)} allowed`);
    }
  };

  const checkPlaces = ({ worker, sessions }: Link): void => {
    const { capacity, encoderSessions } = worker.offer;
    if (sessions.size > capacity) {
      violated(
        'over_capacity',
        `${sessions.size} sessions on ${worker.id}, which takes ${capacity}`,
      );
    }
    if (encoderSessions === undefined) return;
    let renditions = 0;
    for (const each of sessions.values()) renditions += each;
    if (renditions > encoderSessions) violated('over_encoders', `${renditions} on ${worker.id}`);
  };

  /** Nobody took the job: then nobody may have been free for it. */
  const checkPassedOver = (id: JobId): void => {
    const job = asked.get(id);
    if (!job) return;
    let fit: Worker | undefined;
    let resting: Worker | undefined;
    let unquarantined = false;
    for (const link of links.values()) {
      const { worker } = link;
      if ((states.get(worker.id) ?? 'active') !== 'active' || !isAble(worker, job.needs)) continue;
      if (tried.get(id)?.has(worker.id)) continue;
      const condition = health.get(worker.id);
      const busyTrial = condition === 'half_open' && loadOf(worker) > 0;
      const rests = condition === 'quarantined' || busyTrial;
      if (!rests) unquarantined = true;
      if (!hasRoom(link, job.renditions)) continue;
      if (rests) resting = worker;
      else fit = worker;
    }
    if (fit) violated('passed_over', `job ${id} failed, ${fit.id} was free`);
    else if (resting && !unquarantined) {
      violated('quarantine_emptied_the_pool', `job ${id} failed, only ${resting.id} was there`);
    }
  };

  const loadOf = (worker: Worker): number => {
    let load = 0;
    for (const link of links.values()) if (link.worker === worker) load += link.sessions.size;
    return load;
  };

  const checkDurable = (): void => {
    for (const task of acknowledged) {
      if (!world.store.has(task)) violated('acknowledged_not_stored', `task ${task}`);
    }
    for (const { job, task } of settledBy) {
      if (!world.store.has(task)) violated('settled_not_stored', `job ${job}`);
    }
    acknowledged.clear();
    settledBy.length = 0;
  };

  return {
    counts,
    joined(worker, connection) {
      links.set(connection, { worker, sessions: new Map() });
    },
    left: (connection) => void links.delete(connection),
    state: (worker, state) => void states.set(worker, state),
    submitted(submission) {
      count('submitted');
      hedgesAllowed += HEDGE_SHARE;
      asked.set(submission.id, submission);
    },
    badInput(task) {
      const owner = sent.get(task);
      if (!owner) return;
      const voices = badInputVoices.get(owner.job) ?? new Set();
      badInputVoices.set(owner.job, voices.add(owner.worker));
    },
    clockSet() {
      jumps++;
    },
    saw(action) {
      switch (action.type) {
        case 'send_task':
          checkTask(action);
          return;
        case 'send_teardown':
          links.get(action.connection)?.sessions.delete(action.session);
          return;
        case 'disconnect':
          links.delete(action.connection);
          return;
        case 'acknowledge':
          answering.delete(action.task);
          count(`acknowledged_${action.outcome}`);
          if (action.outcome === 'stored') acknowledged.add(action.task);
          return;
        case 'settle_job':
          settledBy.push(action);
          return;
        case 'quarantine':
          count('quarantined');
          health.set(action.worker, 'quarantined');
          return;
        case 'release':
          if (action.state === 'healthy') health.delete(action.worker);
          else health.set(action.worker, 'half_open');
          return;
        case 'record_failure':
          count(`failure_${action.reason}`);
          return;
        case 'fail_job': {
          count(`failed_${action.reason}`);
          const { reason } = action;
          const nobody =
            reason === 'capped' || reason === 'no_workers' || reason === 'no_capability';
          const few = (tried.get(action.job)?.size ?? 0) < ATTEMPTS_MAX;
          const single = reason === 'bad_input' && (badInputVoices.get(action.job)?.size ?? 0) < 2;
          const early = (single || reason === 'attempts_exhausted') && few;
          const left = (world.jobs.get(action.job)?.deadlineAt ?? 0) - clockwork.now;
          if ((nobody || early) && left > 1_000) checkPassedOver(action.job);
          if (reason === 'bad_input' && action.text !== 'Unsupported input codec') {
            violated('text_changed', action.text);
          }
          if (scenario.family === 'calm') violated('calm_failure', `job ${action.job}: ${reason}`);
          return;
        }
        default:
          return;
      }
    },
    ended(id, outcome) {
      const job = world.jobs.get(id);
      if (!job) {
        violated('unknown_job', id);
        return;
      }
      if (job.outcome !== 'open') {
        violated('ended_twice', `job ${id}: ${job.outcome}, then ${outcome}`);
        return;
      }
      job.outcome = outcome;
      count(outcome);
      const slack = LATE_MS + (jumps - job.clockJumps) * LATE_PER_JUMP_MS;
      if (clockwork.now > job.deadlineAt + slack) {
        violated('too_late', `job ${id}: ${(clockwork.now - job.deadlineAt).toFixed(0)} ms`);
      }
      if (job.nature === 'poison' && (tried.get(id)?.size ?? 0) > 3) violated('poison_spread', id);
    },
    accepted(task, worker) {
      const owner = sent.get(task);
      if (owner?.worker !== worker) violated('foreign_answer', `task ${task} from ${worker}`);
      if (everAccepted.has(task)) violated('answered_twice', `task ${task}`);
      const job = owner && world.jobs.get(owner.job);
      if (job?.outcome !== 'open') violated('answered_too_late', `task ${task}`);
      everAccepted.add(task);
      answering.add(task);
    },
    crashed() {
      checkDurable();
      links.clear();
      health.clear();
      answering.clear();
      for (const job of world.jobs.values()) if (job.outcome === 'open') job.outcome = 'pool_gone';
    },
    started: () => void count('restarts'),
    atRest() {
      checkDurable();
      for (const job of world.jobs.values()) {
        if (job.outcome === 'open') violated('job_lost', job.id);
      }
      for (const task of answering) violated('unanswered_worker', `task ${task}`);
      for (const link of links.values()) {
        if (link.sessions.size > 0) violated('no_teardown', `${link.worker.id} keeps sessions`);
      }
      const tasks = [...got.values()].reduce((sum, each) => sum + each, 0);
      if (scenario.family === 'calm' && tasks >= FAIR_TASKS * scenario.workers) {
        for (const { id } of world.workers) if (!got.get(id)) violated('starved', id);
      }
      const repaired = world.workers[0];
      if (scenario.family === 'repaired' && repaired && !afterRepair.get(repaired.id)) {
        violated('starved', `${repaired.id} after its repair`);
      }
    },
  };
}
