import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type AssetId, assetId, ETH } from '../base/asset.ts';
import { instant } from '../base/clock.ts';
import { defaultTerms } from '../terms/terms.ts';
import { planPayouts } from './plan.ts';
import { changesSince } from './plan-changes.ts';
import { converted } from './plan-draft.ts';
import { parsePlan, planDigest, planText } from './plan-text.ts';
import type { Candidate, PlanInput, Recipient } from './plan-types.ts';

const USDC = assetId('USDC');
const EUR = assetId('EUR');
const POINTS = assetId('POINTS');
const TOKEN = `0x${'11'.repeat(20)}`;
const NOW = instant(1_800_000_000_000);
const DAY = 86_400_000;
const MILLI = 10n ** 15n;

const address = (index: number): Recipient => `0x${String(index + 1).padStart(40, '0')}`;

function worker(
  index: number,
  owed: Record<string, bigint>,
  more: Partial<Candidate> = {},
): Candidate {
  return {
    worker: `worker${'abcdefghij'[index % 10]}${index}`,
    name: `kiln-${index}`,
    owed: owed as Candidate['owed'],
    waitingSince: instant(NOW - DAY * (1 + index)),
    asset: undefined,
    threshold: undefined,
    address: address(index),
    fiatAccount: undefined,
    ...more,
  };
}

function input(
  change: Partial<PlanInput> = {},
  rules: Partial<PlanInput['rules']> = {},
): PlanInput {
  return {
    at: NOW,
    termsVersion: 3,
    rules: {
      ...defaultTerms.payouts,
      assets: [ETH, USDC, EUR],
      thresholds: { [ETH]: 10n * MILLI, [USDC]: 5_000_000n },
      feeShareMax: undefined,
      ...rules,
    },
    assets: {
      [ETH]: { kind: 'native', decimals: 18 },
      [USDC]: { kind: 'erc20', address: TOKEN, decimals: 6 },
      [EUR]: { kind: 'fiat', decimals: 2 },
      [POINTS]: { kind: 'points', decimals: 0 },
    },
    candidates: [],
    demand: { kind: 'schedule', due: true },
    quotes: {},
    recipients: {},
    forbidden: new Set(),
    onHand: { [ETH]: 10n ** 21n, [USDC]: 10n ** 12n },
    gas: {
      gasPriceWei: 10n ** 8n,
      single: { eth: 21_000n, erc20: 65_000n },
      batch: { base: 40_000n, eth: 15_000n, erc20: 40_000n },
    },
    paused: [],
    limits: { batchMin: 3, batchMax: 4 },
    ...change,
  };
}

const reasons = (plan: ReturnType<typeof planPayouts>) =>
  plan.held.map(({ name, asset, reason }) => [name, asset, reason]);
const amounts = (plan: ReturnType<typeof planPayouts>) =>
  plan.batches.flatMap(({ asset, shares }) => shares.map((s) => [s.name, asset, s.amount]));

test('each asset goes out as it is owed once it reaches its threshold', () => {
  const plan = planPayouts(
    input({
      candidates: [
        worker(0, { ETH: 20n * MILLI, USDC: 4_999_999n }),
        worker(1, { ETH: 9n * MILLI }),
        worker(2, { USDC: 7_000_000n, POINTS: 12n }),
      ],
    }),
  );
  assert.deepEqual(amounts(plan), [
    ['kiln-0', 'ETH', 20n * MILLI],
    ['kiln-2', 'USDC', 7_000_000n],
  ]);
  assert.deepEqual(reasons(plan), [
    ['kiln-2', 'POINTS', 'points_stay'],
    ['kiln-1', 'ETH', 'below_threshold'],
    ['kiln-0', 'USDC', 'below_threshold'],
  ]);
});

test('a worker may choose a higher threshold, and is paid all the same after the latest day', () => {
  const one = worker(0, { ETH: 20n * MILLI }, { asset: ETH, threshold: 50n * MILLI });
  const small = worker(9, { ETH: 1n });
  const plan = (days?: number) =>
    planPayouts(input({ candidates: [one, small] }, { latestDays: days }));
  assert.deepEqual(reasons(plan()), [
    ['kiln-9', 'ETH', 'below_threshold'],
    ['kiln-0', 'ETH', 'below_threshold'],
  ]);
  assert.deepEqual(amounts(plan(10)), [['kiln-9', 'ETH', 1n]]);
});

test('nothing goes out before it is due, or on demand where terms do not allow it', () => {
  const candidates = [worker(0, { ETH: 20n * MILLI }), worker(1, { ETH: 20n * MILLI })];
  const early = planPayouts(input({ candidates, demand: { kind: 'schedule', due: false } }));
  assert.deepEqual(new Set(early.held.map(({ reason }) => reason)), new Set(['not_due']));
  const demand = { kind: 'worker', worker: candidates[0]?.worker ?? '' } as const;
  const off = planPayouts(input({ candidates, demand }));
  assert.deepEqual(new Set(off.held.map(({ reason }) => reason)), new Set(['on_demand_off']));
  const on = planPayouts(input({ candidates, demand }, { onDemand: true }));
  assert.deepEqual(amounts(on), [['kiln-0', 'ETH', 20n * MILLI]]);
});

test('many old accounts leave in batches, a new one alone', () => {
  const candidates = Array.from({ length: 7 }, (_, index) => worker(index, { ETH: 20n * MILLI }));
  const recipients = { [`ETH ${address(3)}`]: { isNew: true, refuses: undefined } };
  const { batches } = planPayouts(input({ candidates, recipients }));
  assert.deepEqual(
    batches.map(({ method, shares, feeWei }) => [method, shares.length, feeWei / 10n ** 8n]),
    [
      ['disperse_eth', 3, 85_000n],
      ['disperse_eth', 3, 85_000n],
      ['eth', 1, 21_000n],
    ],
  );
});

test('who would pay too much in fees waits, and a batch that shrinks is cut anew', () => {
  const share = { numerator: 1n, denominator: 100n };
  const fee = 21_000n * 10n ** 8n;
  const candidates = [0, 1, 2].map((index) =>
    worker(index, { ETH: index === 0 ? 50n * fee : 200n * fee }),
  );
  const plan = planPayouts(
    input({ candidates }, { feeShareMax: share, thresholds: {} as Record<AssetId, bigint> }),
  );
  assert.deepEqual(reasons(plan), [['kiln-0', 'ETH', 'fee_too_high']]);
  assert.deepEqual(
    plan.batches.map(({ method }) => method),
    ['eth', 'eth'],
  );
});

test('the zero address, the pool itself and who refuses are held back, each by name', () => {
  const own = address(1);
  const plan = planPayouts(
    input({
      candidates: [
        worker(0, { ETH: 20n * MILLI }, { address: `0x${'0'.repeat(40)}` }),
        worker(1, { ETH: 20n * MILLI }),
        worker(2, { ETH: 20n * MILLI }),
        worker(3, { ETH: 20n * MILLI }, { address: undefined }),
        worker(4, { EUR: 500n }),
      ],
      forbidden: new Set([own]),
      recipients: { [`ETH ${address(2)}`]: { isNew: false, refuses: 'rejected_by_recipient' } },
    }),
  );
  assert.deepEqual(plan.batches, []);
  assert.deepEqual(Object.fromEntries(plan.held.map(({ name, reason }) => [name, reason])), {
    'kiln-0': 'zero_address',
    'kiln-1': 'own_address',
    'kiln-2': 'rejected_by_recipient',
    'kiln-3': 'no_address',
    'kiln-4': 'no_fiat_account',
  });
});

const exchange = { from: ETH, to: USDC, source: 'chainlink 0x01', ageMinutesMax: 60 };
const quote = {
  ok: true,
  numerator: 3_000_000_000n,
  denominator: 10n ** 18n,
  source: 'chainlink 0x01: ETH / USD 3000',
  at: instant(NOW - 60_000),
} as const;

test('an exchange is by a stated rate, rounded down, and waits while its source is down', () => {
  const candidates = [worker(0, { ETH: 3_333_333n * 10n ** 9n }, { asset: USDC })];
  const rules = { conversions: [exchange], thresholds: {} as Record<AssetId, bigint> };
  const paid = planPayouts(input({ candidates, quotes: { 'ETH>USDC': quote } }, rules));
  assert.deepEqual(amounts(paid), [['kiln-0', 'USDC', 9_999_999n]]);
  assert.equal(paid.batches[0]?.shares[0]?.lines[0]?.quote?.source, quote.source);

  const down = { ok: false, reason: 'rate_unavailable', text: 'no provider answers' } as const;
  const held = planPayouts(input({ candidates, quotes: { 'ETH>USDC': down } }, rules));
  assert.deepEqual(held.batches, []);
  assert.deepEqual(
    held.held.map(({ reason, detail }) => [reason, detail]),
    [['rate_unavailable', 'no provider answers']],
  );
});

test('when money is short who waited longest is paid, and nobody overtakes', () => {
  const candidates = [
    worker(0, { ETH: 20n * MILLI }),
    worker(1, { ETH: 90n * MILLI }),
    worker(2, { ETH: 60n * MILLI }),
  ];
  const plan = planPayouts(
    input({ candidates, onHand: { [ETH]: 100n * MILLI } as Record<AssetId, bigint> }),
  );
  assert.deepEqual(amounts(plan), [['kiln-2', 'ETH', 60n * MILLI]]);
  assert.deepEqual(reasons(plan), [
    ['kiln-1', 'ETH', 'funds_short'],
    ['kiln-0', 'ETH', 'funds_short'],
  ]);
});

test('a pool that cannot pay everybody pays nobody, and says so', () => {
  const candidates = [worker(0, { ETH: 20n * MILLI })];
  const paused = [{ asset: undefined, reason: 'insolvent' }];
  const plan = planPayouts(input({ candidates, paused }));
  assert.deepEqual(plan.batches, []);
  assert.deepEqual(
    plan.held.map(({ reason, detail }) => [reason, detail]),
    [['paused', 'insolvent']],
  );
});

test('a plan reads back as it was written, and any change to what it sends is another digest', () => {
  const candidates = [worker(0, { ETH: 20n * MILLI, USDC: 6_000_000n })];
  const plan = planPayouts(input({ candidates }));
  const text = planText(plan);
  const { held: _, ...outgoing } = plan;
  assert.deepEqual(parsePlan(text), outgoing);
  const dearer = planPayouts(input({ candidates: [worker(0, { ETH: 20n * MILLI + 1n })] }));
  assert.notEqual(planDigest(planText(dearer)), planDigest(text));
});

test('a plan is not run once anything that it says is otherwise', () => {
  const before = worker(0, { ETH: 20n * MILLI }, { asset: USDC });
  const data = input(
    { candidates: [before], quotes: { 'ETH>USDC': quote } },
    { conversions: [exchange] },
  );
  const plan = planPayouts(data);
  assert.deepEqual(changesSince(plan, data), []);
  const changed = (candidate: Partial<Candidate>, more: Partial<PlanInput> = {}) =>
    changesSince(plan, { ...data, candidates: [{ ...before, ...candidate }], ...more });
  const found = [
    changed({ owed: { [ETH]: 21n * MILLI } as Candidate['owed'] }),
    changed({ address: address(5) }),
    changed({ asset: ETH }),
    changed({}, { termsVersion: 4 }),
    changed({}, { at: instant(NOW + 3_600_000) }),
    changed({}, { at: instant(NOW + 25 * 3_600_000) }),
    changed({}, { forbidden: new Set([address(0)]) }),
    changed({}, { paused: [{ asset: USDC, reason: 'token takes a fee' }] }),
    changed({}, { paused: [{ asset: undefined, reason: 'insolvent' }] }),
    changesSince(plan, { ...data, candidates: [] }),
  ];
  for (const changes of found) assert.ok(changes.length >= 1);
});

test('a plan never pays more than is owed, and forgets nobody', () => {
  const owed = fc.record({ ETH: fc.bigInt(0n, 2n ** 80n), USDC: fc.bigInt(0n, 2n ** 50n) });
  fc.assert(
    fc.property(fc.array(owed, { maxLength: 12 }), fc.boolean(), (all, exchanged) => {
      const candidates = all.map((each, index) =>
        worker(index, each, exchanged ? { asset: USDC } : {}),
      );
      const data = input(
        { candidates, quotes: { 'ETH>USDC': quote } },
        { conversions: [exchange] },
      );
      const plan = planPayouts(data);
      const shares = plan.batches.flatMap((batch) => batch.shares);
      for (const { worker: id, owed: credit } of candidates) {
        for (const [asset, value] of Object.entries(credit)) {
          if (value === 0n) continue;
          const lines = shares.filter((s) => s.worker === id).flatMap((s) => s.lines);
          const paid = lines.filter((line) => line.asset === asset);
          const held = plan.held.filter((hold) => hold.worker === id && hold.asset === asset);
          assert.equal(paid.length + held.length, 1);
          assert.equal((paid[0] ?? held[0])?.amount, value);
        }
      }
      for (const { amount, lines } of shares) {
        assert.equal(
          amount,
          lines.reduce((sum, line) => sum + converted(line), 0n),
        );
      }
      const eth = plan.batches
        .filter(({ asset }) => asset === ETH)
        .flatMap((batch) => batch.shares)
        .reduce((sum, { amount }) => sum + amount, 0n);
      assert.ok(eth <= (data.onHand[ETH] ?? 0n));
    }),
    { numRuns: 300 },
  );
});
