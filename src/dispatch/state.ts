import type { ConnectionId, JobId, SessionId, TaskId, WorkerId } from '../base/ids.ts';
import type { AttemptKind, Needs, WorkerState } from './dispatch-types.ts';
import type { SpeedRecord } from './speed.ts';
import type { Timed } from './timers.ts';

/** A worker as long as the pool knows it, over all its connections. */
export interface WorkerRecord extends Timed {
  readonly kind: 'worker';
  readonly id: WorkerId;
  state: WorkerState;
  health: 'healthy' | 'half_open' | 'quarantined';
  quarantinedUntil: number;
  /** Quarantines in a row: each doubles the next. */
  level: number;
  /** Failures since the last good result; a bad result weighs double. */
  inRow: number;
  /** Good results in a row. */
  goodInRow: number;
  failureRate: number;
  failures: number;
  settled: number;
  readonly speed: SpeedRecord;
  readonly connections: Connection[];
  /** The connection whose reasons are the worker's. */
  best: Connection | undefined;
  /** Jobs that it got, by choice or because their session is with it. */
  given: number;
  /** Jobs missed, by reason; undefined until the first is counted. */
  missed: number[] | undefined;
  /** How the fleet last counted it. */
  countedActive: boolean;
  countedQuarantined: boolean;
}

export type Bucket = 'available' | 'full' | 'paused' | 'quarantined';

/**
 * One stream of a worker: the thing that takes sessions. What every job reads of it stands in the
 * candidates' table; of this, a job needs the first three.
 */
export interface Connection extends Timed {
  readonly kind: 'connection';
  /** Its row in the candidates' table. */
  readonly slot: number;
  readonly id: ConnectionId;
  readonly workerId: WorkerId;
  readonly worker: WorkerRecord;
  readonly group: WorkerGroup;
  readonly capacity: number;
  bucket: Bucket;
  /** An operator took this machine off work until then; 0: none did. */
  quarantinedUntil: number;
  /** Values of the group's and the fleet's counters when they were last added to `missed`. */
  seenCapability: number;
  seenVersion: number;
  seenMatched: number;
  seenAffinity: number;
  seenIdleMinutes: number;
}

/** How many jobs asked for these capability bits. */
export interface Asked {
  readonly bits: bigint;
  count: number;
}

/** Connections that can do the same: jobs are matched with groups, never with each worker. */
export interface WorkerGroup {
  readonly bits: bigint;
  readonly version: string;
  /** Slots of the connections in each bucket. */
  readonly lists: Record<Bucket, number[]>;
  size: number;
  /** Jobs since the start that this group could not do, or could. */
  capability: number;
  versionTooLow: number;
  matched: number;
}

/** A place that a session holds on a connection, and how many of its encoders. */
export interface Hold {
  readonly session: Session;
  readonly connection: Connection;
  /** Where it stands among all; see `holds.ts`. */
  index: number;
  renditions: number;
}

export interface Session extends Timed {
  readonly kind: 'session';
  readonly id: SessionId;
  bound: Connection | undefined;
  /** It had a worker once, so it may wait for the next one. */
  wasBound: boolean;
  /** What its last job that was up for choice asked for. */
  asked: Asked | undefined;
  readonly holds: Hold[];
  readonly queue: Job[];
  running: Job | undefined;
  idleSince: number;
  ended: boolean;
}

export interface Job extends Timed {
  readonly kind: 'job';
  readonly id: JobId;
  readonly session: Session;
  readonly needs: Needs;
  readonly durationMs: number;
  readonly deadlineAt: number;
  readonly renditions: number;
  /** Output pixels per media second; 0 when unknown. */
  readonly load: number;
  /** Infinity while the gateway still sends. */
  sourceAt: number;
  state: 'queued' | 'running' | 'settled' | 'failed';
  readonly attempts: Attempt[];
  /** The attempt whose contribution is being stored. */
  winner: Attempt | undefined;
  /** Attempts that called the input bad, in the text's own words. */
  readonly badInput: { readonly attempt: Attempt; readonly text: string }[];
  /** Text of the last error that a worker posted. */
  lastText: string | undefined;
  /** Until when it may wait for a worker; Infinity when it does not wait. */
  waitUntil: number;
  /** Its reasons have been counted. */
  counted: boolean;
}

export interface Attempt {
  readonly task: TaskId;
  readonly job: Job;
  readonly number: number;
  readonly kind: AttemptKind;
  readonly connection: Connection;
  readonly sentAt: number;
  /** `judged`: good, and waiting for the outcome of another one that is being stored. */
  state: 'running' | 'answering' | 'judged' | 'storing' | 'ended';
  fetched: boolean;
  /** Past its soft deadline; it may still answer. */
  late: boolean;
  /** Its connection is gone; its answer may still come by HTTP. */
  lost: boolean;
  /** Its worker was revoked while it answered: the answer does not count. */
  barred: boolean;
  /** Its failure is on record; there is one record for each attempt. */
  recorded: boolean;
  softAt: number;
  hedgeAt: number;
}
