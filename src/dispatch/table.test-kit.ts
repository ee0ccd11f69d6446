import { createHash } from 'node:crypto';
import type { Instant } from '../base/clock.ts';
import type { ConnectionId, JobId, RandomBytes, SessionId, TaskId, WorkerId } from '../base/ids.ts';
import { createDispatch } from './dispatch.ts';
import type {
  Dispatch,
  DispatchAction,
  DispatchEvent,
  DispatchOptions,
  JobSubmitted,
  SendTask,
  WorkerJoined,
} from './dispatch-types.ts';

/** The same bytes for the same seed: SHA-256 in counter mode. For tests. */
export function seededBytes(seed: number): RandomBytes {
  let counter = 0;
  return (size) => {
    const out = Buffer.alloc(size);
    for (let at = 0; at < size; at += 32) {
      createHash('sha256').update(`${seed}/${counter++}`).digest().copy(out, at);
    }
    return out;
  };
}

export const workerId = (name: string) => name as WorkerId;
export const jobId = (name: string) => name as JobId;

/** A dispatch at a table: events are played by hand, time moves by hand. */
export interface Table {
  readonly dispatch: Dispatch;
  now: number;
  /** Every action so far. */
  readonly log: DispatchAction[];
  play(event: DispatchEvent): DispatchAction[];
  /** Moves time forward and runs every timer on the way. */
  wait(ms: number): DispatchAction[];
  join(worker: string, more?: Partial<WorkerJoined>): ConnectionId;
  submit(job: string, more?: Partial<Omit<JobSubmitted, 'job'>>): DispatchAction[];
  /** The task that was sent last for a job. */
  taskOf(job: string): SendTask;
  /** All tasks sent for a job. */
  tasksOf(job: string): SendTask[];
  /** The worker answers, the judge likes it, the database stores it. */
  deliver(task: TaskId): DispatchAction[];
  arrive(task: TaskId, worker?: string): DispatchAction | undefined;
}

export function createTable(options: Partial<DispatchOptions> = {}): Table {
  const dispatch = createDispatch({ random: seededBytes(1), ...options });
  const log: DispatchAction[] = [];
  let connections = 0;
  const table: Table = {
    dispatch,
    now: 1_700_000_000_000,
    log,
    play(event) {
      const actions = dispatch.apply(event, table.now as Instant);
      log.push(...actions);
      return actions;
    },
    wait(ms) {
      const end = table.now + ms;
      const seen: DispatchAction[] = [];
      for (;;) {
        const at = dispatch.nextTimerAt();
        if (at === undefined || at > end) break;
        table.now = Math.max(table.now, at);
        seen.push(...table.play({ type: 'timer' }));
      }
      table.now = end;
      return seen;
    },
    join(worker, more = {}) {
      const connection = `c${++connections}-${worker}` as ConnectionId;
      table.play({
        type: 'worker_joined',
        connection,
        worker: workerId(worker),
        capacity: 2,
        bits: 1n,
        ...more,
      });
      return connection;
    },
    submit(job, more = {}) {
      return table.play({
        type: 'job_submitted',
        job: jobId(job),
        session: `session of ${job}` as SessionId,
        needs: { bits: 1n },
        durationMs: 2_000,
        deadlineAt: (table.now + 8_000) as Instant,
        renditionCount: 3,
        ...more,
      });
    },
    tasksOf: (job) =>
      log.filter((action) => action.type === 'send_task').filter((task) => task.job === job),
    taskOf(job) {
      const task = table.tasksOf(job).at(-1);
      if (!task) throw new Error(`no task was sent for ${job}`);
      return task;
    },
    arrive(task, worker) {
      const owner = worker ?? ownerOf(log, task);
      return table
        .play({ type: 'result_arriving', task, worker: workerId(owner) })
        .find(({ type }) => type === 'accept_result' || type === 'refuse_result');
    },
    deliver(task) {
      const from = log.length;
      table.arrive(task);
      table.play({ type: 'result_judged', task, verdict: { ok: true } });
      table.play({ type: 'stored', task, outcome: 'stored' });
      return log.slice(from);
    },
  };
  return table;
}

function ownerOf(log: readonly DispatchAction[], task: TaskId): string {
  const sent = log.find((action) => action.type === 'send_task' && action.task === task);
  return (sent as SendTask).worker;
}

/** The actions of one type. */
export function only<T extends DispatchAction['type']>(
  actions: readonly DispatchAction[],
  type: T,
): Extract<DispatchAction, { type: T }>[] {
  return actions.filter((action) => action.type === type) as Extract<DispatchAction, { type: T }>[];
}
