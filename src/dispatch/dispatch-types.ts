import type { Instant } from '../base/clock.ts';
import type { ConnectionId, JobId, RandomBytes, SessionId, TaskId, WorkerId } from '../base/ids.ts';

/**
 * The language of dispatch: what happened ({@link DispatchEvent}), what to do about it
 * ({@link DispatchAction}), and what can be asked ({@link Dispatch}). The core does no I/O, reads no
 * clock and has no randomness of its own: the shell hands in events and carries out actions, in
 * their order.
 */
export interface Dispatch {
  /**
   * Takes one event and says what to do. `now` may be the machine's clock: steps back and jumps
   * forward are noticed and do not fail running jobs.
   */
  apply(event: DispatchEvent, now: Instant): DispatchAction[];
  /** When a `timer` event is wanted next, on the clock of the last `now`; undefined: never. */
  nextTimerAt(): Instant | undefined;
  /** Whether a new session with these needs would find a worker at once. */
  hasCapacity(needs: Needs): boolean;
  /** Union of the capability bits of the connected workers. */
  bits(): bigint;
  summary(): DispatchSummary;
  /** Undefined for a worker that was never seen. */
  worker(worker: WorkerId): WorkerView | undefined;
  /** How often each reason kept a job from this worker while it was connected. */
  reasonsOf(worker: WorkerId): ReasonCounts;
  /** The same, summed over all workers that it remembers. Looks at each of them. */
  missed(): ReasonCounts;
  /** What was asked for since the start. */
  demand(): DemandCounts;
  /** What became of that for each worker that it remembers, one at a time. */
  shares(): Iterable<WorkerShare>;
}

/** Jobs since the start. Those that ended before they were up for choice are left out. */
export interface DemandCounts {
  readonly jobs: number;
  readonly failed: number;
  readonly retried: number;
  /** How fast those were that got a job by choice: {@link WorkerShare.pace95} by bucket. */
  readonly winners: readonly number[];
  readonly asked: readonly { readonly bits: bigint; readonly count: number }[];
}

/** What one worker got and missed since the start, and how fast it is. */
export interface WorkerShare {
  readonly worker: WorkerId;
  readonly given: number;
  readonly missed: ReasonCounts;
  /** 95th percentile of its results in millionths of real time; 0 until the record is trusted. */
  readonly pace95: number;
}

export interface DispatchOptions {
  /** For task ids (63 secret bits each) and, once at the start, to seed the choice of candidates. */
  readonly random: RandomBytes;
  readonly limits?: Partial<DispatchLimits>;
  /** Only for tests of the simulation: bugs put in on purpose. Never set it elsewhere. */
  readonly sabotage?: Sabotage;
}

/** What a job demands of a worker. */
export interface Needs {
  readonly bits: bigint;
  /** Lowest acceptable worker version; a worker without a version then never matches. */
  readonly minVersion?: string;
}

/** What happened. */
export type DispatchEvent =
  | WorkerJoined
  | {
      readonly type: 'worker_left';
      readonly connection: ConnectionId;
      readonly reason: WorkerLeftReason;
    }
  | { readonly type: 'worker_state'; readonly worker: WorkerId; readonly state: WorkerState }
  /** An operator takes it off work for a time, whatever its results say. */
  | { readonly type: 'worker_quarantined'; readonly worker: WorkerId; readonly ms: number }
  /** The same for one machine of a worker, as long as it stays connected; its others go on. */
  | { readonly type: 'machine_quarantined'; readonly connection: ConnectionId; readonly ms: number }
  | { readonly type: 'machine_released'; readonly connection: ConnectionId }
  /** A trial outside of gateways' jobs: ends or lengthens a quarantine. */
  | { readonly type: 'worker_probed'; readonly worker: WorkerId; readonly ok: boolean }
  | JobSubmitted
  /** The last byte of a source that was announced with `sourceStreaming` is there. */
  | { readonly type: 'source_complete'; readonly job: JobId }
  /** The gateway's body failed its hash, or the gateway is gone: cancelled, nobody is blamed. */
  | { readonly type: 'job_abandoned'; readonly job: JobId }
  /** The task could not be written to its connection. */
  | { readonly type: 'task_send_failed'; readonly task: TaskId }
  /** The worker has asked for the source (a worker that dies before is not taken for poisoned). */
  | { readonly type: 'task_fetched'; readonly task: TaskId }
  /** An authenticated worker starts to answer: exactly one accept_result or refuse_result follows. */
  | { readonly type: 'result_arriving'; readonly task: TaskId; readonly worker: WorkerId }
  /** The worker posted an error text, or its upload broke (`retryable: true`). */
  | {
      readonly type: 'result_failed';
      readonly task: TaskId;
      readonly text: string;
      readonly retryable: boolean;
    }
  /** The answer could not be read or judged for a reason of ours: tried again, nobody is blamed. */
  | { readonly type: 'result_unread'; readonly task: TaskId; readonly text: string }
  | { readonly type: 'result_judged'; readonly task: TaskId; readonly verdict: JudgedVerdict }
  /** Answer to a `store` action. */
  | { readonly type: 'stored'; readonly task: TaskId; readonly outcome: StoreOutcome }
  /** EndTranscodingSession: what is under way finishes, then the worker gets its teardown. */
  | { readonly type: 'session_ended'; readonly session: SessionId }
  | { readonly type: 'timer' };

export interface WorkerJoined {
  readonly type: 'worker_joined';
  readonly connection: ConnectionId;
  readonly worker: WorkerId;
  /** Sessions that this connection takes at the same time. */
  readonly capacity: number;
  /** Transcoding bits only (a stock transcoder also claims AI bits that it cannot serve). */
  readonly bits: bigint;
  readonly version?: string;
  /** Encoders that the device opens at once; each rendition of a session takes one. */
  readonly encoderSessions?: number;
  /** Round trip to the worker. */
  readonly distanceMs?: number;
  /** `active` when absent; a paused or draining worker may reconnect. */
  readonly state?: WorkerState;
}

export interface JobSubmitted {
  readonly type: 'job_submitted';
  readonly job: JobId;
  readonly session: SessionId;
  readonly needs: Needs;
  /** Length of the media, from the signed segment. */
  readonly durationMs: number;
  /** When the gateway gives up, on the same clock as `now`. */
  readonly deadlineAt: Instant;
  readonly renditionCount: number;
  /** Output pixels per media second: tells a heavy ladder from a light one. */
  readonly loadPixelsPerSecond?: number;
  /** True while the gateway still sends: soft deadlines start at `source_complete`. */
  readonly sourceStreaming?: boolean;
}

/** `lost` is the only one taken for a crash: no goodbye, or no answer to pings. */
export type WorkerLeftReason = 'lost' | 'closed' | 'revoked' | 'pool_stopping';
export type WorkerState = 'active' | 'paused' | 'draining' | 'revoked';
export type JudgedVerdict = { readonly ok: true } | { readonly ok: false; readonly reason: string };
/** `duplicate`: the job already had its contribution; this one was not added. */
export type StoreOutcome = 'stored' | 'duplicate' | 'failed';

/** What to do, in order. */
export type DispatchAction =
  | SendTask
  /** The session is over on this connection: the worker may free its encoders. */
  | {
      readonly type: 'send_teardown';
      readonly connection: ConnectionId;
      readonly session: SessionId;
    }
  /** Nobody waits for this task: revoke its source URL. A later answer will be refused. */
  | { readonly type: 'cancel_task'; readonly task: TaskId }
  /** Read the worker's answer and judge it (answer to result_arriving). */
  | { readonly type: 'accept_result'; readonly task: TaskId }
  /** Do not read it (answer to result_arriving). */
  | {
      readonly type: 'refuse_result';
      readonly task: TaskId;
      readonly worker: WorkerId;
      readonly reason: RefuseReason;
    }
  /** Make the contribution durable, then report `stored`. */
  | { readonly type: 'store'; readonly task: TaskId; readonly job: JobId }
  /** Answer the worker's POST. Comes exactly once for every accepted result. */
  | {
      readonly type: 'acknowledge';
      readonly task: TaskId;
      readonly outcome: AcknowledgeOutcome;
    }
  /** The gateway gets the renditions of this task: the contribution is durable. */
  | { readonly type: 'settle_job'; readonly job: JobId; readonly task: TaskId }
  /** The gateway gets `text`. Every submitted job ends with one settle_job or one fail_job. */
  | {
      readonly type: 'fail_job';
      readonly job: JobId;
      readonly reason: FailReason;
      /** Unchanged text of the wire; empty for `abandoned`, where no reply is owed. */
      readonly text: string;
      readonly poison?: true;
    }
  /** For the record: this attempt came to nothing. */
  | {
      readonly type: 'record_failure';
      readonly task: TaskId;
      readonly job: JobId;
      readonly worker: WorkerId;
      readonly reason: AttemptFailure;
      /** The judge's reason or the worker's text. */
      readonly detail?: string;
    }
  /** End this connection so that a stock transcoder reconnects. */
  | {
      readonly type: 'disconnect';
      readonly connection: ConnectionId;
      readonly reason: 'send_failed' | 'revoked';
    }
  | {
      readonly type: 'quarantine';
      readonly worker: WorkerId;
      readonly untilAt: Instant;
      readonly reason: AttemptFailure | 'operator';
    }
  /** `half_open`: one session at a time until it succeeds; `healthy`: fully back. */
  | {
      readonly type: 'release';
      readonly worker: WorkerId;
      readonly state: 'half_open' | 'healthy';
    };

export interface SendTask {
  readonly type: 'send_task';
  readonly task: TaskId;
  readonly job: JobId;
  /** 1, 2 or 3. */
  readonly attempt: number;
  readonly worker: WorkerId;
  readonly connection: ConnectionId;
  readonly session: SessionId;
  readonly kind: AttemptKind;
}

/** `hedge`: the earlier attempt is only late, both run, the first good answer counts. */
export type AttemptKind = 'first' | 'retry' | 'hedge';
export type RefuseReason =
  | 'unknown_task'
  | 'not_your_task'
  | 'already_answered'
  | 'too_late'
  | 'revoked';
/**
 * `stored`: durable and counted. `duplicate`: good, but the job was already answered by another
 * attempt. `rejected`: bad result, or the worker's error was noted. `not_needed`: the job ended
 * meanwhile. `not_stored`: good, but the database failed; the worker may be told to keep it.
 */
export type AcknowledgeOutcome = 'stored' | 'duplicate' | 'rejected' | 'not_needed' | 'not_stored';
export type FailReason =
  | 'session_queue_full'
  | 'capped'
  | 'no_workers'
  | 'no_capability'
  | 'deadline'
  | 'attempts_exhausted'
  | 'bad_input'
  | 'poison'
  | 'not_stored'
  | 'abandoned';
/** Why an attempt came to nothing. Only `superseded`, `abandoned` and `revoked` blame nobody. */
export type AttemptFailure =
  | 'lost'
  | 'send_failed'
  | 'late'
  | 'error'
  | 'bad_input'
  | 'rejected'
  | 'not_stored'
  | 'superseded'
  | 'abandoned'
  | 'revoked'
  | 'deadline';

/**
 * Why a connected worker did not get a job. `affinity`: its session stays with another worker. Price
 * and region are no reasons: terms pay a worker by epoch and not by job, so no job is too cheap for
 * one; no gateway can ask for a region on this wire, and a long way counts as time, which is `slower`.
 */
export const reasons = [
  'capability',
  'version',
  'full',
  'paused',
  'draining',
  'quarantined',
  'slower',
  'affinity',
  'no_demand',
] as const;
export type Reason = (typeof reasons)[number];
/** Per job and worker; `no_demand` counts whole minutes in which no job came at all. */
export type ReasonCounts = Readonly<Record<Reason, number>>;

export interface DispatchSummary {
  readonly workers: number;
  readonly connections: number;
  /** Sessions that connected, active, not quarantined workers take. */
  readonly capacity: number;
  /** Session places in use. */
  readonly load: number;
  readonly sessions: number;
  readonly jobsRunning: number;
  readonly jobsWaiting: number;
  readonly quarantined: number;
  /** Since the start. */
  readonly totals: Readonly<
    Record<
      'submitted' | 'settled' | 'failed' | 'attempts' | 'retries' | 'hedges' | 'refused',
      number
    >
  >;
}

export interface WorkerView {
  readonly worker: WorkerId;
  readonly state: WorkerState;
  readonly health: 'healthy' | 'half_open' | 'quarantined';
  readonly quarantinedUntilAt?: Instant;
  readonly connections: readonly {
    readonly connection: ConnectionId;
    readonly capacity: number;
    readonly load: number;
    /** Until when an operator took this machine off work. */
    readonly quarantinedUntilAt?: Instant;
  }[];
  readonly settled: number;
  readonly failures: number;
  /** Exponentially weighted, 0 to 1. */
  readonly failureRate: number;
  /** Time from task to judged result over media time; undefined before the first result. */
  readonly speed?: { readonly mean: number; readonly p95: number; readonly samples: number };
}

/** Every time is in milliseconds. */
export interface DispatchLimits {
  readonly attemptsMax: number;
  readonly queueMax: number;
  readonly sessionIdleMs: number;
  readonly softDeadlineMinMs: number;
  readonly hedgeMinMs: number;
  /** Extra attempts per job, 0.03 = 3 %. */
  readonly hedgeShare: number;
  readonly hedgeBurst: number;
  /** How long a job may wait for a worker that is expected back. */
  readonly workerWaitMs: number;
  /** How long after a start or a loss workers are expected back. */
  readonly reconnectWindowMs: number;
  readonly quarantineBaseMs: number;
  readonly quarantineMaxMs: number;
  /** Greatest share of the active workers in quarantine at the same time. */
  readonly quarantineShareMax: number;
}

/**
 * Deliberate bugs, one at a time, so that a test can show that the simulation finds each of them.
 * For tests only.
 */
export const sabotages = [
  'acknowledge_before_commit',
  'forget_release',
  'accept_any_worker',
  'retry_same_worker',
  'accept_twice',
  'ignore_deadline',
  'ignore_quarantine_floor',
  'hedge_without_budget',
  'lose_queue_on_worker_left',
  'settle_without_store',
  'starve',
  'ignore_pause',
  'ignore_capability',
  'skip_teardown',
  'accept_too_late',
  'store_both',
] as const;
export type Sabotage = (typeof sabotages)[number];
