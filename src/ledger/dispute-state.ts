import type { Instant } from '../base/clock.ts';
import { TributaryError } from '../base/errors.ts';
import { type DisputeState, disputeAfter } from '../proofs/dispute-log.ts';
import type { Dispute } from './dispute.ts';
import { type StoredDispute, sumOf } from './disputes-store.ts';

/** How a dispute stands after all that happened in it. Throws `internal` for what cannot have. */
export function disputeNow({ case: opened, events }: StoredDispute): Dispute {
  let state: DisputeState | undefined;
  let deadline: Instant | undefined;
  let isOverdue = false;
  let outcome: Dispute['outcome'];
  let award: Dispute['award'];
  for (const { record, content } of events) {
    const next = disputeAfter(state, record.event);
    if (!next) throw new TributaryError('internal', 'a stored dispute has an impossible event');
    state = next;
    if (record.deadline !== undefined) {
      deadline = record.deadline as Instant;
      isOverdue = false;
    }
    if (record.event === 'overdue') isOverdue = true;
    outcome = record.outcome ?? outcome;
    award = sumOf(content.award) ?? award;
  }
  if (!state) throw new TributaryError('internal', 'a stored dispute has no beginning');
  const isOver = state !== 'open' && state !== 'answered';
  const rest = { state, isOverdue: isOverdue && !isOver, outcome, award };
  return { ...opened, ...rest, deadline: isOver ? undefined : deadline };
}
