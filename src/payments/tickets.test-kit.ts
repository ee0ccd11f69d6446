import { wei } from '../base/money.ts';
import type { Payment } from '../protocol/payment.ts';
import { addressOf, signMessage } from '../protocol/signature.ts';
import type { PaymentView } from './process-payment.ts';
import { type Rational, rational } from './rational.ts';
import { draw, packTicket, type TicketTerms } from './ticket.ts';
import { offerTicketParams, type ReadParams, readTicketParams } from './ticket-params.ts';
import type { Examined } from './validate.ts';

/** Tickets for tests: a gateway with a key, an orchestrator with a secret, and what they say. */
export const gatewayKey = Buffer.alloc(32, 9);
export const gateway = addressOf(gatewayKey);
export const orchestrator = Buffer.alloc(20, 0xaa);
export const randSecret = { version: 1, key: Buffer.alloc(32, 2) };
export const sessionPrice = rational(1000n);
export const round = {
  lastInitialized: 5n,
  blockHash: Buffer.alloc(32, 3),
  previousBlockHash: Buffer.alloc(32, 4),
};

export const paymentView: PaymentView = {
  recipient: orchestrator,
  activeFrom: 1n,
  activeUntil: 100n,
  lastInitializedRound: 5n,
  lastL1Block: 100n,
  sender: { ok: true, withdrawRound: 0n },
  secrets: [randSecret],
  fixedPrice: undefined,
  currentPrice: sessionPrice,
};

export interface PaymentOptions {
  readonly nonces?: readonly number[];
  readonly price?: Rational;
  readonly seed?: number;
  /** Expected value of a ticket, wei; the face value is 100 times that. */
  readonly ev?: bigint;
  /** When the same as the expected value, every ticket wins. */
  readonly maxFaceValue?: bigint;
  readonly sender?: Uint8Array;
  readonly key?: Uint8Array;
}

/** A payment as a stock gateway makes it from parameters that we offered. */
export function payment(options: PaymentOptions = {}): Payment {
  const { nonces = [1, 2, 3], price = sessionPrice, seed = 7, ev = 1_000n } = options;
  const sender = options.sender ?? gateway;
  const offer = offerTicketParams({
    recipient: orchestrator,
    sender,
    price,
    rule: {
      ticketEv: wei(ev),
      redeemGas: 0n,
      gasPrice: wei(0n),
      txCostMultiplier: 100n,
      maxFloat: 10n ** 30n,
      maxFaceValue: wei(options.maxFaceValue ?? 0n),
    },
    lastL1Block: 100n,
    round,
    secrets: [randSecret],
    seed: Buffer.alloc(32, seed),
  });
  if (!offer.ok) throw new Error(offer.text);
  const expiration = { creationRound: 5n, creationRoundBlockHash: round.blockHash };
  const terms = readTicketParams(offer.params, sender, expiration);
  if (!terms) throw new Error('our own parameters do not read');
  return {
    sender,
    ticketParams: offer.params,
    expiration,
    tickets: nonces.map((nonce) => ({
      nonce,
      sig: signMessage(options.key ?? gatewayKey, packTicket({ ...terms, nonce })),
    })),
    expectedPrice: { pricePerUnit: price.numerator, pixelsPerUnit: price.denominator },
  };
}

/** The tickets' terms in a payment. */
export function termsOf({ ticketParams, sender, expiration }: Payment): ReadParams {
  const terms = ticketParams && readTicketParams(ticketParams, sender, expiration);
  if (!terms) throw new Error('this payment has no ticket parameters');
  return terms;
}

/** What the threads say when every signature is the sender's; some win, by a draw of zeros. */
export function examinedAs(
  paid: Payment,
  rand: Uint8Array,
  winning: readonly number[] = [],
): Examined[] {
  return paid.tickets.map(({ nonce, sig }) => ({
    signer: paid.sender,
    draw: winning.includes(nonce) ? new Uint8Array(32) : losing(draw(sig, rand)),
  }));
}

function losing(drawn: Uint8Array): Uint8Array {
  return Uint8Array.from(drawn).fill(0xff, 0, 1);
}

/** Terms of any ticket, for tests of what comes after the checks. */
export const anyTerms: TicketTerms = {
  recipient: orchestrator,
  sender: gateway,
  faceValue: wei(10n ** 15n),
  winProb: 2n ** 250n,
  recipientRandHash: Buffer.alloc(32, 6),
  creationRound: 5n,
  creationRoundBlockHash: round.blockHash,
};
