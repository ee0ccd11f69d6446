import type { Blob } from '../base/blob.ts';
import type { Clock, Instant, Timer } from '../base/clock.ts';
import { crashPoint } from '../base/crash-point.ts';
import { messageOf } from '../base/errors.ts';
import type { ConnectionId, JobId, SessionId, TaskId, WorkerId } from '../base/ids.ts';
import type { Log } from '../base/log.ts';
import type { Pixels } from '../base/money.ts';
import type {
  AcknowledgeOutcome,
  Dispatch,
  DispatchAction,
  DispatchEvent,
  FailReason,
  JobSubmitted,
  JudgedVerdict,
  RefuseReason,
  WorkerJoined,
  WorkerLeftReason,
  WorkerState,
} from '../dispatch/dispatch-types.ts';

/** A rendition that arrived, was hashed and was counted. */
export interface Rendition {
  readonly blob: Blob;
  /** keccak-256 of its bytes. */
  readonly hash: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly frames: number;
  readonly pixels: Pixels;
  /** The perceptual hash that came with it. */
  readonly phash?: Blob;
}

/** What a gateway's job came to. Renditions are retained for the receiver, who releases them. */
export type JobOutcome =
  | { readonly ok: true; readonly renditions: readonly Rendition[] }
  | { readonly ok: false; readonly reason: FailReason; readonly text: string };

/** One job of a gateway while the relay carries it; `source` belongs to the job until its end. */
export interface Job<Detail> {
  readonly id: JobId;
  readonly session: SessionId;
  readonly detail: Detail;
  readonly source: Blob;
  readonly submittedAt: Instant;
  readonly outcome: Promise<JobOutcome>;
}

/** One attempt of one job by one worker, from its sending to its answer. */
export interface Task<Detail> {
  readonly id: TaskId;
  readonly job: Job<Detail>;
  readonly attempt: number;
  readonly worker: WorkerId;
  readonly connection: ConnectionId;
  readonly sentAt: Instant;
  fetchStartedAt?: Instant;
  fetchedAt?: Instant;
  arrivingAt?: Instant;
  arrivedAt?: Instant;
  judgedAt?: Instant;
  /** Set by {@link Relay.judged} when the verdict was good. */
  renditions?: readonly Rendition[];
  /** What its worker is given for it once it is stored: a signed receipt. */
  receipt?: Promise<Uint8Array | undefined>;
  /** The first thing that went wrong. A late attempt may still be credited. */
  failure?: AttemptFailed;
  credited?: true;
}

/** Why dispatch counts an attempt as failed. */
export type AttemptFailed = Extract<DispatchAction, { type: 'record_failure' }>;

/** What the relay needs to talk to one connected worker. */
export interface WorkerLink<Detail> {
  /** Rejects when the message cannot be written. */
  send(task: Task<Detail>): Promise<void>;
  teardown(session: SessionId): void;
  /** Ends the stream in a way after which a stock transcoder reconnects. */
  end(): void;
}

export interface RelayParts<Detail> {
  readonly dispatch: Dispatch;
  readonly clock: Clock;
  readonly log: Log;
  /** Makes a good attempt durable. `duplicate`: the job already has its contribution. */
  store(task: Task<Detail>): Promise<'stored' | 'duplicate'>;
  /** Notes an attempt that is over and came to nothing. */
  recordFailure(task: Task<Detail>, failure: AttemptFailed): void;
  /** Told of every refused answer, for the counters. */
  refused(reason: RefuseReason): void;
}

/** Carries out what dispatch decides: the only place that holds both jobs and connections. */
export interface Relay<Detail> {
  join(joined: Omit<WorkerJoined, 'type'>, link: WorkerLink<Detail>): void;
  leave(connection: ConnectionId, reason: WorkerLeftReason): void;
  setWorkerState(worker: WorkerId, state: WorkerState): void;
  /** Takes a worker off work for a time, because an operator says so. */
  quarantine(worker: WorkerId, ms: number): void;
  /** Ends a quarantine: one session at a time until a good result. */
  release(worker: WorkerId): void;
  /** The same for one machine of a worker, as long as it stays connected. */
  quarantineMachine(connection: ConnectionId, ms: number): void;
  releaseMachine(connection: ConnectionId): void;
  submit(
    job: Omit<JobSubmitted, 'type'> & { readonly detail: Detail; readonly source: Blob },
  ): Job<Detail>;
  sourceComplete(job: JobId): void;
  abandon(job: JobId): void;
  endSession(session: SessionId): void;
  /** Whether a session has sent segments and is not over. */
  knows(session: SessionId): boolean;
  task(id: TaskId): Task<Detail> | undefined;
  fetchStarted(task: Task<Detail>): void;
  /** A worker starts to answer: one answer per task, from its own worker. */
  claim(
    id: TaskId,
    worker: WorkerId,
  ):
    | { readonly ok: true; readonly task: Task<Detail> }
    | { readonly ok: false; readonly reason: RefuseReason };
  /** The worker posted an error, or its upload broke. Resolves when its POST may be answered. */
  failed(task: Task<Detail>, text: string, retryable: boolean): Promise<AcknowledgeOutcome>;
  /** The answer could not be read or judged for a reason of ours, which is held against nobody. */
  unread(task: Task<Detail>, text: string): Promise<AcknowledgeOutcome>;
  /** The answer was judged. Resolves when its POST may be answered: what is credited is durable. */
  judged(
    task: Task<Detail>,
    verdict: JudgedVerdict,
    renditions: readonly Rendition[],
  ): Promise<AcknowledgeOutcome>;
  /** Attempts that were sent and not answered or given up. */
  tasks(): readonly Task<Detail>[];
  /** Resolves when no job is running. */
  idle(): Promise<void>;
  /** Resolves when the jobs that this session has now are over. */
  sessionIdle(session: SessionId): Promise<void>;
  /** Ends every worker's stream in a way after which it reconnects. */
  disconnectAll(): void;
  /** Forgets sessions that have been idle as long as any gateway lets them be. */
  sweep(): void;
}

/** wire: go-livepeer core/orchestrator.go transcodeLoopTimeout. */
const SESSION_IDLE_MS = 70_000;

interface HeldJob<Detail> extends Job<Detail> {
  readonly resolve: (outcome: JobOutcome) => void;
  /** Attempts that were sent and not yet answered or given up. */
  readonly tasks: Set<TaskId>;
}

/** Creates the relay on a dispatch core. `Detail` is what a job kind wants to carry along. */
export function createRelay<Detail>(parts: RelayParts<Detail>): Relay<Detail> {
  const { dispatch, clock, log } = parts;
  const links = new Map<ConnectionId, WorkerLink<Detail>>();
  const jobs = new Map<JobId, HeldJob<Detail>>();
  const tasks = new Map<TaskId, Task<Detail>>();
  const acknowledgements = new Map<TaskId, PromiseWithResolvers<AcknowledgeOutcome>>();
  const sessions = new Map<SessionId, { running: number; lastAt: Instant }>();
  const waitingForIdle: (() => void)[] = [];
  const queue: DispatchEvent[] = [];
  const over: TaskId[] = [];
  let applying = false;
  let timer: Timer | undefined;
  let timerAt: Instant | undefined;

  /** Applies an event and what follows from it; events that arise meanwhile wait their turn. */
  function tell(event: DispatchEvent): DispatchAction[] {
    if (applying) {
      queue.push(event);
      return [];
    }
    applying = true;
    const answers: DispatchAction[] = [];
    try {
      for (let next: DispatchEvent | undefined = event; next; next = queue.shift()) {
        const actions = dispatch.apply(next, clock.now());
        if (next === event) answers.push(...actions);
        for (const action of actions) perform(action);
        // Only now: one batch may acknowledge a task and settle its job with what it brought.
        for (const task of over.splice(0)) forget(task);
      }
    } finally {
      applying = false;
    }
    schedule();
    return answers;
  }

  function schedule(): void {
    const at = dispatch.nextTimerAt();
    if (at === timerAt && timer) return;
    timer?.cancel();
    timerAt = at;
    timer =
      at === undefined
        ? undefined
        : clock.after(Math.max(0, at - clock.now()), () => {
            timer = undefined;
            tell({ type: 'timer' });
          });
  }

  function perform(action: DispatchAction): void {
    switch (action.type) {
      case 'send_task':
        send(action);
        return;
      case 'send_teardown':
        links.get(action.connection)?.teardown(action.session);
        return;
      case 'cancel_task':
        over.push(action.task);
        return;
      case 'accept_result':
        acknowledgements.set(action.task, Promise.withResolvers());
        return;
      case 'refuse_result':
        parts.refused(action.reason);
        return;
      case 'store':
        store(action.task);
        return;
      case 'acknowledge':
        acknowledgements.get(action.task)?.resolve(action.outcome);
        acknowledgements.delete(action.task);
        over.push(action.task);
        return;
      case 'settle_job': {
        const renditions = tasks.get(action.task)?.renditions ?? [];
        for (const { blob, phash } of renditions) {
          blob.retain();
          phash?.retain();
        }
        finish(action.job, { ok: true, renditions });
        return;
      }
      case 'fail_job':
        finish(action.job, { ok: false, reason: action.reason, text: action.text });
        return;
      case 'record_failure': {
        const task = tasks.get(action.task);
        if (task) task.failure ??= action;
        return;
      }
      case 'disconnect':
        links.get(action.connection)?.end();
        return;
      case 'quarantine':
        log.warn('worker_quarantined', { worker: action.worker, reason: action.reason });
        return;
      case 'release':
        log.info('worker_released', { worker: action.worker, reason: action.state });
        return;
      default:
        action satisfies never;
    }
  }

  function send(action: Extract<DispatchAction, { type: 'send_task' }>): void {
    const job = jobs.get(action.job);
    const link = links.get(action.connection);
    if (!job || !link) {
      queue.push({ type: 'task_send_failed', task: action.task });
      return;
    }
    const task: Task<Detail> = {
      id: action.task,
      job,
      attempt: action.attempt,
      worker: action.worker,
      connection: action.connection,
      sentAt: clock.now(),
    };
    tasks.set(task.id, task);
    job.tasks.add(task.id);
    crashPoint('task_minted');
    link.send(task).catch((error: unknown) => {
      log.debug('task_send_failed', { worker: task.worker, job: job.id, error: messageOf(error) });
      tell({ type: 'task_send_failed', task: task.id });
    });
  }

  function store(id: TaskId): void {
    const task = tasks.get(id);
    const stored = task ? parts.store(task) : Promise.reject(new Error('the task is gone'));
    stored.then(
      (outcome) => {
        if (task && outcome === 'stored') task.credited = true;
        tell({ type: 'stored', task: id, outcome });
      },
      (error: unknown) => {
        log.error('contribution_not_stored', { error: messageOf(error) });
        tell({ type: 'stored', task: id, outcome: 'failed' });
      },
    );
  }

  function finish(id: JobId, outcome: JobOutcome): void {
    const job = jobs.get(id);
    if (!job) return;
    jobs.delete(id);
    const session = sessions.get(job.session);
    if (session) {
      session.running -= 1;
      session.lastAt = clock.now();
    }
    job.resolve(outcome);
    over.push(...job.tasks);
    // Attempts that still read the source hold it themselves.
    job.source.release();
    if (jobs.size === 0) for (const wake of waitingForIdle.splice(0)) wake();
  }

  function forget(id: TaskId): void {
    const task = tasks.get(id);
    if (!task || acknowledgements.has(id)) return;
    tasks.delete(id);
    jobs.get(task.job.id)?.tasks.delete(id);
    if (task.failure && !task.credited) parts.recordFailure(task, task.failure);
  }

  function acknowledged(task: Task<Detail>, event: DispatchEvent): Promise<AcknowledgeOutcome> {
    const pending = acknowledgements.get(task.id);
    if (!pending) return Promise.resolve('not_needed');
    tell(event);
    return pending.promise;
  }

  return {
    join(joined, link) {
      links.set(joined.connection, link);
      tell({ type: 'worker_joined', ...joined });
    },
    leave(connection, reason) {
      if (!links.delete(connection)) return;
      tell({ type: 'worker_left', connection, reason });
    },
    setWorkerState(worker, state) {
      tell({ type: 'worker_state', worker, state });
    },
    quarantine: (worker, ms) => void tell({ type: 'worker_quarantined', worker, ms }),
    release: (worker) => void tell({ type: 'worker_probed', worker, ok: true }),
    quarantineMachine: (connection, ms) =>
      void tell({ type: 'machine_quarantined', connection, ms }),
    releaseMachine: (connection) => void tell({ type: 'machine_released', connection }),
    submit({ detail, source, ...submitted }) {
      const { promise, resolve } = Promise.withResolvers<JobOutcome>();
      const job: HeldJob<Detail> = {
        id: submitted.job,
        session: submitted.session,
        detail,
        source,
        submittedAt: clock.now(),
        outcome: promise,
        resolve,
        tasks: new Set(),
      };
      source.retain();
      jobs.set(job.id, job);
      const known = sessions.get(job.session);
      if (known) known.running += 1;
      else sessions.set(job.session, { running: 1, lastAt: clock.now() });
      tell({ type: 'job_submitted', ...submitted });
      return job;
    },
    sourceComplete: (job) => void tell({ type: 'source_complete', job }),
    abandon: (job) => void tell({ type: 'job_abandoned', job }),
    endSession(session) {
      sessions.delete(session);
      tell({ type: 'session_ended', session });
    },
    knows: (session) => sessions.has(session),
    task: (id) => tasks.get(id),
    fetchStarted(task) {
      if (task.fetchStartedAt !== undefined) return;
      task.fetchStartedAt = clock.now();
      tell({ type: 'task_fetched', task: task.id });
    },
    claim(id, worker) {
      const answers = tell({ type: 'result_arriving', task: id, worker });
      const refusal = answers.find((action) => action.type === 'refuse_result');
      const task = tasks.get(id);
      if (refusal || !task || !acknowledgements.has(id)) {
        return { ok: false, reason: refusal?.reason ?? 'unknown_task' };
      }
      task.arrivingAt = clock.now();
      crashPoint('result_claimed');
      return { ok: true, task };
    },
    failed: (task, text, retryable) =>
      acknowledged(task, { type: 'result_failed', task: task.id, text, retryable }),
    unread: (task, text) => acknowledged(task, { type: 'result_unread', task: task.id, text }),
    judged(task, verdict, renditions) {
      task.judgedAt = clock.now();
      if (verdict.ok) {
        crashPoint('result_verified');
        task.renditions = renditions;
      }
      return acknowledged(task, { type: 'result_judged', task: task.id, verdict });
    },
    tasks: () => [...tasks.values()],
    idle: () =>
      jobs.size === 0
        ? Promise.resolve()
        : new Promise((resolve) => {
            waitingForIdle.push(resolve);
          }),
    async sessionIdle(session) {
      const mine = [...jobs.values()].filter((job) => job.session === session);
      await Promise.all(mine.map(({ outcome }) => outcome));
    },
    disconnectAll() {
      for (const link of links.values()) link.end();
    },
    sweep() {
      const oldest = clock.now() - SESSION_IDLE_MS;
      for (const [id, { running, lastAt }] of sessions) {
        if (running === 0 && lastAt < oldest) sessions.delete(id);
      }
    },
  };
}
