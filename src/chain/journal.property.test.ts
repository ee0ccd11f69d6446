import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Look, seededChance } from './fake-chain.test-kit.ts';
import {
  calm,
  createWorld,
  intentOf,
  isOpen,
  type Trouble,
  type World,
} from './journal.test-kit.ts';
import type { IntentId, JournalRules } from './journal-types.ts';

const TROUBLE: Trouble = {
  crash: 0.02,
  sendFails: 0.3,
  sendVanishes: 0.05,
  signFails: 0.1,
  signRefused: 0.01,
};
const STEPS = 250;
const INTENTS = 12;
/** Rounds of one second after which a calm chain must have done everything. */
const CALM_ROUNDS_MAX = 600;

const rulesWith = (inFlightMax: number): JournalRules => ({
  self: `0x${'22'.repeat(20)}`,
  cancelGasLimit: 100n,
  maxFeePerGas: 1_000n,
  worthShare: { numerator: 1n, denominator: 10n },
  inFlightMax,
  resendMs: 4_000,
  replaceAfterMs: 6_000,
  giveUpAfterMs: 20_000,
  signTimeoutMs: 5_000,
  retryMs: 500,
});

test('whatever fails, each intent is done by one transaction, and nothing is left behind', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 2 ** 31 - 1 }),
      fc.integer({ min: 1, max: 4 }),
      fc.boolean(),
      (seed, inFlightMax, hostile) => live(seed, inFlightMax, hostile),
    ),
    { numRuns: 400 },
  );
});

/** A stormy time, then a calm one; `hostile` adds lies and a foreign sender. */
function live(seed: number, inFlightMax: number, hostile: boolean): void {
  const chance = seededChance(seed);
  const world = createWorld(rulesWith(inFlightMax), chance, TROUBLE);
  const wanted = Array.from({ length: INTENTS }, (_, n) =>
    intentOf(`intent:${n}`, chance() < 0.5 ? undefined : BigInt(200_000 + n * 50_000)),
  );
  const looks: Look[] = [world.chain.look()];
  const offer = () => {
    const intent = wanted.find(({ id }) => !world.store.entries.has(id));
    if (intent) world.happen({ event: 'intended', intent });
  };
  for (let n = 0; n < STEPS; n += 1) {
    world.pass(Math.floor(chance() * 1_500));
    storm(world, chance, looks, hostile, offer);
  }
  world.trouble = calm;
  world.chain.baseFee = 50n;
  const unfinished = () =>
    world.store.entries.size < INTENTS || [...world.store.entries.values()].some(isOpen);
  for (let round = 0; unfinished(); round += 1) {
    assert.ok(round < CALM_ROUNDS_MAX, `not done: ${describe(world)}`);
    world.pass(1_000);
    offer();
    world.happen({ event: 'ticked' });
    for (let n = 0; n < 50 && world.deliver(); n += 1) {}
    world.chain.mine();
    world.observe();
  }
  judge(
    world,
    wanted.map(({ id }) => id),
  );
}

function storm(
  world: World,
  chance: () => number,
  looks: Look[],
  hostile: boolean,
  offer: () => void,
): void {
  const roll = chance();
  const { chain } = world;
  if (roll < 0.15) offer();
  else if (roll < 0.4) world.deliver();
  else if (roll < 0.55) world.happen({ event: 'ticked' });
  else if (roll < 0.75) {
    looks.push(chain.look());
    world.observe();
  } else if (roll < 0.78) {
    // A provider that lags.
    world.observe(looks[Math.floor(chance() * looks.length)] as Look);
  } else if (roll < 0.9) chain.mine();
  else if (roll < 0.92) chain.reorganise();
  else if (roll < 0.95) chain.baseFee = BigInt(20 + Math.floor(chance() ** 4 * 3_000));
  else if (roll < 0.96) world.happen({ event: 'disagreed', reason: 'head_lag' });
  else if (roll < 0.97) {
    const ids = [...world.store.entries.keys()].filter((id) => !id.startsWith('fill:'));
    const id = ids[Math.floor(chance() * ids.length)];
    if (id) world.happen({ event: 'withdrawn', id });
  } else if (hostile && roll < 0.99) chain.sendForeign(chain.baseFee * 3n);
  else if (hostile) {
    const { view, receiptsOf } = chain.look();
    const lie = { ...view, latestNonce: view.latestNonce + 1 };
    world.observe({ view: lie, receiptsOf });
  }
}

function judge(world: World, wanted: readonly IntentId[]): void {
  const { chain, store } = world;
  for (let n = 0; n < 10; n += 1) chain.mine();
  const final = chain.final();
  const done = (id: IntentId) =>
    final.filter(({ hash }) => {
      const known = store.attempts.get(hash);
      return known?.intent === id && known.attempt.kind === 'work';
    });
  for (const id of wanted) {
    const entry = store.entries.get(id);
    assert.ok(entry && !isOpen(entry), `${id} was lost`);
    const transactions = done(id);
    if (entry.state === 'final') {
      assert.deepEqual(
        transactions.map(({ hash }) => hash),
        [entry.inclusion.hash],
      );
    } else assert.deepEqual(transactions, [], `${id} failed, but was done`);
    if (entry.state === 'failed') assert.ok(['withdrawn', 'refused'].includes(entry.reason));
  }
  // The chain takes no nonce before the one below it, so none of ours waits for another.
  for (const [nonce] of store.owners) assert.ok(nonce < final.length, `${nonce} was left out`);
  assert.deepEqual(
    chain.pending.filter(({ hash }) => store.attempts.has(hash)),
    [],
  );
}

function describe({ state, chain }: World): string {
  const text = { ...state, entries: [...state.entries.values()], real: chain.look().view };
  return JSON.stringify(text, (_, value) => (typeof value === 'bigint' ? `${value}` : value));
}
