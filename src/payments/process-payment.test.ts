import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { hex } from '../base/bytes.ts';
import { TicketParamsSchema } from '../protocol/gen/lp_rpc_pb.ts';
import { NO_PAYMENT, type Payment } from '../protocol/payment.ts';
import { checksumAddress } from '../protocol/signature.ts';
import { forgetExpired, NO_NONCES, type NonceMemory, rememberNonces } from './nonces.ts';
import {
  decidePayment,
  type PaymentView,
  type PreparedPayment,
  preparePayment,
} from './process-payment.ts';
import { add, compare, multiply, rational, ZERO } from './rational.ts';
import { expectedValue } from './ticket.ts';
import {
  examinedAs,
  gateway,
  orchestrator,
  payment,
  paymentView,
  randSecret,
  termsOf,
} from './tickets.test-kit.ts';
import { NONCES_MAX } from './validate.ts';

type WithTickets = Extract<PreparedPayment, { state: 'tickets' }>;

function prepared(paid: Payment, view: PaymentView = paymentView): WithTickets {
  const outcome = preparePayment(paid, view);
  assert.equal(outcome.state, 'tickets');
  return outcome as WithTickets;
}

function refusalOf(paid: Payment, view: PaymentView = paymentView) {
  const outcome = preparePayment(paid, view);
  assert.equal(outcome.state, 'refused');
  return (outcome as Extract<PreparedPayment, { state: 'refused' }>).refusal;
}

test('a payment that we offered is credited with its exact expected value', () => {
  const paid = payment();
  const ready = prepared(paid);
  assert.equal(ready.fixesPrice, true);
  const decision = decidePayment(ready, examinedAs(paid, ready.recipientRand), NO_NONCES);
  assert.equal(decision.refusal, undefined);
  assert.deepEqual(decision.noncesUsed, [1, 2, 3]);
  assert.deepEqual(decision.winners, []);
  assert.deepEqual(decision.credit, multiply(expectedValue(termsOf(paid)), rational(3n)));
});

test('a payment that does not start is refused with the words that gateways know', () => {
  const paid = payment();
  const name = checksumAddress(orchestrator);
  const change = (fields: Partial<Payment>): Payment => ({ ...paid, ...fields });
  const view = (fields: Partial<PaymentView>): PaymentView => ({ ...paymentView, ...fields });
  const params = (fields: object) => ({
    ticketParams: create(TicketParamsSchema, { ...paid.ticketParams, ...fields } as object),
  });
  const inactive = `orchestrator ${name} is inactive in round 5, cannot process payments`;
  const rand = 'invalid recipientRand for ticket recipientRandHash';
  const price = (cause: string) => `invalid expected price sent with payment err="${cause}"`;
  const sender = checksumAddress(gateway);
  const rows: [string, Payment, PaymentView, string | RegExp][] = [
    [
      'sender_missing',
      change({ sender: new Uint8Array(20) }),
      paymentView,
      /^Could not find Sender for payment:/,
    ],
    ['recipient_inactive', paid, view({ activeFrom: 6n }), inactive],
    ['recipient_inactive', paid, view({ activeUntil: 5n }), inactive],
    [
      'recipient_inactive',
      change(params({ recipient: Buffer.alloc(20, 1) })),
      paymentView,
      /is inactive in round 5/,
    ],
    [
      'price_invalid',
      change({ expectedPrice: undefined }),
      paymentView,
      price('expected price is nil'),
    ],
    [
      'price_invalid',
      change({ expectedPrice: { pricePerUnit: 1n, pixelsPerUnit: 0n } }),
      paymentView,
      price('pixels per unit is 0'),
    ],
    [
      'price_invalid',
      change({ expectedPrice: { pricePerUnit: -1n, pixelsPerUnit: 1n } }),
      paymentView,
      /negative/,
    ],
    ['price_below_session', paid, view({ fixedPrice: rational(1001n) }), /below/],
    ['price_below_session', paid, view({ priceMin: rational(1001n) }), /below/],
    ['rand_wrong', paid, view({ secrets: [{ version: 2, key: Buffer.alloc(32, 8) }] }), rand],
    [
      'rand_wrong',
      change({ expectedPrice: { pricePerUnit: 1001n, pixelsPerUnit: 1n } }),
      paymentView,
      rand,
    ],
    ['rand_wrong', change({ sender: Buffer.alloc(20, 4) }), paymentView, rand],
    ['rand_wrong', change({ expiration: undefined }), paymentView, rand],
    [
      'rand_wrong',
      change({ expiration: { creationRound: 4n, creationRoundBlockHash: Buffer.alloc(32, 3) } }),
      paymentView,
      rand,
    ],
    [
      'rand_wrong',
      change({ expiration: { creationRound: -1n, creationRoundBlockHash: Buffer.alloc(40, 3) } }),
      paymentView,
      rand,
    ],
    ['rand_wrong', change(params({ seed: Buffer.alloc(32, 1) })), paymentView, rand],
    ['rand_wrong', change(params({ faceValue: Buffer.alloc(2, 1) })), paymentView, rand],
    ['rand_wrong', change(params({ faceValue: Buffer.alloc(33, 1) })), paymentView, rand],
    ['rand_wrong', change(params({ winProb: Buffer.alloc(32, 1) })), paymentView, rand],
    ['rand_wrong', change(params({ winProb: Buffer.alloc(60_000, 1) })), paymentView, rand],
    ['rand_wrong', change(params({ expirationBlock: Buffer.alloc(8, 1) })), paymentView, rand],
    ['rand_wrong', change(params({ recipientRandHash: Buffer.alloc(32, 1) })), paymentView, rand],
    ['rand_wrong', change(params({ recipientRandHash: new Uint8Array(0) })), paymentView, rand],
    [
      'sender_unlocking',
      paid,
      view({ sender: { ok: true, withdrawRound: 6n } }),
      `deposit and reserve for sender ${sender} is set to unlock soon`,
    ],
    [
      'sender_unknown',
      paid,
      view({ sender: { ok: false, cause: 'no answer' } }),
      `could not get sender info for ${sender}: no answer`,
    ],
  ];
  for (const [reason, bad, at, text] of rows) {
    const refusal = refusalOf(bad, at);
    assert.equal(refusal.reason, reason);
    if (typeof text === 'string') assert.equal(refusal.text, text);
    else assert.match(refusal.text, text);
  }
});

test('a sender that unlocks after the next round still pays', () => {
  prepared(payment(), { ...paymentView, sender: { ok: true, withdrawRound: 7n } });
});

test('equal prices in other terms keep the commitment', () => {
  const paid = payment();
  prepared({ ...paid, expectedPrice: { pricePerUnit: 2000n, pixelsPerUnit: 2n } });
});

test('parameters of a secret that was replaced are still good', () => {
  const newer = { version: 2, key: Buffer.alloc(32, 8) };
  prepared(payment(), { ...paymentView, secrets: [newer, randSecret] });
});

test('without tickets the price is ours, whatever the payment says', () => {
  const free = { ...NO_PAYMENT, sender: gateway };
  const said = (pricePerUnit: bigint, pixelsPerUnit: bigint) => ({
    ...free,
    expectedPrice: { pricePerUnit, pixelsPerUnit },
  });
  const current = { state: 'no_tickets', price: paymentView.currentPrice };
  assert.deepEqual(preparePayment(said(0n, 1n), paymentView), current);
  assert.deepEqual(preparePayment(free, paymentView), current);
  const fixed = { ...paymentView, fixedPrice: rational(7n) };
  assert.deepEqual(preparePayment(said(1n, 1n), fixed), {
    state: 'no_tickets',
    price: rational(7n),
  });
  assert.match(refusalOf(said(1n, 0n)).text, /pixels per unit is 0/);
});

test('of a hundred tickets with a bad one, those before it are credited and winners kept', () => {
  const nonces = Array.from({ length: 100 }, (_, at) => at + 1);
  const paid = payment({ nonces });
  const ready = prepared(paid);
  const examined = examinedAs(paid, ready.recipientRand, [80]);
  examined[40] = { signer: Buffer.alloc(20, 1), draw: new Uint8Array(32) };
  const decision = decidePayment(ready, examined, NO_NONCES);
  assert.equal(decision.ticketsCredited, 40);
  assert.equal(decision.ticketsRefused, 1);
  assert.deepEqual(decision.credit, multiply(expectedValue(termsOf(paid)), rational(40n)));
  assert.equal(decision.refusal?.text, 'invalid ticket signature');
  // The bad one keeps its nonce for the gateway, the others are used up.
  assert.equal(decision.noncesUsed.length, 99);
  assert.equal(decision.noncesUsed.includes(41), false);
  assert.deepEqual(
    decision.winners.map(({ ticket }) => ticket.nonce),
    [80],
  );
});

test('a replayed ticket is refused and not credited, in one payment or over many', () => {
  const paid = payment({ nonces: [1, 2, 1] });
  const ready = prepared(paid);
  const examined = examinedAs(paid, ready.recipientRand, [1]);
  const text = `invalid ticket senderNonce: already seen sender=${checksumAddress(gateway)} nonce=1`;
  const first = decidePayment(ready, examined, NO_NONCES);
  assert.equal(first.ticketsCredited, 2);
  assert.equal(first.refusal?.text, text);
  assert.equal(first.refusal?.kind, 'acceptable');
  const again = decidePayment(ready, examined, new Set(first.noncesUsed));
  assert.equal(again.ticketsCredited, 0);
  assert.deepEqual(again.noncesUsed, []);
  // The winner is handed on each time; the store keeps it once, by its hash.
  assert.equal(again.winners.length, 2);
});

test('the 601st nonce of one recipientRand is refused', () => {
  const paid = payment({ nonces: [601] });
  const ready = prepared(paid);
  const examined = examinedAs(paid, ready.recipientRand);
  const seen = (count: number) => new Set(Array.from({ length: count }, (_, at) => at + 1));
  assert.equal(decidePayment(ready, examined, seen(NONCES_MAX - 1)).refusal, undefined);
  const { refusal } = decidePayment(ready, examined, seen(NONCES_MAX));
  const text = `invalid ticket senderNonce: too many values sender=${checksumAddress(gateway)} nonce=601`;
  assert.deepEqual(refusal, { reason: 'nonces_full', kind: 'acceptable', text });
});

test('expired parameters use up the nonce, keep the winner and say what makes gateways refresh', () => {
  const paid = payment({ nonces: [5] });
  const expiry = termsOf(paid).expirationBlock;
  const decide = (lastL1Block: bigint) => {
    const ready = prepared(paid, { ...paymentView, lastL1Block });
    return decidePayment(ready, examinedAs(paid, ready.recipientRand, [5]), NO_NONCES);
  };
  assert.equal(decide(expiry - 1n).refusal, undefined);
  const late = decide(expiry);
  assert.equal(late.refusal?.text, 'TicketParams expired');
  assert.deepEqual(late.noncesUsed, [5]);
  assert.equal(late.winners.length, 1);
  assert.deepEqual(late.credit, ZERO);
});

test('over any payments, replays, expiries and clean-ups, each ticket is credited at most once', () => {
  const step = fc.oneof(
    fc.record({
      kind: fc.constant('pay' as const),
      seed: fc.integer({ min: 1, max: 3 }),
      nonces: fc.array(fc.integer({ min: 0, max: 8 }), { minLength: 1, maxLength: 6 }),
      bad: fc.option(fc.integer({ min: 0, max: 5 })),
    }),
    fc.record({ kind: fc.constant('blocks' as const), count: fc.bigInt({ min: 0n, max: 30n }) }),
    fc.record({ kind: fc.constant('clean' as const) }),
  );
  const unsigned = new Map([1, 2, 3].map((seed) => [seed, payment({ seed, nonces: [] })]));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      let memory: NonceMemory = new Map();
      let block = 100n;
      let credited = ZERO;
      const once = new Set<string>();
      for (const event of steps) {
        if (event.kind === 'blocks') {
          block += event.count;
        } else if (event.kind === 'clean') {
          memory = forgetExpired(memory, block);
        } else {
          const paid: Payment = {
            ...(unsigned.get(event.seed) as Payment),
            tickets: event.nonces.map((nonce) => ({ nonce, sig: new Uint8Array(65) })),
          };
          const ready = prepared(paid, { ...paymentView, lastL1Block: block });
          const rand = hex(ready.terms.recipientRandHash);
          const examined = examinedAs(paid, ready.recipientRand).map((item, at) =>
            at === event.bad ? { ...item, signer: undefined } : item,
          );
          const seen = memory.get(rand)?.seen ?? NO_NONCES;
          const decision = decidePayment(ready, examined, seen);
          // Until the first refused one, in order.
          const counted = event.nonces.slice(0, decision.ticketsCredited);
          for (const nonce of counted) {
            const id = `${rand} ${nonce}`;
            assert.equal(once.has(id), false, 'a ticket was credited twice');
            once.add(id);
          }
          memory = rememberNonces(memory, rand, ready.terms.expirationBlock, decision.noncesUsed);
          credited = add(credited, decision.credit);
        }
      }
      const one = expectedValue(termsOf(unsigned.get(1) as Payment));
      assert.equal(compare(credited, multiply(one, rational(BigInt(once.size)))), 0);
    }),
    { numRuns: 150 },
  );
});
