import { type Wei, wei } from '../base/money.ts';
import type { TicketParams } from '../protocol/gen/lp_rpc_pb.ts';
import { ZERO_ADDRESS } from '../protocol/signature.ts';
import { compare, multiply, type Rational, rational, rationalText } from './rational.ts';
import { expectedValue, type TicketTerms } from './ticket.ts';
import { type ReadParams, readTicketParams } from './ticket-params.ts';

/**
 * L1 blocks that parameters must outlive the one seen last: what is sent now arrives a block later.
 * Wire: go-livepeer pm/sender.go:paramsExpiryBuffer.
 */
const EXPIRY_BUFFER_BLOCKS = 1n;

/** What a sender lets itself in for. All in wei. */
export interface SendLimits {
  /** The most that one ticket may be worth on average. */
  readonly maxTicketEv: Rational;
  /** The most that the tickets of one payment may be worth on average. */
  readonly maxTotalEv: Rational;
  /** A face value is at most the deposit over this: 1 or more. */
  readonly depositMultiplier: bigint;
}

/** The limits of a stock gateway. go-livepeer: -maxTicketEV, -maxTotalEV, -depositMultiplier. */
export const stockSendLimits: SendLimits = {
  maxTicketEv: rational(3_000_000_000_000n),
  maxTotalEv: rational(20_000_000_000_000n),
  depositMultiplier: 1n,
};

/** The sender on chain, as of the last block that was seen. */
export interface SenderChainView {
  readonly deposit: Wei;
  readonly reserve: Wei;
  /** 0: not unlocking. */
  readonly withdrawRound: bigint;
  readonly lastInitializedRound: bigint;
  readonly lastL1Block: bigint;
  /** What tickets name when the recipient leaves it to us. */
  readonly round: Pick<TicketTerms, 'creationRound' | 'creationRoundBlockHash'>;
}

/** Why no ticket is made from parameters. */
export type ParamsRefusal =
  /** No use at this orchestrator. */
  | 'params_missing'
  | 'params_malformed'
  | 'params_without_expiry'
  | 'face_value_too_low'
  | 'face_value_too_high'
  | 'ticket_ev_too_high'
  | 'total_ev_too_high'
  /** New ones are to be had from the same orchestrator. */
  | 'params_expired'
  /** No use anywhere: it is the sender. */
  | 'sender_unlocking'
  | 'no_reserve'
  | 'no_deposit';

/** Parameters to make tickets from, or why not, in the stock gateway's words. */
export type ParamsOutcome =
  | { readonly ok: true; readonly terms: ReadParams; readonly ev: Rational }
  | { readonly ok: false; readonly reason: ParamsRefusal; readonly text: string };

/** Whether a refusal is about the sender, so that no orchestrator would get tickets. */
export function isSenderProblem(reason: string): boolean {
  return reason === 'sender_unlocking' || reason === 'no_reserve' || reason === 'no_deposit';
}

/**
 * May `count` tickets be made from these parameters? Those that cost nothing always may.
 * Wire: go-livepeer pm/sender.go:validateTicketParams, CreateTicketBatch.
 */
export function checkTicketParams(
  params: TicketParams | undefined,
  sender: Uint8Array,
  count: bigint,
  limits: SendLimits,
  view: SenderChainView,
): ParamsOutcome {
  if (!params) return refused('params_missing', 'ticketParams is nil');
  const terms = readTicketParams(params, sender, roundOf(params, view));
  if (!terms) return refused('params_malformed', 'ticketParams cannot be read');
  if (terms.expirationBlock === 0n) {
    return refused('params_without_expiry', 'ticketParams expiration block is 0');
  }
  if (terms.expirationBlock - view.lastL1Block <= EXPIRY_BUFFER_BLOCKS) {
    return refused('params_expired', 'TicketParams expired');
  }
  const ev = expectedValue(terms);
  if (ev.numerator === 0n) return { ok: true, terms, ev };
  return (
    tooMuch(terms, ev, limits) ??
    senderProblem(view) ??
    tooMuchAtOnce(terms, ev, count, limits, view) ?? { ok: true, terms, ev }
  );
}

type Refused = Extract<ParamsOutcome, { ok: false }>;

function tooMuch(
  { faceValue, recipient }: ReadParams,
  ev: Rational,
  limits: SendLimits,
): Refused | undefined {
  if (Buffer.compare(recipient, ZERO_ADDRESS) === 0) {
    return refused('params_malformed', 'ticketParams name no recipient');
  }
  if (compare(ev, rational(faceValue)) >= 0) {
    return refused('face_value_too_low', `ticket faceValue too low faceValue=${faceValue}`);
  }
  if (compare(ev, limits.maxTicketEv) > 0) {
    const text = `ticket EV ${about(ev)} > max ticket EV ${about(limits.maxTicketEv)}`;
    return refused('ticket_ev_too_high', text);
  }
  return undefined;
}

function senderProblem(view: SenderChainView): Refused | undefined {
  const { withdrawRound, lastInitializedRound, reserve, deposit } = view;
  if (withdrawRound !== 0n && withdrawRound <= lastInitializedRound + 1n) {
    const text = 'unable to validate sender: deposit and reserve is set to unlock soon';
    return refused('sender_unlocking', text);
  }
  if (reserve === 0n) return refused('no_reserve', 'no sender reserve');
  if (deposit === 0n) return refused('no_deposit', 'no sender deposit');
  return undefined;
}

function tooMuchAtOnce(
  { faceValue }: ReadParams,
  ev: Rational,
  count: bigint,
  limits: SendLimits,
  { deposit }: SenderChainView,
): Refused | undefined {
  const total = multiply(ev, rational(count));
  if (compare(total, limits.maxTotalEv) > 0) {
    const text = `total ticket EV ${about(total)} for ${count} tickets > max total ticket EV ${about(limits.maxTotalEv)}`;
    return refused('total_ev_too_high', text);
  }
  const maxFaceValue = wei(deposit / limits.depositMultiplier);
  if (faceValue > maxFaceValue) {
    const text = `ticket faceValue ${faceValue} > max faceValue ${maxFaceValue}`;
    return refused('face_value_too_high', text);
  }
  return undefined;
}

/** The recipient's choice of round, ours where it made none. */
function roundOf({ expirationParams }: TicketParams, view: SenderChainView) {
  const { creationRound = 0n, creationRoundBlockHash = new Uint8Array(0) } = expirationParams ?? {};
  const chosen = creationRound !== 0n && creationRoundBlockHash.some((byte) => byte !== 0);
  return chosen ? { creationRound, creationRoundBlockHash } : view.round;
}

/** Five decimals, as a person reads them; comparisons never use it. */
function about(value: Rational): string {
  if (value.denominator === 1n) return rationalText(value);
  const scaled = (value.numerator * 100_000n) / value.denominator;
  return `${scaled / 100_000n}.${String(scaled % 100_000n).padStart(5, '0')}`;
}

function refused(reason: ParamsRefusal, text: string): Refused {
  return { ok: false, reason, text };
}
