import type { OrchestratorInfo, PriceInfo, TicketParams } from '../protocol/gen/lp_rpc_pb.ts';
import { TICKETS_MAX } from '../protocol/payment.ts';
import type { VideoProfile } from '../protocol/video-profile.ts';
import { ticketsNeeded } from './balance.ts';
import { add, max, multiply, type Rational, rational, subtract, ZERO } from './rational.ts';
import type { SenderNonces } from './send-nonces.ts';
import {
  checkTicketParams,
  type ParamsOutcome,
  type SenderChainView,
  type SendLimits,
} from './send-params.ts';
import { checkPrice, estimateFee, type SendPriceOutcome } from './send-price.ts';
import type { ReadParams } from './ticket-params.ts';

/** What a gateway knows of its account at an orchestrator. */
export interface SendSession {
  /** The session of the auth token: the orchestrator keeps the balance under it. */
  readonly id: string;
  /** Wei per pixel when the session began; more than twice that is not paid. */
  readonly initialPrice: Rational;
  /** Wei paid and not used up, by our own count; below 0 after work that cost more than was paid. */
  readonly balance: Rational;
}

/** What a sender decides by. */
export interface SendRules {
  readonly limits: SendLimits;
  /** Wei per pixel; undefined: any price. */
  readonly maxPrice: Rational | undefined;
}

/** What an orchestrator said last of what it takes. */
export type SendOffer = Pick<OrchestratorInfo, 'ticketParams' | 'priceInfo'>;

/** Credit that is bound to one segment until {@link complete}. */
export interface Staged {
  readonly sessionId: string;
  /** Taken out of the balance. */
  readonly existing: Rational;
  /** What the tickets are worth on average. */
  readonly added: Rational;
  /** Wei per pixel. */
  readonly price: Rational;
}

/** Tickets to sign and send. */
export interface Batch {
  readonly params: TicketParams;
  readonly terms: ReadParams;
  readonly nonces: readonly number[];
}

/** A payment to be signed, with or without tickets. */
export interface PaymentPlan {
  readonly staged: Staged;
  readonly batch: Batch | undefined;
  readonly expectedPrice: PriceInfo;
}

/** What to send with a segment, or why nothing is. */
export type PlanOutcome =
  | { readonly ok: true; readonly session: SendSession; readonly plan: PaymentPlan }
  | Extract<ParamsOutcome | SendPriceOutcome, { ok: false }>
  | {
      readonly ok: false;
      /** `nonces_used_up`: new parameters are to be had from the same orchestrator. */
      readonly reason: 'too_many_tickets' | 'nonces_used_up';
      readonly text: string;
    };

/** What became of a segment that was paid for. */
export type Completion =
  /** It never reached the orchestrator. */
  | { readonly kind: 'unsent' }
  /** It did, and nothing came back: what was paid is lost. */
  | { readonly kind: 'lost' }
  | { readonly kind: 'done'; readonly pixels: bigint };

/** A new account at an orchestrator, empty; undefined when its price is not one to pay. */
export function openSendSession(
  id: string,
  offer: SendOffer,
  rules: SendRules,
  initialPrice?: Rational,
): { readonly ok: true; readonly session: SendSession } | Extract<SendPriceOutcome, { ok: false }> {
  const checked = checkPrice(offer.priceInfo, { initial: initialPrice, max: rules.maxPrice });
  if (!checked.ok) return checked;
  return {
    ok: true,
    session: { id, initialPrice: initialPrice ?? checked.price, balance: ZERO },
  };
}

/**
 * Plans the payment of a segment: the whole balance is bound to it, and as many tickets are added
 * as cover its estimated fee, or one ticket's value where that is more. Only a plan takes nonces.
 * Wire: go-livepeer server/segment_rpc.go:newBalanceUpdate, core/accounting.go:StageUpdate.
 */
export function planPayment(
  session: SendSession,
  work: { readonly profiles: readonly VideoProfile[]; readonly durationMs: number },
  offer: SendOffer,
  parts: {
    readonly rules: SendRules;
    readonly view: SenderChainView;
    readonly nonces: SenderNonces;
    /** 20 bytes. */
    readonly sender: Uint8Array;
  },
): PlanOutcome {
  const { rules, view, nonces, sender } = parts;
  const { priceInfo, ticketParams } = offer;
  const priced = checkPrice(priceInfo, { initial: session.initialPrice, max: rules.maxPrice });
  if (!priced.ok) return priced;
  const { price } = priced;
  const check = (count: bigint) =>
    checkTicketParams(ticketParams, sender, count, rules.limits, view);
  const single = check(1n);
  if (!single.ok) return single;
  const { ev, terms } = single;
  const minCredit = max(estimateFee(work.profiles, work.durationMs, price), ev);
  const needed =
    ev.numerator === 0n
      ? 0n
      : ticketsNeeded({ minCredit, existing: session.balance, ticketEv: ev });
  if (needed > 1n) {
    const all = check(needed);
    if (!all.ok) return all;
  }
  if (needed > BigInt(TICKETS_MAX)) {
    const text = `${needed} tickets are more than a payment holds`;
    return { ok: false, reason: 'too_many_tickets', text };
  }
  const numbers = nonces.take(terms, Number(needed));
  if (!numbers) {
    const text = 'the ticket parameters are used up';
    return { ok: false, reason: 'nonces_used_up', text };
  }
  const staged: Staged = {
    sessionId: session.id,
    existing: session.balance,
    added: multiply(ev, rational(needed)),
    price,
  };
  const batch =
    numbers.length > 0 && ticketParams
      ? { params: ticketParams, terms, nonces: numbers }
      : undefined;
  return {
    ok: true,
    session: { ...session, balance: ZERO },
    plan: { staged, batch, expectedPrice: priceInfo as PriceInfo },
  };
}

/**
 * Gives back what is left of a plan's credit. A balance of another session is left as it is: the
 * orchestrator keeps one for each. Wire: go-livepeer server/segment_rpc.go:completeBalanceUpdate.
 */
export function complete(session: SendSession, staged: Staged, end: Completion): SendSession {
  if (session.id !== staged.sessionId || end.kind === 'lost') return session;
  const back =
    end.kind === 'unsent'
      ? staged.existing
      : subtract(add(staged.existing, staged.added), multiply(rational(end.pixels), staged.price));
  return { ...session, balance: add(session.balance, back) };
}

/** Whether new parameters are needed before anything can be planned. */
export function needsFreshParams(reason: string): boolean {
  return reason === 'params_expired' || reason === 'nonces_used_up';
}
