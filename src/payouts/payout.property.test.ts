import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type Booking,
  inFlight,
  isEnded,
  type PayoutEvent,
  type PayoutState,
  step,
} from './payout.ts';

/** Books of one worker and one asset, kept as the ledger keeps them. */
interface Books {
  owed: bigint;
  inFlight: bigint;
  paid: bigint;
}

function book(books: Books, booking: Booking | undefined, amount: bigint): void {
  switch (booking) {
    case 'reserve':
      books.owed -= amount;
      books.inFlight += amount;
      break;
    case 'release':
      books.inFlight -= amount;
      books.owed += amount;
      break;
    case 'pay':
      books.inFlight -= amount;
      books.paid += amount;
      break;
    case 'take_back':
      books.paid -= amount;
      books.owed += amount;
      break;
    case undefined:
  }
}

const reference = fc.constantFrom('0xaa', '0xbb');
const event = fc.oneof(
  fc.constant({ event: 'reserve' } as const),
  fc.constant({ event: 'given_up', reason: 'given_up' } as const),
  fc.record({ event: fc.constantFrom('signed', 'broadcast', 'included'), reference }),
  fc.constant({ event: 'undone' } as const),
  fc.record({ event: fc.constant('moved'), reference, received: fc.constant(1n) }),
  fc.constant({ event: 'not_moved', reason: 'rejected_by_recipient' } as const),
  fc.record({ event: fc.constant('unproven'), reference }),
  fc.constant({ event: 'came_back', reason: 'sent_back' } as const),
) as fc.Arbitrary<{ event: string }>;

test('whatever happens in whatever order, nobody is paid more than is owed, and nothing is lost', () => {
  const payouts = fc.array(fc.bigInt(0n, 2n ** 96n), { minLength: 1, maxLength: 5 });
  const happenings = fc.array(fc.tuple(fc.nat(4), event), { maxLength: 80 });
  fc.assert(
    fc.property(fc.bigInt(0n, 2n ** 97n), payouts, happenings, (earned, amounts, events) => {
      const books: Books = { owed: earned, inFlight: 0n, paid: 0n };
      const states: PayoutState[] = amounts.map(() => ({ state: 'owed' }));
      const payments = amounts.map(() => 0);
      for (const [which, happened] of events) {
        const index = which % amounts.length;
        const needs = amounts[index] as bigint;
        const before = states[index] as PayoutState;
        const full =
          happened.event === 'reserve' ? { ...happened, owed: books.owed, needs } : happened;
        const next = step(before, full as PayoutEvent);
        if (!next) continue;
        book(books, next.booking, needs);
        states[index] = next.state;
        if (next.booking === 'pay') payments[index] = (payments[index] ?? 0) + 1;

        assert.ok(books.owed >= 0n && books.inFlight >= 0n && books.paid >= 0n);
        assert.ok(books.paid <= earned);
        assert.equal(books.owed + books.inFlight + books.paid, earned);
        const flying = states.reduce(
          (sum, state, at) => sum + (inFlight(state) ? (amounts[at] as bigint) : 0n),
          0n,
        );
        assert.equal(books.inFlight, flying);
      }
      for (const count of payments) assert.ok(count <= 1, 'a payout pays once');
    }),
    { numRuns: 2_000 },
  );
});

test('once every payout has ended, what was paid is what left', () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { minLength: 1, maxLength: 20 }), (outcomes) => {
      const books: Books = { owed: 100n * BigInt(outcomes.length), inFlight: 0n, paid: 0n };
      for (const paid of outcomes) {
        let state: PayoutState = { state: 'owed' };
        const ending: PayoutEvent = paid
          ? { event: 'moved', reference: '0xaa', received: 100n }
          : { event: 'not_moved', reason: 'rejected_by_recipient' };
        const way: PayoutEvent[] = [
          { event: 'reserve', owed: books.owed, needs: 100n },
          { event: 'signed', reference: '0xaa' },
          { event: 'broadcast', reference: '0xaa' },
          { event: 'included', reference: '0xaa' },
          ending,
          ending,
          { event: 'reserve', owed: books.owed, needs: 100n },
        ];
        for (const event of way) {
          const next = step(state, event);
          if (!next) continue;
          book(books, next.booking, 100n);
          state = next.state;
        }
        assert.ok(isEnded(state));
      }
      const count = BigInt(outcomes.filter((paid) => paid).length);
      assert.equal(books.paid, 100n * count);
      assert.equal(books.inFlight, 0n);
      assert.equal(books.owed, 100n * BigInt(outcomes.length) - books.paid);
    }),
  );
});

test('what ended stays as it ended', () => {
  const ended: readonly PayoutState[] = [
    { state: 'failed', reason: 'rejected_by_recipient' },
    { state: 'returned', reason: 'sent_back', reference: '0xaa' },
  ];
  fc.assert(
    fc.property(fc.constantFrom(...ended), event, (state, happened) => {
      assert.equal(step(state, { owed: 9n, needs: 1n, ...happened } as PayoutEvent), undefined);
    }),
  );
});

test('a payment that left comes back at most once', () => {
  const final: PayoutState = { state: 'final', reference: '0xaa', received: 5n };
  const back = step(final, { event: 'came_back', reason: 'returned_by_bank' });
  assert.equal(back?.booking, 'take_back');
  assert.ok(back);
  assert.equal(step(back.state, { event: 'came_back', reason: 'returned_by_bank' }), undefined);
  assert.equal(step(final, { event: 'not_moved', reason: 'refused_by_token' }), undefined);
});
