/**
 * The places on the way of money and work at which the tests kill the process. Beside each: what is
 * true when it is passed.
 */
export type CrashPoint =
  /** All bytes of a segment are here and their hash is right; nobody was asked to work yet. */
  | 'segment_accepted'
  /** A task was minted and is about to be sent to its worker. */
  | 'task_minted'
  /** A worker has begun to answer its task, which nobody else can answer now. */
  | 'result_claimed'
  /** The renditions were judged to be real; nothing of it is stored. */
  | 'result_verified'
  /** The contribution lies in the ledger's memory, and in no batch. */
  | 'contribution_handed_in'
  /** Every statement of a batch of contributions was answered; it may still be rolled back. */
  | 'batch_before_commit'
  /** The batch is durable; nobody was told. */
  | 'batch_after_commit'
  /** The contribution is durable and the worker's POST is about to be answered. */
  | 'before_worker_answer'
  /** The work is debited and signed; the gateway does not have its renditions. */
  | 'before_gateway_answer';

/** Does nothing. In the tests another module stands in its place and may kill the process here. */
export function crashPoint(_point: CrashPoint): void {}
