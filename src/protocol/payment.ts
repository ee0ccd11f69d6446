import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { parseBase64 } from '../base/bytes.ts';
import { fixedBytes } from './fixed-bytes.ts';
import {
  type Payment as PaymentMessage,
  PaymentSchema,
  type TicketParams,
  TicketParamsSchema,
} from './gen/lp_rpc_pb.ts';
import { ADDRESS_BYTES, ZERO_ADDRESS } from './signature.ts';
import { segmentTexts } from './texts.ts';

/** 600 tickets, the most that one set of ticket parameters allows, make about 59,000. */
export const PAYMENT_HEADER_CHARS_MAX = 64 * 1024;
/** Sender nonces per set of ticket parameters. */
export const TICKETS_MAX = 600;

/** What a gateway pays a segment with. Off-chain everything is absent and the sender is zero. */
export interface Payment {
  /** 20 bytes. */
  readonly sender: Uint8Array;
  readonly ticketParams: TicketParams | undefined;
  readonly expiration:
    | { readonly creationRound: bigint; readonly creationRoundBlockHash: Uint8Array }
    | undefined;
  /** One ticket each. */
  readonly tickets: readonly { readonly nonce: number; readonly sig: Uint8Array }[];
  /** Wei per so many pixels, exactly as the gateway understood our price. */
  readonly expectedPrice:
    | { readonly pricePerUnit: bigint; readonly pixelsPerUnit: bigint }
    | undefined;
}

/** A decoded payment, or the status and body that refuse it. */
export type PaymentOutcome =
  | { readonly ok: true; readonly payment: Payment }
  | { readonly ok: false; readonly status: 402; readonly text: string };

/** No payment at all. */
export const NO_PAYMENT: Payment = {
  sender: ZERO_ADDRESS,
  ticketParams: undefined,
  expiration: undefined,
  tickets: [],
  expectedPrice: undefined,
};

/**
 * Reads a `Livepeer-Payment` header: rows 1 and 2 of the stock checks. Absent or empty is no
 * payment. Whether its tickets are worth something is not looked at. Never throws.
 * Wire: go-livepeer server/segment_rpc.go:getPayment.
 */
export function decodePayment(header: string | undefined): PaymentOutcome {
  if (header === undefined || header === '') return { ok: true, payment: NO_PAYMENT };
  if (header.length > PAYMENT_HEADER_CHARS_MAX) {
    return refused(`${segmentTexts.paymentBase64}header too long`);
  }
  const bytes = parseBase64(header);
  if (bytes === undefined) {
    const at = firstForeign(header);
    return refused(`${segmentTexts.paymentBase64}illegal base64 data at input byte ${at}`);
  }
  let message: PaymentMessage;
  try {
    message = fromBinary(PaymentSchema, bytes, { readUnknownFields: false });
  } catch {
    return refused(`${segmentTexts.paymentProtobuf}${segmentTexts.malformed}`);
  }
  if (message.ticketSenderParams.length > TICKETS_MAX) {
    return refused(`${segmentTexts.paymentProtobuf}too many tickets`);
  }
  return { ok: true, payment: read(message) };
}

/**
 * The `Livepeer-Payment` header of a payment. The round travels beside the ticket parameters, which
 * leave theirs out. Wire: go-livepeer server/segment_rpc.go:genPayment.
 */
export function encodePayment(payment: Payment): string {
  const { sender, ticketParams, expiration, tickets, expectedPrice } = payment;
  const { expirationParams: _, ...params } = ticketParams ?? {};
  const message = create(PaymentSchema, {
    sender,
    ...(ticketParams && { ticketParams: create(TicketParamsSchema, params) }),
    ...(expiration && { expirationParams: expiration }),
    ticketSenderParams: tickets.map(({ nonce, sig }) => ({ senderNonce: nonce, sig })),
    ...(expectedPrice && { expectedPrice }),
  });
  return Buffer.from(toBinary(PaymentSchema, message)).toString('base64');
}

function read(message: PaymentMessage): Payment {
  const { ticketParams, sender, expirationParams, ticketSenderParams, expectedPrice } = message;
  return {
    sender: fixedBytes(sender, ADDRESS_BYTES),
    ticketParams,
    expiration: expirationParams && {
      creationRound: expirationParams.creationRound,
      creationRoundBlockHash: expirationParams.creationRoundBlockHash,
    },
    tickets: ticketSenderParams.map(({ senderNonce, sig }) => ({ nonce: senderNonce, sig })),
    expectedPrice: expectedPrice && {
      pricePerUnit: expectedPrice.pricePerUnit,
      pixelsPerUnit: expectedPrice.pixelsPerUnit,
    },
  };
}

function refused(text: string): PaymentOutcome {
  return { ok: false, status: 402, text };
}

/** Where the text stops being base64; its end when only padding is wrong. */
function firstForeign(text: string): number {
  const at = text.search(/[^A-Za-z0-9+/]/);
  return at < 0 ? text.length : at;
}
