import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fromBinary } from '@bufbuild/protobuf';
import { hex } from '../../src/base/bytes.ts';
import { wei } from '../../src/base/money.ts';
import { winProbability } from '../../src/payments/face-value.ts';
import { adjustedPrice, priceTerms } from '../../src/payments/price.ts';
import { type PaymentView, preparePayment } from '../../src/payments/process-payment.ts';
import { compare, rational } from '../../src/payments/rational.ts';
import { createRecovery } from '../../src/payments/recover-threads.ts';
import { expectedValue, ticketDigest } from '../../src/payments/ticket.ts';
import { readTicketParams } from '../../src/payments/ticket-params.ts';
import { TranscodeResultSchema } from '../../src/protocol/gen/lp_rpc_pb.ts';
import { decodePayment, type Payment } from '../../src/protocol/payment.ts';
import { checksumAddress, parseAddress, recover } from '../../src/protocol/signature.ts';

interface Exchange {
  readonly path: string;
  readonly requestHeaders: Readonly<Record<string, string>>;
  readonly responseBody: { readonly base64?: string } | null;
}
const trace = JSON.parse(
  readFileSync(new URL('../fixtures/wire-trace.json', import.meta.url), 'utf8'),
) as {
  readonly orchestratorAddress: string;
  readonly gatewayAddress: string;
  readonly exchanges: readonly Exchange[];
};
/** What the recording says of itself. */
const RECORDED_EV = wei(10n ** 12n);
const RECORDED_PRICE = rational(1000n);

const paid = trace.exchanges.filter(({ requestHeaders }) => requestHeaders['livepeer-payment']);

function paymentIn({ requestHeaders }: Exchange): Payment {
  const outcome = decodePayment(requestHeaders['livepeer-payment']);
  assert.ok(outcome.ok);
  return outcome.payment;
}

function termsIn(payment: Payment) {
  assert.ok(payment.ticketParams);
  const terms = readTicketParams(payment.ticketParams, payment.sender, payment.expiration);
  assert.ok(terms);
  return terms;
}

test('the tickets of a stock gateway hash and recover to it', async (t) => {
  const recovery = createRecovery({ threads: 1 });
  t.after(() => recovery.close());
  assert.equal(paid.length, 2);
  for (const exchange of paid) {
    const payment = paymentIn(exchange);
    const terms = termsIn(payment);
    assert.equal(checksumAddress(terms.sender), trace.gatewayAddress);
    assert.equal(checksumAddress(terms.recipient), trace.orchestratorAddress);
    assert.ok(payment.tickets.length > 0);
    for (const { nonce, sig } of payment.tickets) {
      const signer = recover(ticketDigest({ ...terms, nonce }), sig);
      assert.equal(signer && checksumAddress(signer), trace.gatewayAddress);
    }
    const examined = await recovery.examine({
      terms,
      recipientRand: Buffer.alloc(32, 1),
      tickets: payment.tickets,
    });
    for (const { signer } of examined) assert.deepEqual(signer, Uint8Array.from(terms.sender));
  }
});

test('stock ticket parameters are worth what their orchestrator was set to', () => {
  for (const exchange of paid) {
    const payment = paymentIn(exchange);
    const terms = termsIn(payment);
    assert.equal(terms.winProb, winProbability(terms.faceValue, RECORDED_EV));
    assert.ok(compare(expectedValue(terms), rational(RECORDED_EV)) >= 0);
    // Redemption was 1 % of the face value.
    const offered = adjustedPrice(RECORDED_PRICE, rational(100n));
    assert.deepEqual(payment.expectedPrice, priceTerms(offered));
  }
});

test('the second payment uses the parameters that came with the first reply', () => {
  const [first, second] = paid as [Exchange, Exchange];
  const reply = fromBinary(
    TranscodeResultSchema,
    Buffer.from(first.responseBody?.base64 ?? '', 'base64'),
  );
  const offered = reply.info?.ticketParams;
  const used = paymentIn(second).ticketParams;
  assert.ok(offered && used);
  assert.equal(hex(used.recipientRandHash), hex(offered.recipientRandHash));
  assert.equal(hex(used.seed), hex(offered.seed));
  // Where the round travels differs by direction.
  assert.equal(used.expirationParams, undefined);
  assert.equal(
    paymentIn(second).expiration?.creationRound,
    offered.expirationParams?.creationRound,
  );
});

test('parameters that another orchestrator made are refused before any signature is looked at', () => {
  const view: PaymentView = {
    recipient: parseAddress(trace.orchestratorAddress) as Uint8Array,
    activeFrom: 0n,
    activeUntil: 2n ** 62n,
    lastInitializedRound: 10n,
    lastL1Block: 0n,
    sender: { ok: true, withdrawRound: 0n },
    secrets: [{ version: 1, key: Buffer.alloc(32, 1) }],
    fixedPrice: undefined,
    currentPrice: RECORDED_PRICE,
  };
  for (const exchange of paid) {
    assert.deepEqual(preparePayment(paymentIn(exchange), view), {
      state: 'refused',
      refusal: {
        reason: 'rand_wrong',
        kind: 'fatal',
        text: 'invalid recipientRand for ticket recipientRandHash',
      },
    });
  }
});
