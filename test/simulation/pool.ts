import type { Instant } from '../../src/base/clock.ts';
import type { ConnectionId, JobId, SessionId, TaskId, WorkerId } from '../../src/base/ids.ts';
import { createDispatch } from '../../src/dispatch/dispatch.ts';
import type {
  Dispatch,
  DispatchAction,
  DispatchEvent,
  Needs,
  SendTask,
  WorkerLeftReason,
  WorkerState,
} from '../../src/dispatch/dispatch-types.ts';
import type { Worker } from './worker.ts';
import type { Job, World } from './world.ts';

const START_MS = 1_700_000_000_000;

export interface Submission {
  readonly id: JobId;
  readonly nature: Job['nature'];
  readonly session: SessionId;
  readonly needs: Needs;
  readonly durationMs: number;
  readonly waitMs: number;
  readonly renditions: number;
  readonly streaming: boolean;
}

export interface Answer {
  readonly task: TaskId;
  readonly worker: WorkerId;
  readonly uploadMs: number;
  readonly good: boolean;
  readonly error?: { readonly text: string; readonly retryable: boolean };
}

/** The shell around the real dispatch core, with everything that it would ask of others imitated. */
export interface Pool {
  join(worker: Worker, connection: ConnectionId): boolean;
  leave(connection: ConnectionId, reason: WorkerLeftReason): void;
  submit(submission: Submission): void;
  sourceComplete(job: JobId): void;
  abandon(job: JobId): void;
  endSession(session: SessionId): void;
  fetch(task: TaskId, worker: WorkerId): boolean;
  answer(answer: Answer): void;
  setState(worker: WorkerId, state: WorkerState): void;
  /** Someone sets the machine's clock. */
  setClock(byMs: number): void;
  /** Power cut: memory and what was not committed are gone; back after a while. */
  crash(downMs: number): void;
}

export function createPool(world: World): Pool {
  const { clockwork, chance, scenario, trace, rules, store, jobs } = world;
  let dispatch: Dispatch | undefined = start();
  let epoch = 0;
  let clockOffset = 0;
  let clockJumps = 0;
  let timerAt = Number.POSITIVE_INFINITY;
  const links = new Map<ConnectionId, Worker>();
  const tasks = new Map<TaskId, { readonly sent: SendTask; readonly durationMs: number }>();
  const durations = new Map<JobId, number>();
  /** Revoked source URLs. */
  const cancelled = new Set<TaskId>();
  const states = new Map<WorkerId, WorkerState>();

  function start(): Dispatch {
    return createDispatch({
      random: chance.bytes,
      ...(world.sabotage ? { sabotage: world.sabotage } : {}),
    });
  }

  const wall = () => Math.floor(START_MS + clockwork.now + clockOffset) as Instant;

  const apply = (event: DispatchEvent): readonly DispatchAction[] => {
    if (!dispatch) return [];
    const actions = dispatch.apply(event, wall());
    trace.note(clockwork.now, event.type);
    for (const action of actions) {
      trace.note(clockwork.now, '>', ...Object.values(action).map(String));
      rules.saw(action);
      perform(action);
    }
    arm();
    return actions;
  };

  /** A timer of the shell: relative, so it does not follow the machine's clock. */
  const arm = (): void => {
    const wanted = dispatch?.nextTimerAt();
    if (wanted === undefined) return;
    const at = clockwork.now + Math.max(0, wanted - wall());
    if (at >= timerAt) return;
    timerAt = at;
    const armedIn = epoch;
    clockwork.after(at - clockwork.now, () => {
      if (armedIn !== epoch || timerAt !== at) return;
      timerAt = Number.POSITIVE_INFINITY;
      apply({ type: 'timer' });
    });
  };

  /** Later, unless the pool has crashed meanwhile. */
  const later = (ms: number, run: () => void): void => {
    const asked = epoch;
    clockwork.after(ms, () => {
      if (asked === epoch && dispatch) run();
    });
  };

  const perform = (action: DispatchAction): void => {
    switch (action.type) {
      case 'send_task':
        sendTask(action);
        return;
      case 'cancel_task':
        cancelled.add(action.task);
        return;
      case 'store':
        store.write(action.job, action.task, (outcome) => {
          apply({ type: 'stored', task: action.task, outcome });
        });
        return;
      case 'settle_job':
        rules.ended(action.job, 'settled');
        return;
      case 'fail_job':
        rules.ended(action.job, action.reason === 'abandoned' ? 'abandoned' : 'failed');
        return;
      case 'disconnect': {
        const { connection } = action;
        const worker = links.get(connection);
        worker?.way.request(() => worker.cutOff(connection));
        later(1, () => self.leave(connection, 'closed'));
        return;
      }
      default:
        return;
    }
  };

  const sendTask = (sent: SendTask): void => {
    const durationMs = durations.get(sent.job) ?? 2_000;
    tasks.set(sent.task, { sent, durationMs });
    const job = jobs.get(sent.job);
    const worker = links.get(sent.connection);
    if (!job || !worker) return;
    if (chance.hits(scenario.sendFailShare)) {
      later(0, () => apply({ type: 'task_send_failed', task: sent.task }));
      return;
    }
    worker.way.stream(() => {
      worker.receive(sent.connection, { task: sent.task, job, durationMs });
    });
  };

  const self: Pool = {
    join(worker, connection) {
      if (!dispatch) return false;
      links.set(connection, worker);
      rules.joined(worker, connection);
      const state = states.get(worker.id) ?? 'active';
      apply({ type: 'worker_joined', connection, worker: worker.id, state, ...worker.offer });
      return true;
    },
    leave(connection, reason) {
      if (!dispatch || !links.has(connection)) return;
      links.delete(connection);
      rules.left(connection);
      apply({ type: 'worker_left', connection, reason });
    },
    submit(submission) {
      if (!dispatch) return;
      const { id, nature, waitMs } = submission;
      const deadlineAt = clockwork.now + waitMs;
      jobs.set(id, { id, nature, deadlineAt, clockJumps, outcome: 'open' });
      durations.set(id, submission.durationMs);
      rules.submitted(submission);
      apply({
        type: 'job_submitted',
        job: id,
        session: submission.session,
        needs: submission.needs,
        durationMs: submission.durationMs,
        deadlineAt: (wall() + waitMs) as Instant,
        renditionCount: submission.renditions,
        ...(submission.streaming ? { sourceStreaming: true } : {}),
      });
    },
    sourceComplete: (job) => void apply({ type: 'source_complete', job }),
    abandon: (job) => void apply({ type: 'job_abandoned', job }),
    endSession: (session) => void apply({ type: 'session_ended', session }),
    fetch(task, worker) {
      const known = tasks.get(task);
      if (!dispatch || !known || known.sent.worker !== worker || cancelled.has(task)) return false;
      apply({ type: 'task_fetched', task });
      return true;
    },
    answer(answer) {
      const { task, worker, error } = answer;
      if (!dispatch) return;
      const actions = apply({ type: 'result_arriving', task, worker });
      const accepted = actions.some((one) => one.type === 'accept_result' && one.task === task);
      if (!accepted) return;
      rules.accepted(task, worker);
      later(answer.uploadMs, () => {
        if (error && !error.retryable) rules.badInput(task);
        if (error) apply({ type: 'result_failed', task, ...error });
        else {
          const verdict = answer.good
            ? ({ ok: true } as const)
            : ({ ok: false, reason: 'rubbish' } as const);
          later(10, () => apply({ type: 'result_judged', task, verdict }));
        }
      });
    },
    setState(worker, state) {
      states.set(worker, state);
      rules.state(worker, state);
      apply({ type: 'worker_state', worker, state });
    },
    setClock(byMs) {
      clockOffset += byMs;
      clockJumps++;
      rules.clockSet();
      trace.note(clockwork.now, 'clock', byMs);
      arm();
    },
    crash(downMs) {
      if (!dispatch) return;
      trace.note(clockwork.now, 'crash', downMs);
      epoch++;
      dispatch = undefined;
      timerAt = Number.POSITIVE_INFINITY;
      store.crash();
      rules.crashed();
      for (const [id, worker] of links) worker.way.request(() => worker.cutOff(id));
      links.clear();
      tasks.clear();
      cancelled.clear();
      clockwork.after(downMs, () => {
        dispatch = start();
        rules.started();
      });
    },
  };
  return self;
}
