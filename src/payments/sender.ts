import type { Wei } from '../base/money.ts';
import { checksumAddress } from '../protocol/signature.ts';

/** A deposit this many times what is being redeemed pays it all, so that the float stays whole. */
const DEPOSIT_PENDING_RATIO = 3n;

/** What the chain says of a sender, as of the last block that was processed. */
export interface SenderFunds {
  readonly deposit: Wei;
  readonly reserve: Wei;
  /** Out of the reserve, by all recipients, in this round. */
  readonly claimedInRound: Wei;
  /** Of it by our recipient (not by whatever account this node has). */
  readonly claimedByRecipient: Wei;
  /** 0: not unlocking. From this round on it may take everything back. */
  readonly withdrawRound: bigint;
}

/** What our own state adds: the reserve is shared by the pool; some of it is on its way to us. */
export interface FloatFacts extends SenderFunds {
  /** Size of the active set, as BondingManager.getTranscoderPoolSize has it. */
  readonly poolSize: bigint;
  /** Face values of this sender's tickets whose redemption is under way. */
  readonly pending: Wei;
}

/** Our share of the reserve in this round; negative after the pool grew behind a claim. */
export function reserveShare({
  poolSize,
  reserve,
  claimedInRound,
  claimedByRecipient,
}: FloatFacts): bigint {
  return poolSize === 0n ? 0n : (reserve + claimedInRound) / poolSize - claimedByRecipient;
}

/** The highest face value that the sender is sure to pay. Wire: go-livepeer pm/sendermonitor.go. */
export function maxFloat(facts: FloatFacts): bigint {
  const { deposit, pending } = facts;
  const share = reserveShare(facts);
  const covered = pending > 0n && deposit >= DEPOSIT_PENDING_RATIO * pending;
  return covered ? share : share - pending;
}

/** What a redemption could be paid from; looked at before gas is spent on one. */
export function availableFunds(facts: FloatFacts): bigint {
  return reserveShare(facts) + facts.deposit - facts.pending;
}

/** What is known of the sender of a payment. */
export type SenderLookup =
  | { readonly ok: true; readonly withdrawRound: bigint }
  /** `cause` must be fit for a gateway's eyes: no URL. */
  | { readonly ok: false; readonly cause: string };

/** A sender whose tickets can still be redeemed next round, or the text that refuses it. */
export type SenderOutcome =
  | { readonly ok: true }
  | {
      readonly ok: false;
      readonly reason: 'sender_unknown' | 'sender_unlocking';
      readonly text: string;
    };

/**
 * Whether tickets of this sender may be taken in a round. One without any deposit may: the reserve
 * limits what it was offered. Wire: go-livepeer pm/sendermonitor.go:ValidateSender.
 */
export function validateSender(
  sender: Uint8Array,
  lookup: SenderLookup,
  lastInitializedRound: bigint,
): SenderOutcome {
  const name = checksumAddress(sender);
  if (!lookup.ok) {
    const text = `could not get sender info for ${name}: ${lookup.cause}`;
    return { ok: false, reason: 'sender_unknown', text };
  }
  const { withdrawRound } = lookup;
  if (withdrawRound !== 0n && withdrawRound <= lastInitializedRound + 1n) {
    const text = `deposit and reserve for sender ${name} is set to unlock soon`;
    return { ok: false, reason: 'sender_unlocking', text };
  }
  return { ok: true };
}
