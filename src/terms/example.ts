import { type AssetId, assetId, ETH, LPT } from '../base/asset.ts';
import { settleEpoch } from './settle.ts';
import type { Amounts, EpochInput, Settlement, WorkerInput } from './settle-types.ts';
import { DEFAULT_GROUP, type Group, type Multiplier, type Terms } from './terms.ts';

/** An epoch in round numbers, settled by terms, so that people see what they mean. */
export interface Example {
  readonly input: EpochInput;
  readonly settlement: Settlement;
  /** What the two workers are, in a sentence each. */
  readonly workers: readonly { readonly worker: string; readonly text: string }[];
}

const HOUR_MS = 3_600_000n;
const WEEK_HOURS = 168n;
/** 1 ETH of fees; 10 LPT of rewards, where terms share them. */
const INCOME: Amounts = { [ETH]: 10n ** 18n };
const REWARD = 10n ** 19n;
const FIRST = 'aaaaaaaaaa';
const SECOND = 'bbbbbbbbbb';

/**
 * 1 ETH of income and two workers: one did three quarters of the work and is all that multipliers
 * reward; the other did a quarter, with one failure beyond each free allowance, and is in the first
 * group where there is one.
 */
export function exampleOf(terms: Terms): Example {
  const epoch = terms.startsAtEpoch > 100n ? terms.startsAtEpoch : 100n;
  const base = { cumulative: {}, evidence: [], lastSequence: 0n, lastReceiptHash: '0'.repeat(64) };
  const work = (quarters: bigint): Omit<WorkerInput, 'worker' | 'group' | 'facts'> => ({
    ...base,
    jobs: 1_500n * quarters,
    units: 10n ** 12n * quarters,
    sourceMs: 3_000_000n * quarters,
    deviceMs: 1_500_000n * quarters,
    grossFee: { [ETH]: ((INCOME[ETH] as bigint) / 4n) * quarters },
    failedAttempts: 0n,
    failedChecks: 0n,
    onlineMs: WEEK_HOURS * HOUR_MS,
    promisedMs: WEEK_HOURS * HOUR_MS,
  });
  const [group] = terms.groups;
  const free = (kind: string) =>
    terms.penalties.rules.find((rule) => rule.for === kind)?.free ?? -1n;
  const missed = free('offline') + 1n;
  const workers: readonly WorkerInput[] = [
    { ...work(3n), worker: FIRST, group: DEFAULT_GROUP, facts: factsFor(terms.multipliers, epoch) },
    {
      ...work(1n),
      worker: SECOND,
      group: group?.name ?? DEFAULT_GROUP,
      facts: group ? factsOf(group) : {},
      failedAttempts: free('failed_attempts') + 1n,
      failedChecks: free('failed_checks') + 1n,
      onlineMs: (WEEK_HOURS * HOUR_MS * (100n - (missed > 100n ? 100n : missed))) / 100n,
    },
  ];
  const income = terms.rewards ? { ...INCOME, [LPT]: REWARD } : INCOME;
  const input: EpochInput = {
    epoch,
    opensAt: 0,
    closesAt: 0,
    termsVersion: terms.version,
    income,
    incomeLines: [],
    carried: {},
    workers,
  };
  return { input, settlement: settleEpoch(terms, input), workers: described(terms, missed > 0n) };
}

function described({ multipliers, penalties, groups }: Terms, isAway: boolean) {
  const [group] = groups;
  const fits = multipliers.length > 0 ? ', and fits the multipliers' : '';
  const fails =
    penalties.rules.length > 0
      ? `, with one failure${isAway ? ' or percent' : ''} too many of each kind`
      : '';
  return [
    { worker: FIRST, text: `3 of 4 pixels, 4,500 segments${fits}` },
    {
      worker: SECOND,
      text: `1 of 4 pixels, 1,500 segments${group ? `, in "${group.name}"` : ''}${fails}`,
    },
  ];
}

function factsFor(multipliers: readonly Multiplier[], epoch: bigint): WorkerInput['facts'] {
  const hardware = multipliers.find(({ when }) => when.kind === 'hardware_class')?.when;
  const region = multipliers.find(({ when }) => when.kind === 'region')?.when;
  return {
    ...(hardware?.kind === 'hardware_class' ? { hardwareClass: hardware.is } : {}),
    ...(region?.kind === 'region' ? { region: region.is } : {}),
    speedPercentile: 100,
    memberSinceEpoch: epoch > 10_000n ? epoch - 10_000n : 0n,
  };
}

function factsOf({ members }: Group): WorkerInput['facts'] {
  switch (members.kind) {
    case 'workers':
      return {};
    case 'hardware_class':
      return { hardwareClass: members.is };
    case 'region':
      return { region: members.is };
  }
}

/** Assets of an example in the order in which people expect them: ETH first. */
export function exampleAssets(settlement: Settlement): readonly AssetId[] {
  const assets = new Set(settlement.lines.map(({ asset }) => asset));
  return [...assets].sort((a, b) => (a === ETH ? -1 : b === ETH ? 1 : a < b ? -1 : 1)).map(assetId);
}
