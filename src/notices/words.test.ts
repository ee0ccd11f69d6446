import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Instant } from '../base/clock.ts';
import type { WorkerId } from '../base/ids.ts';
import { type EventFacts, kindOf, type StoredEvent } from './event.ts';
import { noticeLines } from './notice.ts';
import { type WordsContext, wordsOf } from './words.ts';

const T = Date.UTC(2026, 10, 21, 18, 5) as Instant;
const HOUR = 3_600_000;

function said(
  facts: EventFacts | readonly [EventFacts, ...EventFacts[]],
  context: Partial<WordsContext> = {},
) {
  const all = (Array.isArray(facts) ? facts : [facts]) as [EventFacts, ...EventFacts[]];
  const events = all.map(
    (each, index): StoredEvent => ({
      id: BigInt(index + 1),
      worker: 'aaaaaaaaaa' as WorkerId,
      at: (T + index * HOUR) as Instant,
      facts: each,
    }),
  ) as [StoredEvent, ...StoredEvent[]];
  const kind = kindOf(all[0]);
  assert.ok(kind);
  const words = wordsOf(kind, events, { worker: 'kiln-2', decimals: () => 18, ...context });
  assert.ok(words);
  return words;
}

test('a payout says the exact amount, and that nothing must be done', () => {
  const words = said({
    source: 'payout',
    state: 'final',
    asset: 'ETH',
    amount: '4213000000000001',
    reference: '0xabc',
  });
  assert.equal(words.title, '0.004213 ETH was sent to kiln-2');
  assert.deepEqual(noticeLines(words), [
    'The payout of 0.004213000000000001 ETH is final. The transaction is 0xabc.',
    'Affected: the worker kiln-2.',
    'When: Sat 21 Nov 2026, 18:05 UTC.',
    'Nothing needs to be done.',
  ]);
});

test('a payout that failed inside the pool is told to nobody, one that was refused to its worker', () => {
  const failed = { source: 'payout', state: 'failed', asset: 'ETH', amount: '1' } as const;
  assert.equal(kindOf({ ...failed, reason: 'given_up' }), undefined);
  const words = said({ ...failed, reason: 'rejected_by_recipient' });
  assert.equal(words.kind, 'payout_failed');
  assert.match(words.text, /contract that refuses payments.+owed the amount as before/);
});

test('terms with another commission are told as that', () => {
  const facts = { source: 'terms', version: 3, epoch: '7' } as const;
  const terms = { version: 3, epoch: '7', publishedAt: T, commission: '20 %' };
  const changed = said(facts, { worker: undefined, terms: { ...terms, commissionBefore: '18 %' } });
  assert.equal(changed.kind, 'fee_changed');
  assert.equal(changed.title, 'The commission changes from 18 % to 20 %');
  assert.equal(changed.affected, 'all workers of the pool.');
  const same = said(facts, { worker: undefined, terms: { ...terms, commissionBefore: '20 %' } });
  assert.equal(same.kind, 'terms_published');
});

test('planned work says from when to when', () => {
  const incident = {
    kind: 'maintenance',
    title: 'New disks',
    text: undefined,
    startsAt: (T + HOUR) as Instant,
    endsAt: (T + 8 * HOUR) as Instant,
    automatic: false,
  } as const;
  const words = said(
    { source: 'incident', incident: '1', what: 'opened' },
    { worker: undefined, incident },
  );
  assert.equal(words.kind, 'downtime_planned');
  assert.equal(
    noticeLines(words)[2],
    'When: Sat 21 Nov 2026, 19:05 to Sun 22 Nov 2026, 02:05 UTC.',
  );
});

test('many failed checks are one notice with their number', () => {
  const check = (count: number, reason: string): EventFacts => ({
    source: 'checks',
    count,
    since: T,
    reasons: [reason],
  });
  const words = said([check(1, 'frame_count'), check(11, 'not_h264')]);
  assert.equal(words.title, '12 results failed a check');
  assert.match(words.text, /frame count, not h264/);
});

test('a new place names no address', () => {
  const words = said({ source: 'place' });
  assert.doesNotMatch(JSON.stringify(words), /\d+\.\d+\.\d+/);
  assert.match(words.todo ?? '', /make a new credential/);
});

test('an alarm without advice asks for nothing, where an empty text could not be kept', () => {
  const alarm = { source: 'alarm', state: 'on', text: 'Gas is dear.', since: T } as const;
  assert.equal(said({ ...alarm, advice: '' }).todo, undefined);
  assert.equal(said({ ...alarm, advice: 'Wait.' }).todo, 'Wait.');
});
