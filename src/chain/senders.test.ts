import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Hex } from 'viem';
import { FakeClock } from '../base/clock.ts';
import { wei } from '../base/money.ts';
import { createSenders, SENDERS_PER_CALL } from './senders.ts';
import { createSenderCache, inRound } from './senders-cache.ts';
import { fullLimit, takeFrom } from './senders-limit.ts';
import { acceptGasPrice, type SenderState } from './view.ts';

const state = (deposit: bigint): SenderState => ({
  deposit: wei(deposit),
  reserve: wei(0n),
  claimedInRound: wei(0n),
  claimedByRecipient: wei(0n),
  withdrawRound: 0n,
});
const address = (number: number): Uint8Array => {
  const bytes = Buffer.alloc(20);
  bytes.writeUInt32BE(number, 16);
  return bytes;
};
const keyOf = (number: number) => Buffer.from(address(number)).toString('hex');
const block = (number: number, currentRound = 5n) => ({
  blockHash: `0x${number.toString(16).padStart(64, '0')}` as Hex,
  currentRound,
});
/** Until everything that could go on has. */
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Senders on a chain that says what `funds` has, and only when `answers` is not held back. */
function world({ known = [] as readonly string[], callsPerRead = 1 } = {}) {
  const clock = new FakeClock();
  const funds = new Map<string, bigint>();
  const reads: string[][] = [];
  const held: (() => void)[] = [];
  const chain = { holds: false, fails: false };
  const senders = createSenders({
    ...{ known, callsPerRead, clock },
    async read(keys) {
      reads.push([...keys]);
      if (chain.fails) return undefined;
      const states = keys.map((key) => state(funds.get(key) ?? 0n));
      if (chain.holds) await new Promise<void>((resolve) => held.push(resolve));
      return states;
    },
  });
  return { clock, funds, reads, held, chain, senders };
}

test('strangers cause at most ten calls in any second, however many they are', async () => {
  for (const callsPerRead of [1, 2, 3]) {
    const { clock, reads, senders } = world({ callsPerRead });
    await senders.advance(block(1), []);
    const at: number[] = [];
    let refused = 0;
    let answered = 0;
    let next = 0;
    for (let ms = 0; ms < 10_000; ms += 100) {
      for (let each = 0; each < 100; each += 1) {
        next += 1;
        void senders.load(address(next)).then(({ ok }) => {
          if (ok) answered += 1;
          else refused += 1;
        });
      }
      await settle();
      clock.advance(100);
      await settle();
      while (at.length < reads.length) at.push(ms);
    }
    for (const from of at) {
      const inSecond = at.filter((ms) => ms >= from && ms < from + 1_000).length;
      assert.ok(inSecond * callsPerRead <= 10, `${inSecond} reads of ${callsPerRead}`);
    }
    assert.ok(reads.every((keys) => keys.length <= SENDERS_PER_CALL));
    assert.ok(answered > 1_000 && refused > 0, `${answered} answered, ${refused} refused`);
  }
});

test('who is known with funds waits behind no stranger', async () => {
  const { senders, funds, chain } = world({ known: [keyOf(7)] });
  funds.set(keyOf(7), 70n);
  chain.fails = true;
  assert.equal(await senders.advance(block(1), []), false);
  chain.fails = false;
  for (let number = 100; number < 1_000; number += 1) void senders.load(address(number));
  const load = await senders.load(address(7));
  assert.deepEqual(load, { ok: true, state: state(70n) });
});

test('many who ask for the same stranger cause one read', async () => {
  const { senders, reads } = world();
  await senders.advance(block(1), []);
  const loads = await Promise.all([1, 1, 1].map((number) => senders.load(address(number))));
  assert.deepEqual(reads, [[keyOf(1)]]);
  assert.ok(loads.every(({ ok }) => ok));
});

test('what changes while it is being read is read once more', async () => {
  const { senders, funds, reads, held, chain } = world();
  await senders.advance(block(1), []);
  chain.holds = true;
  const load = senders.load(address(1));
  funds.set(keyOf(1), 5n);
  chain.holds = false;
  await senders.advance(block(2), [keyOf(1)]);
  for (const release of held) release();
  assert.deepEqual(await load, { ok: true, state: state(5n) });
  assert.equal(senders.get(address(1))?.deposit, 5n);
  assert.ok(reads.length >= 2);
});

test('when no node answers the caller is told, and the next block catches up', async () => {
  const { senders, funds, chain } = world();
  assert.deepEqual(await senders.load(address(1)), {
    ...{ ok: false, cause: 'the chain is not known yet' },
  });
  await senders.advance(block(1), []);
  await senders.load(address(1));
  chain.fails = true;
  assert.deepEqual(await senders.load(address(2)), {
    ...{ ok: false, cause: 'no node of the chain answers' },
  });
  funds.set(keyOf(1), 9n);
  assert.equal(await senders.advance(block(2), [keyOf(1)]), false);
  assert.equal(senders.get(address(1))?.deposit, 0n);
  chain.fails = false;
  assert.equal(await senders.advance(block(3), []), true);
  assert.equal(senders.get(address(1))?.deposit, 9n);
});

test('who has funds is remembered, who has none any more is forgotten, also when storing fails', async () => {
  const { senders, funds } = world();
  const stored: unknown[] = [];
  const store = async (change: unknown) => void stored.push(change);
  funds.set(keyOf(1), 9n);
  await senders.advance(block(1), [keyOf(1)]);
  await assert.rejects(
    senders.settle(async () => {
      throw new Error('the database is away');
    }),
  );
  await senders.settle(store);
  funds.delete(keyOf(1));
  await senders.advance(block(2), [keyOf(1)]);
  await senders.settle(store);
  await senders.settle(store);
  assert.deepEqual(stored, [
    { funded: [keyOf(1)], gone: [] },
    { funded: [], gone: [keyOf(1)] },
  ]);
});

test('the cache keeps who was used last, and strangers push out nobody with funds', () => {
  const cache = createSenderCache({ fundedMax: 2, strangersMax: 3 });
  cache.put('rich', { state: state(5n), round: 1n });
  for (const name of ['a', 'b', 'c']) cache.put(name, { state: state(0n), round: 1n });
  cache.get('a');
  cache.put('d', { state: state(0n), round: 1n });
  assert.deepEqual(
    ['rich', 'a', 'b', 'c', 'd'].map((name) => cache.has(name)),
    [true, true, false, true, true],
  );
  cache.put('rich', { state: state(0n), round: 1n });
  assert.equal(cache.funded().length, 0);
  assert.equal(cache.size, 3);
});

test('claims count in their round only', () => {
  const entry = {
    state: { ...state(1n), claimedInRound: wei(6n), claimedByRecipient: wei(4n) },
    round: 5n,
  };
  assert.equal(inRound(entry, 5n).claimedByRecipient, 4n);
  assert.deepEqual(inRound(entry, 6n), state(1n));
});

test('a limit grows back with time, never beyond its burst', () => {
  const rule = { perSecond: 5, burst: 5 };
  const start = new FakeClock(0).now();
  const clock = new FakeClock(0);
  const full = fullLimit(rule, start);
  clock.advance(60_000);
  const taken = takeFrom(full, rule, { cost: 5, now: clock.now() });
  assert.deepEqual(taken, { ok: true, limit: { left: 0, at: 60_000 } });
  assert.deepEqual(takeFrom({ left: 0, at: clock.now() }, rule, { cost: 1, now: clock.now() }), {
    ...{ ok: false, waitMs: 200 },
  });
});

test('of several gas prices the lower middle one counts, and what cannot be does not', () => {
  const rule = { last: 7n, baseFeePerGas: 10n, arbitrum: true };
  assert.equal(acceptGasPrice([11n, 12n, 9n], rule), 11n);
  assert.equal(acceptGasPrice([12n, 11n], rule), 11n);
  assert.equal(acceptGasPrice([11n * 10n ** 6n], rule), 7n);
  assert.equal(acceptGasPrice([], rule), 7n);
  assert.equal(acceptGasPrice([5n * 10n ** 9n], { ...rule, arbitrum: false }), 5n * 10n ** 9n);
});
