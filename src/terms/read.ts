import { type AssetId, assetId } from '../base/asset.ts';
import type { ModelText, TermsDocument, TermsFile } from './document.ts';
import { baseUnits, rateOf, splitRate } from './quantities.ts';
import { parseDecimal, parsePercentage, RATIO_ZERO } from './ratio.ts';
import {
  type AssetKind,
  type EpochPeriod,
  type Group,
  type Holdback,
  type Multiplier,
  type PayoutModel,
  type Penalty,
  type Rate,
  type Ratio,
  type ShareBasis,
  standardAssets,
  type Terms,
  type TokenIssue,
} from './terms.ts';

/**
 * Terms as the rule uses them, out of a document without faults (see faults.ts): texts become exact
 * numbers, amounts base units. Throws RangeError where a fault was not looked for.
 */
export function readTerms(document: TermsDocument): Terms {
  const assets = assetsIn(document);
  const kindOf = (symbol: string) => {
    const kind = assets[assetId(symbol)];
    if (!kind) throw new RangeError(`${symbol} is not among the assets`);
    return kind;
  };
  const { income, penalties, payouts, disputes, expectations } = document;
  return {
    version: document.version,
    startsAtEpoch: BigInt(document['starts-at-epoch']),
    name: document.name,
    epoch: periodOf(document.epoch),
    income: { recognised: income.recognised, gas: income.gas },
    commission: percent(document.commission),
    assets,
    model: modelOf(document.model, kindOf),
    multipliers: document.multipliers.map(multiplierOf),
    penalties: { rules: penalties.rules.map(penaltyOf), goTo: penalties['go-to'] },
    groups: document.groups.map((group) => groupOf(group, kindOf)),
    holdback: document.holdback && holdbackOf(document.holdback),
    refunds: { borneBy: document.refunds['borne-by'] },
    rewards: document.rewards && {
      share: percent(document.rewards.share),
      by: basisOf(document.rewards.by),
    },
    payouts: {
      every: payouts.every,
      onDemand: payouts['on-demand'],
      assets: payouts.assets.map(assetId),
      thresholds: Object.fromEntries(
        Object.entries(payouts.thresholds).map(([symbol, text]) => [
          assetId(symbol),
          exact(text, kindOf(symbol)),
        ]),
      ),
      feeShareMax:
        payouts['fee-share-max'] === undefined ? undefined : percent(payouts['fee-share-max']),
      latestDays: payouts['latest-days'],
      conversions: payouts.conversions.map((each) => ({
        from: assetId(each.from),
        to: assetId(each.to),
        source: each.source,
        ageMinutesMax: each['age-minutes-max'],
      })),
    },
    disputes: {
      openDays: disputes['open-days'],
      answerDays: disputes['answer-days'],
      decideDays: disputes['decide-days'],
      late: disputes.late,
      setAside: disputes['set-aside'],
    },
    expectations: {
      uptime: expectations.uptime === undefined ? undefined : percent(expectations.uptime),
      hardware: expectations.hardware,
      notes: expectations.notes,
    },
    privacy: document.privacy,
  };
}

/** The assets that a document knows: its own, ETH and LPT. */
export function assetsIn(
  document: Pick<TermsFile, 'assets'>,
): Readonly<Record<AssetId, AssetKind>> {
  return { ...(document.assets as Record<AssetId, AssetKind>), ...standardAssets };
}

type KindOf = (symbol: string) => AssetKind;

function periodOf(epoch: TermsFile['epoch']): EpochPeriod {
  return epoch.period === 'round'
    ? { period: 'round', rounds: BigInt(epoch.rounds ?? 1) }
    : { period: epoch.period };
}

function modelOf(model: ModelText, kindOf: KindOf): PayoutModel {
  switch (model.kind) {
    case 'per-segment':
      return { kind: 'per_segment' };
    case 'fixed-rate':
      return { kind: 'fixed_rate', ...rateIn(model.rate, kindOf) };
    case 'proportional':
      return { kind: 'proportional', by: basisOf(model.by) };
    case 'sliding-window':
      return {
        kind: 'sliding_window',
        units: (parseDecimal(model.units) ?? RATIO_ZERO).numerator,
        epochsMax: model['epochs-max'],
      };
    case 'retainer':
      return {
        kind: 'retainer',
        rate: hourly(model.rate, kindOf),
        uptimeMin: percent(model['uptime-min']),
        by: basisOf(model.by),
      };
    case 'pool-token':
      return { kind: 'pool_token', asset: assetId(model.asset), issue: issueOf(model, kindOf) };
  }
}

function issueOf(model: Extract<ModelText, { kind: 'pool-token' }>, kindOf: KindOf): TokenIssue {
  if (model.rate !== undefined) return { kind: 'rate', ...rateIn(model.rate, kindOf) };
  return {
    kind: 'per_epoch',
    amount: exact(model['per-epoch'] ?? '', kindOf(model.asset)),
    by: basisOf(model.by ?? 'units'),
  };
}

function rateIn(text: string, kindOf: KindOf) {
  const split = splitRate(text);
  if (!split || split.per === 'hour') throw new RangeError(`not a rate: ${text}`);
  return { per: split.per, rate: rateOf(split, kindOf(split.asset)) };
}

function hourly(text: string, kindOf: KindOf): Rate {
  const split = splitRate(text);
  if (split?.per !== 'hour') throw new RangeError(`not a rate per hour: ${text}`);
  return rateOf(split, kindOf(split.asset));
}

function multiplierOf(each: TermsFile['multipliers'][number]): Multiplier {
  return {
    name: each.name,
    when: conditionOf(each),
    factor: parseDecimal(each.factor) ?? RATIO_ZERO,
  };
}

function conditionOf(each: TermsFile['multipliers'][number]): Multiplier['when'] {
  if (each['hardware-class'] !== undefined) {
    return { kind: 'hardware_class', is: each['hardware-class'] };
  }
  if (each.region !== undefined) return { kind: 'region', is: each.region };
  if (each['speed-percentile'] !== undefined) {
    return { kind: 'speed_percentile', atLeast: each['speed-percentile'] };
  }
  return { kind: 'member_epochs', atLeast: BigInt(each['member-epochs'] ?? 0) };
}

const PENALTIES = {
  'failed-attempts': 'failed_attempts',
  'failed-checks': 'failed_checks',
  offline: 'offline',
} as const;

function penaltyOf(each: TermsFile['penalties']['rules'][number]): Penalty {
  return {
    for: PENALTIES[each.for],
    free: BigInt(each.free),
    each: percent(each.each),
    atMost: percent(each['at-most']),
  };
}

function groupOf(group: TermsFile['groups'][number], kindOf: KindOf): Group {
  return {
    name: group.name,
    members: membersOf(group),
    commission: group.commission === undefined ? undefined : percent(group.commission),
    model: group.model && modelOf(group.model, kindOf),
    incomeShare: group['income-share'] === undefined ? undefined : percent(group['income-share']),
    holdback: group.holdback && holdbackOf(group.holdback),
  };
}

function membersOf(group: TermsFile['groups'][number]): Group['members'] {
  if (group.members !== undefined) return { kind: 'workers', ids: group.members };
  if (group['hardware-class'] !== undefined) {
    return { kind: 'hardware_class', is: group['hardware-class'] };
  }
  return { kind: 'region', is: group.region ?? '' };
}

function holdbackOf(holdback: NonNullable<TermsFile['holdback']>): Holdback {
  return { share: percent(holdback.share), epochs: holdback.epochs };
}

function basisOf(by: 'units' | 'device-time' | 'jobs'): ShareBasis {
  return by === 'device-time' ? 'device_time' : by;
}

function percent(text: string): Ratio {
  const value = parsePercentage(text);
  if (!value) throw new RangeError(`not a percentage: ${text}`);
  return value;
}

function exact(text: string, kind: AssetKind): bigint {
  const value = baseUnits(text, kind);
  if (value === undefined) throw new RangeError(`not an amount: ${text}`);
  return value;
}
