import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sabotages } from '../../src/dispatch/dispatch-types.ts';
import { families } from './scenario.ts';
import { run } from './world.ts';

/** Each seed is another world: its family is the last digit. */
const SEEDS = 300;

test(`in ${SEEDS} worlds no segment is lost, none counted twice, no worker overloaded or starved`, () => {
  const broken: string[] = [];
  for (let seed = 0; seed < SEEDS; seed++) {
    const { violations } = run(seed);
    const [first] = violations;
    if (first)
      broken.push(`node test/simulation/replay.ts ${seed}   # ${first.rule}: ${first.detail}`);
  }
  assert.deepEqual(broken, [], `replay with:\n${broken.join('\n')}`);
});

test('the same seed gives the same trace, another seed another one', () => {
  const hashes = families.map((_, seed) => run(seed).hash);
  assert.deepEqual(
    families.map((_, seed) => run(seed).hash),
    hashes,
  );
  assert.equal(new Set(hashes).size, hashes.length);
});

test('the worlds are worth looking at: everything that can go wrong does', () => {
  const counts: Record<string, number> = {};
  for (let seed = 0; seed < 2 * families.length; seed++) {
    for (const [what, count] of Object.entries(run(seed).counts)) {
      counts[what] = (counts[what] ?? 0) + count;
    }
  }
  const wanted = [
    'settled',
    'retry',
    'hedge',
    'quarantined',
    'restarts',
    'acknowledged_duplicate',
    'acknowledged_not_stored',
    'failure_lost',
    'failure_late',
    'failure_rejected',
    'failure_send_failed',
    'failed_poison',
    'failed_bad_input',
    'failed_session_queue_full',
    'failed_capped',
    'abandoned',
  ];
  for (const what of wanted) assert.ok((counts[what] ?? 0) > 0, `${what} never happened`);
});

for (const sabotage of sabotages) {
  test(`the bug ${sabotage}, put in on purpose, is found`, () => {
    for (let seed = 0; seed < SEEDS; seed++) {
      if (run(seed, { sabotage, stopAtFirst: true }).violations.length > 0) return;
    }
    assert.fail(`not found in ${SEEDS} worlds`);
  });
}
