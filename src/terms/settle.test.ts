import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AssetId, assetId, ETH, LPT } from '../base/asset.ts';
import { epochWith, POINTS, percent, TOKEN, termsWith, workerWith } from './settle.test-kit.ts';
import { settleEpoch } from './settle.ts';
import type { EpochInput, Settlement, WorkerInput } from './settle-types.ts';
import type { PayoutModel, Terms } from './terms.ts';

const A = 'aaaaaaaaaa';
const B = 'bbbbbbbbbb';

/** Kind, amount and rate of the lines of one worker. */
function linesOf({ lines }: Settlement, worker: string) {
  return lines
    .filter((line) => line.worker === worker)
    .map(({ kind, asset, amount, rate }) => [kind, `${amount} ${asset}`, rate].filter(Boolean));
}

function owedOf({ owed }: Settlement, asset: AssetId = ETH) {
  return Object.fromEntries(
    Object.entries(owed).map(([worker, amounts]) => [worker, amounts[asset] ?? 0n]),
  );
}

function settle(
  terms: Partial<Terms>,
  workers: readonly WorkerInput[],
  input: Partial<EpochInput> = {},
) {
  return settleEpoch(termsWith(terms), epochWith({ workers, ...input }));
}

const threeToOne = [workerWith(A, { units: 300n }), workerWith(B, { units: 100n })];

test('a share of the income is by units, less commission, with the remainder carried on', () => {
  const settled = settle({}, threeToOne, { income: { [ETH]: 1001n }, carried: { [ETH]: 1n } });
  assert.deepEqual(linesOf(settled, A), [
    ['work', '751 ETH', '300/400'],
    ['commission', '-75 ETH', '10%'],
  ]);
  assert.deepEqual(owedOf(settled), { [A]: 676n, [B]: 225n });
  assert.deepEqual(settled.commission, { [ETH]: 100n });
  assert.deepEqual(settled.dust, { [ETH]: 1n });
});

test('income that nobody earned waits for who does, and commission with it', () => {
  const settled = settle({}, [workerWith(A)], { income: { [ETH]: 500n } });
  assert.deepEqual(settled.dust, { [ETH]: 500n });
  assert.deepEqual(settled.commission, {});
  assert.deepEqual(settled.lines, []);
});

test('a fixed rate is paid whatever the income is: the reserve evens it out, a lack is named', () => {
  const model: PayoutModel = {
    kind: 'fixed_rate',
    per: 'pixel',
    rate: { asset: ETH, amount: 5n, count: 2n },
  };
  const rich = settle({ model }, threeToOne, { income: { [ETH]: 1500n } });
  assert.deepEqual(owedOf(rich), { [A]: 750n, [B]: 250n });
  assert.deepEqual(rich.toReserve, { [ETH]: 500n });

  const poor = settle({ model }, threeToOne, {
    income: { [ETH]: 100n },
    reserve: { [ETH]: 600n },
  });
  assert.deepEqual(owedOf(poor), { [A]: 750n, [B]: 250n });
  assert.deepEqual(poor.fromReserve, { [ETH]: 900n });
  assert.deepEqual(poor.shortfall, { [ETH]: 300n });
});

test('a rate per second counts milliseconds, and rounds once', () => {
  const model: PayoutModel = {
    kind: 'fixed_rate',
    per: 'source_second',
    rate: { asset: ETH, amount: 10n, count: 1n },
  };
  const settled = settle({ model }, [workerWith(A, { sourceMs: 2_999n })]);
  assert.deepEqual(owedOf(settled), { [A]: 29n });
});

test('per segment, a worker gets what gateways paid for its own, less commission', () => {
  const workers = [
    workerWith(A, { units: 1n, grossFee: { [ETH]: 1000n } }),
    workerWith(B, { units: 9n, grossFee: { [ETH]: 500n } }),
  ];
  const settled = settle({ model: { kind: 'per_segment' } }, workers, { income: { [ETH]: 1600n } });
  assert.deepEqual(owedOf(settled), { [A]: 900n, [B]: 450n });
  assert.deepEqual(settled.toReserve, { [ETH]: 100n });
});

test('a window pays old work until newer work has pushed it out', () => {
  const model: PayoutModel = { kind: 'sliding_window', units: 100n, epochsMax: 10 };
  const workers = [
    workerWith(A, { units: 0n, window: [{ epoch: 9n, units: 80n }] }),
    workerWith(B, { units: 60n, window: [{ epoch: 8n, units: 500n }] }),
  ];
  const settled = settle({ model, commission: percent(0) }, workers, { income: { [ETH]: 1000n } });
  // 60 of this epoch, then 40 of the 80 before it.
  assert.deepEqual(owedOf(settled), { [A]: 400n, [B]: 600n });
});

test('a retainer is for promised time, the rest of the income for work', () => {
  const hour = 3_600_000n;
  const model: PayoutModel = {
    kind: 'retainer',
    rate: { asset: ETH, amount: 100n, count: hour },
    uptimeMin: percent(90),
    by: 'units',
  };
  const workers = [
    workerWith(A, { onlineMs: 10n * hour, promisedMs: 10n * hour, units: 1n }),
    workerWith(B, { onlineMs: 8n * hour, promisedMs: 10n * hour, units: 1n }),
  ];
  const settled = settle({ model }, workers, { income: { [ETH]: 3000n } });
  assert.deepEqual(owedOf(settled), { [A]: 1000n + 900n, [B]: 900n });
  const short = settle({ model }, workers, { income: { [ETH]: 400n } });
  assert.deepEqual(owedOf(short), { [A]: 1000n, [B]: 0n });
  assert.deepEqual(short.fromReserve, { [ETH]: 600n });
});

test('points come into being, a token comes out of the reserve, and income stands behind both', () => {
  const assets: Terms['assets'] = {
    [ETH]: { kind: 'native', decimals: 18 },
    [POINTS]: { kind: 'points', decimals: 0 },
    [TOKEN]: { kind: 'erc20', decimals: 18, address: `0x${'11'.repeat(20)}` },
  };
  const issue = { kind: 'per_epoch', amount: 1000n, by: 'units' } as const;
  const income = { income: { [ETH]: 70n } };
  const points = settle(
    { assets, model: { kind: 'pool_token', asset: POINTS, issue } },
    threeToOne,
    income,
  );
  assert.deepEqual(owedOf(points, POINTS), { [A]: 750n, [B]: 250n });
  assert.deepEqual(points.issued, { [POINTS]: 1000n });
  assert.deepEqual(points.toReserve, { [ETH]: 70n });
  const token = settle(
    { assets, model: { kind: 'pool_token', asset: TOKEN, issue } },
    threeToOne,
    income,
  );
  assert.deepEqual(token.fromReserve, { [TOKEN]: 1000n });
  assert.deepEqual(token.shortfall, { [TOKEN]: 1000n });
});

test('of LPT rewards the workers get their share by work, the pool the rest', () => {
  const settled = settle({ rewards: { share: percent(50), by: 'units' } }, threeToOne, {
    income: { [LPT]: 1000n },
  });
  assert.deepEqual(owedOf(settled, LPT), { [A]: 375n, [B]: 125n });
  assert.deepEqual(settled.commission, { [LPT]: 500n });
  assert.deepEqual(settle({}, threeToOne, { income: { [LPT]: 9n } }).commission, { [LPT]: 9n });
});

test('multipliers show in lines what they gave or took, with their evidence', () => {
  const multipliers: Terms['multipliers'] = [
    { name: 'north', when: { kind: 'region', is: 'no' }, factor: percent(150) },
    { name: 'fast', when: { kind: 'speed_percentile', atLeast: 80 }, factor: percent(80) },
    { name: 'loyal', when: { kind: 'member_epochs', atLeast: 6n }, factor: percent(200) },
    { name: 'big', when: { kind: 'hardware_class', is: 'h100' }, factor: percent(500) },
  ];
  const facts = { region: 'no', speedPercentile: 80, memberSinceEpoch: 5n };
  const evidence = [{ id: 'bench-7', kind: 'speed_percentile', value: '80' }];
  const workers = [workerWith(A, { units: 100n, facts, evidence }), workerWith(B, { units: 120n })];
  const settled = settle({ multipliers, commission: percent(0) }, workers, {
    income: { [ETH]: 2400n },
  });
  assert.deepEqual(owedOf(settled), { [A]: 1200n, [B]: 1200n });
  assert.deepEqual(linesOf(settled, A), [
    ['work', '1000 ETH', '100/220'],
    ['multiplier', '500 ETH', '1.5'],
    ['multiplier', '-300 ETH', '0.8'],
  ]);
  const [, north, fast] = settled.lines;
  assert.equal(north?.evidence, `epoch-10/${A}/region`);
  assert.equal(fast?.evidence, 'bench-7');
});

test('penalties take from what was earned, never more, and go where the terms say', () => {
  const rules: Terms['penalties']['rules'] = [
    { for: 'failed_checks', free: 1n, each: percent(5), atMost: percent(20) },
    { for: 'failed_attempts', free: 0n, each: percent(1), atMost: percent(90) },
    { for: 'offline', free: 5n, each: percent(2), atMost: percent(100) },
  ];
  const workers = [
    workerWith(A, {
      units: 1n,
      failedChecks: 100n,
      failedAttempts: 3n,
      onlineMs: 900n,
      promisedMs: 1000n,
    }),
  ];
  const income = { income: { [ETH]: 1000n } };
  const shared = settle({ penalties: { rules, goTo: 'workers' } }, workers, income);
  assert.deepEqual(linesOf(shared, A), [
    ['work', '1000 ETH', '1/1'],
    ['commission', '-100 ETH', '10%'],
    ['penalty', '-180 ETH', '20%'],
    ['penalty', '-27 ETH', '3%'],
    ['penalty', '-90 ETH', '10%'],
  ]);
  assert.deepEqual(shared.dust, { [ETH]: 297n });
  const kept = settle({ penalties: { rules, goTo: 'pool' } }, workers, income);
  assert.deepEqual(kept.penalties, { [ETH]: 297n });
  const away = [workerWith(A, { units: 1n, promisedMs: 1000n })];
  assert.deepEqual(owedOf(settle({ penalties: { rules, goTo: 'pool' } }, away, income)), {
    [A]: 0n,
  });
});

test('a group has its own commission, model and part of the income', () => {
  const groups: Terms['groups'] = [
    {
      name: 'hall',
      members: { kind: 'workers', ids: [B] },
      commission: percent(2),
      model: { kind: 'proportional', by: 'jobs' },
      incomeShare: percent(60),
      holdback: undefined,
    },
  ];
  const workers = [
    workerWith(A, { units: 300n }),
    workerWith(B, { units: 100n, jobs: 4n, group: 'hall' }),
  ];
  const income = { income: { [ETH]: 1000n } };
  assert.deepEqual(owedOf(settle({ groups }, workers, income)), { [A]: 360n, [B]: 588n });
  const byUnits = groups.map((group) => ({ ...group, incomeShare: undefined }));
  assert.deepEqual(owedOf(settle({ groups: byUnits }, workers, income)), { [A]: 675n, [B]: 245n });
  // The hall did nothing: its part is not lost on it.
  const idle = [workerWith(A, { units: 300n }), workerWith(B, { group: 'hall' })];
  assert.deepEqual(owedOf(settle({ groups }, idle, income)), { [A]: 900n, [B]: 0n });
});

test('what is held back comes with its epoch, and is paid in that one', () => {
  const holdback = { share: percent(10), epochs: 4 };
  const settled = settle({ holdback }, [workerWith(A, { units: 1n })], {
    income: { [ETH]: 1000n },
  });
  assert.deepEqual(settled.heldBack, [{ worker: A, asset: ETH, amount: 90n, releaseEpoch: 14n }]);
  assert.deepEqual(owedOf(settled), { [A]: 810n });
  const releases = [{ epoch: 10n, asset: ETH, amount: 90n }];
  const later = settle({ holdback }, [workerWith(A, { releases })]);
  assert.deepEqual(owedOf(later), { [A]: 90n });
  assert.deepEqual(later.released, { [ETH]: 90n });
});

test('what a gateway takes back is borne by whom the terms name', () => {
  const refunds = [{ id: 'refund-7', asset: ETH, amount: 400n }];
  const workers = [workerWith(A, { units: 1n, refunds }), workerWith(B, { units: 1n })];
  const run = (borneBy: Terms['refunds']['borneBy']) =>
    settle({ refunds: { borneBy }, commission: percent(0) }, workers, { income: { [ETH]: 600n } });
  assert.deepEqual(owedOf(run('everyone')), { [A]: 300n, [B]: 300n });
  assert.deepEqual(owedOf(run('pool')), { [A]: 500n, [B]: 500n });
  assert.deepEqual(run('pool').fromReserve, { [ETH]: 400n });
  // Never more than there is; what is not covered, everybody bears through the smaller income.
  assert.deepEqual(owedOf(run('worker')), { [A]: 0n, [B]: 300n });
  assert.deepEqual(run('worker').dust, { [ETH]: 300n });
});

test('an input that no epoch can have is refused', () => {
  const twice = [workerWith(A), workerWith(A)];
  assert.throws(() => settle({}, twice), /there twice/);
  assert.throws(() => settle({}, [workerWith(A, { group: 'hall' })]), /no group hall/);
  assert.throws(() => settle({}, [], { income: { [ETH]: -1n } }), /income in ETH is negative/);
  assert.throws(() => settle({}, [], { termsVersion: 2 }), /settled by version 2/);
  assert.throws(
    () => settle({}, [workerWith(A, { units: -1n })]),
    /units of worker a+ is negative/,
  );
  assert.throws(() => settle({}, [], { income: { eth: 1n } as never }), /not the symbol/);
  assert.equal(assetId('USDC'), 'USDC');
});
