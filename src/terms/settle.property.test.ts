import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ETH } from '../base/asset.ts';
import { windowWeights } from './models/sliding-window.ts';
import {
  anyEpoch,
  anyTerms,
  epochWith,
  models,
  termsWith,
  value,
  workerWith,
} from './settle.test-kit.ts';
import { settleEpoch } from './settle.ts';
import type { Amounts, EpochInput, Settlement } from './settle-types.ts';
import { assetsOf, createTally } from './tally.ts';
import type { Terms } from './terms.ts';

const RUNS = 400;

/** Adds up on its own what the code under test also asserts. */
function sides(input: EpochInput, s: Settlement): readonly [Amounts, Amounts] {
  const into = createTally(input.income, input.carried, s.fromReserve, s.issued);
  const out = createTally(s.commission, s.penalties, s.toReserve, s.dust);
  for (const { releases = [] } of input.workers) {
    for (const { asset, amount } of releases) into.add(asset, amount);
  }
  for (const owed of Object.values(s.owed))
    for (const a of assetsOf(owed)) out.add(a, owed[a] ?? 0n);
  for (const { asset, amount } of s.heldBack) out.add(asset, amount);
  return [into.amounts(), out.amounts()];
}

for (const [kind, model] of Object.entries(models)) {
  const anything = anyTerms(model).chain((terms) => fc.tuple(fc.constant(terms), anyEpoch(terms)));

  test(`${kind}: every base unit of every asset is somewhere, under any terms`, () => {
    fc.assert(
      fc.property(anything, ([terms, input]) => {
        const settlement = settleEpoch(terms, input);
        const [into, out] = sides(input, settlement);
        assert.deepEqual(into, out);
        for (const owed of Object.values(settlement.owed)) {
          for (const asset of assetsOf(owed)) assert.ok((owed[asset] ?? 0n) >= 0n);
        }
        const parts = ['commission', 'penalties', 'toReserve', 'fromReserve', 'shortfall', 'dust'];
        for (const part of [...parts, 'issued', 'released']) {
          const amounts = settlement[part as 'dust'];
          for (const asset of assetsOf(amounts)) assert.ok((amounts[asset] ?? 0n) > 0n, part);
        }
      }),
      { numRuns: RUNS },
    );
  });

  test(`${kind}: the order of the workers changes nothing`, () => {
    fc.assert(
      fc.property(anything, ([terms, input]) => {
        const turned = { ...input, workers: [...input.workers].reverse() };
        assert.deepEqual(settleEpoch(terms, turned), settleEpoch(terms, input));
      }),
      { numRuns: RUNS / 4 },
    );
  });
}

const shared = anyTerms(fc.oneof(models.proportional, models.sliding_window)).map(
  (terms): Terms => ({ ...terms, groups: [] }),
);

test('whoever does more units than before gets no less, and nobody else more', () => {
  const anything = shared.chain((terms) =>
    fc.tuple(fc.constant(terms), anyEpoch(terms), fc.bigInt({ min: 1n, max: 2n ** 40n }), value),
  );
  fc.assert(
    fc.property(anything, ([terms, input, more, income]) => {
      const [first] = input.workers;
      fc.pre(first !== undefined && terms.model.kind === 'proportional');
      const calm: Terms = { ...terms, model: { kind: 'proportional', by: 'units' } };
      const before = { ...input, income: { [ETH]: income } };
      const workers = input.workers.map((worker) =>
        worker === first ? { ...worker, units: worker.units + more } : worker,
      );
      const a = grossOf(settleEpoch(calm, before));
      const b = grossOf(settleEpoch(calm, { ...before, workers }));
      for (const { worker } of input.workers) {
        const [was, is] = [a.get(worker) ?? 0n, b.get(worker) ?? 0n];
        if (worker === first?.worker) assert.ok(is >= was);
        else assert.ok(is <= was);
      }
    }),
    { numRuns: RUNS },
  );
});

/** Work with its multipliers, in ETH, per worker. */
function grossOf({ lines }: Settlement): ReadonlyMap<string, bigint> {
  const sums = new Map<string, bigint>();
  for (const { worker, kind, asset, amount } of lines) {
    if (asset !== ETH || (kind !== 'work' && kind !== 'multiplier')) continue;
    sums.set(worker, (sums.get(worker) ?? 0n) + amount);
  }
  return sums;
}

const history = fc.array(
  fc.record({
    epoch: fc.bigInt({ min: 1n, max: 10n }),
    units: fc.bigInt({ min: 0n, max: 10n ** 12n }),
  }),
  { maxLength: 12 },
);
const window = fc.record({
  units: fc.bigInt({ min: 1n, max: 10n ** 13n }),
  epochsMax: fc.constant(20),
});

/** A worker out of a history; epoch 10 is the one that is settled. */
function hasDone(worker: string, did: readonly { epoch: bigint; units: bigint }[]) {
  const now = did.filter(({ epoch }) => epoch === 10n).reduce((sum, { units }) => sum + units, 0n);
  return workerWith(worker, { units: now, window: did.filter(({ epoch }) => epoch < 10n) });
}

test('sliding window: what work is worth does not depend on whose it is', () => {
  fc.assert(
    fc.property(history, history, history, window, (mine, later, others, size) => {
      const one = [hasDone('aaaaaaaaaa', [...mine, ...later]), hasDone('cccccccccc', others)];
      const two = [
        hasDone('aaaaaaaaaa', mine),
        hasDone('bbbbbbbbbb', later),
        hasDone('cccccccccc', others),
      ];
      const [together, restA] = windowWeights(one, 10n, size);
      const [a, b, restB] = windowWeights(two, 10n, size);
      assert.equal(together, (a as bigint) + (b as bigint));
      assert.equal(restA, restB);
    }),
    { numRuns: RUNS },
  );
});

test('sliding window: who leaves is paid for its work as if it had stayed', () => {
  const old = fc.array(
    fc.record({
      epoch: fc.bigInt({ min: 1n, max: 9n }),
      units: fc.bigInt({ min: 1n, max: 10n ** 12n }),
    }),
    { minLength: 1, maxLength: 8 },
  );
  const units = fc.bigInt({ min: 0n, max: 10n ** 12n });
  fc.assert(
    fc.property(old, units, history, window, value, (before, today, others, size, income) => {
      const terms = termsWith({ model: { kind: 'sliding_window', ...size } });
      const settle = (workers: EpochInput['workers']) =>
        settleEpoch(terms, epochWith({ income: { [ETH]: income }, workers }));
      const current = { epoch: 10n, units: today };
      const stays = grossOf(
        settle([hasDone('aaaaaaaaaa', [...before, current]), hasDone('bbbbbbbbbb', others)]),
      );
      const leaves = grossOf(
        settle([hasDone('aaaaaaaaaa', before), hasDone('bbbbbbbbbb', [...others, current])]),
      );
      const only = grossOf(
        settle([
          hasDone('aaaaaaaaaa', before),
          hasDone('bbbbbbbbbb', others),
          hasDone('dddddddddd', [current]),
        ]),
      );
      const today_ = only.get('dddddddddd') ?? 0n;
      assert.equal(leaves.get('aaaaaaaaaa') ?? 0n, only.get('aaaaaaaaaa') ?? 0n);
      const difference = (stays.get('aaaaaaaaaa') ?? 0n) - (leaves.get('aaaaaaaaaa') ?? 0n);
      // One base unit of rounding, between being one worker and being two.
      assert.ok(difference - today_ >= 0n && difference - today_ <= 1n);
    }),
    { numRuns: RUNS },
  );
});

test('sliding window: at an even pace a unit earns the same in its life, whenever it was done', () => {
  const perEpoch = 1000n;
  const income = 7_000_000n;
  const terms = termsWith({
    commission: { numerator: 0n, denominator: 1n },
    model: { kind: 'sliding_window', units: 4n * perEpoch, epochsMax: 20 },
  });
  // The hopper works in every third epoch only; what it does not do, the steady worker does.
  const hopped = (epoch: bigint) => (epoch % 3n === 0n ? 400n : 0n);
  let paid = 0n;
  let done = 0n;
  for (let epoch = 10n; epoch < 40n; epoch += 1n) {
    const past = Array.from({ length: 19 }, (_, index) => epoch - BigInt(index) - 1n);
    const workers = [
      workerWith('aaaaaaaaaa', {
        units: hopped(epoch),
        window: past.map((at) => ({ epoch: at, units: hopped(at) })),
      }),
      workerWith('bbbbbbbbbb', {
        units: perEpoch - hopped(epoch),
        window: past.map((at) => ({ epoch: at, units: perEpoch - hopped(at) })),
      }),
    ];
    const settled = settleEpoch(terms, epochWith({ epoch, income: { [ETH]: income }, workers }));
    paid += grossOf(settled).get('aaaaaaaaaa') ?? 0n;
    done += hopped(epoch);
  }
  // What was done in the last epochs is not yet paid in full, what was done before epoch 10 is.
  const perUnit = income / perEpoch;
  const edge = 2n * 400n * perUnit;
  const fair = done * perUnit;
  assert.ok(paid >= fair - edge && paid <= fair + edge, `${paid} of ${fair}`);
});
