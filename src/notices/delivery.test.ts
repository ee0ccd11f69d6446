import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { afterAttempt } from './delivery.ts';
import { outcomeOf, type SendOutcome } from './letter.ts';

const now = 1_790_000_000_000;
const later: SendOutcome = { ok: false, reason: 'status_500', again: 'later' };

test('attempts come ever more slowly, within a day and a bit, and then end', () => {
  let at = now;
  let attempts = 0;
  for (;;) {
    const step = afterAttempt(later, ++attempts, { now: at, chance: 0.5 });
    if (step.state === 'dead') break;
    assert.equal(step.state, 'waiting');
    if (step.state === 'waiting') at = step.nextAt;
  }
  assert.equal(attempts, 12);
  const hours = (at - now) / 3_600_000;
  assert.ok(hours > 12 && hours < 36, `${hours} hours`);
});

test('nobody is asked again sooner than it says, and not later than after a day', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 11 }),
      fc.integer({ min: 0, max: 10 ** 9 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (attempts, seconds, chance) => {
        const outcome = outcomeOf(429, String(seconds), now);
        const step = afterAttempt(outcome, attempts, { now, chance });
        assert.equal(step.state, 'waiting');
        if (step.state !== 'waiting') return;
        assert.ok(step.nextAt >= now + Math.min(seconds * 1000, 86_400_000));
        assert.ok(step.nextAt <= now + 86_400_000);
      },
    ),
  );
});

test('a date counts as Retry-After, and nonsense as none', () => {
  const date = new Date(now + 90_000).toUTCString();
  assert.deepEqual(outcomeOf(503, date, now), {
    ok: false,
    reason: 'status_503',
    again: 'later',
    afterMs: 90_000,
  });
  for (const odd of ['soon', '-5', '1e9', '0x10', '']) {
    const outcome = outcomeOf(429, odd, now);
    const step = afterAttempt(outcome, 1, { now, chance: 0.5 });
    assert.ok(
      step.state === 'waiting' && step.nextAt > now && step.nextAt <= now + 86_400_000,
      odd,
    );
  }
});

test('what would be refused again is not tried again', () => {
  for (const status of [301, 302, 307, 400, 401, 403, 404, 413, 418]) {
    assert.equal(
      afterAttempt(outcomeOf(status, undefined, now), 1, { now, chance: 0 }).state,
      'dead',
    );
  }
  for (const status of [408, 425, 429, 500, 502, 503, 504]) {
    const step = afterAttempt(outcomeOf(status, undefined, now), 1, { now, chance: 0 });
    assert.equal(step.state, 'waiting');
  }
  const gone = afterAttempt(outcomeOf(410, undefined, now), 1, { now, chance: 0 });
  assert.deepEqual(gone, { state: 'dead', reason: 'status_410', stop: true });
});
