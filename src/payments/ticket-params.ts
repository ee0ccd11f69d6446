import { create } from '@bufbuild/protobuf';
import { wei } from '../base/money.ts';
import { fixedBytes } from '../protocol/fixed-bytes.ts';
import { type TicketParams, TicketParamsSchema } from '../protocol/gen/lp_rpc_pb.ts';
import { ADDRESS_BYTES } from '../protocol/signature.ts';
import { bigEndian, readBigEndian } from './big-endian.ts';
import {
  chooseFaceValue,
  type FaceValueOutcome,
  type FaceValueRule,
  winProbability,
} from './face-value.ts';
import type { Rational } from './rational.ts';
import { type Promised, type RandSecret, recipientRand } from './recipient-rand.ts';
import { HASH_BYTES, recipientRandHash, type TicketTerms } from './ticket.ts';

/** L1 blocks, about 8 minutes: a gateway asks anew long before. */
export const PARAMS_LIFETIME_BLOCKS = 40n;
/** Integers of the wire are at most a uint256: what is longer is nobody's ticket. */
const INTEGER_BYTES_MAX = 32;

/** The last initialised round, and the block hashes that the chain stores for it and the one before. */
export interface RoundView {
  readonly lastInitialized: bigint;
  /** 32 bytes each. */
  readonly blockHash: Uint8Array;
  readonly previousBlockHash: Uint8Array;
}

/**
 * The round that new tickets name. The L1 block hash that Arbitrum sees can be zero, and a ticket of
 * such a round can never be redeemed: then it is the round before.
 */
export function creationRoundOf(
  view: RoundView,
): Pick<TicketTerms, 'creationRound' | 'creationRoundBlockHash'> {
  const zero = view.lastInitialized > 0n && view.blockHash.every((byte) => byte === 0);
  return zero
    ? {
        creationRound: view.lastInitialized - 1n,
        creationRoundBlockHash: view.previousBlockHash,
      }
    : { creationRound: view.lastInitialized, creationRoundBlockHash: view.blockHash };
}

/** What new ticket parameters are made from. */
export interface Offer {
  /** 20 bytes: who is paid on chain, perhaps not the account that signs. */
  readonly recipient: Uint8Array;
  /** 20 bytes. */
  readonly sender: Uint8Array;
  /** Wei per pixel, just as the PriceInfo beside the parameters says it. */
  readonly price: Rational;
  /** Not looked at when the price is 0. */
  readonly rule: FaceValueRule;
  readonly lastL1Block: bigint;
  readonly round: RoundView;
  /** The newest first; the first is used. */
  readonly secrets: readonly [RandSecret, ...RandSecret[]];
  /** 32 random bytes. */
  readonly seed: Uint8Array;
}

/** Ticket parameters for the wire, or why this sender gets none. */
export type OfferOutcome =
  | { readonly ok: true; readonly params: TicketParams }
  | Extract<FaceValueOutcome, { ok: false }>;

/** Makes ticket parameters. Wire: go-livepeer pm/recipient.go:TicketParams. */
export function offerTicketParams(offer: Offer): OfferOutcome {
  const { sender, price, rule, seed } = offer;
  const free = price.numerator <= 0n;
  const chosen: FaceValueOutcome = free ? { ok: true, faceValue: wei(0n) } : chooseFaceValue(rule);
  if (!chosen.ok) return chosen;
  const { faceValue } = chosen;
  const winProb = winProbability(faceValue, rule.ticketEv);
  const expirationBlock = offer.lastL1Block + PARAMS_LIFETIME_BLOCKS;
  const round = creationRoundOf(offer.round);
  const promised: Promised = {
    sender,
    faceValue,
    winProb,
    seed,
    expirationBlock,
    price,
    ...round,
  };
  const params = create(TicketParamsSchema, {
    recipient: offer.recipient,
    faceValue: bigEndian(faceValue),
    winProb: bigEndian(winProb),
    recipientRandHash: recipientRandHash(recipientRand(offer.secrets[0], promised)),
    seed,
    expirationBlock: bigEndian(expirationBlock),
    expirationParams: round,
  });
  return { ok: true, params };
}

/** The ticket parameters of a payment as numbers; what a hostile payment holds is cut to size. */
export interface ReadParams extends TicketTerms {
  readonly seed: Uint8Array;
  readonly expirationBlock: bigint;
}

/**
 * Reads the parameters that a payment repeats; undefined when a number of it is no uint256, so that
 * we cannot have made it. Absent expiration parameters are round 0 with a zero hash.
 */
export function readTicketParams(
  params: TicketParams,
  sender: Uint8Array,
  expiration:
    | { readonly creationRound: bigint; readonly creationRoundBlockHash: Uint8Array }
    | undefined,
): ReadParams | undefined {
  const { faceValue, winProb, expirationBlock, seed } = params;
  const lengths = [faceValue, winProb, expirationBlock, seed].map(({ length }) => length);
  if (Math.max(...lengths) > INTEGER_BYTES_MAX) return undefined;
  return {
    recipient: fixedBytes(params.recipient, ADDRESS_BYTES),
    sender,
    faceValue: wei(readBigEndian(faceValue)),
    winProb: readBigEndian(winProb),
    recipientRandHash: fixedBytes(params.recipientRandHash, HASH_BYTES),
    creationRound: expiration?.creationRound ?? 0n,
    creationRoundBlockHash: fixedBytes(
      expiration?.creationRoundBlockHash ?? new Uint8Array(0),
      HASH_BYTES,
    ),
    seed,
    expirationBlock: readBigEndian(expirationBlock),
  };
}
