import type { Instant } from '../base/clock.ts';
import type { JobId, RandomBytes, TaskId, WorkerId } from '../base/ids.ts';
import type { DispatchAction, DispatchLimits, Sabotage } from './dispatch-types.ts';
import type { Fleet } from './fleet.ts';
import type { Holds } from './holds.ts';
import type { Pick } from './random.ts';
import type { Sessions } from './sessions.ts';
import type { SpeedRecord } from './speed.ts';
import type { Attempt, Connection, Job, Session, WorkerRecord } from './state.ts';
import type { Timers } from './timers.ts';

/** What every step of a decision works on. Times are on the inner scale of `monotone.ts`. */
export interface Core {
  now: number;
  /** Actions of the event being applied. */
  actions: DispatchAction[];
  /** A place became free or a worker usable: jobs that wait for one look again. */
  roomMade: boolean;
  /** Last time at which workers were lost, or the start: they are expected back for a while. */
  lossAt: number;
  hedgeTokens: number;
  /** Decisions so far. */
  turn: number;
  readonly limits: DispatchLimits;
  readonly sabotage: Sabotage | undefined;
  readonly random: RandomBytes;
  readonly pick: Pick;
  /** Deadlines of jobs, seconds away; and, apart, the far more and longer times of the idle. */
  readonly timers: Timers<Job>;
  readonly idleTimers: Timers<Session | WorkerRecord | Connection>;
  readonly fleet: Fleet;
  readonly holds: Holds;
  readonly sessions: Sessions;
  readonly jobs: Map<JobId, Job>;
  /** Jobs that want a worker and have none, oldest first. */
  readonly waiting: Set<Job>;
  readonly tasks: Map<TaskId, Attempt>;
  /** Tasks that ended, so that a late answer is told from an invented one. Two generations. */
  endedTasks: Map<TaskId, EndedTask>;
  endedBefore: Map<TaskId, EndedTask>;
  /** Speed of all workers together, for those without a record. */
  readonly speed: SpeedRecord;
  readonly totals: Record<
    'submitted' | 'settled' | 'failed' | 'attempts' | 'retries' | 'hedges' | 'refused',
    number
  >;
  wall(inner: number): Instant;
}

export interface EndedTask {
  readonly worker: WorkerId;
  readonly answered: boolean;
}
