/**
 * One payment of one asset to one worker. It is born `owed`, before anything else; what is reserved
 * for it is nobody else's until it has ended, and it ends once.
 */
export type PayoutId = string & { readonly __brand: 'PayoutId' };

/** Why nothing left the pool. The worker is owed it as before. */
export const failureReasons = [
  /** When it was to be reserved, the worker was not owed as much any more. */
  'not_owed',
  /** The run was given up before it was reserved: others of its batch could not be, or it got old. */
  'given_up',
  /** The whole batch was undone on chain, by nobody's fault in it. */
  'batch_reverted',
  /** The signer refused it: a cap, or a policy that does not know the asset. */
  'refused_by_signer',
  /** It was withdrawn before a block held it. */
  'withdrawn',
  /** The recipient did not take it: a contract that rejects, or that used up all the gas. */
  'rejected_by_recipient',
  /** The token did not move it, as for an account on its blacklist. */
  'refused_by_token',
  /** The token answered false, and moved nothing. */
  'token_returned_false',
  /** The bank or the exporter said that it was not paid. */
  'refused_by_bank',
] as const;
export type FailureReason = (typeof failureReasons)[number];

/** Why a payment that had left came back. */
export const returnReasons = ['returned_by_bank', 'sent_back'] as const;
export type ReturnReason = (typeof returnReasons)[number];

/** How far a payout has got. */
export type PayoutState =
  /** It has an id; nothing is taken from what the worker is owed. */
  | { readonly state: 'owed' }
  /** Taken from what the worker is owed, in flight; nothing is signed. */
  | { readonly state: 'reserved' }
  /** Signed bytes with a nonce exist. */
  | { readonly state: 'signed'; readonly reference: string }
  /** Left our hands: nodes have the bytes, or a file with it was handed out. */
  | { readonly state: 'broadcast'; readonly reference: string }
  /** A block holds it that may still be undone. */
  | { readonly state: 'included'; readonly reference: string }
  /**
   * Paid, for good. `received` is less than the amount where the token took a fee on the way: what
   * left the pool counts as paid, since a recipient could make "received" look like nothing.
   */
  | { readonly state: 'final'; readonly reference: string; readonly received: bigint }
  /** Nothing left the pool. `reference`: the transaction that cost gas for it, if any. */
  | { readonly state: 'failed'; readonly reason: FailureReason; readonly reference?: string }
  /** The chain is final and does not show whether it moved: in flight until a person has looked. */
  | { readonly state: 'unproven'; readonly reference: string }
  /** It was paid and came back; the worker is owed it again. */
  | { readonly state: 'returned'; readonly reason: ReturnReason; readonly reference: string };

export type PayoutStateName = PayoutState['state'];

/** What happened to a payout. Every event may come twice, late, or in any order. */
export type PayoutEvent =
  /** `owed`: what the worker is owed at this moment, under a lock; `needs`: what it pays. */
  | { readonly event: 'reserve'; readonly owed: bigint; readonly needs: bigint }
  | { readonly event: 'given_up'; readonly reason: FailureReason }
  | { readonly event: 'signed' | 'broadcast' | 'included'; readonly reference: string }
  /** The transaction is in no block any more and its nonce is gone: other bytes will follow. */
  | { readonly event: 'undone' }
  /** What is final shows that so much reached the worker, or that nothing left. */
  | { readonly event: 'moved'; readonly reference: string; readonly received: bigint }
  | {
      readonly event: 'not_moved';
      readonly reason: FailureReason;
      readonly reference?: string | undefined;
    }
  | { readonly event: 'unproven'; readonly reference: string }
  | { readonly event: 'came_back'; readonly reason: ReturnReason };

/** What the ledger is told, in the same database transaction as the new state. */
export type Booking =
  /** From what the worker is owed to what is in flight. */
  | 'reserve'
  /** Back from in flight to what the worker is owed. */
  | 'release'
  /** From in flight out of the treasury. */
  | 'pay'
  /** Into the treasury again, and to what the worker is owed. */
  | 'take_back';

/** The next state with its booking; undefined: the event changes nothing. */
export type PayoutStep =
  | { readonly state: PayoutState; readonly booking: Booking | undefined }
  | undefined;

/**
 * What an event makes of a payout. `paid` and `released` exclude each other by the states alone: each
 * is left only by events that are looked for in states in which the amount is in flight.
 */
export function step(now: PayoutState, event: PayoutEvent): PayoutStep {
  switch (event.event) {
    case 'reserve':
      if (now.state !== 'owed') return undefined;
      if (event.needs <= 0n || event.owed < event.needs) return failed('not_owed');
      return { state: { state: 'reserved' }, booking: 'reserve' };
    case 'given_up':
      return now.state === 'owed' ? failed(event.reason) : undefined;
    case 'signed':
    case 'broadcast':
    case 'included': {
      if (!onItsWay(now)) return undefined;
      const next = { state: event.event, reference: event.reference };
      if (now.state === next.state && now.reference === next.reference) return undefined;
      return { state: next, booking: undefined };
    }
    case 'undone':
      if (!onItsWay(now) || now.state === 'reserved') return undefined;
      return { state: { state: 'reserved' }, booking: undefined };
    case 'moved': {
      if (!inFlight(now)) return undefined;
      const { reference, received } = event;
      return { state: { state: 'final', reference, received }, booking: 'pay' };
    }
    case 'not_moved': {
      if (!inFlight(now)) return undefined;
      const { reason, reference } = event;
      const state = { state: 'failed', reason, ...(reference && { reference }) } as const;
      return { state, booking: 'release' };
    }
    case 'unproven':
      if (!onItsWay(now)) return undefined;
      return { state: { state: 'unproven', reference: event.reference }, booking: undefined };
    case 'came_back': {
      if (now.state !== 'final') return undefined;
      const { reference } = now;
      return {
        state: { state: 'returned', reason: event.reason, reference },
        booking: 'take_back',
      };
    }
  }
}

function failed(reason: FailureReason): PayoutStep {
  return { state: { state: 'failed', reason }, booking: undefined };
}

/** Between reserving and the end, as far as anybody can say. */
function onItsWay(
  now: PayoutState,
): now is Extract<PayoutState, { state: 'reserved' | 'signed' | 'broadcast' | 'included' }> {
  return (
    now.state === 'reserved' ||
    now.state === 'signed' ||
    now.state === 'broadcast' ||
    now.state === 'included'
  );
}

/** Reserved, and neither paid nor given back: the ledger has it in flight. */
export function inFlight(now: PayoutState): boolean {
  return onItsWay(now) || now.state === 'unproven';
}

/** Whether nothing more will happen by itself. */
export function isEnded({ state }: PayoutState): boolean {
  return state === 'final' || state === 'failed' || state === 'returned';
}
