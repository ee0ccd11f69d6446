import fc from 'fast-check';
import { type AssetId, assetId, ETH, LPT } from '../base/asset.ts';
import { idleWorker } from './idle-worker.ts';
import { ratio } from './ratio.ts';
import type { EpochInput, WorkerInput } from './settle-types.ts';
import { defaultTerms, type PayoutModel, type Ratio, type Terms } from './terms.ts';

/** Terms for tests: the default ones with what is given. */
export function termsWith(changes: Partial<Terms> = {}): Terms {
  return { ...defaultTerms, ...changes };
}

export const POINTS: AssetId = assetId('POINTS');
export const TOKEN: AssetId = assetId('KILN');

/** `percent(8)` is 8 %. */
export function percent(value: number): Ratio {
  return ratio(BigInt(Math.round(value * 1000)), 100_000n);
}

/** A worker that did nothing, with what is given. */
export function workerWith(worker: string, changes: Partial<WorkerInput> = {}): WorkerInput {
  return { ...idleWorker(worker), ...changes };
}

/** Epoch 10 under version 1, without income, with what is given. */
export function epochWith(changes: Partial<EpochInput> = {}): EpochInput {
  return {
    epoch: 10n,
    opensAt: 1_700_000_000_000,
    closesAt: 1_700_604_800_000,
    termsVersion: 1,
    income: {},
    incomeLines: [],
    carried: {},
    workers: [],
    ...changes,
  };
}

const count = fc.oneof(
  fc.constant(0n),
  fc.bigInt({ min: 0n, max: 20n }),
  fc.bigInt({ min: 0n, max: 2n ** 63n }),
);
/** Around the places where floats and machine words end. */
export const value: fc.Arbitrary<bigint> = fc.oneof(
  fc.bigInt({ min: 0n, max: 100n }),
  ...[53n, 63n, 96n].map((bits) => fc.bigInt({ min: 2n ** bits - 50n, max: 2n ** bits + 50n })),
);
const share = fc
  .tuple(fc.bigInt({ min: 0n, max: 1000n }), fc.bigInt({ min: 1n, max: 1000n }))
  .map(([a, b]) => (a > b ? ratio(b, a) : ratio(a, b)));
const factor = fc
  .tuple(fc.bigInt({ min: 0n, max: 300n }), fc.bigInt({ min: 1n, max: 100n }))
  .map(([a, b]) => ratio(a, b));
const by = fc.constantFrom('units', 'device_time', 'jobs');
const per = fc.constantFrom('pixel', 'source_second', 'device_second', 'job');
const rate = (asset: AssetId) =>
  fc.record({
    asset: fc.constant(asset),
    amount: value,
    count: fc.bigInt({ min: 1n, max: 10n ** 12n }),
  });

/** A model of each kind with any figures. */
export const models: Readonly<Record<PayoutModel['kind'], fc.Arbitrary<PayoutModel>>> = {
  per_segment: fc.constant({ kind: 'per_segment' }),
  fixed_rate: fc.record({ kind: fc.constant('fixed_rate'), per, rate: rate(ETH) }),
  proportional: fc.record({ kind: fc.constant('proportional'), by }),
  sliding_window: fc.record({
    kind: fc.constant('sliding_window'),
    units: fc.bigInt({ min: 1n, max: 2n ** 64n }),
    epochsMax: fc.integer({ min: 1, max: 8 }),
  }),
  retainer: fc.record({ kind: fc.constant('retainer'), rate: rate(ETH), uptimeMin: share, by }),
  pool_token: fc.oneof(
    fc.record({
      kind: fc.constant('pool_token'),
      asset: fc.constantFrom(POINTS, TOKEN),
      issue: fc.record({ kind: fc.constant('per_epoch'), amount: value, by }),
    }),
    fc.record({
      kind: fc.constant('pool_token'),
      asset: fc.constant(POINTS),
      issue: fc.record({ kind: fc.constant('rate'), per, rate: rate(POINTS) }),
    }),
  ),
};

const holdback = fc.option(fc.record({ share, epochs: fc.integer({ min: 1, max: 20 }) }), {
  nil: undefined,
});

const multiplier = fc.record({
  name: fc.constantFrom('new cards', 'north', 'fast', 'old friends'),
  when: fc.oneof(
    fc.record({ kind: fc.constant('hardware_class'), is: fc.constantFrom('h100', 'l4') }),
    fc.record({ kind: fc.constant('region'), is: fc.constantFrom('eu', 'us') }),
    fc.record({ kind: fc.constant('speed_percentile'), atLeast: fc.integer({ min: 0, max: 100 }) }),
    fc.record({ kind: fc.constant('member_epochs'), atLeast: fc.bigInt({ min: 0n, max: 12n }) }),
  ),
  factor,
});

const penalty = fc.record({
  for: fc.constantFrom('failed_attempts', 'failed_checks', 'offline'),
  free: fc.bigInt({ min: 0n, max: 5n }),
  each: share,
  atMost: share,
});

/** Terms of one model with any multipliers, penalties, groups, holdback and refund rule. */
export function anyTerms(model: fc.Arbitrary<PayoutModel>): fc.Arbitrary<Terms> {
  return fc
    .record({
      model,
      commission: share,
      multipliers: fc.array(multiplier, { maxLength: 4 }),
      rules: fc.array(penalty, { maxLength: 3 }),
      goTo: fc.constantFrom('workers' as const, 'pool' as const),
      holdback,
      borneBy: fc.constantFrom('everyone' as const, 'pool' as const, 'worker' as const),
      rewards: fc.option(fc.record({ share, by }), { nil: undefined }),
      group: fc.option(
        fc.record({
          commission: fc.option(share, { nil: undefined }),
          model: fc.option(fc.oneof(models.proportional, models.fixed_rate), { nil: undefined }),
          incomeShare: fc.option(share, { nil: undefined }),
          holdback,
        }),
        { nil: undefined },
      ),
    })
    .map(({ rules, goTo, borneBy, group, ...rest }) =>
      termsWith({
        ...rest,
        assets: {
          [ETH]: { kind: 'native', decimals: 18 },
          [POINTS]: { kind: 'points', decimals: 0 },
          [TOKEN]: { kind: 'erc20', decimals: 18, address: `0x${'11'.repeat(20)}` },
        },
        penalties: { rules, goTo },
        refunds: { borneBy },
        groups: group ? [{ name: 'hall', members: { kind: 'workers', ids: [] }, ...group }] : [],
      }),
    );
}

const amounts = fc.record({ ETH: value, LPT: value, USDC: value }, { requiredKeys: [] });

const anyWorker = (worker: string, groups: readonly string[]): fc.Arbitrary<WorkerInput> =>
  fc.record({
    worker: fc.constant(worker),
    group: fc.constantFrom(...groups),
    jobs: count,
    units: count,
    sourceMs: count,
    deviceMs: count,
    grossFee: fc.record({ ETH: value }, { requiredKeys: [] }),
    failedAttempts: fc.bigInt({ min: 0n, max: 9n }),
    failedChecks: fc.bigInt({ min: 0n, max: 9n }),
    onlineMs: count,
    promisedMs: count,
    facts: fc.record(
      {
        hardwareClass: fc.constantFrom('h100', 'l4'),
        region: fc.constantFrom('eu', 'us'),
        speedPercentile: fc.integer({ min: 0, max: 100 }),
        memberSinceEpoch: fc.bigInt({ min: 0n, max: 10n }),
      },
      { requiredKeys: [] },
    ),
    evidence: fc.constant([]),
    cumulative: fc.constant({}),
    lastSequence: fc.constant(0n),
    lastReceiptHash: fc.constant('0'.repeat(64)),
    window: fc.array(fc.record({ epoch: fc.bigInt({ min: 1n, max: 9n }), units: count }), {
      maxLength: 6,
    }),
    releases: fc.array(
      fc.record({ epoch: fc.constant(3n), asset: fc.constantFrom(ETH, LPT), amount: value }),
      { maxLength: 2 },
    ),
    refunds: fc.array(
      fc.record({ id: fc.constant('refund-1'), asset: fc.constant(ETH), amount: value }),
      { maxLength: 2 },
    ),
  });

/** Any epoch that terms could have to settle, with up to seven workers. */
export function anyEpoch(terms: Terms): fc.Arbitrary<EpochInput> {
  const groups = ['default', ...terms.groups.map(({ name }) => name)];
  const names = [
    'aaaaaaaaaa',
    'bbbbbbbbbb',
    'cccccccccc',
    'dddddddddd',
    'eeeeeeeeee',
    'ffffffffff',
  ];
  return fc
    .record({
      workers: fc
        .subarray(names)
        .chain((chosen) => fc.tuple(...chosen.map((name) => anyWorker(name, groups)))),
      income: amounts,
      carried: fc.record({ ETH: value, LPT: value, POINTS: value }, { requiredKeys: [] }),
      reserve: fc.record({ ETH: value }, { requiredKeys: [] }),
    })
    .map((changes) => epochWith(changes));
}
