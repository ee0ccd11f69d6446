import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { hex } from '../base/bytes.ts';
import { wei } from '../base/money.ts';
import { PriceInfoSchema } from '../protocol/gen/lp_rpc_pb.ts';
import { profilesFromNames } from '../protocol/profile-presets.ts';
import { add, compare, max, multiply, rational, subtract, ZERO } from './rational.ts';
import { richView, senderAddress, testLimits, ticketParams } from './send.test-kit.ts';
import { createSenderNonces } from './send-nonces.ts';
import { estimateFee } from './send-price.ts';
import {
  complete,
  openSendSession,
  type PaymentPlan,
  planPayment,
  type SendSession,
} from './send-session.ts';
import { expectedValue } from './ticket.ts';

const work = { profiles: profilesFromNames('P144p30fps16x9'), durationMs: 1_000 };
const rules = { limits: testLimits, maxPrice: undefined };

/** What happens next to a stream at one orchestrator. */
const events = fc.oneof(
  { weight: 4, arbitrary: fc.constant({ kind: 'send' as const }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom('done' as const, 'lost' as const, 'unsent' as const),
      /** Of the estimate, in percent. */
      share: fc.bigInt({ min: 0n, max: 130n }),
      which: fc.nat(4),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('params' as const), rand: fc.nat(3) }) },
);
/** Wei for a thousand pixels: a segment costs from nothing to 22 tickets. */
const prices = fc.bigInt({ min: 0n, max: 20n });
const evs = fc.bigInt({ min: 1n, max: 3_500n });
const faceFactors = fc.bigInt({ min: 1n, max: 200n });

test('a sender stays within its limits, never short, never a number twice, exact to the last fraction', () => {
  fc.assert(
    fc.property(
      prices,
      evs,
      faceFactors,
      fc.bigInt({ min: 1n, max: 10n ** 6n }),
      fc.array(events, { maxLength: 60 }),
      (perThousand, ev, factor, deposit, happenings) => {
        const priceInfo = create(PriceInfoSchema, {
          pricePerUnit: perThousand,
          pixelsPerUnit: 1_000n,
        });
        const price = rational(perThousand, 1_000n);
        const estimate = estimateFee(work.profiles, work.durationMs, price);
        const view = { ...richView, deposit: wei(deposit) };
        const nonces = createSenderNonces();
        const opened = openSendSession('s', { ticketParams: undefined, priceInfo }, rules);
        assert.ok(opened.ok);
        let session: SendSession = opened.session;
        let rand = 0;
        const flying: PaymentPlan[] = [];
        const seen = new Set<string>();
        /** What the orchestrator counts, of tickets that arrived and work that it did. */
        let theirs = ZERO;
        let exact = true;

        for (const event of happenings) {
          if (event.kind === 'params') {
            rand = event.rand;
          } else if (event.kind === 'send') {
            const params = ticketParams({ ev, faceValue: factor * ev, rand });
            const before = session;
            const outcome = planPayment(
              session,
              work,
              { ticketParams: params, priceInfo },
              {
                rules,
                view,
                nonces,
                sender: senderAddress,
              },
            );
            if (!outcome.ok) continue;
            const { plan } = outcome;
            session = outcome.session;
            assert.deepEqual(session.balance, ZERO);
            assert.deepEqual(plan.staged.existing, before.balance);
            checkBatch(plan, { ev, estimate, deposit });
            for (const nonce of plan.batch?.nonces ?? []) {
              const name = `${hex(plan.batch?.terms.recipientRandHash ?? new Uint8Array())} ${nonce}`;
              assert.ok(!seen.has(name) && nonce >= 1 && nonce <= 600);
              seen.add(name);
            }
            flying.push(plan);
          } else {
            const [plan] = flying.splice(event.which % Math.max(1, flying.length), 1);
            if (!plan) continue;
            if (event.kind !== 'unsent') theirs = add(theirs, plan.staged.added);
            const pixels = (BigInt(256 * 144 * 30) * event.share) / 100n;
            if (event.kind === 'done') {
              theirs = subtract(theirs, multiply(rational(pixels), price));
              session = complete(session, plan.staged, { kind: 'done', pixels });
            } else {
              session = complete(session, plan.staged, { kind: event.kind });
              exact &&= event.kind !== 'lost';
            }
          }
          const bound = flying.reduce((sum, { staged }) => add(sum, staged.existing), ZERO);
          const ours = add(session.balance, bound);
          if (exact) assert.deepEqual(ours, theirs);
          assert.ok(compare(ours, theirs) <= 0, 'believes to have more than it paid');
        }
      },
    ),
    { numRuns: 400 },
  );
});

function checkBatch(
  { staged, batch }: PaymentPlan,
  { ev, estimate, deposit }: { ev: bigint; estimate: ReturnType<typeof rational>; deposit: bigint },
): void {
  if (!batch) {
    const enough = max(estimate, rational(ev));
    assert.ok(compare(staged.existing, enough) >= 0);
    return;
  }
  const worth = expectedValue(batch.terms);
  const minCredit = max(estimate, worth);
  const credit = add(staged.existing, staged.added);
  assert.deepEqual(staged.added, multiply(worth, rational(BigInt(batch.nonces.length))));
  assert.ok(compare(worth, testLimits.maxTicketEv) <= 0);
  assert.ok(compare(staged.added, testLimits.maxTotalEv) <= 0);
  assert.ok(compare(worth, rational(batch.terms.faceValue)) < 0);
  assert.ok(batch.terms.faceValue <= deposit);
  assert.ok(compare(credit, minCredit) >= 0);
  assert.ok(compare(subtract(credit, worth), minCredit) < 0, 'one ticket too many');
}

const offer = (rand: number, ev = 1_000n) => ({
  ticketParams: ticketParams({ ev, rand }),
  priceInfo: create(PriceInfoSchema, { pricePerUnit: 1n, pixelsPerUnit: 1_000n }),
});
const parts = (nonces = createSenderNonces()) => ({
  rules,
  view: richView,
  nonces,
  sender: senderAddress,
});
const fresh = (): SendSession => ({ id: 's', initialPrice: rational(1n, 1_000n), balance: ZERO });

test('the first segment carries tickets for its estimated fee, later ones only what is missing', () => {
  const shared = parts();
  // 256 x 144 x 30 x 1.02 pixels at 1 wei a thousand are 1,128 wei: two tickets.
  const first = planPayment(fresh(), work, offer(1), shared);
  assert.ok(first.ok);
  assert.deepEqual(first.plan.batch?.nonces, [1, 2]);
  const paid = complete(first.session, first.plan.staged, { kind: 'done', pixels: 800_000n });
  const second = planPayment(paid, work, offer(1), shared);
  assert.ok(second.ok);
  assert.equal(second.plan.batch, undefined);
});

test('what belongs to another session is not given back, and what was not sent is', () => {
  const first = planPayment({ ...fresh(), balance: rational(500n) }, work, offer(1), parts());
  assert.ok(first.ok);
  const { session, plan } = first;
  assert.deepEqual(complete(session, plan.staged, { kind: 'unsent' }).balance, rational(500n));
  const renewed = { ...session, id: 'renewed' };
  assert.deepEqual(complete(renewed, plan.staged, { kind: 'unsent' }), renewed);
  assert.deepEqual(complete(session, plan.staged, { kind: 'lost' }), session);
});

test('the 601st number of a recipientRand is not given, and new parameters begin at 1', () => {
  const nonces = createSenderNonces();
  const key = { recipientRandHash: Buffer.alloc(32, 1), expirationBlock: 140n };
  assert.equal(nonces.take(key, 599)?.at(-1), 599);
  assert.equal(nonces.take(key, 2), undefined);
  assert.deepEqual(nonces.take(key, 1), [600]);
  assert.equal(nonces.left(key), 0);
  const other = { ...key, recipientRandHash: Buffer.alloc(32, 2) };
  assert.deepEqual(nonces.take(other, 2), [1, 2]);
  nonces.forget(139n);
  assert.equal(nonces.left(key), 0);
  nonces.forget(140n + 256n);
  assert.equal(nonces.left(key), 600);
});

test('more tickets than the numbers that are left wait for new parameters', () => {
  const nonces = createSenderNonces();
  nonces.take(
    { recipientRandHash: offer(1).ticketParams.recipientRandHash, expirationBlock: 140n },
    599,
  );
  const outcome = planPayment(fresh(), work, offer(1), parts(nonces));
  assert.ok(!outcome.ok && outcome.reason === 'nonces_used_up');
  assert.ok(planPayment(fresh(), work, offer(2), parts(nonces)).ok);
});

test('a segment that costs more than a payment may be worth is not paid for', () => {
  const dear = {
    ...offer(1),
    priceInfo: create(PriceInfoSchema, { pricePerUnit: 1n, pixelsPerUnit: 50n }),
  };
  const session = { ...fresh(), initialPrice: rational(1n, 50n) };
  const outcome = planPayment(session, work, dear, parts());
  assert.ok(!outcome.ok && outcome.reason === 'total_ev_too_high');
});
