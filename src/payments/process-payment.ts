import { sameBytes } from '../protocol/fixed-bytes.ts';
import type { Payment } from '../protocol/payment.ts';
import { checksumAddress, ZERO_ADDRESS } from '../protocol/signature.ts';
import { compare, multiply, type Rational, rational, ZERO } from './rational.ts';
import { findRecipientRand, type RandSecret } from './recipient-rand.ts';
import type { SenderLookup } from './sender.ts';
import { expectedValue, type Ticket } from './ticket.ts';
import { type ReadParams, readTicketParams } from './ticket-params.ts';
import {
  type Examined,
  type Refusal,
  type RefusalReason,
  type TicketContext,
  validateTerms,
  validateTicket,
} from './validate.ts';

/** Nobody's rand: a hash that we did not make has none, and no ticket of it is credited. */
const NO_RAND = new Uint8Array(32);

/** Why a payment is refused. The status is always 400, the body the text. */
export type PaymentReason =
  | RefusalReason
  | 'sender_missing'
  | 'recipient_inactive'
  | 'price_invalid'
  | 'price_below_session';

export interface PaymentRefusal {
  readonly reason: PaymentReason;
  readonly text: string;
}

/** What a payment is judged against, as of now. */
export interface PaymentView {
  /** 20 bytes: who is paid on chain. */
  readonly recipient: Uint8Array;
  /** Rounds in which the recipient is in the active set, from first up to but without the second. */
  readonly activeFrom: bigint;
  readonly activeUntil: bigint;
  readonly lastInitializedRound: bigint;
  readonly lastL1Block: bigint;
  readonly sender: SenderLookup;
  /** Newest first. */
  readonly secrets: readonly RandSecret[];
  /** Wei per pixel that this session has, once a payment with tickets has fixed it. */
  readonly fixedPrice: Rational | undefined;
  /** Wei per pixel that the session would be offered now. */
  readonly currentPrice: Rational;
  /**
   * The least that the work costs that is paid here: else parameters that were offered for a cheap
   * capability would buy a dear one. Absent: no limit.
   */
  readonly priceMin?: Rational;
}

/** A payment whose tickets need their signatures looked at, one without, or one refused already. */
export type PreparedPayment =
  | {
      readonly state: 'tickets';
      readonly terms: ReadParams;
      readonly recipientRand: Uint8Array;
      readonly tickets: Payment['tickets'];
      readonly context: TicketContext;
      readonly price: Rational;
      /** Set when this payment, once it counts, fixes the price of its session. */
      readonly fixesPrice: boolean;
    }
  | { readonly state: 'no_tickets'; readonly price: Rational }
  | { readonly state: 'refused'; readonly refusal: PaymentRefusal };

/**
 * Everything about a payment that costs no signature check. A hostile payment ends here, before it
 * costs a thread's time. Wire: go-livepeer core/orchestrator.go:ProcessPayment.
 */
export function preparePayment(payment: Payment, view: PaymentView): PreparedPayment {
  const { ticketParams, sender, expectedPrice } = payment;
  if (!ticketParams || payment.tickets.length === 0) return withoutTickets(payment, view);
  if (sameBytes(sender, ZERO_ADDRESS)) {
    return refused('sender_missing', 'Could not find Sender for payment: it has no sender');
  }
  const terms = readTicketParams(ticketParams, sender, payment.expiration);
  if (!terms) return refused('rand_wrong', RAND_TEXT);
  const round = view.lastInitializedRound;
  const ours = sameBytes(terms.recipient, view.recipient);
  if (!ours || round < view.activeFrom || round >= view.activeUntil) {
    const name = checksumAddress(terms.recipient);
    const text = `orchestrator ${name} is inactive in round ${round}, cannot process payments`;
    return refused('recipient_inactive', text);
  }
  if (!expectedPrice) return refused('price_invalid', priceText('expected price is nil'));
  if (expectedPrice.pixelsPerUnit === 0n) return refused('price_invalid', priceText(NO_PIXELS));
  const price = rational(expectedPrice.pricePerUnit, expectedPrice.pixelsPerUnit);
  if (price.numerator < 0n) return refused('price_invalid', priceText('price is negative'));
  const least = view.fixedPrice ?? view.priceMin;
  if (least && compare(price, least) < 0) {
    return refused('price_below_session', priceText('price is below that of the session'));
  }
  const promised = { ...terms, price };
  const rand = findRecipientRand(view.secrets, promised, terms.recipientRandHash);
  const context: TicketContext = {
    recipient: view.recipient,
    sender: view.sender,
    lastInitializedRound: round,
    lastL1Block: view.lastL1Block,
    expirationBlock: terms.expirationBlock,
    randKnown: rand !== undefined,
  };
  const fatal = validateTerms(terms, context);
  if (fatal) return { state: 'refused', refusal: fatal };
  return {
    state: 'tickets',
    terms,
    recipientRand: rand ?? NO_RAND,
    tickets: payment.tickets,
    context,
    price,
    fixesPrice: view.fixedPrice === undefined,
  };
}

const RAND_TEXT = 'invalid recipientRand for ticket recipientRandHash';
const NO_PIXELS = 'pixels per unit is 0';

/**
 * A payment without tickets is legal while credit remains. What it says of the price is not believed
 * (go-livepeer does, so that `0` there makes a session free): the session's price counts.
 */
function withoutTickets({ expectedPrice }: Payment, view: PaymentView): PreparedPayment {
  if (expectedPrice?.pixelsPerUnit === 0n) return refused('price_invalid', priceText(NO_PIXELS));
  return { state: 'no_tickets', price: view.fixedPrice ?? view.currentPrice };
}

/** A ticket that may be redeemed. */
export interface Winner {
  readonly ticket: Ticket;
  readonly sig: Uint8Array;
  /** 32 bytes. */
  readonly recipientRand: Uint8Array;
  /** It is redeemed when this L1 block has come: that publishes the recipientRand. */
  readonly expirationBlock: bigint;
}

/**
 * What a payment comes to. All of it is to be written in one transaction, the refusal is told after
 * that: a refused payment may still have brought credit and winners.
 */
export interface PaymentDecision {
  /** Wei, exactly: the expected values of the tickets that count. */
  readonly credit: Rational;
  readonly ticketsCredited: number;
  readonly ticketsRefused: number;
  /** To be remembered for the payment's recipientRand. */
  readonly noncesUsed: readonly number[];
  readonly winners: readonly Winner[];
  readonly refusal: Refusal | undefined;
}

/**
 * Judges the tickets of a prepared payment in their order. From the first refused ticket on none is
 * credited, as gateways expect; nonces are used and winners kept all the same. `examined` has one
 * entry for each ticket, `seen` the nonces of this recipientRand so far.
 */
export function decidePayment(
  prepared: Extract<PreparedPayment, { state: 'tickets' }>,
  examined: readonly Examined[],
  seen: ReadonlySet<number>,
): PaymentDecision {
  const { terms, tickets, context, recipientRand } = prepared;
  const known = new Set(seen);
  const noncesUsed: number[] = [];
  const winners: Winner[] = [];
  let credited = 0n;
  let refusal: Refusal | undefined;
  let refusedCount = 0;
  for (const [at, { nonce, sig }] of tickets.entries()) {
    const ticket: Ticket = ticketOf(terms, nonce);
    const outcome = validateTicket(ticket, examined[at] as Examined, known, context);
    if (outcome.nonceUsed) {
      known.add(nonce);
      noncesUsed.push(nonce);
    }
    if (outcome.won) {
      winners.push({ ticket, sig, recipientRand, expirationBlock: terms.expirationBlock });
    }
    if (outcome.ok) {
      if (!refusal) credited += 1n;
      continue;
    }
    refusedCount += 1;
    refusal = outcome.refusal;
    if (outcome.refusal.kind === 'fatal') break;
  }
  return {
    credit: credited === 0n ? ZERO : multiply(expectedValue(terms), rational(credited)),
    ticketsCredited: Number(credited),
    ticketsRefused: refusedCount,
    noncesUsed,
    winners,
    refusal,
  };
}

function ticketOf(terms: ReadParams, nonce: number): Ticket {
  const { recipient, sender, faceValue, winProb, recipientRandHash } = terms;
  const { creationRound, creationRoundBlockHash } = terms;
  return {
    recipient,
    sender,
    faceValue,
    winProb,
    recipientRandHash,
    creationRound,
    creationRoundBlockHash,
    nonce,
  };
}

function refused(reason: PaymentReason, text: string): PreparedPayment {
  return { state: 'refused', refusal: { reason, text } };
}

function priceText(cause: string): string {
  return `invalid expected price sent with payment err="${cause}"`;
}
