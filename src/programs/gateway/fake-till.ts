import { create } from '@bufbuild/protobuf';
import { hex } from '../../base/bytes.ts';
import { wei } from '../../base/money.ts';
import { bigEndian } from '../../payments/big-endian.ts';
import { winProbability } from '../../payments/face-value.ts';
import {
  add,
  compare,
  multiply,
  type Rational,
  rational,
  subtract,
  ZERO,
} from '../../payments/rational.ts';
import { checkSignature, expectedValue, ticketHash } from '../../payments/ticket.ts';
import { readTicketParams } from '../../payments/ticket-params.ts';
import {
  type PriceInfo,
  PriceInfoSchema,
  type TicketParams,
  TicketParamsSchema,
} from '../../protocol/gen/lp_rpc_pb.ts';
import { decodePayment, type Payment } from '../../protocol/payment.ts';

/** The receiving side of a fake orchestrator: strict about what stock ones are strict about. */
export interface FakeTill {
  /** Wei per pixel, whole; a test changes it as it goes. */
  price: bigint;
  /** Refuses the next payment with this text. */
  refuse: string | undefined;
  /** L1 blocks that new parameters last, from 100 on. */
  lifeBlocks: bigint;
  readonly payments: Payment[];
  /** New parameters each time. */
  offer(): { readonly ticketParams: TicketParams; readonly priceInfo: PriceInfo };
  /** Credits a `Livepeer-Payment` header to a session; the text refuses it. */
  take(header: string, session: string, sender: Uint8Array): string | undefined;
  debit(session: string, pixels: bigint): void;
  /** Of all payments and work so far. */
  balance(session: string): Rational;
}

/** Tickets are worth `ev` wei and win once in a hundred. */
export function createFakeTill({
  ev = 10n ** 9n,
  price = 1_000n,
  recipient = 0xaa,
} = {}): FakeTill {
  const balances = new Map<string, Rational>();
  const offered = new Map<string, PriceInfo>();
  const seen = new Set<string>();
  let rands = 0;

  const till: FakeTill = {
    price,
    refuse: undefined,
    lifeBlocks: 40n,
    payments: [],
    offer() {
      const faceValue = wei(100n * ev);
      const rand = Buffer.alloc(32, 0);
      rand.writeUInt32BE(++rands, 28);
      const priceInfo = create(PriceInfoSchema, { pricePerUnit: till.price, pixelsPerUnit: 1n });
      offered.set(hex(rand), priceInfo);
      const ticketParams = create(TicketParamsSchema, {
        recipient: Buffer.alloc(20, recipient),
        faceValue: bigEndian(faceValue),
        winProb: bigEndian(winProbability(faceValue, wei(ev))),
        recipientRandHash: rand,
        seed: rand,
        expirationBlock: bigEndian(100n + till.lifeBlocks),
        expirationParams: { creationRound: 5n, creationRoundBlockHash: Buffer.alloc(32, 3) },
      });
      return { ticketParams, priceInfo };
    },
    take(header, session, sender) {
      const decoded = decodePayment(header);
      if (!decoded.ok) return decoded.text;
      const { payment } = decoded;
      till.payments.push(payment);
      const { refuse } = till;
      till.refuse = undefined;
      if (refuse !== undefined) return refuse;
      if (Buffer.compare(payment.sender, sender) !== 0) return 'invalid ticket sender';
      if (!payment.expectedPrice) return 'invalid expected price sent with payment';
      const problem = payment.ticketParams ? takeTickets(payment, session) : undefined;
      if (problem !== undefined) return problem;
      const short = compare(till.balance(session), rational(ev)) < 0;
      return short && payment.expectedPrice.pricePerUnit > 0n ? 'Insufficient balance' : undefined;
    },
    debit(session, pixels) {
      const fee = multiply(rational(pixels), rational(till.price));
      balances.set(session, subtract(till.balance(session), fee));
    },
    balance: (session) => balances.get(session) ?? ZERO,
  };

  function takeTickets(payment: Payment, session: string): string | undefined {
    const { ticketParams, sender, expiration, tickets, expectedPrice } = payment;
    const terms = ticketParams && readTicketParams(ticketParams, sender, expiration);
    const name = hex(terms?.recipientRandHash ?? new Uint8Array(0));
    const promised = offered.get(name);
    if (!terms || promised?.pricePerUnit !== expectedPrice?.pricePerUnit) {
      return 'invalid recipientRand for ticket recipientRandHash';
    }
    for (const { nonce, sig } of tickets) {
      const signed = checkSignature(ticketHash({ ...terms, nonce }), sig, sender);
      if (!signed.ok) return 'invalid ticket signature';
      if (seen.has(`${name} ${nonce}`)) return 'invalid ticket senderNonce: already seen';
      seen.add(`${name} ${nonce}`);
      balances.set(session, add(till.balance(session), expectedValue(terms)));
    }
    return undefined;
  }
  return till;
}
