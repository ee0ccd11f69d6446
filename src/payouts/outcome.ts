import type { FailureReason, PayoutEvent } from './payout.ts';

/** What a final transaction shows of one transfer of tokens. */
export interface Evidence {
  readonly amount: bigint;
  /** Sum of the token's Transfer events from the paying account to the recipient. */
  readonly moved: bigint;
  /** What the token answered, where a contract of ours noted it. */
  readonly said: boolean | undefined;
  /** Whether the paying account had as much after the block as before; undefined: nobody can say. */
  readonly payerKept: boolean | undefined;
}

/**
 * What became of a transfer. The evidence is the token's own and the payer's, never the recipient's:
 * one that passes on what it got in the same block would look unpaid, and be paid twice.
 */
export function judgeTransfer(evidence: Evidence, reference: string): PayoutEvent {
  const { amount, moved, said, payerKept } = evidence;
  if (moved >= amount) return { event: 'moved', reference, received: amount };
  if (moved > 0n) return { event: 'moved', reference, received: moved };
  if (said === false) return notMoved('refused_by_token', reference);
  // Without an event and without a loss nothing moved, whatever was answered.
  if (payerKept === true) return notMoved('token_returned_false', reference);
  return { event: 'unproven', reference };
}

export function notMoved(reason: FailureReason, reference: string): PayoutEvent {
  return { event: 'not_moved', reason, reference };
}
