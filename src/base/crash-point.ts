/**
 * The places on the way of money and work at which the tests kill the process. Beside each: what is
 * true when it is passed.
 */
export type CrashPoint =
  /** All bytes of a segment are here and their hash is right; its gateway was told nothing. */
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
  /** The hashes of the renditions are signed; the work is not paid for. */
  | 'result_signed'
  /** The price of the work is known and not taken from the gateway's balance. */
  | 'before_debit'
  /** It is taken, durably. */
  | 'work_debited'
  /** The work is debited; the gateway does not have its renditions. */
  | 'before_gateway_answer'
  /** The signatures of a payment's tickets were checked; nothing of it is stored. */
  | 'tickets_verified'
  /** Nonces, credit and winners of a payment are written; they may still be rolled back. */
  | 'credit_before_commit'
  /** They are durable; the gateway was told nothing. */
  | 'credit_after_commit'
  /** The same of a payment with a winning ticket. */
  | 'winner_stored'
  /** Winning tickets are claimed and their transaction is wanted; it may still be rolled back. */
  | 'claim_before_commit'
  /** What a transaction is for is durable; nothing is signed for it. */
  | 'intent_born'
  /** The signer gave signed bytes, which are stored nowhere. */
  | 'transaction_signed'
  /** One step of the journal is durable: the state of a transaction is this now. */
  | `transaction_${'intended' | 'signed' | 'broadcast' | 'included' | 'final' | 'failed'}_stored`
  /** The signed bytes are stored, and about to be given to the nodes of the chain. */
  | 'before_broadcast'
  /** A node took them, or none could; nothing of it is stored. */
  | 'after_broadcast'
  /** What a final transaction brought to its tickets is written; it may still be rolled back. */
  | 'before_mark'
  /** It is durable. */
  | 'after_mark'
  /** What happened to tickets and transactions is written into the books; it may be rolled back. */
  | 'income_before_commit'
  /** It is durable. */
  | 'income_posted'
  /** No receipt joins the epoch any more, the next one is open; its books are not written. */
  | 'epoch_ended'
  /** The line under its income is drawn. */
  | 'epoch_end_noted'
  /** Its books and result are written; they may still be rolled back. */
  | 'epoch_before_commit'
  /** They are durable; nothing is signed or published. */
  | 'epoch_closed'
  /** Receipts are added to the history; they may still be rolled back. */
  | 'history_before_commit'
  /** The record of the epoch is signed and durable; nothing is published. */
  | 'epoch_recorded'
  /** The files of the epoch are there; the list of epochs does not name it. */
  | 'epoch_written'
  /** It is published; nothing is written into the chain. */
  | 'epoch_published'
  /** A plan became batches with ids; nothing is reserved, and it may still be rolled back. */
  | 'payout_planned_before_commit'
  /** It is durable. */
  | 'payout_planned'
  /** The next state of a payout and its booking are written; they may still be rolled back. */
  | `payout_${'reserved' | 'signed' | 'broadcast' | 'included' | 'final' | 'failed' | 'unproven' | 'returned'}_before_commit`
  /** A batch is reserved and its transaction wanted, durably. */
  | 'payout_reserved_after_commit'
  /** What became of a batch on chain is known, and nothing of it is stored. */
  | 'payout_outcome_known'
  /** It is durable. */
  | 'payout_settled'
  /** All lines of an import are written into the shadow book; they may still be rolled back. */
  | 'import_before_commit'
  /** They are durable; a new book does not have its name yet. */
  | 'import_after_commit';

/** Does nothing. In the tests another module stands in its place and may kill the process here. */
export function crashPoint(_point: CrashPoint): void {}
