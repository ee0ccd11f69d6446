import { type Wei, wei } from '../base/money.ts';
import { type Rational, rational, ZERO } from './rational.ts';
import { WIN_PROB_MAX } from './ticket.ts';

/** A face value below the expected value becomes this many times the expected value. */
const EV_MULTIPLIER = 100n;
/** A ticket is worth so many times what its redemption costs: overhead about 1 %. */
export const TX_COST_MULTIPLIER = 100n;
/** 3 gwei: a short spike of the gas price does not stop discovery. */
const AVERAGE_GAS_PRICE = 3_000_000_000n;
/** Gas of a redemption, with the L1 part on Arbitrum. Measured on L2: 155,000 to 350,000. */
export const REDEEM_GAS = { arbitrum: 1_200_000n, other: 350_000n } as const;
/** Wei a ticket is worth on average unless the operator says otherwise. */
export const TICKET_EV_DEFAULT: Wei = wei(8_000_000_000n);

/** What a face value is made from. */
export interface FaceValueRule {
  /** Expected value of a ticket. Stay below the gateways' limit (3e12 by default). */
  readonly ticketEv: Wei;
  readonly redeemGas: bigint;
  readonly gasPrice: Wei;
  readonly txCostMultiplier: bigint;
  /** What the sender's reserve is sure to pay; may be negative. See sender.ts. */
  readonly maxFloat: bigint;
  /** 0: no limit. */
  readonly maxFaceValue: Wei;
}

/** A face value that pays for its own redemption and that the sender can honour. */
export type FaceValueOutcome =
  | { readonly ok: true; readonly faceValue: Wei }
  | {
      readonly ok: false;
      readonly reason: 'insufficient_sender_reserve';
      readonly text: typeof INSUFFICIENT_RESERVE;
    };

/** Gateways and operators know this text. */
export const INSUFFICIENT_RESERVE = 'insufficient sender reserve';

/** Chooses the face value of tickets. Wire: go-livepeer pm/recipient.go:faceValue. */
export function chooseFaceValue(rule: FaceValueRule): FaceValueOutcome {
  const { ticketEv, redeemGas, gasPrice, maxFloat, maxFaceValue } = rule;
  const txCost = redeemGas * gasPrice;
  let faceValue: bigint = txCost * rule.txCostMultiplier;
  if (faceValue < ticketEv) faceValue = ticketEv * EV_MULTIPLIER;
  if (faceValue > maxFloat) faceValue = maxFloat;
  if (maxFaceValue > 0n && faceValue > maxFaceValue) faceValue = maxFaceValue;
  const paysForItself = faceValue >= txCost || faceValue >= redeemGas * AVERAGE_GAS_PRICE;
  if (faceValue < ticketEv || faceValue < 0n || !paysForItself) {
    return { ok: false, reason: 'insufficient_sender_reserve', text: INSUFFICIENT_RESERVE };
  }
  return { ok: true, faceValue: wei(faceValue) };
}

/**
 * The win probability that makes tickets of a face value worth `ticketEv` on average, a hair above
 * by rounding. Wire: go-livepeer pm/recipient.go:winProb.
 */
export function winProbability(faceValue: Wei, ticketEv: Wei): bigint {
  if (faceValue === 0n) return 0n;
  if (faceValue === ticketEv) return WIN_PROB_MAX;
  const perWei = (WIN_PROB_MAX + faceValue - 1n) / faceValue;
  const winProb = ticketEv * perWei;
  return winProb > WIN_PROB_MAX ? WIN_PROB_MAX : winProb;
}

/** How many redemptions a face value would pay for; 0 when they cost nothing. */
export function txCostMultiplier(faceValue: Wei, txCost: bigint): Rational {
  return txCost <= 0n ? ZERO : rational(faceValue, txCost);
}
