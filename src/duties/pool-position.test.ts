import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Address, zeroAddress } from 'viem';
import { NO_HINT, placeOf, type TranscoderPool, withStake } from './pool-position.ts';

const named = (n: number): Address => `0x${n.toString(16).padStart(40, '0')}`;
const [a, b, c, d] = [named(0xa), named(0xb), named(0xc), named(0xd)];
const zero = zeroAddress;

function poolOf(stakes: readonly (readonly [Address, bigint])[], sizeMax = 10): TranscoderPool {
  return { members: stakes.map(([address, stake]) => ({ address, stake })), sizeMax };
}

test('a stake goes before its equals, between a larger and a smaller one', () => {
  const pool = poolOf([
    [a, 30n],
    [b, 20n],
    [c, 10n],
  ]);
  const rows: readonly (readonly [Address, bigint, readonly Address[], number | undefined])[] = [
    [d, 40n, [zero, a], 0],
    [d, 30n, [zero, a], 0],
    [d, 25n, [a, b], 1],
    [d, 20n, [a, b], 1],
    [d, 10n, [b, c], 2],
    [d, 5n, [c, zero], 3],
    [b, 35n, [zero, a], 0],
    [b, 21n, [a, c], 1],
    [b, 9n, [c, zero], 2],
    [c, 0n, NO_HINT, undefined],
  ];
  for (const [address, stake, hint, place] of rows) {
    const change = withStake(pool, address, stake);
    assert.deepEqual([change.hint, change.place], [hint, place], `${address} ${stake}`);
    assert.equal(placeOf(change.pool, address), place);
  }
  assert.deepEqual(withStake(poolOf([]), a, 1n).hint, NO_HINT, 'alone');
});

test('into a full pool only more than the last one gets, which then leaves', () => {
  const pool = poolOf(
    [
      [a, 30n],
      [b, 20n],
    ],
    2,
  );
  assert.equal(withStake(pool, c, 20n).place, undefined);
  const joined = withStake(pool, c, 21n);
  assert.deepEqual([joined.place, joined.evicted, joined.hint], [1, b, [a, zero]]);
  const moved = withStake(pool, b, 1n);
  assert.deepEqual([moved.place, moved.evicted], [1, undefined], 'who is in stays in');
});

test('a pool stays in order and within its size, whatever moves', () => {
  const member = fc.record({ who: fc.integer({ min: 1, max: 12 }), stake: fc.bigInt(0n, 50n) });
  fc.assert(
    fc.property(
      fc.array(member, { maxLength: 40 }),
      fc.integer({ min: 1, max: 6 }),
      (moves, size) => {
        let pool = poolOf([], size);
        for (const { who, stake } of moves) {
          const change = withStake(pool, named(who), stake);
          pool = change.pool;
          const [previous, next] = change.hint;
          const stakeOf = (at: Address) =>
            pool.members.find(({ address }) => address === at)?.stake;
          assert.ok(pool.members.length <= size);
          if (change.place === undefined) continue;
          assert.ok(previous === zero || (stakeOf(previous) ?? 0n) >= stake);
          assert.ok(next === zero || (stakeOf(next) ?? stake + 1n) <= stake);
        }
        const stakes = pool.members.map(({ stake }) => stake);
        assert.deepEqual(
          stakes,
          [...stakes].sort((x, y) => (x > y ? -1 : x < y ? 1 : 0)),
        );
        assert.equal(new Set(pool.members.map(({ address }) => address)).size, stakes.length);
      },
    ),
  );
});
