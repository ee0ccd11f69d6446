import { sameBytes } from '../protocol/fixed-bytes.ts';
import { checksumAddress, ZERO_ADDRESS } from '../protocol/signature.ts';
import { type SenderLookup, validateSender } from './sender.ts';
import { type Ticket, wins } from './ticket.ts';

/** Distinct nonces for one recipientRand; a stock gateway has a new one with every segment. */
export const NONCES_MAX = 600;

/**
 * Why a ticket is refused, and with what text: gateways look for some of these words. A fatal reason
 * ends the payment; after another one the rest of it is still examined. Wire: go-livepeer
 * pm/recipient.go:ReceiveTicket, pm/validator.go.
 */
export const refusals = {
  sender_unknown: 'fatal',
  sender_unlocking: 'fatal',
  recipient_wrong: 'fatal',
  sender_zero: 'fatal',
  rand_wrong: 'fatal',
  signature_wrong: 'acceptable',
  nonce_seen: 'acceptable',
  nonces_full: 'acceptable',
  params_expired: 'acceptable',
} as const;

export type RefusalReason = keyof typeof refusals;

/** Texts without a value in them. */
export const ticketTexts = {
  recipient_wrong: 'invalid ticket recipient',
  sender_zero: 'invalid ticket sender',
  rand_wrong: 'invalid recipientRand for ticket recipientRandHash',
  signature_wrong: 'invalid ticket signature',
  params_expired: 'TicketParams expired',
} as const;

/** A refusal that a gateway is told of. */
export interface Refusal {
  readonly reason: RefusalReason;
  readonly kind: 'acceptable' | 'fatal';
  readonly text: string;
}

/** What is the same for all tickets of one payment. */
export interface TicketContext {
  /** 20 bytes: ours. */
  readonly recipient: Uint8Array;
  readonly sender: SenderLookup;
  readonly lastInitializedRound: bigint;
  /** The last L1 block that was processed. */
  readonly lastL1Block: bigint;
  readonly expirationBlock: bigint;
  /** Do we know the recipientRand behind the ticket's hash? See recipient-rand.ts. */
  readonly randKnown: boolean;
}

/** What the threads found out about one ticket; see recover-threads.ts. */
export interface Examined {
  /** Undefined when nobody can have made this signature. */
  readonly signer: Uint8Array | undefined;
  /** 32 bytes. */
  readonly draw: Uint8Array;
}

/** A ticket worth its expected value, or why not. A refused one may have won all the same. */
export type TicketOutcome =
  | { readonly ok: true; readonly won: boolean; readonly nonceUsed: true }
  | {
      readonly ok: false;
      readonly won: boolean;
      /** Its nonce counts as seen from now on. */
      readonly nonceUsed: boolean;
      readonly refusal: Refusal;
    };

/** The checks that do not depend on which of a payment's tickets it is, in go-livepeer's order. */
export function validateTerms(
  terms: Pick<Ticket, 'recipient' | 'sender'>,
  context: TicketContext,
): Refusal | undefined {
  const sender = validateSender(terms.sender, context.sender, context.lastInitializedRound);
  if (!sender.ok) return { reason: sender.reason, kind: 'fatal', text: sender.text };
  if (!sameBytes(terms.recipient, context.recipient)) return refuse('recipient_wrong');
  if (sameBytes(terms.sender, ZERO_ADDRESS)) return refuse('sender_zero');
  if (!context.randKnown) return refuse('rand_wrong');
  return undefined;
}

/**
 * Judges one ticket. `seen` are the nonces of its recipientRand so far, over all nodes. An expired
 * ticket uses up its nonce, one with a wrong signature does not.
 */
export function validateTicket(
  ticket: Ticket,
  examined: Examined,
  seen: ReadonlySet<number>,
  context: TicketContext,
): TicketOutcome {
  const fatal = validateTerms(ticket, context);
  if (fatal) return { ok: false, won: false, nonceUsed: false, refusal: fatal };
  if (!examined.signer || !sameBytes(examined.signer, ticket.sender)) {
    return { ok: false, won: false, nonceUsed: false, refusal: refuse('signature_wrong') };
  }
  const won = wins(examined.draw, ticket.winProb);
  if (seen.has(ticket.nonce)) {
    return { ok: false, won, nonceUsed: false, refusal: refuseNonce('nonce_seen', ticket) };
  }
  if (seen.size >= NONCES_MAX) {
    return { ok: false, won, nonceUsed: false, refusal: refuseNonce('nonces_full', ticket) };
  }
  if (context.expirationBlock <= context.lastL1Block) {
    return { ok: false, won, nonceUsed: true, refusal: refuse('params_expired') };
  }
  return { ok: true, won, nonceUsed: true };
}

function refuse(reason: keyof typeof ticketTexts): Refusal {
  return { reason, kind: refusals[reason], text: ticketTexts[reason] };
}

function refuseNonce(reason: 'nonce_seen' | 'nonces_full', { sender, nonce }: Ticket): Refusal {
  const what = reason === 'nonce_seen' ? 'already seen' : 'too many values';
  const text = `invalid ticket senderNonce: ${what} sender=${checksumAddress(sender)} nonce=${nonce}`;
  return { reason, kind: refusals[reason], text };
}
