import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ETH } from '../base/asset.ts';
import { differences, replay } from './replay.ts';
import {
  anyEpoch,
  anyTerms,
  epochWith,
  models,
  percent,
  termsWith,
  workerWith,
} from './settle.test-kit.ts';
import { settleEpoch } from './settle.ts';
import type { EpochInput } from './settle-types.ts';

const A = 'aaaaaaaaaa';
const B = 'bbbbbbbbbb';

/** Three weeks in which the second worker came late. */
const history: readonly EpochInput[] = [10n, 11n, 12n].map((epoch) =>
  epochWith({
    epoch,
    income: { [ETH]: 1000n },
    workers: [
      workerWith(A, { units: 100n, jobs: 1n }),
      ...(epoch > 10n ? [workerWith(B, { units: 100n, jobs: 3n })] : []),
    ],
  }),
);

test('history under the terms that it had is history', () => {
  const terms = termsWith();
  const settled = history.map((input) => settleEpoch(terms, input));
  assert.deepEqual(replay(terms, history), settled);
  assert.deepEqual(
    differences(settled, replay(terms, history)).map(({ was, wouldBe }) => wouldBe - was),
    [0n, 0n],
  );
});

test('under other terms the difference is shown per worker', () => {
  const was = history.map((input) => settleEpoch(termsWith(), input));
  const byJobs = termsWith({ model: { kind: 'proportional', by: 'jobs' }, commission: percent(0) });
  assert.deepEqual(differences(was, replay(byJobs, history)), [
    { worker: A, asset: ETH, was: 1800n, wouldBe: 1500n },
    { worker: B, asset: ETH, was: 900n, wouldBe: 1500n },
  ]);
});

test('what other terms would have held back, carried or kept goes on into the next epoch', () => {
  const holdback = { share: percent(50), epochs: 1 };
  const [, second, third] = replay(termsWith({ holdback }), history);
  assert.deepEqual(second?.released, { [ETH]: 450n });
  assert.deepEqual(third?.released, { [ETH]: 450n });
  const rate = { asset: ETH, amount: 30n, count: 1n };
  const fixed = replay(termsWith({ model: { kind: 'fixed_rate', per: 'pixel', rate } }), history);
  assert.deepEqual(
    fixed.map(({ shortfall }) => shortfall[ETH]),
    [2000n, 5000n, 5000n],
  );
});

test('a window is filled from the epochs before', () => {
  const model = { kind: 'sliding_window', units: 400n, epochsMax: 9 } as const;
  const terms = termsWith({ model, commission: percent(0) });
  const [, second, third] = replay(terms, history);
  assert.deepEqual(second?.owed, { [A]: { ETH: 666n }, [B]: { ETH: 333n } });
  // Of 400 units the last 200 are half of each, the 200 before as well, of which B did 100.
  assert.deepEqual(third?.owed, { [A]: { ETH: 500n }, [B]: { ETH: 500n } });
  const gone = [...history, epochWith({ epoch: 13n, income: { [ETH]: 1000n } })];
  assert.deepEqual(replay(terms, gone)[3]?.owed, { [A]: { ETH: 500n }, [B]: { ETH: 500n } });
  assert.deepEqual(replay(terms, gone.slice(3), history)[0]?.owed, replay(terms, gone)[3]?.owed);
});

test('a gap in history is refused', () => {
  const [first, , third] = history as [EpochInput, EpochInput, EpochInput];
  assert.throws(() => replay(termsWith(), [first, third]), /epoch 10 is followed by 12/);
});

test('any terms can replay what any terms have settled, and conserve it', () => {
  const terms = anyTerms(fc.oneof(...Object.values(models)));
  const anything = terms.chain((each) =>
    fc.tuple(terms, fc.array(anyEpoch(each), { maxLength: 4 })),
  );
  fc.assert(
    fc.property(anything, ([other, inputs]) => {
      const numbered = inputs.map((input, index) => ({ ...input, epoch: 10n + BigInt(index) }));
      assert.equal(replay(other, numbered).length, inputs.length);
    }),
    { numRuns: 200 },
  );
});
