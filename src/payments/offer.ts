import { type Wei, wei } from '../base/money.ts';
import type { TicketParams } from '../protocol/gen/lp_rpc_pb.ts';
import {
  chooseFaceValue,
  type FaceValueRule,
  INSUFFICIENT_RESERVE,
  TX_COST_MULTIPLIER,
  txCostMultiplier,
} from './face-value.ts';
import { offeredPrice, priceTerms } from './price.ts';
import { type Rational, rational, ZERO } from './rational.ts';
import type { RandSecret } from './recipient-rand.ts';
import { maxFloat, type SenderFunds } from './sender.ts';
import { offerTicketParams, type RoundView } from './ticket-params.ts';

/** What the operator decides about tickets. */
export interface OfferRules {
  readonly ticketEv: Wei;
  /** Gas of one redemption. */
  readonly redeemGas: bigint;
  /** 0: no limit. */
  readonly maxFaceValue: Wei;
  /** Whether prices grow by what redemption costs. */
  readonly adjustPrice: boolean;
}

/** The chain, as far as offers and payments depend on it. */
export interface PaymentsChainView {
  /** The last L1 block that was processed. */
  readonly l1Block: bigint;
  readonly round: RoundView;
  readonly poolSize: bigint;
  /** Wei per gas. */
  readonly gasPrice: bigint;
  readonly recipient: { readonly activationRound: bigint; readonly deactivationRound: bigint };
}

/** What one offer is made from. */
export interface OfferView {
  readonly recipient: Uint8Array;
  readonly sender: Uint8Array;
  readonly chain: PaymentsChainView;
  /** Not looked at when the work is free. */
  readonly funds: SenderFunds | undefined;
  /** Face values of this sender whose redemption is under way. */
  readonly pending: Wei;
  readonly rules: OfferRules;
  /** Before any adjustment. */
  readonly base: Rational;
  /** A price that is not to be changed: the session's own, or one that was agreed on elsewhere. */
  readonly fixed: Rational | undefined;
  readonly secrets: readonly [RandSecret, ...RandSecret[]];
  /** 32 random bytes. */
  readonly seed: Uint8Array;
}

/** A price with ticket parameters that promise it, or why this sender gets none. */
export type OfferMade =
  | {
      readonly ok: true;
      /** Exactly as the wire can say it. */
      readonly price: Rational;
      readonly params: TicketParams;
    }
  | { readonly ok: false; readonly reason: 'insufficient_sender_reserve'; readonly text: string };

/**
 * Price first, since what redemption costs is part of it, then parameters that promise just this
 * price. Wire: go-livepeer core/orchestrator.go:priceInfo, pm/recipient.go:TicketParams.
 */
export function makeOffer(view: OfferView): OfferMade {
  const { recipient, sender, chain, rules, base, fixed, secrets, seed } = view;
  const faceRule = faceValueRule(view);
  const redemptions = fixed || base.numerator === 0n ? ZERO : redemptionsPaid(view, faceRule);
  if (!redemptions) {
    return { ok: false, reason: 'insufficient_sender_reserve', text: INSUFFICIENT_RESERVE };
  }
  const asked = offeredPrice({
    fixed,
    base,
    adjust: rules.adjustPrice,
    txCostMultiplier: redemptions,
  });
  const terms = priceTerms(asked);
  const price = rational(terms.pricePerUnit, terms.pixelsPerUnit);
  const { l1Block: lastL1Block, round } = chain;
  const offer = { recipient, sender, price, rule: faceRule, lastL1Block, round, secrets, seed };
  const made = offerTicketParams(offer);
  return made.ok ? { ok: true, price, params: made.params } : made;
}

/** How many redemptions a ticket would pay for; undefined when the sender cannot honour any. */
function redemptionsPaid({ rules }: OfferView, rule: FaceValueRule): Rational | undefined {
  if (!rules.adjustPrice) return ZERO;
  const face = chooseFaceValue(rule);
  return face.ok ? txCostMultiplier(face.faceValue, rule.redeemGas * rule.gasPrice) : undefined;
}

function faceValueRule({ rules, chain, funds, pending }: OfferView): FaceValueRule {
  const { ticketEv, redeemGas, maxFaceValue } = rules;
  return {
    ticketEv,
    redeemGas,
    maxFaceValue,
    gasPrice: wei(chain.gasPrice),
    txCostMultiplier: TX_COST_MULTIPLIER,
    maxFloat: funds ? maxFloat({ ...funds, poolSize: chain.poolSize, pending }) : 0n,
  };
}
