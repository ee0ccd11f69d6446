import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Instant } from '../base/clock.ts';
import type { NoticeKind } from './kinds.ts';
import { pace } from './pace.ts';

const T = 1_700_000_000_000;
const MINUTE = 60_000;
const at = (minutes: number) => (T + minutes * MINUTE) as Instant;
let ids = 0n;
const event = (kind: NoticeKind, minutes: number) => ({ id: ++ids, kind, at: at(minutes) });
const told = (entries: Readonly<Partial<Record<NoticeKind, number>>> = {}) =>
  new Map(Object.entries(entries).map(([kind, minutes]) => [kind as NoticeKind, at(minutes)]));
const kinds = (groups: readonly (readonly { readonly kind: NoticeKind }[])[]) =>
  groups.map((group) => group.map(({ kind }) => kind));

test('an offline that is over before it is told is not told, and nor is its end', () => {
  const away = event('worker_offline', 0);
  const back = event('worker_back', 1);
  const decided = pace([away, back], told(), at(2));
  assert.deepEqual(decided.tell, []);
  assert.deepEqual(decided.drop, [away, back]);
});

test('an offline is told, and so is the back that follows a told one', () => {
  assert.deepEqual(kinds(pace([event('worker_offline', 0)], told(), at(3)).tell), [
    ['worker_offline'],
  ]);
  const back = pace([event('worker_back', 9)], told({ worker_offline: 3 }), at(9));
  assert.deepEqual(kinds(back.tell), [['worker_back']]);
});

test('a worker that comes and goes is told of once in half an hour, as it is then', () => {
  const again = event('worker_offline', 12);
  const held = pace([again], told({ worker_offline: 3, worker_back: 9 }), at(15));
  assert.deepEqual(held.tell, []);
  assert.deepEqual(held.hold, [{ event: again, until: at(33) }]);
  const later = pace([again], told({ worker_offline: 3, worker_back: 9 }), at(33));
  assert.deepEqual(kinds(later.tell), [['worker_offline']]);
  const overAgain = pace([again, event('worker_back', 20)], told({ worker_offline: 3 }), at(20));
  assert.deepEqual([overAgain.tell.length, overAgain.drop.length], [0, 2]);
});

test('a back and an absence after it, both untold, leave what was told', () => {
  const events = [event('worker_back', 5), event('worker_offline', 6)];
  assert.equal(pace(events, told({ worker_offline: 1 }), at(40)).tell.length, 0);
});

test('failed checks of an hour are one notice, payouts are one each', () => {
  const checks = [event('check_failed', 0), event('check_failed', 1), event('check_failed', 2)];
  assert.deepEqual(kinds(pace(checks, told(), at(3)).tell), [
    ['check_failed', 'check_failed', 'check_failed'],
  ]);
  assert.equal(pace(checks, told({ check_failed: -10 }), at(3)).hold.length, 3);
  const payouts = [event('payout_sent', 0), event('payout_sent', 1)];
  assert.deepEqual(kinds(pace(payouts, told({ payout_sent: 0 }), at(3)).tell), [
    ['payout_sent'],
    ['payout_sent'],
  ]);
});

test('a clock that was set back by days holds nothing for longer than the pause', () => {
  const { hold } = pace([event('check_failed', 0)], told({ check_failed: 5_000 }), at(3));
  assert.equal(hold[0]?.until, at(63));
});
