import type { Instant } from '../base/clock.ts';
import type { WorkerId } from '../base/ids.ts';
import type { NoticeKind } from './kinds.ts';

/** An amount as JSON holds it: base units as a decimal string. */
interface JsonSum {
  readonly asset: string;
  readonly amount: string;
}

/** What happened, as it is noted. Times are milliseconds since 1970. */
export type EventFacts =
  | {
      readonly source: 'payout';
      readonly state: 'final' | 'failed' | 'returned';
      readonly asset: string;
      readonly amount: string;
      readonly reason?: string;
      readonly reference?: string;
    }
  /** No asset: all of them. */
  | {
      readonly source: 'pause' | 'resume';
      readonly asset?: string;
      readonly reason: string;
      readonly since: number;
    }
  | {
      readonly source: 'address';
      readonly state: 'waiting' | 'effective' | 'stopped';
      readonly old?: string;
      readonly new: string;
      readonly askedBy: 'signatures' | 'operator';
      readonly effectiveAt: number;
    }
  | {
      readonly source: 'dispute';
      readonly dispute: string;
      readonly event: string;
      readonly by: 'worker' | 'operator' | 'pool';
      readonly outcome?: 'upheld' | 'partly' | 'refused';
      readonly award?: JsonSum;
      readonly deadline?: number;
    }
  | { readonly source: 'terms'; readonly version: number; readonly epoch: string }
  | {
      readonly source: 'incident';
      readonly incident: string;
      /** Announced or begun, over, or as a maintenance was planned. */
      readonly what: 'opened' | 'closed' | 'started' | 'ended';
    }
  /** `others`: so many more went away within the same minute. */
  | { readonly source: 'offline'; readonly since: number; readonly others?: number }
  | { readonly source: 'back'; readonly since: number }
  | {
      readonly source: 'checks';
      readonly count: number;
      readonly since: number;
      readonly reasons: readonly string[];
    }
  | { readonly source: 'quarantine'; readonly until: number }
  | { readonly source: 'place' }
  | {
      readonly source: 'alarm';
      /** Changed: it stands, and is of something else. */
      readonly state: 'on' | 'changed' | 'over';
      readonly text: string;
      readonly advice: string;
      readonly since: number;
    }
  | {
      readonly source: 'message';
      readonly title: string;
      readonly text: string;
      readonly todo?: string;
      readonly until?: number;
    }
  | { readonly source: 'test'; readonly channel: string };

/** An event that waits to be told. */
export interface StoredEvent {
  readonly id: bigint;
  readonly worker: WorkerId | undefined;
  readonly at: Instant;
  readonly facts: EventFacts;
}

/** What kind of notice an event becomes; undefined: nobody is told of it. */
export function kindOf(facts: EventFacts): NoticeKind | undefined {
  switch (facts.source) {
    case 'payout':
      if (facts.state === 'final') return 'payout_sent';
      // What stayed in the pool goes out with the next run: only what the worker can mend is told.
      return facts.state === 'returned' || MENDED_BY_WORKER.has(facts.reason ?? '')
        ? 'payout_failed'
        : undefined;
    case 'pause':
      return 'payouts_paused';
    case 'resume':
      return 'payouts_resumed';
    case 'address':
      return 'payout_address';
    case 'dispute':
      return disputeKind(facts);
    case 'terms':
      return 'terms_published';
    case 'incident':
      if (facts.what === 'opened') return 'downtime_planned';
      return facts.what === 'started' ? 'downtime_started' : 'downtime_ended';
    case 'offline':
      return 'worker_offline';
    case 'back':
      return 'worker_back';
    case 'checks':
      return 'check_failed';
    case 'quarantine':
      return 'quarantine';
    case 'place':
      return 'new_place';
    case 'alarm':
      return 'alarm';
    case 'message':
      return 'message';
    case 'test':
      return 'test';
  }
}

const MENDED_BY_WORKER: ReadonlySet<string> = new Set([
  'rejected_by_recipient',
  'refused_by_token',
  'token_returned_false',
  'refused_by_bank',
]);

function disputeKind({
  event,
  by,
}: Extract<EventFacts, { readonly source: 'dispute' }>): NoticeKind | undefined {
  if (event === 'decided' || event === 'lapsed') return 'dispute_decided';
  if (event === 'answered') return 'dispute_answered';
  if (event === 'replied') return by === 'worker' ? 'dispute_opened' : 'dispute_answered';
  if (event === 'overdue') return 'dispute_opened';
  return event === 'opened' && by === 'worker' ? 'dispute_opened' : undefined;
}
