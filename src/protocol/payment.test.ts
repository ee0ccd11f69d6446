import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { PaymentSchema, TicketParamsSchema } from './gen/lp_rpc_pb.ts';
import { decodePayment, encodePayment, NO_PAYMENT, type Payment } from './payment.ts';

const header = (fields: MessageInitShape<typeof PaymentSchema>) =>
  Buffer.from(toBinary(PaymentSchema, create(PaymentSchema, fields))).toString('base64');

test('no header and an empty one are no payment by the zero address', () => {
  assert.deepEqual(decodePayment(undefined), { ok: true, payment: NO_PAYMENT });
  assert.deepEqual(decodePayment(''), { ok: true, payment: NO_PAYMENT });
  assert.equal(NO_PAYMENT.sender.length, 20);
});

test('600 tickets, the most that count, fit in', () => {
  const tickets = Array.from({ length: 600 }, (_, at) => ({
    senderNonce: at,
    sig: new Uint8Array(65),
  }));
  const text = header({ sender: Buffer.alloc(20, 1), ticketSenderParams: tickets });
  assert.ok(text.length > 55_000);
  const outcome = decodePayment(text);
  assert.ok(outcome.ok);
  assert.equal(outcome.payment.tickets.length, 600);
  assert.equal(outcome.payment.tickets.at(-1)?.nonce, 599);
});

test('a payment that is written reads back the same, its round beside the parameters only', () => {
  const fields = { recipient: Buffer.alloc(20, 1), faceValue: Buffer.of(1), seed: Buffer.of(2) };
  const expiration = { creationRound: 5n, creationRoundBlockHash: Buffer.alloc(32, 3) };
  const payment: Payment = {
    sender: Buffer.alloc(20, 9),
    ticketParams: create(TicketParamsSchema, { ...fields, expirationParams: expiration }),
    expiration,
    tickets: [{ nonce: 1, sig: Buffer.alloc(65, 4) }],
    expectedPrice: { pricePerUnit: 7n, pixelsPerUnit: 3n },
  };
  const outcome = decodePayment(encodePayment(payment));
  assert.ok(outcome.ok);
  const { ticketParams, ...rest } = outcome.payment;
  assert.equal(ticketParams?.expirationParams, undefined);
  assert.deepEqual(ticketParams?.faceValue, fields.faceValue);
  assert.deepEqual(rest, {
    sender: payment.sender,
    expiration,
    tickets: payment.tickets,
    expectedPrice: payment.expectedPrice,
  });
  const none = decodePayment(encodePayment(NO_PAYMENT));
  assert.ok(
    none.ok && none.payment.ticketParams === undefined && none.payment.tickets.length === 0,
  );
});

test('a price keeps its exact terms, a sender of another length its last 20 bytes', () => {
  const outcome = decodePayment(
    header({
      sender: Buffer.concat([Buffer.alloc(12, 9), Buffer.alloc(20, 1)]),
      expectedPrice: { pricePerUnit: 2n ** 63n - 1n, pixelsPerUnit: 3n },
    }),
  );
  assert.ok(outcome.ok);
  assert.deepEqual([...outcome.payment.sender], Array(20).fill(1));
  assert.deepEqual(outcome.payment.expectedPrice, {
    pricePerUnit: 2n ** 63n - 1n,
    pixelsPerUnit: 3n,
  });
});

test('a payment that cannot be read is 402 with the protocol’s words', () => {
  const rows: [string, RegExp][] = [
    ['ab!d', /^base64 decode error: illegal base64 data at input byte 2$/],
    ['abc', /^base64 decode error: illegal base64 data at input byte 3$/],
    ['A'.repeat(70_000), /^base64 decode error: /],
    ['/////w==', /^protobuf unmarshal error: proto: /],
    [header({ ticketSenderParams: Array(601).fill({}) }), /^protobuf unmarshal error: too many/],
  ];
  for (const [text, pattern] of rows) {
    const outcome = decodePayment(text);
    assert.ok(!outcome.ok);
    assert.equal(outcome.status, 402);
    assert.match(outcome.text, pattern);
  }
});
